"""Where the files of dumps lie: in the panel's own directory, under names that nobody can guess.

Rows say what a file is. A file that no row names is nobody's, and goes after an hour.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from hosting.services.database.settings import LARGEST_UPLOAD

MIB = 1024**2
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
# A file that is being written belongs to no row yet.
_NOBODYS_AFTER = 3600.0
# So much of the panel's disk stays free, whatever dumps would need.
RESERVE = 256 * MIB


def directory() -> Path:
    """The directory, made if it is not there; the panel's user alone gets in."""
    place: Path = settings.DATA_DIR / "dumps"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def path(token: str) -> Path:
    """The file of a token."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("not a token of a file")
    return directory() / token


def create(token: str) -> BinaryIO:
    """A new file, the panel's user's alone; FileExistsError if it is there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path(token), flags, 0o600), "wb")


def new_token() -> str:
    """The name of a file that is not there yet."""
    return secrets.token_hex(16)


def is_full() -> bool:
    """Whether the disk has no room for dumps any more."""
    return shutil.disk_usage(directory()).free < RESERVE


def forget(tokens: Iterable[str]) -> None:
    """Remove files; one that is gone already is no error."""
    for token in tokens:
        path(token).unlink(missing_ok=True)


def abandoned(known: Iterable[str]) -> list[str]:
    """Which files no row names, and have not been written to for an hour."""
    names, now = set(known), time.time()
    return [
        each.name
        for each in directory().iterdir()
        if _TOKEN.fullmatch(each.name)
        and each.name not in names
        and now - each.stat().st_mtime > _NOBODYS_AFTER
    ]


class Spooled(UploadedFile):
    """A file that was uploaded and lies in the directory; or why it does not: "large", "full"."""

    def __init__(self, name: str, size: int, token: str, fault: str, head: bytes) -> None:
        super().__init__(name=PurePath(name or "dump").name[:255], size=size)
        self.token, self.fault, self.head = token, fault, head


class DumpFiles(FileUploadHandler):
    """Writes a file to the directory as it arrives, up to the size that the settings allow.

    SECURITY: for requests of people who may upload dumps, and who were asked before the first byte
    was read. What is too large is dropped as it comes.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.token, self._fault, self._size, self._head = new_token(), "", 0, b""
        self._most = LARGEST_UPLOAD.get() * MIB
        self._place = create(self.token)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size = start + len(raw_data)
        self._head = self._head or raw_data[:16]
        if self._fault:
            return
        if self._size > self._most:
            self._give_up("large")
            return
        try:
            self._place.write(raw_data)
            if start // (16 * MIB) != self._size // (16 * MIB) and is_full():
                self._give_up("full")
        except OSError:
            self._give_up("full")

    def _give_up(self, fault: str) -> None:
        self._fault = fault
        self._end()

    def _end(self) -> None:
        try:
            self._place.close()
        except OSError:
            self._fault = self._fault or "full"
        if self._fault:
            forget([self.token])

    def file_complete(self, file_size: int) -> Spooled:
        if not self._fault:
            self._end()
        name, size = self.file_name or "", self._size
        return Spooled(name, size, self.token, self._fault, self._head)

    def upload_interrupted(self) -> None:
        self._give_up("interrupted")

"""Things that only one worker does at a time, wherever the others run."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.db import connection


@contextlib.contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether nobody else is within `only_one(name)`. Ends with the process, however that ends."""
    held = _in_database(name) if connection.vendor == "postgresql" else _on_disk(name)
    with held as is_ours:
        yield is_ours


@contextlib.contextmanager
def _in_database(name: str) -> Iterator[bool]:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        is_ours = cursor.fetchone()[0]
        try:
            yield is_ours
        finally:
            if is_ours:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


@contextlib.contextmanager
def _on_disk(name: str) -> Iterator[bool]:
    """With SQLite all workers are on the machine that has the file."""
    directory = settings.DATA_DIR / "locks"
    directory.mkdir(exist_ok=True)
    with (directory / name).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True

"""How much of its size each mailbox uses: what Dovecot's quota counts, read from the files' names.

Maildir names have the letter's size ("…,S=2048,W=2079:2,S"): see
https://doc.dovecot.org/latest/core/config/mailbox_formats/maildir.html. So a folder of a hundred
thousand letters is one listing, and none of them is looked at. W counts line ends as two bytes,
which is what the quota does (`quota_vsizes`); a name that says neither is asked for its size.
"""

import os
import re
from collections.abc import Iterable, Iterator

from hosting.agent import trees
from hosting.agent.host import Host

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# SECURITY: tenants own these files and name them as they like; what they claim is bounded.
_SIZE = re.compile(r",W=([0-9]{1,15})(?![0-9])")
_SIZE_ON_DISK = re.compile(r",S=([0-9]{1,15})(?![0-9])")
# What one mailbox may come to, so that no sum grows out of a database's column.
_MOST = 2**60


def used(host: Host, subscription: int, boxes: Iterable[int]) -> dict[int, int]:
    """Return the bytes of each mailbox's letters, by number; 0 where nothing arrived yet.

    What cannot be read, or moves meanwhile, is left out.
    """
    found: dict[int, int] = {}
    for box in boxes:
        try:
            found[box] = _of_box(host, subscription, box)
        except FileNotFoundError:
            found[box] = 0
        except OSError:
            continue
    return found


def _of_box(host: Host, subscription: int, box: int) -> int:
    """SECURITY: entered step by step and without following links, for the tenant owns the way."""
    here = os.open(host.platform.homes, _DIRECTORY)
    try:
        for name in (trees.home_name(subscription), "mail", str(box), "Maildir"):
            inside = os.open(name, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = inside
        total = sum(_of_folder(here))
        for name in _folders(here):
            total += sum(_in(name, here))
        return min(total, _MOST)
    finally:
        os.close(here)


def _folders(maildir: int) -> list[str]:
    """Return the folders besides INBOX: Maildir++ keeps them flat, as ".Sent" and ".Sent.2026"."""
    with os.scandir(maildir) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]


def _in(name: str, above: int) -> Iterator[int]:
    """Yield what lies in a folder; nothing of one that has just gone."""
    try:
        folder = os.open(name, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        return
    try:
        yield from _of_folder(folder)
    finally:
        os.close(folder)


def _of_folder(folder: int) -> Iterator[int]:
    """Yield the letters' sizes: those that were read and those that were not."""
    for part in ("cur", "new"):
        try:
            letters = os.open(part, _DIRECTORY, dir_fd=folder)
        except FileNotFoundError:
            continue
        try:
            with os.scandir(letters) as entries:
                for entry in entries:
                    yield _size(entry)
        finally:
            os.close(letters)


def _size(letter: os.DirEntry) -> int:
    stated = _SIZE.search(letter.name) or _SIZE_ON_DISK.search(letter.name)
    if stated is not None:
        return int(stated[1])
    try:
        return letter.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0

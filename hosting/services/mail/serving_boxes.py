"""Mailboxes on disk: a Maildir each, below the subscription's home."""

import mailbox
import os
from pathlib import Path

from hosting.services.mail.serving_tables import Box

# Besides INBOX; what mail programs expect to find.
FOLDERS = ("Drafts", "Junk", "Sent", "Trash")


class Boxes:
    """The mailboxes below `homes`."""

    def __init__(self, homes: Path):
        self._homes = homes.resolve()

    def place(self, box: Box) -> Path:
        """Return the directory of a mailbox, made if it is not there.

        OSError: something on the way is a link, to somewhere that may be somebody else's.
        """
        path = self._homes / f"s{box.subscription}" / "mail" / str(box.number) / "Maildir"
        if path.resolve() != path:
            raise OSError(f"a link in {path}")
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            directory = mailbox.Maildir(path, create=True)
            for name in FOLDERS:
                directory.add_folder(name)
        return path

    def used(self, box: Box) -> int:
        """Return the bytes of its letters."""
        total = 0
        for directory, _below, names in os.walk(self.place(box)):
            if Path(directory).name in ("cur", "new"):
                total += sum((Path(directory) / name).lstat().st_size for name in names)
        return total

    def has_room(self, box: Box, size: int) -> bool:
        """Say whether so many bytes more go into it."""
        return not box.size or self.used(box) + size <= box.size

    def keep(self, box: Box, letter: bytes, is_spam: bool) -> None:
        """Put a letter into it, into Junk if a filter in front of us marked it."""
        directory = mailbox.Maildir(self.place(box), create=False)
        if is_spam:
            directory = directory.add_folder("Junk")
        directory.add(letter)

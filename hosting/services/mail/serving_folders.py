"""The folders of a mailbox as pymap has them, but for what it gets wrong."""

import re
from mailbox import MaildirMessage
from typing import Any

from pymap.backend.maildir.mailbox import MailboxData, MailboxSet, Maildir, Message
from pymap.parsing.message import AppendMessage

_END = re.compile(rb"\r?\n")


class _Letter(MaildirMessage):
    """A letter as it lies on disk, with the ends of lines that mail has (RFC 5322, 2.1)."""

    raw = b""

    def __bytes__(self) -> bytes:
        return _END.sub(b"\r\n", self.raw)


class LetterBox(Maildir):
    """A Maildir, whose lines end as whoever wrote them had it."""

    def get_message(self, key: str) -> _Letter:
        raw = self.get_bytes(key)
        letter = _Letter(raw)
        letter.raw = raw
        return letter


class _Folder(MailboxData):
    """A folder whose letters are copied whole: pymap 0.36 copies their flags, and no content."""

    async def copy(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        """Copy a letter; return its number there, None if it is gone."""
        try:
            record, about = await self._get_maildir_msg(uid)
            letter = bytes(self._maildir.get_message(record.key))
        except (KeyError, FileNotFoundError):
            return None
        message = self._as_message(uid, record, about)
        copied = AppendMessage(letter, message.internal_date, frozenset(message.permanent_flags))
        return (await destination.append(copied, recent=recent)).uid

    def _as_message(self, uid: int, record: Any, about: MaildirMessage) -> Any:
        return Message.from_maildir(
            uid, about, self._maildir, record.key, None, None, self.maildir_flags
        )


class Folders(MailboxSet):
    """INBOX and what is beside it."""

    async def get_mailbox(self, name: str) -> MailboxData:
        """Return a folder. KeyError: there is none by that name."""
        found = await super().get_mailbox(name)
        if not isinstance(found, _Folder):
            found = _Folder(found.mailbox_id, found._maildir, found._path)
            self._cache[name] = found
            await found.reset()
        return found

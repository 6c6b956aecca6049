"""Refuses letters that say they are from somebody else than whoever submits them, and too many.

A milter for Postfix's submission services (the protocol of Sendmail's libmilter, version 6): a
program of its own that has no rights but to read the tables. Postfix asks it with each letter, and
defers letters where it does not answer.
"""

import argparse
import asyncio
import os
import pwd
import sqlite3
import struct
from collections.abc import Hashable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from hosting.services.mail.driver_outgoing import Outgoing
from hosting.services.mail.driver_senders import HEADERS, may_say, without_extension

_VERSION = 6
# What it is not asked about: connection, HELO, the body, unknown commands, DATA, the end of the
# headers; and to headers it says nothing.
_SKIPPED = 0x1 | 0x2 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200
_NO_WORD_TO_HEADERS = 0x80
_LONGEST = 2**20
_CONTINUE = b"c"
_REFUSED = b"y550 5.7.1 You may not send as that address\0"
_TOO_MANY = b"y450 4.7.1 That is more than may be sent within an hour; try again later\0"
_PATIENCE = 5.0
_OWNERS = "SELECT login FROM route WHERE address = ? AND login IS NOT NULL"
_LIMITS = (
    "SELECT m.subscription, s.per_mailbox, s.per_subscription FROM mailbox m"
    " JOIN sending s ON s.subscription = m.subscription WHERE m.address = ?"
)


class Senders:
    """Who may send as which address, by the tables at `path`."""

    def __init__(self, path: Path):
        self._address = f"file:{quote(str(path))}?mode=ro"

    def owners(self, address: str) -> set[str]:
        """Return the logins that an address is theirs of."""
        with closing(sqlite3.connect(self._address, uri=True, timeout=_PATIENCE)) as database:
            for asked in dict.fromkeys((address, without_extension(address))):
                found = {login for (login,) in database.execute(_OWNERS, (asked,))}
                if found:
                    return found
        return set()

    def limits(self, login: str) -> dict[Hashable, int]:
        """Return to how many recipients a mailbox, and its subscription, may send in an hour."""
        with closing(sqlite3.connect(self._address, uri=True, timeout=_PATIENCE)) as database:
            row = database.execute(_LIMITS, (login,)).fetchone()
        return {} if row is None else {login: row[1], row[0]: row[2]}


class Conversation:
    """What one connection of Postfix's has said; several letters one after the other."""

    def __init__(self, senders: Senders, outgoing: Outgoing):
        self._senders = senders
        self._outgoing = outgoing
        self._login = ""
        self._recipients = 0
        self._headers: list[str] = []
        self._answers_headers = False

    def answer(self, command: bytes, data: bytes) -> bytes | None:
        """Return the reply to a command; None: it gets none. EOFError: it was the last."""
        if command == b"O":
            return self._negotiate(data)
        if command == b"D":
            self._learn(data)
            return None
        if command == b"L":
            self._header(data)
            return _CONTINUE if self._answers_headers else None
        if command == b"M":
            self._headers, self._recipients = [], 0
            return _CONTINUE
        if command == b"R":
            self._recipients += 1
            return _CONTINUE
        if command == b"E":
            return self._judge()
        if command in (b"A", b"K"):
            self._headers, self._recipients = [], 0
            return None
        if command == b"Q":
            raise EOFError
        return _CONTINUE

    def _negotiate(self, data: bytes) -> bytes:
        version, _actions, offered = struct.unpack("!III", data[:12])
        skipped = _SKIPPED & offered
        self._answers_headers = not skipped & _NO_WORD_TO_HEADERS
        return b"O" + struct.pack("!III", min(version, _VERSION), 0, skipped)

    def _learn(self, data: bytes) -> None:
        """Keep who has logged in, which comes with MAIL."""
        if data[:1] != b"M":
            return
        words = data[1:].split(b"\0")
        told = dict(zip(words[::2], words[1::2], strict=False))
        self._login = told.get(b"{auth_authen}", b"").decode("utf-8", "replace").lower()

    def _header(self, data: bytes) -> None:
        name, _end, value = data.partition(b"\0")
        if name.decode("ascii", "replace").strip().lower() in HEADERS:
            self._headers.append(value.rstrip(b"\0").decode("utf-8", "replace"))

    def _judge(self) -> bytes:
        try:
            if not may_say(self._headers, self._login, self._senders.owners):
                return _REFUSED
            limits = self._senders.limits(self._login)
        except sqlite3.Error:
            return b"t"
        return _CONTINUE if self._outgoing.take(self._recipients, limits) else _TOO_MANY


async def _talk(
    senders: Senders, outgoing: Outgoing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    conversation = Conversation(senders, outgoing)
    with suppress(EOFError, OSError, struct.error):
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            if not 0 < length <= _LONGEST:
                break
            packet = await reader.readexactly(length)
            reply = conversation.answer(packet[:1], packet[1:])
            if reply is not None:
                writer.write(struct.pack("!I", len(reply)) + reply)
                await writer.drain()
    writer.close()


async def _serve(given: argparse.Namespace) -> None:
    senders, outgoing = Senders(Path(given.database)), Outgoing()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _talk(senders, outgoing, reader, writer)

    user = pwd.getpwnam(given.user)
    Path(given.socket).unlink(missing_ok=True)
    os.umask(0o117)
    server = await asyncio.start_unix_server(talk, given.socket)
    os.chown(given.socket, 0, user.pw_gid)
    # SECURITY: from here on nothing of root's is left.
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("database", "socket", "user"):
        parser.add_argument(f"--{name}", required=True)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()

"""What one session took, in a line: the grammar that daemons and small servers write for traffic.

A line is the day ("2026-11-23"), the uid of the subscription, and the bytes that came in and went
out. Every field is made by a daemon of ours, never by who is served.
"""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from hosting.agent.platform import FIRST_UID, uid_of
from hosting.agent.traffic import Amount

_LINE = re.compile(rb"(\d{4}-\d\d-\d\d) (\d{1,19}) (\d{1,18}) (\d{1,18})")


def line(day: str, subscription: int, received: int, sent: int) -> str:
    """Return the line of a session, with its end."""
    return f"{day} {uid_of(subscription)} {received} {sent}\n"


def read(lines: list[bytes], _database: sqlite3.Connection) -> Iterator[Amount]:
    """Yield what each session took, but for those of nobody's."""
    for each in lines:
        if found := _LINE.fullmatch(each):
            yield from amount(found[2], found[1], int(found[4]), int(found[3]))


def amount(uid: bytes, day: bytes, sent: int, received: int) -> Iterator[Amount]:
    """Yield what the user of a subscription took, nothing for anybody else."""
    if int(uid) > FIRST_UID:
        yield Amount(int(uid) - FIRST_UID, day.decode(), sent, received)


class Meter:
    """Bytes that one session of a subscription received and sent, for servers of ours."""

    def __init__(self, log: Path, subscription: int = 0):
        self._log = log
        self.subscription = subscription
        self.received = 0
        self.sent = 0

    def end(self) -> None:
        """Write down what it took, once. In one piece: others write there too."""
        if not self.received and not self.sent:
            return
        day = time.strftime("%Y-%m-%d")
        words = line(day, self.subscription, self.received, self.sent).encode("ascii")
        self.received = self.sent = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(self._log, flags, 0o640)
        try:
            os.write(file, words)
        finally:
            os.close(file)

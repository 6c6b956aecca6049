"""How much each subscription's sites sent and received, month by month, out of the access log.

Each line counts once: how far a file was read and what was found in it are one transaction, and a
file is known by its number in the file system together with how it begins, whatever its name is.
"""

import os
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hosting.agent.host import Host
from hosting.services.web.driver_log import Logs

_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    inode INTEGER PRIMARY KEY, head BLOB NOT NULL, read INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS traffic (
    month TEXT NOT NULL, subscription INTEGER NOT NULL,
    sent INTEGER NOT NULL, received INTEGER NOT NULL,
    PRIMARY KEY (month, subscription)
) STRICT, WITHOUT ROWID;
"""
_HEAD = 160
_PIECE = 8 * 1024 * 1024
# The site, then two fields, the month of the time, the status, bytes out and in.
_LINE = re.compile(rb"s(\d+)-\d+ \S+ \S+ (\d{4}-\d\d)-\S+ \d{3} (\d+) (\d+) ")


class Traffic:
    """The counts of one node, in a file of their own."""

    def __init__(self, host: Host, logs: Logs):
        self._host = host
        self._logs = logs
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            path = self._host.platform.web / "traffic.sqlite3"
            self._opened = sqlite3.connect(path, check_same_thread=False, timeout=30)
            self._opened.execute("PRAGMA journal_mode = WAL")
            self._opened.executescript(_TABLES)
        return self._opened

    def count(self) -> None:
        """Count what was written since the last time."""
        with self._lock:
            for path in reversed(self._logs.all(self._logs.access)):
                while self._count_piece(path):
                    pass

    def _count_piece(self, path: Path) -> bool:
        """Count some whole lines of a file; say whether there is more."""
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            return False  # Another name has it by now; the next time finds it there.
        with stream:
            inode = os.fstat(stream.fileno()).st_ino
            head = stream.read(_HEAD).partition(b"\n")[0]
            known = self._database.execute(
                "SELECT head, read FROM file WHERE inode = ?", (inode,)
            ).fetchone()
            begun = known[1] if known and head.startswith(known[0]) else 0
            stream.seek(begun)
            piece = stream.read(_PIECE)
        whole = piece[: piece.rfind(b"\n") + 1]
        if not whole:
            return False
        self._add(whole)
        self._database.execute(
            "INSERT INTO file (inode, head, read) VALUES (?, ?, ?) ON CONFLICT (inode)"
            " DO UPDATE SET head = excluded.head, read = excluded.read",
            (inode, head, begun + len(whole)),
        )
        try:
            self._host.commit(self._database)
        except BaseException:
            self._database.rollback()
            raise
        return len(piece) == _PIECE

    def _add(self, lines: bytes) -> None:
        sent: Counter[tuple[str, int]] = Counter()
        received: Counter[tuple[str, int]] = Counter()
        for line in lines.split(b"\n"):
            if found := _LINE.match(line):
                key = found[2].decode(), int(found[1])
                sent[key] += int(found[3])
                received[key] += int(found[4])
        self._database.executemany(
            "INSERT INTO traffic (month, subscription, sent, received) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (month, subscription) DO UPDATE SET"
            " sent = sent + excluded.sent, received = received + excluded.received",
            [(*key, amount, received[key]) for key, amount in sent.items()],
        )
        newest = max((month for month, _number in sent), default="")
        if newest:
            oldest = f"{int(newest[:4]) - 1:04d}{newest[4:]}"
            self._database.execute("DELETE FROM traffic WHERE month < ?", (oldest,))

    def months(self, numbers: Sequence[int]) -> dict[int, dict[str, int]]:
        """Return the sums, both ways together, by subscription and month."""
        self.count()
        wanted = set(numbers)
        found: dict[int, dict[str, int]] = {number: {} for number in wanted}
        with self._lock:
            rows = self._database.execute(
                "SELECT subscription, month, sent + received FROM traffic"
            )
            for number, month, amount in rows:
                if number in wanted:
                    found[number][month] = amount
        return found

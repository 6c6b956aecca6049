"""How much each subscription sent and received, day by day, out of what daemons write down.

Each line counts once: how far a file was read and what was found in it are one transaction, and a
file is known by its number in the file system together with how it begins, whatever its name is.
"""

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hosting.agent.host import Host

_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    inode INTEGER PRIMARY KEY, head BLOB NOT NULL, read INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS day (
    subscription INTEGER NOT NULL, day TEXT NOT NULL,
    sent INTEGER NOT NULL, received INTEGER NOT NULL,
    PRIMARY KEY (subscription, day)
) STRICT, WITHOUT ROWID;
"""
_HEAD = 160
# So many days are kept: a panel that was away for a month misses nothing.
_KEPT = 100
_PIECE = 8 * 1024 * 1024


class Amount(NamedTuple):
    """Bytes out and in of a subscription on a day ("2026-11-23")."""

    subscription: int
    day: str
    sent: int
    received: int


Reader = Callable[[list[bytes], sqlite3.Connection], Iterable[Amount]]


class Traffic:
    """The counts of one service, in a file of their own.

    `files` gives what it is read from, the oldest first. `read` makes amounts of whole lines; what
    it has to remember between two of them it keeps in the same file, in tables of its own, made by
    the statements `tables`.
    """

    def __init__(
        self,
        host: Host,
        path: Path,
        files: Callable[[], Iterable[Path]],
        read: Reader,
        tables: str = "",
    ):
        self._host = host
        self._path = path
        self._files = files
        self._read = read
        self._tables = tables
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._newest = ""

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = sqlite3.connect(self._path, check_same_thread=False, timeout=30)
            self._opened.execute("PRAGMA journal_mode = WAL")
            self._opened.executescript(_TABLES + self._tables)
        return self._opened

    def count(self) -> None:
        """Count what was written since the last time."""
        with self._lock:
            for path in self._files():
                while self._count_piece(path):
                    pass

    def _count_piece(self, path: Path) -> bool:
        """Count some whole lines of a file; say whether there is more."""
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            return False  # Another name has it by now; the next time finds it there.
        with stream:
            about = os.fstat(stream.fileno())
            head = stream.read(_HEAD).partition(b"\n")[0]
            known = self._database.execute(
                "SELECT head, read FROM file WHERE inode = ?", (about.st_ino,)
            ).fetchone()
            is_same = known and head.startswith(known[0]) and known[1] <= about.st_size
            begun = known[1] if is_same else 0
            stream.seek(begun)
            piece = stream.read(_PIECE)
        whole = piece[: piece.rfind(b"\n") + 1]
        if not whole:
            return False
        try:
            self._add(whole)
            self._database.execute(
                "INSERT INTO file (inode, head, read) VALUES (?, ?, ?) ON CONFLICT (inode)"
                " DO UPDATE SET head = excluded.head, read = excluded.read",
                (about.st_ino, head, begun + len(whole)),
            )
            self._host.commit(self._database)
        except BaseException:
            self._database.rollback()
            raise
        return len(piece) == _PIECE

    def _add(self, lines: bytes) -> None:
        sent: Counter[tuple[int, str]] = Counter()
        received: Counter[tuple[int, str]] = Counter()
        for amount in self._read(lines.split(b"\n"), self._database):
            key = amount.subscription, amount.day
            sent[key] += amount.sent
            received[key] += amount.received
        self._database.executemany(
            "INSERT INTO day (subscription, day, sent, received) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (subscription, day) DO UPDATE SET"
            " sent = sent + excluded.sent, received = received + excluded.received",
            [(*key, amount, received[key]) for key, amount in sent.items()],
        )
        newest = max((day for _number, day in sent), default="")
        if newest > self._newest:
            # Once a day: it looks at everything.
            self._database.execute(
                "DELETE FROM day WHERE day < date(?, ?)", (newest, f"-{_KEPT} days")
            )
            self._newest = newest

    def days(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return the sums, both ways together, by day from `since` on and subscription."""
        self.count()
        found: dict[str, dict[int, int]] = {}
        with self._lock:
            for number in set(numbers):
                rows = self._database.execute(
                    "SELECT day, sent + received FROM day"
                    " WHERE subscription = ? AND day >= ? ORDER BY day",
                    (number, since),
                )
                for day, amount in rows:
                    found.setdefault(day, {})[number] = amount
        return found

"""The runs of scheduled tasks on a node, in one SQLite file: begun before, ended after.

A run is written down before it begins, with the minute that it is for: so none is begun twice in a
minute, whenever the agent is killed. Numbers of runs and of their ends rise with the clock, so that
they go on rising when the file is lost. Only the last runs of each task are kept.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosting.agent.host import Host

KEPT = 20
_TABLES = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY,
    subscription INTEGER NOT NULL,
    task INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    end INTEGER,
    code INTEGER,
    cause TEXT NOT NULL DEFAULT '',
    output TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS run_task ON run (task, id);
CREATE INDEX IF NOT EXISTS run_end ON run (end);
"""


@dataclass(frozen=True)
class Open:
    """A run that has not ended, as far as it is known."""

    id: int
    subscription: int
    task: int


class Runs:
    """All runs. The agent is the only one that writes them."""

    def __init__(self, host: Host, path: Path):
        self._host = host
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            path, isolation_level="DEFERRED", check_same_thread=False, timeout=30
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)
        highest = self._database.execute("SELECT max(id), max(end) FROM run").fetchone()
        self._highest = max(number or 0 for number in highest)

    def _number(self) -> int:
        self._highest = max(self._highest + 1, int(time.time() * 1000))
        return self._highest

    def _write(self, statement: str, values: Collection[Any]) -> None:
        with self._lock:
            try:
                self._database.execute(statement, tuple(values))
                self._host.commit(self._database)
            except BaseException:
                self._database.rollback()
                raise

    def last(self) -> dict[int, tuple[int, int]]:
        """Return of each task the last minute that it was begun for, and the last time asked."""
        with self._lock:
            rows = self._database.execute(
                "SELECT task, max(minute), max(asked) FROM run GROUP BY task"
            )
            return {task: (minute, asked) for task, minute, asked in rows}

    def begin(self, subscription: int, task: int, minute: int, asked: int) -> int:
        """Write down that a run is about to begin; return its number."""
        with self._lock:
            number = self._number()
            self._write(
                "INSERT INTO run (id, subscription, task, minute, asked, started)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, subscription, task, minute, asked, time.time()),
            )
            return number

    def withdraw(self, run: Open) -> None:
        """Forget a run that was not begun after all."""
        self._write("DELETE FROM run WHERE id = ?", (run.id,))

    def end(self, run: Open, found: dict[str, Any]) -> None:
        """Write down how a run ended, and forget those that are too long ago."""
        with self._lock:
            ended = found.get("ended")
            self._database.execute(
                "DELETE FROM run WHERE task = ? AND end IS NOT NULL AND id <= ("
                "SELECT id FROM run WHERE task = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (run.task, run.task, KEPT),
            )
            self._write(
                "UPDATE run SET ended = ?, end = ?, code = ?, cause = ?, output = ? WHERE id = ?",
                (
                    ended if isinstance(ended, float) else time.time(),
                    self._number(),
                    found.get("code"),
                    found.get("cause") or "",
                    found.get("output") or "",
                    run.id,
                ),
            )

    def open(self) -> list[Open]:
        """Return the runs whose end is not known."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, subscription, task FROM run WHERE end IS NULL ORDER BY id"
            )
            return [Open(*row) for row in rows]

    def since(self, end: int, number: int) -> list[dict[str, Any]]:
        """Return runs that ended after another one, in the order of their ends."""
        names = ("id", "subscription", "task", "asked", "started", "ended", "end", "code", "cause")
        with self._lock:
            rows = self._database.execute(
                f"SELECT {', '.join(names)}, output FROM run WHERE end > ? ORDER BY end LIMIT ?",  # noqa: S608
                (end, number),
            )
            return [dict(zip((*names, "output"), row, strict=True)) for row in rows]

    def tasks(self) -> dict[int, int]:
        """Return the subscription of every task that has runs."""
        with self._lock:
            return dict(self._database.execute("SELECT DISTINCT task, subscription FROM run"))

    def forget(self, tasks: Collection[int]) -> None:
        """Forget the runs of tasks that are gone."""
        for task in sorted(tasks):
            self._write("DELETE FROM run WHERE task = ?", (task,))

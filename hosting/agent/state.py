"""What the agent has been told and has applied, in one SQLite file: a restart knows it again."""

import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from hosting.agent.host import Host
from hosting.agent.protocol import LIMITED, OPEN

_TABLES = """
CREATE TABLE IF NOT EXISTS subscription (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    present INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS applied (
    subscription INTEGER NOT NULL,
    service TEXT NOT NULL,
    generation INTEGER NOT NULL,
    desired TEXT,
    PRIMARY KEY (subscription, service)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Applied:
    """What one service holds for a subscription, as text; None where it holds nothing."""

    generation: int
    text: str | None

    @classmethod
    def of(cls, generation: int, desired: object | None) -> "Applied":
        """Return what is held after `desired` was applied."""
        plain = None if desired is None else json.dumps(desired, separators=(",", ":"))
        return cls(generation, plain)

    @property
    def desired(self) -> object | None:
        """What was asked for, as the wire brought it."""
        return None if self.text is None else json.loads(self.text)


@dataclass(frozen=True)
class Record:
    """One subscription as the agent knows it.

    `generation` is the newest that was heard of, by `switch` or `desired`; whatever is older is
    refused. A removed subscription keeps its record, so that a stalled worker cannot revive it.
    """

    id: int
    generation: int
    state: str
    present: bool
    services: dict[str, Applied] = field(default_factory=dict)

    def is_shut(self, serves_limited: bool) -> bool:
        """Whether a service must not answer; `serves_limited`: one that the overused may use."""
        return self.present and self.state not in ((OPEN, LIMITED) if serves_limited else (OPEN,))


class State:
    """All records, in memory and on disk. The agent is the only one that writes them."""

    def __init__(self, host: Host):
        self._host = host
        # SECURITY: private keys are among what is held. Its companions get the mode of the file.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        held = os.open(host.platform.state, flags, 0o600)
        os.fchmod(held, 0o600)
        os.close(held)
        self._database = sqlite3.connect(
            host.platform.state, isolation_level="DEFERRED", check_same_thread=False, timeout=30
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        # What was promised to the worker has to survive a power cut too.
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)
        self._records = self._read()

    def _read(self) -> dict[int, Record]:
        services: dict[int, dict[str, Applied]] = {}
        for number, service, generation, desired in self._database.execute(
            "SELECT subscription, service, generation, desired FROM applied"
        ):
            services.setdefault(number, {})[service] = Applied(generation, desired)
        rows = self._database.execute("SELECT id, generation, state, present FROM subscription")
        return {
            row[0]: Record(row[0], row[1], row[2], bool(row[3]), services.get(row[0], {}))
            for row in rows
        }

    def get(self, number: int) -> Record | None:
        """Return what is known of a subscription."""
        return self._records.get(number)

    def all(self) -> list[Record]:
        """Return every record."""
        return list(self._records.values())

    def is_stale(self, number: int, generation: int) -> bool:
        """Say whether something newer has been heard of."""
        known = self._records.get(number)
        return known is not None and generation < known.generation

    def save(self, records: Iterable[Record]) -> int:
        """Keep what is new among the records, in one transaction; say how many that were."""
        changed = [record for record in records if self._records.get(record.id) != record]
        if not changed:
            return 0
        try:
            self._write(changed)
            self._host.commit(self._database)
        except BaseException:
            self._database.rollback()
            raise
        self._records.update((record.id, record) for record in changed)
        return len(changed)

    def _write(self, records: list[Record]) -> None:
        self._database.executemany(
            "INSERT INTO subscription (id, generation, state, present) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET generation = excluded.generation,"
            " state = excluded.state, present = excluded.present",
            [(each.id, each.generation, each.state, each.present) for each in records],
        )
        rows = []
        for each in records:
            known = self._records.get(each.id)
            for service, held in each.services.items():
                if known is None or known.services.get(service) != held:
                    rows.append((each.id, service, held.generation, held.text))
        self._database.executemany(
            "INSERT INTO applied (subscription, service, generation, desired) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (subscription, service) DO UPDATE SET"
            " generation = excluded.generation, desired = excluded.desired",
            rows,
        )

"""The tables that Postfix and Dovecot read: one SQLite file, written by the agent alone.

Readers may only read, so the file is opened before the daemons are and stays open: a last
connection that is closed would take the companions of the file along, without which nobody who may
not write can read it.
"""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hosting.agent.driver import Change
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.mail.driver_desired import Mail
from hosting.services.mail.driver_senders import without_extension

_TABLES = """
CREATE TABLE IF NOT EXISTS subscription (
    number INTEGER PRIMARY KEY, uid INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', incoming TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS domain (
    name TEXT PRIMARY KEY, subscription INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mailbox (
    number INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, address TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, is_on INTEGER NOT NULL, size INTEGER NOT NULL,
    script TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS route (
    address TEXT PRIMARY KEY, subscription INTEGER NOT NULL, target TEXT NOT NULL, login TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sending (
    subscription INTEGER PRIMARY KEY, per_mailbox INTEGER NOT NULL,
    per_subscription INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    name TEXT PRIMARY KEY, subscription INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refused_of ON refused (subscription);
CREATE TABLE IF NOT EXISTS held (
    letter TEXT PRIMARY KEY, subscription INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS domain_of ON domain (subscription);
CREATE INDEX IF NOT EXISTS mailbox_of ON mailbox (subscription);
CREATE INDEX IF NOT EXISTS route_of ON route (subscription);
"""
_COLUMNS = {
    "subscription": "number, uid, incoming",
    "domain": "name, subscription",
    "mailbox": "number, subscription, address, password, is_on, size, script",
    "route": "address, subscription, target, login",
    "sending": "subscription, per_mailbox, per_subscription",
    "refused": "name, subscription",
}
_OF = {"subscription": "number"}
_OWNER = "SELECT subscription FROM route WHERE address = ? AND login IS NOT NULL"

Rows = dict[str, set[tuple[object, ...]]]


class Store:
    """The file of tables."""

    def __init__(self, host: Host, path: Path):
        self._host = host
        self._path = path
        # `switch` runs beside `apply`.
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None

    def open(self, group: int | None) -> None:
        """Make the file, or open it, and let a group read it; None: nobody else."""
        if self._database is not None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        held = os.open(self._path, flags, 0o640)
        try:
            # SECURITY: hashes of passwords are in it. Its companions get owner and mode of it.
            if group is not None:
                self._host.own(held, None, group)
            os.fchmod(held, 0o600 if group is None else 0o640)
        finally:
            os.close(held)
        database = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30
        )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLES)
        self._database = database

    @property
    def database(self) -> sqlite3.Connection:
        """The open file."""
        if self._database is None:
            raise AgentError("io", f"{self._path} is not open")
        return self._database

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            database = self.database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                self._host.commit(database)
            except BaseException:
                database.rollback()
                raise

    def wanted(self, number: int, mail: Mail | None) -> Rows:
        """Return the rows that a subscription should have."""
        rows: Rows = {table: set() for table in _COLUMNS}
        if mail is None or not mail.domains:
            return rows
        uid = self._host.platform.uid_of(number)
        uid = os.geteuid() if uid is None else uid
        rows["subscription"] = {(number, uid, mail.incoming)}
        rows["sending"] = {(number, mail.per_mailbox, mail.per_subscription)}
        here = mail.names_here()
        rows["domain"] = {(name, number) for name in here}
        rows["refused"] = {(name, number) for name in mail.names_refused()}
        for box in mail.mailboxes:
            script = f"{box.number}.sieve" if box.reply else None
            rows["mailbox"].add(
                (box.number, number, box.address, box.password, int(box.is_on), box.size, script)
            )
        for route in mail.routes():
            # SECURITY: a name that may be a stranger's neither catches mail nor sends any.
            if route.address.rpartition("@")[2] in here:
                rows["route"].add((route.address, number, route.target, route.login))
        return rows

    def there(self, number: int) -> Rows:
        """Return the rows that a subscription has."""
        with self._lock:
            return {
                table: set(
                    self.database.execute(
                        f"SELECT {columns} FROM {table}"  # noqa: S608  names of ours
                        f" WHERE {_OF.get(table, 'subscription')} = ?",
                        (number,),
                    )
                )
                for table, columns in _COLUMNS.items()
            }

    def apply(
        self, batch: Mapping[int, Mail | None], states: Mapping[int, str]
    ) -> tuple[set[int], dict[int, AgentError]]:
        """Write what differs in one transaction; return who changed, and who could not."""
        news: dict[int, tuple[Rows, Rows]] = {}
        for number, mail in batch.items():
            before, after = self.there(number), self.wanted(number, mail)
            if before != after:
                news[number] = before, after
        failures: dict[int, AgentError] = {}
        if not news:
            return set(), failures
        with self._transaction() as database:
            # What goes, goes first: a name may have gone from one of them to another.
            for before, after in news.values():
                self._delete(database, before, after)
            for number, (before, after) in news.items():
                database.execute("SAVEPOINT one")
                try:
                    self._insert(database, before, after)
                except sqlite3.IntegrityError as error:
                    database.execute("ROLLBACK TO one")
                    # It stays as it was: what was taken from it comes back.
                    self._insert(database, after, before, "OR IGNORE")
                    words = f"an address or a name is another subscription's: {error}"
                    failures[number] = AgentError("refused", words)
                database.execute("RELEASE one")
                self._set_state(database, [(states.get(number, "shut"), number)])
        return news.keys() - failures.keys(), failures

    @staticmethod
    def _delete(database: sqlite3.Connection, before: Rows, after: Rows) -> None:
        for table in _COLUMNS:
            gone = {row[0] for row in before[table] - after[table]}
            # The row of a subscription that stays keeps its state.
            if table == "subscription" and after[table]:
                continue
            key = _COLUMNS[table].split(",")[0]
            database.executemany(
                f"DELETE FROM {table} WHERE {key} = ?",  # noqa: S608  names of ours
                [(each,) for each in gone],
            )

    @staticmethod
    def _insert(
        database: sqlite3.Connection, before: Rows, after: Rows, otherwise: str = ""
    ) -> None:
        for table, columns in _COLUMNS.items():
            new = after[table] - before[table]
            places = ", ".join("?" for _ in columns.split(","))
            more = ""
            if table == "subscription":
                more = (
                    " ON CONFLICT (number) DO UPDATE SET uid = excluded.uid,"
                    " incoming = excluded.incoming"
                )
            database.executemany(
                f"INSERT {otherwise} INTO {table} ({columns}) VALUES ({places}){more}",  # noqa: S608
                sorted(new, key=str),
            )

    @staticmethod
    def _set_state(database: sqlite3.Connection, states: Collection[tuple[str, int]]) -> None:
        database.executemany(
            "UPDATE subscription SET state = ?1 WHERE number = ?2 AND state <> ?1", states
        )

    def switch(self, states: Mapping[int, str]) -> None:
        """Set what subscriptions may do, all in one transaction."""
        with self._lock:
            known = dict(self.database.execute("SELECT number, state FROM subscription"))
            news = [
                (state, number)
                for number, state in states.items()
                if number in known and known[number] != state
            ]
            if news:
                with self._transaction() as database:
                    self._set_state(database, news)

    def closed_to(self, addresses: Collection[str]) -> set[str]:
        """Return those of these addresses that may not be logged in any more."""
        with self._lock:
            rows = self.database.execute(
                "SELECT address FROM mailbox JOIN subscription ON subscription.number ="
                " mailbox.subscription WHERE is_on AND state <> 'shut'"
            )
            return set(addresses) - {address for (address,) in rows}

    def owner(self, sender: str) -> int | None:
        """Return the subscription that sends as an address; None: nobody here does."""
        plain = without_extension(sender)
        with self._lock:
            for address in (sender, plain, "@" + plain.rpartition("@")[2]):
                row = self.database.execute(_OWNER, (address,)).fetchone()
                if row is not None:
                    return int(row[0])
        return None

    def held(self) -> dict[str, int]:
        """Return the letters that were put on hold, with the subscription that each is of."""
        with self._lock:
            return dict(self.database.execute("SELECT letter, subscription FROM held"))

    def hold(self, letters: Mapping[str, int | None]) -> None:
        """Keep that these are."""
        if letters:
            with self._transaction() as database:
                database.executemany("REPLACE INTO held VALUES (?, ?)", letters.items())

    def let_go(self, letters: Collection[str]) -> None:
        """Keep that these are not any more."""
        if letters:
            with self._transaction() as database:
                rows = [(letter,) for letter in letters]
                database.executemany("DELETE FROM held WHERE letter = ?", rows)

    def plan(self, number: int, mail: Mail | None) -> list[Change]:
        """Return the differences for a subscription. Hashes are nobody's to see."""
        before, after = self.there(number), self.wanted(number, mail)
        found = []
        for table in ("domain", "mailbox", "route", "sending", "subscription", "refused"):
            gone, new = before[table] - after[table], after[table] - before[table]
            if gone or new:
                found.append(Change(table, _shown(table, gone), _shown(table, new)))
        return found


def _shown(table: str, rows: Collection[tuple[object, ...]]) -> list[str]:
    """Rows as people read them, without hashes."""
    keep = {
        "mailbox": (2, 4, 5),
        "route": (0, 2),
        "domain": (0,),
        "subscription": (1, 2),
        "sending": (1, 2),
        "refused": (0,),
    }[table]
    return sorted(" ".join(str(row[place]) for place in keep) for row in rows)

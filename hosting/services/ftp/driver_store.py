"""The tables that the FTP server asks at each login: one SQLite file, written by the agent alone.

It keeps a rollback journal and no WAL: ProFTPD says PRAGMA journal_mode at each connection, which
waits for everybody else where the file is in WAL mode.
"""

import base64
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.platform import uid_of
from hosting.agent.trees import home_name
from hosting.services.ftp.driver_desired import Account, Ftp

# Below the first tenant's: nothing is of this group. Who is in it changes nothing.
READ_ONLY = ("freehold-ftp-read-only", 9_999_999)
_NO_PASSWORD = "!"  # noqa: S105  no hash begins so
_PATIENCE = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY, subscription INTEGER NOT NULL, uid INTEGER NOT NULL,
    home TEXT NOT NULL, password TEXT NOT NULL, is_read_only INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS account_of ON account (subscription);
CREATE TABLE IF NOT EXISTS key (name TEXT NOT NULL, line TEXT NOT NULL, key TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS key_of ON key (name);
CREATE TABLE IF NOT EXISTS shut (subscription INTEGER PRIMARY KEY);
CREATE VIEW IF NOT EXISTS login AS
    SELECT name, password, uid, uid AS gid, home, '/bin/false' AS shell FROM account
    WHERE uid >= 10000000 AND subscription NOT IN (SELECT subscription FROM shut);
CREATE VIEW IF NOT EXISTS membership AS
    SELECT 'freehold-ftp-read-only' AS groupname, 9999999 AS gid, name AS members FROM account
    WHERE is_read_only;
CREATE VIEW IF NOT EXISTS login_key AS
    SELECT key.name, key.key FROM key JOIN login ON login.name = key.name;
"""


class Store:
    """The file at `path`; `switch` runs beside everything else, so each change holds the lock."""

    def __init__(self, host: Host, path: Path):
        self._host = host
        self._path = path
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None

    def lay_out(self, owner: int | None) -> None:
        """Make the file, the daemon's to read and nobody else's, and its tables.

        `owner` is whose it is; None where all are one uid.
        """
        if not self._path.exists():
            self._host.write(self._path, b"", 0o600)
        place = os.open(self._path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if owner is not None and os.fstat(place).st_uid != owner:
                self._host.own(place, owner, 0)
        finally:
            os.close(place)
        with self._lock:
            database = self._database()
            there = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not there:
                self._host.changing("tables", self._path)
                database.executescript(_SCHEMA)

    def _database(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        return self._open

    def _write(self, statements: Iterable[tuple[str, list[tuple]]]) -> None:
        """Do these in one transaction; nothing of it stays if any fails."""
        with self._lock:
            database = self._database()
            database.execute("BEGIN IMMEDIATE")
            try:
                for statement, rows in statements:
                    database.executemany(statement, rows)
                self._host.commit(database)
            except BaseException:
                database.rollback()
                raise

    def names(self) -> dict[str, int]:
        """Return whose each username is."""
        with self._lock:
            return dict(self._database().execute("SELECT name, subscription FROM account"))

    def shut(self) -> set[int]:
        """Return who is shut."""
        with self._lock:
            return {row[0] for row in self._database().execute("SELECT subscription FROM shut")}

    def accounts(self, homes: Path) -> dict[int, Ftp]:
        """Return what the tables say. What somebody changed comes out different."""
        keys: dict[str, list[str]] = {}
        found: dict[int, list[Account]] = {}
        with self._lock:
            for name, line in self._database().execute("SELECT name, line FROM key ORDER BY rowid"):
                keys.setdefault(name, []).append(line)
            rows = self._database().execute(
                "SELECT name, subscription, uid, home, password, is_read_only FROM account"
                " ORDER BY name"
            )
            for name, number, uid, home, password, is_read_only in rows:
                top = str(homes / home_name(number))
                below = home.removeprefix(top).removeprefix("/")
                if uid != uid_of(number) or not f"{home}/".startswith(f"{top}/"):
                    below = f"{uid} {home}"
                shown = "" if password == _NO_PASSWORD else password
                account = Account(name, below, bool(is_read_only), shown, tuple(keys.get(name, ())))
                found.setdefault(number, []).append(account)
        return {number: Ftp(tuple(some)) for number, some in found.items()}

    def write(self, wanted: Mapping[int, Ftp], homes: Path) -> None:
        """Put these in place of what these subscriptions have."""
        numbers = [(number,) for number in wanted]
        rows = [
            (
                *(account.name, number, uid_of(number)),
                str(homes.joinpath(home_name(number), *account.parts)),
                *(account.password or _NO_PASSWORD, int(account.is_read_only)),
            )
            for number, ftp in wanted.items()
            for account in ftp.accounts
        ]
        keys = [
            (account.name, line, _rfc4716(line))
            for ftp in wanted.values()
            for account in ftp.accounts
            for line in account.keys
        ]
        own = "(SELECT name FROM account WHERE subscription = ?)"
        self._write(
            [
                (f"DELETE FROM key WHERE name IN {own}", numbers),  # noqa: S608
                ("DELETE FROM account WHERE subscription = ?", numbers),
                ("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?)", rows),
                ("INSERT INTO key VALUES (?, ?, ?)", keys),
            ]
        )

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Shut and open, all in one transaction."""
        self._write(
            [
                ("INSERT OR IGNORE INTO shut VALUES (?)", [(number,) for number in shut]),
                ("DELETE FROM shut WHERE subscription = ?", [(number,) for number in opened]),
            ]
        )


def _rfc4716(line: str) -> str:
    """Return a key in the form of RFC 4716, from the bytes that were understood."""
    data = base64.b64decode(line.split(" ")[1])
    text = base64.b64encode(data).decode("ascii")
    rows = [text[at : at + 70] for at in range(0, len(text), 70)]
    ends = [f"---- {word} SSH2 PUBLIC KEY ----" for word in ("BEGIN", "END")]
    return "\n".join([ends[0], *rows, ends[1], ""])

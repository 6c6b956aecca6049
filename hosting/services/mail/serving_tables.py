"""Who gets in and where letters go, by the tables that the agent writes: read anew each time.

The same that Postfix and Dovecot ask on a node with root: see `driver_postfix.py`.
"""

import sqlite3
from collections.abc import Hashable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import bcrypt

from hosting.services.mail.driver_desired import KEEP, REFUSE
from hosting.services.mail.driver_milter import Senders
from hosting.services.mail.driver_senders import without_extension

_PATIENCE = 5.0
# Checked where there is no hash: who tries names learns nothing from how long it takes.
_NOBODY = b"$2b$10$BcoliOQF.bm1DXE7cTwc9Ou0swlRef0yM.gG87xrUT5h.HZ3sNxJ6"
_LONGEST = 72
# What one address may become, and by how many steps.
_MOST, _DEEPEST = 1000, 50
SUSPENDED = "This mailbox is suspended"
_BOX = """
    SELECT m.number, m.subscription, m.address, m.password, m.is_on, m.size, s.state, s.incoming
    FROM mailbox m JOIN subscription s ON s.number = m.subscription WHERE m.address = ?
"""


@dataclass(frozen=True)
class Box:
    """A mailbox as the tables have it now."""

    number: int
    subscription: int
    address: str
    password: str
    is_on: bool
    size: int
    state: str
    incoming: str

    @property
    def may_read(self) -> bool:
        """Whether it may be logged in to."""
        return self.is_on and self.state != "shut"

    @property
    def may_send(self) -> bool:
        """Whether letters are taken from it: not while suspended for overuse alone, either."""
        return self.is_on and self.state == "open"

    @property
    def refusal(self) -> str:
        """What a sender is told of a letter to it while it is suspended; "" where it is kept."""
        if self.state != "shut" or self.incoming == KEEP:
            return ""
        if self.incoming == REFUSE:
            return f"550 5.2.1 {SUSPENDED}"
        return f"450 4.2.1 {SUSPENDED}, try again later"


@dataclass
class Target:
    """What an address comes to: mailboxes here, and addresses elsewhere."""

    boxes: dict[str, Box] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)


class Tables:
    """The tables at `path`."""

    def __init__(self, path: Path):
        self._senders = Senders(path)
        self._address = f"file:{quote(str(path))}?mode=ro"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._address, uri=True, timeout=_PATIENCE)) as database:
            yield database

    def box(self, address: str) -> Box | None:
        """Return a mailbox by the address that it logs in with."""
        with self._open() as database:
            return self._box(database, address.lower())

    @staticmethod
    def _box(database: sqlite3.Connection, address: str) -> Box | None:
        row = database.execute(_BOX, (address,)).fetchone()
        return Box(*row[:4], bool(row[4]), *row[5:]) if row else None

    def by_password(self, address: str, password: str) -> Box | None:
        """Return the mailbox of which this is the password, whatever it may do now."""
        try:
            found, given = self.box(address), password.encode()
        except (sqlite3.Error, UnicodeError):
            return None
        hashed = found.password.encode() if found else _NOBODY
        if len(given) > _LONGEST or b"\0" in given or not bcrypt.checkpw(given, hashed):
            return None
        return found

    def is_here(self, domain: str) -> bool:
        """Say whether letters for a name are kept on this node."""
        with self._open() as database:
            query = "SELECT 1 FROM domain WHERE name = ?"
            return database.execute(query, (domain.lower(),)).fetchone() is not None

    def owners(self, address: str) -> set[str]:
        """Return who may send as an address."""
        return self._senders.owners(address.lower())

    def limits(self, login: str) -> dict[Hashable, int]:
        """Return to how many recipients a mailbox, and its subscription, may send in an hour."""
        return self._senders.limits(login)

    def target(self, address: str) -> Target:
        """Return what an address comes to, by other addresses, forwards and catch-alls.

        LookupError: it leads too far.
        """
        found, seen, waiting = Target(), set(), [(address.lower(), 0)]
        with self._open() as database:
            while waiting:
                one, depth = waiting.pop()
                if one in seen:
                    continue
                if len(seen) > _MOST or depth > _DEEPEST:
                    raise LookupError(address)
                seen.add(one)
                self._step(database, one, depth, found, waiting)
        return found

    def _step(
        self,
        database: sqlite3.Connection,
        address: str,
        depth: int,
        found: Target,
        waiting: list[tuple[str, int]],
    ) -> None:
        domain = address.rpartition("@")[2]
        if not database.execute("SELECT 1 FROM domain WHERE name = ?", (domain,)).fetchone():
            found.elsewhere.add(address)
            return
        if database.execute("SELECT 1 FROM refused WHERE name = ?", (domain,)).fetchone():
            found.disabled.add(address)
            return
        # What comes after a plus is for its owner's filters.
        for asked in dict.fromkeys((address, without_extension(address), f"@{domain}")):
            query = "SELECT target FROM route WHERE address = ?"
            row = database.execute(query, (asked,)).fetchone()
            if row:
                self._follow(database, asked, row[0], depth, found, waiting)
                return
        found.unknown.add(address)

    def _follow(
        self,
        database: sqlite3.Connection,
        asked: str,
        target: str,
        depth: int,
        found: Target,
        waiting: list[tuple[str, int]],
    ) -> None:
        for each in target.split(", "):
            box = self._box(database, each) if each == asked else None
            if box is not None:
                found.boxes[each] = box
            else:
                waiting.append((each.lower(), depth + 1))

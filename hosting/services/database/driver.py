"""Databases on a node: what each subscription has on MariaDB and on PostgreSQL.

Nothing is recorded twice: what there is, the servers say, and what differs from what should be is
changed. Names begin with the subscription's number, which the driver puts there itself.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import ClassVar

from hosting.agent.driver import Change, Driver, Result, sift
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, one_of, record, text, truth
from hosting.agent.protocol import told as told_as
from hosting.services.database import driver_desired
from hosting.services.database.driver_desired import NOTHING, SERVERS, Databases, prefixed
from hosting.services.database.driver_dumps import Dumps, MariaDumps, PostgreSqlDumps
from hosting.services.database.driver_mariadb import MariaDb
from hosting.services.database.driver_postgresql import PostgreSql
from hosting.services.database.driver_server import Facts, Server
from hosting.services.database.driver_sql import number_of

# How long the agent waits for a server when it begins; and how soon it tells one again, in seconds.
_AT_START, _AGAIN = 15.0, 0.2
_SERVERS: tuple[type[Server], ...] = (MariaDb, PostgreSql)


class DatabaseDriver(Driver[Databases]):
    """The databases of one node."""

    service = "database"
    serves_limited: ClassVar[bool] = True

    def __init__(self, host: Host):
        self._host = host
        self._servers: dict[str, Server] = {
            each.kind: each(host) for each in _SERVERS if each.is_possible(host.platform)
        }
        self._shut: set[int] = set()
        self._held: dict[int, Databases] = {}
        # Held while somebody is locked or unlocked: `switch` runs beside `apply`.
        self._lock = threading.RLock()
        # Whom a server that was down has not been told of yet, and that there are some.
        self._late: dict[str, set[int]] = {kind: set() for kind in self._servers}
        self._is_late = threading.Event()
        # Of which a dump is written or read: (subscription, server, name).
        self._busy: set[tuple[int, str, str]] = set()

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node can have any server of databases."""
        return any(each.is_possible(platform) for each in _SERVERS)

    def offers(self) -> dict[str, object]:
        """Return the servers that this node has, or would have with the first database."""
        return {
            kind: server.offers() | {"dumps": self._dumps(kind).is_possible()}
            for kind, server in self._servers.items()
        }

    def _dumps(self, kind: str) -> Dumps:
        server = self._servers[kind]
        return PostgreSqlDumps(server) if isinstance(server, PostgreSql) else MariaDumps(server)

    def parse(self, value: object) -> Databases:
        """Return the databases of a subscription."""
        found = driver_desired.parse(value)
        for kind, part in found.items():
            if part != NOTHING and kind not in self._servers:
                raise AgentError("refused", f"this node has no {kind}")
        return found

    def settle(self, applied: Mapping[int, Databases], shut: Collection[int]) -> None:
        """Start what there is, and shut who should be shut."""
        self._shut, self._held = set(shut), dict(applied)
        for server in self._servers.values():
            if server.is_there:
                # One that is down takes no other service along; `problem` says so.
                with suppress(AgentError, OSError):
                    server.ensure(_AT_START)
                self._tell(server, applied.keys() | self._shut)

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Lock and unlock, on each server in one connection; end the sessions of who is shut."""
        with self._lock:
            self._shut = (self._shut | set(shut)) - set(opened)
            for server in self._servers.values():
                if server.is_there:
                    self._tell(server, {*shut, *opened})

    def _tell(self, server: Server, numbers: Collection[int]) -> None:
        """Have a server follow for these, and for whom it could not before.

        One that is down lets nobody in: it is told as soon as it is back.
        """
        with self._lock:
            late = self._late[server.kind]
            late |= set(numbers)
            if not late:
                return
            try:
                server.follow(late & self._shut, late - self._shut)
            except AgentError:
                if server.answers():
                    raise
                self._is_late.set()
            else:
                late.clear()

    def _keep_telling(self) -> None:
        while self._is_late.wait():
            self._is_late.clear()
            for server in self._servers.values():
                with suppress(AgentError, OSError):
                    self._tell(server, ())
            self._host.runner.sleep(_AGAIN)

    def plan(self, wanted: Mapping[int, Databases | None]) -> dict[int, list[Change]]:
        """Return what differs on each server, without a password."""
        found: dict[int, list[Change]] = {}
        for server in self._servers.values():
            there = server.found(wanted.keys())
            for number, desired in wanted.items():
                after = self._wanted(server, number, desired)
                before = there.get(number, frozenset())
                if before != after:
                    shown = (before - after, after - before)
                    lines = [sorted(map(server.shown, facts)) for facts in shown]
                    found.setdefault(number, []).append(Change(server.label, *lines))
        return found

    def _wanted(self, server: Server, number: int, desired: Databases | None) -> Facts:
        part = (desired or {}).get(server.kind, NOTHING)
        return server.wanted(number, part, is_shut=number in self._shut)

    def apply(self, wanted: Mapping[int, Databases | None]) -> Result:
        """Make it so, server by server; who fails on one has failed, and is tried again whole."""
        result = Result()
        for server in self._servers.values():
            asked = {
                number: (each or {}).get(server.kind, NOTHING) for number, each in wanted.items()
            }
            if not server.is_there and all(part == NOTHING for part in asked.values()):
                continue
            try:
                server.ensure()
                self._tell(server, ())
                self._apply(server, wanted, result)
            except (AgentError, OSError) as error:
                for number in wanted:
                    result.failures.setdefault(number, told_as(error))
        result.changed -= result.failures.keys()
        self._held |= {n: each for n, each in wanted.items() if each and n not in result.failures}
        for number, each in wanted.items():
            if each is None and number not in result.failures:
                self._held.pop(number, None)
        return result

    def _apply(
        self, server: Server, wanted: Mapping[int, Databases | None], result: Result
    ) -> None:
        there = server.found(wanted.keys())
        differing = [
            number
            for number, desired in wanted.items()
            if self._wanted(server, number, desired) != there.get(number, frozenset())
        ]
        if isinstance(server, PostgreSql):
            self._admit(server, wanted)
        if not differing:
            return

        def attempt(numbers: tuple[int, ...]) -> None:
            # What the attempt before has made need not be made again.
            now = server.found(numbers)
            lines: list[str] = []
            for number in numbers:
                part = (wanted[number] or {}).get(server.kind, NOTHING)
                facts = now.get(number, frozenset())
                if self._differs(server, number, wanted[number], facts):
                    lines += server.statements(number, part, facts)
            if lines:
                server.change(lines)

        good, faults = sift(differing, attempt)
        result.failures |= faults
        self._tell(server, good)
        result.changed |= set(good)

    def _differs(
        self, server: Server, number: int, desired: Databases | None, found: Facts
    ) -> bool:
        """Whether more than the locks differs: those are set when all else is so."""
        wanted = self._wanted(server, number, desired)
        return any(not line.startswith(("open ", "locked ")) for line in wanted ^ found)

    def _admit(self, server: PostgreSql, wanted: Mapping[int, Databases | None]) -> None:
        """Name who may come from elsewhere to PostgreSQL, of everybody."""
        everybody: Iterable[tuple[int, Databases | None]] = (self._held | dict(wanted)).items()
        server.admit(
            {
                prefixed(number, user.name): user.hosts
                for number, desired in everybody
                for user in (desired or {}).get(server.kind, NOTHING).users
                if user.hosts
            }
        )

    def measure(self, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
        """Return what the databases of each take of the disk; nothing of a server that is down."""
        found: Counter[int] = Counter()
        for server in self._servers.values():
            if not server.is_there:
                continue
            try:
                sizes = server.sizes(numbers)
            except AgentError:
                return {}
            for name, size in sizes.items():
                number = number_of(name)
                if number is not None:
                    found[number] += size
        return {"disk": dict(found)}

    def ask(self, what: str, subscription: int, parameters: object) -> dict[str, object]:
        """Answer how large each database of a subscription is."""
        if what != "sizes" or parameters != {}:
            raise AgentError("invalid", f"databases do not know {what[:60]!r}")
        return {
            kind: server.sizes([subscription]) if server.is_there else {}
            for kind, server in self._servers.items()
        }

    def transfer(
        self,
        what: str,
        subscription: int,
        parameters: object,
        file: int,
        told: Callable[[int], bool],
    ) -> dict[str, object]:
        """Write a dump of a database into the file ("export"), or run one that it holds ("import").

        Parameters: server, database (its name without the beginning), and for an import whether to
        "recreate" the database first.
        """
        fields = record(parameters, "parameters", ("server", "database"), ("recreate",))
        kind = one_of(fields["server"], "server", SERVERS)
        name = text(fields["database"], "database", 32)
        recreate = truth(fields.get("recreate", False), "recreate")
        if what not in ("export", "import"):
            raise AgentError("invalid", f"databases transfer no {what[:60]!r}")
        if name not in self._held.get(subscription, {}).get(kind, NOTHING).databases:
            raise AgentError("refused", f"subscription {subscription} has no such database here")
        if what == "import" and subscription in self._shut:
            raise AgentError("refused", "the subscription is suspended")
        dumps = self._dumps(kind)
        if not dumps.is_possible():
            raise AgentError("refused", "this node lacks the programs for dumps")
        with self._alone(subscription, kind, name):
            database = prefixed(subscription, name)
            if what == "export":
                return {"size": dumps.export(subscription, database, file, told)}
            dumps.take_in(subscription, database, file, told, recreate=recreate)
            return {}

    @contextmanager
    def _alone(self, subscription: int, kind: str, name: str) -> Iterator[None]:
        one = (subscription, kind, name)
        with self._lock:
            if one in self._busy:
                raise AgentError("refused", "another dump of this database is under way")
            self._busy.add(one)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(one)

    def problem(self) -> str | None:
        """Return which server does not serve."""
        found = (server.problem() for server in self._servers.values())
        return "; ".join(problem for problem in found if problem) or None

    def watch(self) -> None:
        """Look after the servers."""
        for server in self._servers.values():
            server.watch()
        threading.Thread(target=self._keep_telling, name="databases", daemon=True).start()

    def stop(self) -> None:
        """Leave, or take the servers along."""
        for server in self._servers.values():
            server.stop()

"""The DNS driver: zones in PowerDNS's tables, one SQLite file that the name server reads.

On disk, below the platform's own directory:

    dns/pdns.conf        PowerDNS's configuration
    dns/data/            PowerDNS's own directory (it writes there, too)
    dns/data/pdns.sqlite3

Suspension changes nothing here: DNS goes on until a subscription is purged.
"""

import inspect
import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, told
from hosting.services.dns import driver_desired as desired
from hosting.services.dns import driver_store
from hosting.services.dns.driver_daemon import POWERDNS, NameServer
from hosting.services.dns.driver_desired import FLAGS, Dns
from hosting.services.dns.driver_query import is_older

_NOTHING = Dns()
# So many record sets of a batch are asked for one by one; of more only the zones.
_MOST_ASKED = 2000
_TIMEOUT = 120.0


class DnsDriver(Driver[Dns]):
    """Zones on PowerDNS, or on the small name server of our own where that is not installed."""

    service = "dns"
    serves_limited = True

    def __init__(self, host: Host):
        self._host = host
        self._directory = host.platform.node / "dns"
        self._data = self._directory / "data"
        self._database = self._data / "pdns.sqlite3"
        self.server = NameServer(host, self._directory, self._database)
        self._applied: dict[int, Dns] = {}
        self._catalog: str | None = None

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node can serve zones at all: on its own uid any can, else PowerDNS does."""
        return platform.dns_port is not None and (
            not platform.isolates or POWERDNS in platform.programs
        )

    def offers(self) -> dict[str, object]:
        """Return where it is asked, and whether it can sign."""
        platform = self._host.platform
        return {
            "address": platform.probe_address(),
            "port": platform.dns_port,
            "is_powerdns": self.server.is_powerdns,
        }

    def parse(self, value: object) -> Dns:
        """Return the zones of a subscription, checked."""
        return desired.parse(value)

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Do nothing: DNS goes on."""

    # The tables.

    def _asked(self, do: str, wanted: Mapping[int, Dns]) -> tuple[list[str], bytes]:
        """Return the command and the input of the process that works on the tables."""
        request = {
            "do": do,
            "database": str(self._database),
            "user": self.server.user(),
            "catalog": self._catalog,
            "wanted": {str(number): _plain(dns) for number, dns in wanted.items()},
        }
        # The text and not the path: that user need not be able to read where we are installed.
        command = [sys.executable, "-I", "-S", "-c", inspect.getsource(driver_store)]
        return command, json.dumps(request).encode()

    def _look(self, do: str, wanted: Mapping[int, Dns]) -> Any:
        """Ask about the tables, without changing them."""
        command, given = self._asked(do, wanted)
        return _answer(self._host.runner.run(command, _TIMEOUT, given))

    def _write(self, wanted: Mapping[int, Dns]) -> Any:
        """Change the tables, in one transaction."""
        command, given = self._asked("apply", wanted)
        return _answer(self._host.run(command, _TIMEOUT, given))

    # Applying.

    def apply(self, wanted: Mapping[int, Dns | None]) -> Result:
        """Make it so; whoever is at fault stays as it was."""
        result = Result()
        batch = {number: dns or _NOTHING for number, dns in wanted.items()}
        try:
            changed = self._written(batch, result)
            if any(dns.zones for dns in batch.values()):
                self.server.await_answer()
            faults = self._faults(batch, result.failures.keys())
        except (AgentError, OSError) as error:
            result.failures = dict.fromkeys(batch, told(error))
            return result
        for number, words in faults.items():
            result.failures[number] = AgentError("probe", words)
        at_fault = changed & result.failures.keys()
        if at_fault:
            self._write({number: self._applied.get(number, _NOTHING) for number in at_fault})
        for number, dns in batch.items():
            if number not in result.failures:
                self._hold(number, dns)
        result.changed = changed - result.failures.keys()
        return result

    def _written(self, batch: Mapping[int, Dns], result: Result) -> set[int]:
        """Bring a batch into the tables; return whose zones changed."""
        for dns in batch.values():
            self._catalog = dns.catalog or self._catalog
        is_news = any(dns != self._applied.get(number, _NOTHING) for number, dns in batch.items())
        if not is_news and not any(self._look("plan", batch).values()):
            return set()
        answer = self._write(batch)
        for number, words in answer["failures"].items():
            result.failures[int(number)] = AgentError("refused", words)
        return {int(number) for number in answer["changed"]}

    def _faults(self, batch: Mapping[int, Dns], failed: Collection[int]) -> dict[int, str]:
        """Ask the daemon for all zones of a batch; return who gets a wrong answer, and which."""
        found = {}
        budget = _MOST_ASKED
        for number, dns in batch.items():
            if number in failed:
                continue
            before = {zone.name: zone for zone in self._applied.get(number, _NOTHING).zones}
            for zone in dns.zones:
                old = before.get(zone.name)
                news = zone.rows - old.rows if old else zone.rows
                sets = sorted(
                    {(row.name, row.type) for row in news if row.type not in (None, "SOA")}
                )
                sets = sets[: max(budget, 0)]
                budget -= len(sets)
                if words := self.server.fault(zone.name, zone.serial, sets):
                    found[number] = words
                    break
        return found

    def _hold(self, number: int, dns: Dns) -> None:
        if dns.zones:
            self._applied[number] = dns
        else:
            self._applied.pop(number, None)

    # Beginning, looking, ending.

    def settle(self, applied: Mapping[int, Dns], shut: Collection[int]) -> None:
        """Start the daemon; put zones back that the tables have lost."""
        for number, dns in applied.items():
            self._hold(number, dns)
            self._catalog = dns.catalog or self._catalog
        try:
            self._lay_out()
            if self.server.lay_out():
                self.server.restart()
            self._put_back()
            self.server.daemon.start()
        except (AgentError, OSError, LookupError):
            return  # problem() tells; the watch and the next batch try again.

    def _lay_out(self) -> None:
        """Make the directories; the inner one is PowerDNS's, the outer one is not."""
        if not self._directory.is_dir():
            self._host.make(self._directory, 0o755)
        if not self._data.is_dir():
            self._host.make(self._data, 0o700)
        user = self.server.user()
        descriptor = os.open(self._data, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if user is not None and os.fstat(descriptor).st_uid != user[0]:
                self._host.own(descriptor, *user)
        finally:
            os.close(descriptor)

    def _put_back(self) -> None:
        """Write again what is missing or older than it was: tables that somebody restored.

        What is newer was applied by an agent that was killed before it could say so.
        """
        there = self._look("serials", {})
        lost = {
            number: dns
            for number, dns in self._applied.items()
            if any(_is_lost(number, zone, there.get(zone.name)) for zone in dns.zones)
        }
        if lost:
            self._write(lost)

    def plan(self, wanted: Mapping[int, Dns | None]) -> dict[int, list[Change]]:
        """Return the differences between the tables and what is wanted."""
        found = self._look("plan", {number: dns or _NOTHING for number, dns in wanted.items()})
        return {
            int(number): [Change(name, before, after) for name, before, after in changes]
            for number, changes in found.items()
        }

    def problem(self) -> str | None:
        """Return why the name server does not serve, None if it does."""
        return self.server.problem()

    def watch(self) -> None:
        """Start the name server again whenever it dies."""
        self.server.daemon.watch()

    def stop(self) -> None:
        """Leave; the name server ends where the platform says so."""
        self.server.daemon.leave()


def _is_lost(number: int, zone: desired.Zone, there: Iterable[Any] | None) -> bool:
    if there is None:
        return True
    account, serial = there
    return bool(account == f"s{number}" and (serial < 0 or is_older(serial, zone.serial)))


def _plain(dns: Dns) -> dict[str, Any]:
    """Zones as the process that writes them takes them."""
    return {
        "secondaries": list(dns.secondaries),
        "zones": {
            zone.name: {"rows": list(zone.rows), "keys": list(zone.keys), "flags": FLAGS}
            for zone in dns.zones
        },
    }


def _answer(done: Any) -> Any:
    """Return what the process said; AgentError with its last words if it failed."""
    lines = done.output.strip().splitlines() or ["it left no word"]
    if done.code != 0:
        raise AgentError("io", f"the zones could not be written: {lines[-1][:400]}")
    try:
        return json.loads(lines[-1])
    except ValueError:
        raise AgentError("io", f"the zones could not be read: {lines[-1][:400]}") from None

"""Desired in, difference out: what the agent does with each request, whoever sent it.

A request to switch touches marks and this agent's records only; it runs beside a batch that is
being applied and never waits for it.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hosting.agent import protocol, trees
from hosting.agent.ballast import Ballast
from hosting.agent.driver import Driver
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, Subscription
from hosting.agent.state import Applied, Record, State

Emit = Callable[[dict], None]


class Applier:
    """All services of one node, and the records of what was applied."""

    def __init__(self, host: Host, drivers: Sequence[Driver[Any]], ballast: Ballast | None = None):
        self._host = host
        self._ballast = ballast
        self._drivers = {driver.service: driver for driver in drivers}
        self._state = State(host)
        # Guards records and the marks that follow from them; held for moments only.
        self._records = threading.RLock()
        # Held while a batch is applied.
        self._batch = threading.Lock()
        self._sweeping = threading.Lock()

    def settle(self) -> None:
        """Complete what a crash interrupted, and have every daemon serve what is recorded."""
        records = self._state.all()
        for service, driver in self._drivers.items():
            shut = [record.id for record in records if record.is_shut(driver.serves_limited)]
            applied = {}
            for record in records:
                held = record.services.get(service)
                if held is not None and (desired := held.desired) is not None:
                    applied[record.id] = driver.parse(desired)
            driver.know({record.id: record.state for record in records})
            driver.settle(applied, shut)
        trees.discard_unfinished(self._host)
        if self._ballast is not None:
            self._ballast.lay()

    def hello(self, with_applied: bool) -> dict:
        """Say who this is, what is wrong with its daemons, and what has been applied."""
        answer = {
            "ok": True,
            "version": protocol.VERSION,
            "platform": self._host.platform.name,
            "isolates": self._host.platform.isolates,
            "services": {service: driver.offers() for service, driver in self._drivers.items()},
            "problems": {
                service: problem
                for service, driver in self._drivers.items()
                if (problem := driver.problem()) is not None
            },
        }
        if with_applied:
            with self._records:
                answer["applied"] = {
                    str(record.id): min(held.generation for held in record.services.values())
                    for record in self._state.all()
                    if record.services.keys() >= self._drivers.keys()
                }
        return answer

    def switch(self, items: Sequence[tuple[int, int, str]]) -> dict:
        """Shut and open; records first, so that a restart completes what a crash interrupts."""
        with self._records:
            switched: dict[int, str] = {}
            stale = []
            records: dict[int, Record] = {}
            for number, generation, state in items:
                known = records.get(number) or self._state.get(number)
                if known is not None and generation < known.generation:
                    stale.append(number)
                    continue
                if known is None:
                    known = Record(number, generation, state, True)
                if (known.generation, known.state) != (generation, state):
                    known = replace(known, generation=generation, state=state)
                records[number] = known
                switched[number] = state
            self._keep(records)
        return {"ok": True, "switched": list(switched), "stale": stale}

    def _keep(self, records: Mapping[int, Record]) -> None:
        """Save records, then have every service follow. On a full disk once more, with the room
        that is kept for that."""
        try:
            self._follow(records)
        except (AgentError, OSError, sqlite3.Error):
            if self._ballast is None or not self._ballast.release():
                raise
            self._follow(records)

    def _follow(self, records: Mapping[int, Record]) -> None:
        faults: list[Exception] = []
        is_kept = True
        try:
            self._state.save(records.values())
        except (OSError, sqlite3.Error) as error:
            # Who is to be shut is shut all the same. Whoever asked hears that it was not kept, and
            # asks again: an agent that begins anew before that opens them.
            faults.append(error)
            is_kept = False
            records = {n: each for n, each in records.items() if each.state != protocol.OPEN}
        for driver in self._drivers.values():
            shut: list[int] = []
            opened: list[int] = []
            for record in records.values():
                (shut if record.is_shut(driver.serves_limited) else opened).append(record.id)
            # What one service cannot do keeps no other one open.
            try:
                driver.know({record.id: record.state for record in records.values()})
                driver.switch(shut, opened if is_kept else [])
            except (AgentError, OSError, sqlite3.Error) as error:
                faults.append(error)
        if faults:
            raise faults[0]

    def desired(self, values: Sequence[object], emit: Emit) -> None:
        """Apply a batch; `emit` gets a result for each subscription and service, then a sum."""
        with self._batch:
            subscriptions = self._accepted(values, emit)
            changed: set[int] = set()
            reloads = 0
            held: set[int] = set()
            last = next(reversed(self._drivers), None)
            for service, driver in self._drivers.items():
                wanted, failures = self._wanted(driver, subscriptions)
                result = driver.apply(wanted)
                reloads += result.reloads
                changed |= result.changed
                failures |= result.failures
                self._record(service, subscriptions, failures)
                held |= failures.keys()
                if service == last:
                    changed |= self._put_aside(subscriptions, held, failures)
                for each in subscriptions.values():
                    emit(_line(each.id, each.generation, service, failures.get(each.id)))
            if self._ballast is not None:
                self._ballast.lay()
        emit({"done": True, "reloads": reloads, "changed": len(changed)})

    def _accepted(self, values: Sequence[object], emit: Emit) -> dict[int, Subscription]:
        """Return what is sound and not stale, with its marks set: to shut never waits."""
        accepted: dict[int, Subscription] = {}
        for value in values:
            try:
                each = protocol.subscription(value, self._drivers.keys())
                if each.id in accepted:
                    raise protocol.invalid(f"subscription {each.id} is given twice")
                accepted[each.id] = each
            except AgentError as error:
                number, generation = _whose(value)
                for service in self._drivers:
                    emit(_line(number, generation, service, error))
        with self._records:
            records = {}
            for each in list(accepted.values()):
                known = self._state.get(each.id)
                if known is not None and each.generation < known.generation:
                    del accepted[each.id]
                    words = f"generation {known.generation} has been seen"
                    for service in self._drivers:
                        emit(_line(each.id, each.generation, service, AgentError("stale", words)))
                    continue
                is_present = each.present or (known is not None and known.present)
                known = known or Record(each.id, each.generation, each.state, is_present)
                records[each.id] = replace(
                    known,
                    generation=each.generation,
                    state=each.state if each.present else protocol.SHUT,
                    present=is_present,
                )
            self._keep(records)
        return accepted

    def _wanted(
        self, driver: Driver[Any], subscriptions: Mapping[int, Subscription]
    ) -> tuple[dict[int, object | None], dict[int, AgentError]]:
        wanted: dict[int, object | None] = {}
        failures: dict[int, AgentError] = {}
        for each in subscriptions.values():
            value = each.services.get(driver.service)
            try:
                is_wanted = each.present and value is not None
                wanted[each.id] = driver.parse(value) if is_wanted else None
            except AgentError as error:
                failures[each.id] = error
        return wanted, failures

    def _record(
        self,
        service: str,
        subscriptions: Mapping[int, Subscription],
        failures: Mapping[int, AgentError],
    ) -> None:
        """Keep what was applied. What was switched meanwhile stays as it was switched."""
        with self._records:
            records = []
            for each in subscriptions.values():
                known = self._state.get(each.id)
                if each.id in failures or known is None:
                    continue
                value = each.services.get(service) if each.present else None
                held = Applied.of(each.generation, value)
                records.append(replace(known, services={**known.services, service: held}))
            self._state.save(records)

    def _put_aside(
        self,
        subscriptions: Mapping[int, Subscription],
        held: Collection[int],
        failures: dict[int, AgentError],
    ) -> set[int]:
        """Take away the homes of the removed once nothing serves them; return whose went.

        One that any service still holds keeps its home. The mark that shuts goes last: until then
        nobody sees a half-removed site.
        """
        gone = set()
        for each in subscriptions.values():
            if each.present or each.id in held:
                continue
            try:
                if trees.has_home(self._host, each.id):
                    trees.put_aside(self._host, each.id)
                    gone.add(each.id)
            except OSError as error:
                failures[each.id] = AgentError("io", str(error))
                continue
            with self._records:
                known = self._state.get(each.id)
                if known is not None:
                    self._keep({each.id: replace(known, present=False)})
        return gone

    def sweep(self) -> None:
        """Delete what removed homes held, also before a crash. It takes as long as it takes."""
        with self._sweeping:
            trees.sweep(self._host)

    def plan(self, values: Sequence[object]) -> dict:
        """Say what `desired` would change, without changing anything."""
        subscriptions = {}
        for value in values:
            each = protocol.subscription(value, self._drivers.keys())
            subscriptions[each.id] = each
        plans = []
        with self._batch:
            for service, driver in self._drivers.items():
                wanted, failures = self._wanted(driver, subscriptions)
                for error in failures.values():
                    raise error
                for number, changes in driver.plan(wanted).items():
                    shown = [
                        {"what": each.what, "before": each.before, "after": each.after}
                        for each in changes
                    ]
                    plans.append({"subscription": number, "service": service, "changes": shown})
        return {"ok": True, "plans": plans}

    def ask(self, service: str, what: str, number: int, parameters: object) -> dict:
        """Have a driver answer what a page wants to know; nothing is changed."""
        driver = self._drivers.get(service)
        if driver is None:
            raise AgentError("refused", f"this node has no service {service[:60]!r}")
        return {"ok": True, "answer": driver.ask(what, number, parameters)}

    def transfer(
        self,
        service: str,
        what: str,
        number: int,
        parameters: object,
        file: int,
        told: Callable[[int], bool],
    ) -> dict:
        """Have a driver fill an open file, or take in what it holds."""
        driver = self._drivers.get(service)
        if driver is None:
            raise AgentError("refused", f"this node has no service {service[:60]!r}")
        return {"ok": True, "answer": driver.transfer(what, number, parameters, file, told)}

    def news(self, service: str, after: int) -> dict:
        """Say what happened of a service since; nothing of one that is not here."""
        driver = self._drivers.get(service)
        return {"ok": True, "news": [] if driver is None else driver.news(after)}

    def measure(self, numbers: Sequence[int], since: str | None = None) -> dict:
        """Say how much is used: of disk by the homes, and what drivers measure besides.

        One that could not be measured is left out; what several measure of the same is added up.
        Traffic of each day from `since` on is a figure of its own: "traffic 2026-11-23".
        """
        found: dict[str, Counter[int]] = {"disk": Counter()}
        for number in numbers:
            if (size := trees.disk_usage(self._host, number)) is not None:
                found["disk"][number] = size
        for driver in self._drivers.values():
            figures = dict(driver.measure(numbers))
            if since is not None:
                by_day = driver.traffic(numbers, since).items()
                figures |= {f"traffic {day}": amounts for day, amounts in by_day}
            for figure, by_number in figures.items():
                # Not update(): it would leave out a zero, and zero is known.
                sums = found.setdefault(figure, Counter())
                for number, amount in by_number.items():
                    sums[number] += amount
        plain = {
            figure: {str(number): amount for number, amount in by_number.items()}
            for figure, by_number in found.items()
        }
        return {"ok": True, "figures": plain}

    def count(self) -> None:
        """Have every driver count the traffic so far, before logs are put aside."""
        for driver in self._drivers.values():
            # A full disk: what is not put aside is counted the next time.
            with suppress(OSError, sqlite3.Error):
                driver.count()

    def watch(self) -> None:
        """Have every driver look after its daemon from now on."""
        for driver in self._drivers.values():
            driver.watch()

    def stop(self, patience: float = 20.0) -> None:
        """Let a batch that is being applied end, then leave the daemons or take them along."""
        self._batch.acquire(timeout=patience)
        for driver in self._drivers.values():
            driver.stop()


def _line(number: int, generation: int, service: str, error: AgentError | None) -> dict:
    line = {"subscription": number, "generation": generation, "service": service}
    if error is None:
        return line | {"ok": True}
    return line | {"ok": False, "kind": error.kind, "message": error.message}


def _whose(value: object) -> tuple[int, int]:
    """Return whose unsound request this was, as far as it can be told; 0 where it cannot."""
    if type(value) is not dict:
        return 0, 0
    number, generation = value.get("id"), value.get("generation")
    return (
        number if type(number) is int and 0 < number <= protocol.MAX_ID else 0,
        generation if type(generation) is int and 0 <= generation <= protocol.MAX_GENERATION else 0,
    )

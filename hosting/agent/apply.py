"""Desired in, difference out: what the agent does with each request, whoever sent it.

A request to switch touches marks and this agent's records only; it runs beside a batch that is
being applied and never waits for it.
"""

import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from hosting.agent import figures, protocol, trees
from hosting.agent.ballast import Ballast
from hosting.agent.driver import Driver, Result
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, Subscription, told
from hosting.agent.state import Applied, Record, State

Emit = Callable[[dict], None]
Done = TypeVar("Done")


# The agent's own records among what failed.
_RECORDS = ""


class Unfollowed(AgentError):
    """Not every service did what was asked of all; the first is told."""

    def __init__(self, faults: Mapping[str, AgentError]):
        first = next(iter(faults.values()))
        super().__init__(first.kind, first.message)
        self.faults = faults


class Applier:
    """All services of one node, and the records of what was applied."""

    def __init__(self, host: Host, drivers: Sequence[Driver[Any]], ballast: Ballast | None = None):
        self._host = host
        self._ballast = ballast
        self._drivers = {driver.service: driver for driver in drivers}
        # Services that could not go on as recorded, and why.
        self._unsettled: dict[str, AgentError] = {}
        self._state = self._with_room(lambda: State(host))
        # Guards records and the marks that follow from them; held for moments only.
        self._records = threading.RLock()
        # Held while a batch is applied.
        self._batch = threading.Lock()
        self._sweeping = threading.Lock()

    def settle(self) -> None:
        """Complete what a crash interrupted, and have every daemon serve what is recorded."""
        for service in self._drivers:
            self._settle(service)
        trees.discard_unfinished(self._host)
        if self._ballast is not None:
            self._ballast.lay()

    def _settle(self, service: str) -> None:
        """Have one driver go on as recorded. One that cannot keeps no other from serving: it is
        tried again, and says why."""
        driver, records = self._drivers[service], self._state.all()
        shut = [record.id for record in records if record.is_shut(driver.serves_limited)]
        self._unsettled.pop(service, None)
        try:
            applied = {
                record.id: driver.parse(desired)
                for record in records
                if (held := record.services.get(service)) and (desired := held.desired) is not None
            }
            driver.know({record.id: record.state for record in records})
            self._with_room(lambda: driver.settle(applied, shut))
        except (AgentError, OSError, sqlite3.Error) as error:
            self._unsettled[service] = told(error)

    def _settle_rest(self) -> None:
        """Try those again that could not."""
        for service in list(self._unsettled):
            self._settle(service)

    def hello(self, with_applied: bool) -> dict:
        """Say who this is, what is wrong with its daemons, and what has been applied."""
        if self._unsettled and self._batch.acquire(blocking=False):
            try:
                self._settle_rest()
            finally:
                self._batch.release()
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
            }
            | {service: error.message for service, error in self._unsettled.items()},
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
        """Save records, then have every service follow."""
        self._with_room(lambda: self._follow(records))

    def _with_room(self, act: Callable[[], Done]) -> Done:
        """Do something; if it fails on a full disk, once more with the room that is kept."""
        try:
            return act()
        except (AgentError, OSError, sqlite3.Error):
            if self._ballast is None or not self._ballast.release():
                raise
            return act()

    def _follow(self, records: Mapping[int, Record]) -> None:
        """Have every service follow; Unfollowed: not every one did, or it was not kept."""
        faults: dict[str, AgentError] = {}
        is_kept = True
        try:
            self._state.save(records.values())
        except (OSError, sqlite3.Error) as error:
            # Who is to be shut is shut all the same. Whoever asked hears that it was not kept, and
            # asks again: an agent that begins anew before that opens them.
            faults[_RECORDS] = told(error)
            is_kept = False
            records = {n: each for n, each in records.items() if each.state != protocol.OPEN}
        for service, driver in self._drivers.items():
            shut: list[int] = []
            opened: list[int] = []
            for record in records.values():
                (shut if record.is_shut(driver.serves_limited) else opened).append(record.id)
            # What one service cannot do keeps no other one open. One that is settled later hears
            # of it then, but whoever asks now is told.
            try:
                if (why := self._unsettled.get(service)) is not None:
                    raise why
                driver.know({record.id: record.state for record in records.values()})
                driver.switch(shut, opened if is_kept else [])
            except (AgentError, OSError, sqlite3.Error) as error:
                faults[service] = told(error)
        if faults:
            raise Unfollowed(faults)

    def desired(self, values: Sequence[object], emit: Emit) -> None:
        """Apply a batch; `emit` gets a result for each subscription and service, then a sum."""
        with self._batch:
            self._settle_rest()
            subscriptions, faults = self._accepted(values, emit)
            changed: set[int] = set()
            reloads = 0
            held: set[int] = set()
            last = next(reversed(self._drivers), None)
            for service, driver in self._drivers.items():
                wanted, failures = self._wanted(driver, subscriptions)
                result = self._applied_by(driver, wanted, faults.get(service))
                reloads += result.reloads
                changed |= result.changed
                failures |= result.failures
                self._record(service, subscriptions, failures)
                held |= failures.keys()
                if service == last:
                    changed |= self._put_aside(subscriptions, held, failures)
                for each in subscriptions.values():
                    emit(protocol.line(each.id, each.generation, service, failures.get(each.id)))
            if self._ballast is not None:
                self._ballast.lay()
        emit({"done": True, "reloads": reloads, "changed": len(changed)})

    def _accepted(
        self, values: Sequence[object], emit: Emit
    ) -> tuple[dict[int, Subscription], Mapping[str, AgentError]]:
        """Return what is sound and not stale, with its marks set: to shut never waits.

        With it, the services that could not set them.
        """
        accepted: dict[int, Subscription] = {}
        for value in values:
            try:
                each = protocol.subscription(value, self._drivers.keys())
                if each.id in accepted:
                    raise protocol.invalid(f"subscription {each.id} is given twice")
                accepted[each.id] = each
            except AgentError as error:
                number, generation = protocol.whose(value)
                for service in self._drivers:
                    emit(protocol.line(number, generation, service, error))
        with self._records:
            records = {}
            for each in list(accepted.values()):
                known = self._state.get(each.id)
                if known is not None and each.generation < known.generation:
                    del accepted[each.id]
                    words = f"generation {known.generation} has been seen"
                    for service in self._drivers:
                        emit(
                            protocol.line(
                                each.id, each.generation, service, AgentError("stale", words)
                            )
                        )
                    continue
                is_present = each.present or (known is not None and known.present)
                known = known or Record(each.id, each.generation, each.state, is_present)
                records[each.id] = replace(
                    known,
                    generation=each.generation,
                    state=each.state if each.present else protocol.SHUT,
                    present=is_present,
                )
            try:
                self._keep(records)
            except Unfollowed as error:
                if _RECORDS in error.faults:
                    raise
                return accepted, error.faults
        return accepted, {}

    @staticmethod
    def _applied_by(
        driver: Driver[Any], wanted: Mapping[int, object | None], fault: AgentError | None
    ) -> Result:
        """Have a driver make it so. One whose own files are spoiled holds up no other service."""
        try:
            if fault is not None:
                raise fault
            return driver.apply(wanted)
        except (AgentError, OSError, sqlite3.Error) as error:
            return Result(failures=dict.fromkeys(wanted, told(error)))

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
        """Say how much is used: see `figures`."""
        found = figures.measured(self._host, self._drivers.values(), numbers, since)
        return {"ok": True, "figures": found}

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

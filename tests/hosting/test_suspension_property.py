"""Suspension against an oracle of plain sets: whatever happens in whatever order.

The oracle keeps entries as a set of (level, kind) for each object and knows the rules of who sets
and lifts what. Effective states, owner columns and counts are recomputed from nothing after each
step, and what Activate says is held against what is really still shut.
"""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account
from hosting import counters
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from hosting.services import base
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.oracle import (
    ACCOUNTS,
    CUSTOMER,
    OFTEN,
    OWNERS,
    TARGETS,
    Key,
    Oracle,
)
from tests.hosting.truth import check_everything
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


class Suspensions(RuleBasedStateMachine):
    """Random people doing random things to random objects."""

    world: HostingWorld

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.oracle = Oracle()
        self.runs: list[tuple[str, str, runs.Outcome]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # Doing things as people do them.

    def can_act(self, actor: str) -> bool:
        return actor == "admin" or (not self.oracle.is_shut(actor) and actor not in self.gone())

    def gone(self) -> set[str]:
        return set(self.oracle.removed)

    def row(self, name: str) -> Any:
        if name in ACCOUNTS:
            return Account.objects.get(username=name)
        return Subscription.objects.get(name=name)

    def do(self, actor: str, verb: str, name: str, *, billing: bool = False, **params: Any) -> Any:
        row = self.row(name)
        noun = row.role if name in ACCOUNTS else "subscription"
        changes = {"door": "api", "scopes": frozenset({"billing"})} if billing else {}
        who = self.world.actor(actor, **changes)
        return runs.perform(operations[f"{noun}.{verb}"], who, [row.pk], params=params)

    def reaches(self, actor: str, name: str) -> bool:
        is_role = actor == "admin" or name not in self.oracle.resellers
        return self.oracle.sees(actor, name) and name not in self.gone() and is_role

    people = st.sampled_from(["admin", "admin", "admin", "ada", "ada", "ada", "ben"])
    kinds = st.sampled_from(["unpaid", "abuse", "other"])

    @initialize(
        causes=st.lists(
            st.tuples(
                st.sampled_from(["admin", "ada"]),
                st.sampled_from(["carl", "carl.example", "shop.example", "cleo.example"]),
                kinds,
            ),
            min_size=3,
            max_size=6,
        )
    )
    def begin(self, causes: list[tuple[str, str, str]]) -> None:
        """Not from a world where all is well: there nearly nothing meets anything."""
        for actor, name, kind in causes:
            self.suspend(actor, name, kind, panel=False, billing=False)

    @rule(
        actor=people,
        name=st.sampled_from(["carl", "carl", "ada"]),
        own=st.sampled_from([False, False, True]),
    )
    def activate_account(self, actor: str, name: str, own: bool) -> None:
        self.activate(actor, name, own=own, abuse=False, billing=False)

    @rule(
        actor=people,
        name=st.sampled_from(OFTEN),
        kind=kinds,
        panel=st.booleans(),
        billing=st.booleans(),
    )
    def suspend(self, actor: str, name: str, kind: str, panel: bool, billing: bool) -> None:
        if not self.can_act(actor):
            return
        params = {"kind": kind, "scope": "panel"} if panel and name == "ada" else {"kind": kind}
        outcome = self.do(actor, "suspend", name, billing=billing, **params)
        may = self.reaches(actor, name) and (not billing or kind == "unpaid")
        key = (self.oracle.level(actor, name), kind)
        is_new = may and key not in self.oracle.entries[name]
        assert outcome.counts == ({"done": 1} if is_new else outcome.counts)
        assert ("done" in outcome.counts) == is_new
        if is_new:
            self.oracle.entries[name][key] = outcome.run.pk
            if name == "ada":
                (self.oracle.panel_only.add if panel else self.oracle.panel_only.discard)(key)
            self.runs.append((actor, name, outcome))

    @rule(
        actor=people,
        name=st.sampled_from(OFTEN),
        own=st.booleans(),
        abuse=st.booleans(),
        billing=st.booleans(),
    )
    def activate(self, actor: str, name: str, own: bool, abuse: bool, billing: bool) -> None:
        if not self.can_act(actor):
            return
        params = {"own": own, "abuse": abuse} if name in ACCOUNTS else {"abuse": abuse}
        outcome = self.do(actor, "activate", name, billing=billing, **params)
        lifted = self.reaches(actor, name) and self.oracle.activate(
            actor, name, own=own, abuse=abuse and not billing, billing=billing
        )
        assert ("done" in outcome.counts) == lifted
        if lifted:
            self.says_what_remains(name, outcome)

    def says_what_remains(self, name: str, outcome: runs.Outcome) -> None:
        """What Activate names is what is still shut, with the cause that it says."""
        oracle = self.oracle
        told = {note["code"]: set(note["params"]["names"]) for note in outcome.notes}
        shut = {name} if oracle.is_shut(name) else set()
        if name in ACCOUNTS and not shut:
            below = oracle.below(name)
            customers = [one for one, above in oracle.above.items() if above == name]
            asleep = {one for one in customers if oracle.is_shut(one) and one not in self.gone()}
            shut |= asleep
            shut |= {
                one for one in below if oracle.is_shut(one) and oracle.owner(one) not in asleep
            }
        labels = {str(self.world.accounts[one]) if one in ACCOUNTS else one for one in shut}
        assert set().union(*told.values()) == labels if told else labels == set()
        expired = {one for one in shut if ("expired", "other") in oracle.entries.get(one, {})}
        assert told.get("remain_expired", set()) == expired
        switched = {
            one
            for one in shut & set(OWNERS)
            if any(level == CUSTOMER for level, _kind in oracle.entries[one])
        }
        if name in ACCOUNTS:
            assert told.get("remain_switched_off", set()) == switched

    @rule(
        is_off=st.sampled_from([True, True, False]),
        name=st.sampled_from(["carl.example", "carl.example", "shop.example"]),
    )
    def switch(self, is_off: bool, name: str) -> None:
        if not self.can_act("carl") or name in self.gone():
            return
        outcome = self.do("carl", "switch-off" if is_off else "switch-on", name)
        entries = self.oracle.entries[name]
        if self.oracle.owner(name) != "carl":
            assert "done" not in outcome.counts
        elif is_off:
            # One switch, whatever it was called when it was the provider's.
            if not any(level == CUSTOMER for level, _kind in entries):
                entries[(CUSTOMER, "other")] = None
        else:
            for key in [key for key in entries if key[0] == CUSTOMER]:
                del entries[key]

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        if not self.runs:
            return
        actor, name, outcome = data.draw(st.sampled_from(self.runs))
        if not self.can_act(actor):
            return
        self.world.undo(actor, outcome)
        is_reseller = name in self.oracle.resellers
        if name in ACCOUNTS and outcome.operation.noun != ("customer", "reseller")[is_reseller]:
            # What was done to a customer is not undone on a reseller.
            return
        self.oracle.undo(actor, name, outcome.run.pk)

    @rule(actor=people, name=st.sampled_from(list(OWNERS)), is_over=st.booleans())
    def expiry(self, actor: str, name: str, is_over: bool) -> None:
        if not self.can_act(actor):
            return
        outcome = self.do(actor, "set-expiry", name, expires_on="2020-02-29" if is_over else "")
        is_own = self.oracle.level(actor, name) == CUSTOMER
        if not self.reaches(actor, name) or is_own:
            assert "done" not in outcome.counts
        elif is_over:
            self.oracle.entries[name][("expired", "other")] = None
        else:
            self.oracle.entries[name].pop(("expired", "other"), None)

    @rule(
        actor=people,
        name=st.sampled_from([*OWNERS, "carl.example", "carl.example"]),
        to=st.sampled_from(["carl", "carl", "cleo", "nora", "ada", "ben", "admin"]),
    )
    def change_subscriber(self, actor: str, name: str, to: str) -> None:
        if not self.can_act(actor):
            return
        outcome = self.do(actor, "change-subscriber", name, subscriber=to)
        oracle = self.oracle
        may = (
            self.reaches(actor, name)
            and oracle.sees(actor, to)
            and to not in self.gone()
            and oracle.owner(name) != to
            and (actor == "admin" or not oracle.holds(name))
        )
        assert ("done" in outcome.counts) == may
        if may:
            oracle.hand_over(name, to)

    @rule(
        actor=st.sampled_from(["admin", "admin", "admin", "ada"]),
        name=st.sampled_from(["carl", "carl", "cleo", "nora"]),
        to=st.sampled_from(["ada", "ben", "admin"]),
    )
    def move(self, actor: str, name: str, to: str) -> None:
        oracle = self.oracle
        if not self.can_act(actor) or name in oracle.resellers:
            return
        outcome = self.do(actor, "move", name, owner=to, below_suspended="on")
        may = actor == "admin" and name not in self.gone() and oracle.above.get(name, "admin") != to
        assert ("done" in outcome.counts) == may
        if may:
            oracle.move(name, to)

    @rule(actor=st.sampled_from(["admin", "admin", "ada"]), name=st.sampled_from(["carl", "cleo"]))
    def convert(self, actor: str, name: str) -> None:
        oracle, row = self.oracle, self.row(name)
        if not self.can_act(actor) or name in oracle.resellers:
            return
        operation = operations["customer.convert-to-reseller"]
        given = {"limit_customers": "10", "limit_subscriptions": "25"}
        outcome = runs.perform(operation, self.world.actor(actor), [row.pk], items={row.pk: given})
        may = actor == "admin" and name not in self.gone()
        assert ("done" in outcome.counts) == may
        if may:
            oracle.convert(name)
            # It is about suspension here: limits are in nobody's way.
            limits = dict.fromkeys(base.resources("reseller"))
            Account.objects.filter(pk=row.pk).update(limits=limits)
            counters.recount_accounts([row.pk])

    @rule(actor=people, name=st.sampled_from(["carl", "cleo", *OWNERS]))
    def remove(self, actor: str, name: str) -> None:
        if not self.can_act(actor):
            return
        outcome = self.do(actor, "remove", name)
        may = self.reaches(actor, name) and (actor == "admin" or not self.oracle.holds(name))
        assert ("done" in outcome.counts) == may
        if may:
            self.oracle.moment += 1
            for one in [name, *(self.oracle.below(name) if name in ACCOUNTS else [])]:
                self.oracle.removed[one] = self.oracle.moment

    @rule(actor=people, name=st.sampled_from(["carl", "cleo", *OWNERS]))
    def restore(self, actor: str, name: str) -> None:
        if not self.can_act(actor):
            return
        outcome = self.do(actor, "restore", name)
        oracle = self.oracle
        is_below_removed = oracle.owner(name) != name and oracle.owner(name) in oracle.removed
        may = (
            name in oracle.removed
            and oracle.sees(actor, name)
            and (actor == "admin" or not oracle.holds(name))
            and not is_below_removed
        )
        assert ("done" in outcome.counts) == may
        if may:
            since = oracle.removed[name]
            for one in [name, *(one for one, owner in oracle.owners.items() if owner == name)]:
                if oracle.removed.get(one) == since:
                    del oracle.removed[one]

    @rule()
    def add(self) -> None:
        """A site more below whatever is suspended now."""
        if "carl.example" not in self.gone():
            site = f"n{Subscription.objects.get(name='carl.example').version}.carl.example"
            if not Subscription.objects.filter(domains__ascii=site).exists():
                self.world.domain("carl.example", site)

    @invariant()
    def everything_is_as_the_oracle_says(self) -> None:
        rows = {row.username: row for row in Account.objects.all()}
        rows |= {row.name: row for row in Subscription.objects.all()}
        found: dict[str, set[Key]] = {name: set() for name in rows}
        for entry in SuspensionEntry.objects.select_related("account", "subscription"):
            name = entry.account.username if entry.account else entry.subscription.name
            found[name].add((entry.level, entry.kind))
        for name in TARGETS:
            assert found[name] == set(self.oracle.entries[name]), name
            assert rows[name].is_suspended == self.oracle.is_shut(name), name
            assert (rows[name].removing_at is not None) == (name in self.gone()), name
        check_everything()


@pytest.mark.slow
def test_suspension_follows_the_oracle(world: HostingWorld):
    world.space("carl", "shop.example")
    machine = type("Suspensions", (Suspensions,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=18,
            stateful_step_count=18,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

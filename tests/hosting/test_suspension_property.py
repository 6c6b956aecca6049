"""Suspension against an oracle of plain sets: whatever happens in whatever order.

The oracle keeps entries as a set of (level, kind) for each object and knows the rules of who sets
and lifts what. Effective states, owner columns and counts are recomputed from nothing after each
step, and what Activate says is held against what is really still shut.
"""

from dataclasses import dataclass, field
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
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.truth import check_everything
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db

ADMINISTRATOR, RESELLER, CUSTOMER = "administrator", "reseller", "customer"
# Who is above whom, and whose the subscriptions are.
OWNERS = {
    "carl.example": "carl",
    "shop.example": "carl",
    "cleo.example": "cleo",
    "ada.example": "ada",
    "nora.example": "nora",
}
ABOVE = {"carl": "ada", "cleo": "ada", "nora": "ben"}
ACCOUNTS = ["carl", "cleo", "nora", "ada"]
TARGETS = [*ACCOUNTS, *OWNERS]
# Things have to meet to be interesting, so most of them happen to Carl and what is his.
OFTEN = [*TARGETS, *["carl"] * 3, *["carl.example"] * 4, "ada", "ada", "shop.example"]
Key = tuple[str, str]


@dataclass
class Oracle:
    """Entries by object, as sets; which run set them; what is in the trash, and since when."""

    entries: dict[str, dict[Key, int | None]] = field(
        default_factory=lambda: {name: {} for name in [*TARGETS, "ben"]}
    )
    panel_only: set[Key] = field(default_factory=set)
    removed: dict[str, int] = field(default_factory=dict)
    moment: int = 0

    def owner(self, name: str) -> str:
        return OWNERS.get(name, name)

    def chain(self, name: str) -> list[str]:
        """The object and all accounts above it, but the administrator's."""
        owner = self.owner(name)
        return list(dict.fromkeys([name, owner, *([ABOVE[owner]] if owner in ABOVE else [])]))

    def shuts(self, name: str, on: str) -> bool:
        """Whether entries on `on` shut `name`."""
        keys = set(self.entries[on])
        return bool(keys if on == name or on != "ada" else keys - self.panel_only)

    def is_shut(self, name: str) -> bool:
        return any(self.shuts(name, on) for on in self.chain(name))

    def sees(self, actor: str, name: str) -> bool:
        return actor == "admin" or actor in self.chain(name)

    def level(self, actor: str, name: str) -> str:
        if actor == "admin":
            return ADMINISTRATOR
        return CUSTOMER if self.owner(name) == actor else RESELLER

    def below(self, account: str) -> list[str]:
        found = [name for name in OWNERS if account in self.chain(name)]
        return [name for name in found if name not in self.removed]

    def liftable(self, actor: str, name: str, *, abuse: bool, billing: bool) -> set[Key]:
        own = self.level(actor, name)
        levels = {ADMINISTRATOR: {ADMINISTRATOR, RESELLER}, RESELLER: {RESELLER}}.get(own, {own})
        return {
            (level, kind)
            for level, kind in self.entries[name]
            if level in levels and (kind == "unpaid" if billing else kind != "abuse" or abuse)
        }

    def activate(self, actor: str, name: str, *, own: bool, abuse: bool, billing: bool) -> bool:
        """Lift; whether there was anything to lift."""
        may = self.liftable(actor, name, abuse=abuse, billing=billing)
        highest = next((x for x in (ADMINISTRATOR, RESELLER, CUSTOMER) if x in dict(may)), None)
        along: list[tuple[str, Key]] = []
        if own and name in ACCOUNTS:
            for below in self.below(name):
                keys = self.liftable(actor, below, abuse=abuse, billing=billing)
                along += [(below, key) for key in keys if key[0] != CUSTOMER]
        for key in may:
            if key[0] == highest:
                del self.entries[name][key]
        for below, key in along:
            del self.entries[below][key]
        return bool(highest or along)

    def holds(self, name: str) -> bool:
        """Whether an entry of the administrator's is on it, above it or in it."""
        inside = [one for one, owner in OWNERS.items() if owner == name]
        keys = {key for on in [*self.chain(name), *inside] for key in self.entries[on]}
        return any(level == ADMINISTRATOR for level, _kind in keys)


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

    def do(self, actor: str, verb: str, name: str, *, billing: bool = False, **params: Any) -> Any:
        world = self.world
        noun = ("reseller" if name == "ada" else "customer") if name in ACCOUNTS else "subscription"
        changes = {"door": "api", "scopes": frozenset({"billing"})} if billing else {}
        row = (
            Account.objects.get(username=name)
            if name in ACCOUNTS
            else Subscription.objects.get(name=name)
        )
        return runs.perform(
            operations[f"{noun}.{verb}"], world.actor(actor, **changes), [row.pk], params=params
        )

    def reaches(self, actor: str, name: str) -> bool:
        is_role = actor == "admin" or name != "ada"
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
            customers = [one for one, above in ABOVE.items() if above == name]
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
        self.do("carl", "switch-off" if is_off else "switch-on", name)
        if is_off:
            self.oracle.entries[name].setdefault((CUSTOMER, "other"), None)
        else:
            self.oracle.entries[name].pop((CUSTOMER, "other"), None)

    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        if not self.runs:
            return
        actor, name, outcome = data.draw(st.sampled_from(self.runs))
        if not self.can_act(actor):
            return
        self.world.undo(actor, outcome)
        if name not in self.gone():
            entries = self.oracle.entries[name]
            self.oracle.entries[name] = {
                key: run for key, run in entries.items() if run != outcome.run.pk
            }

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
            for one in [name, *(one for one, owner in OWNERS.items() if owner == name)]:
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


def test_suspension_follows_the_oracle(world: HostingWorld):
    world.space("carl", "shop.example")
    machine = type("Suspensions", (Suspensions,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=16,
            stateful_step_count=16,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""Limits under attack: random people add, restore, hand over and lower; figures are recounted.

The oracle knows no operation. It counts every resource from the rows before and after each step,
and holds one rule against the difference: a limit refuses what adds, and lowering is never refused.
Whatever grew is within its limit afterwards, unless the policy lets it pass; whoever was made a
reseller brings along what it has. What is over its limit is shown as overused, and nothing else is.
"""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account
from hosting import demand, totals
from hosting.models.domains import Alias, Domain
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription
from panel.core import door, runs
from panel.core.access import Role
from panel.core.operations import operations
from tests.hosting.truth import check_everything
from tests.hosting.world import HostingWorld, person

pytestmark = pytest.mark.django_db

# (kind of object, its number, resource) -> how much.
Figures = dict[tuple[str, int, str], int]
# What people get when they ask for more, so that both answers are met.
TIGHT = st.sampled_from([0, 1, 2, 3, 4, None])
ADDING = {
    "account.add-customer",
    "account.add-subscription",
    "subscription.add-domain",
    "domain.add-alias",
}
HANDING_OVER = {"subscription.change-subscriber", "customer.move", "customer.restore"}
# There are none to begin with.
TIGHTER = st.sampled_from([0, 0, 1, None])


def recounted() -> Figures:
    """What everybody uses, counted one by one; nothing that the panel counts with."""
    found: Counter[tuple[str, int, str]] = Counter()
    rows = {row.pk: row for row in Subscription.objects.filter(removing_at=None)}
    resellers = {row.pk for row in Account.objects.filter(role=Role.RESELLER)}
    for row in rows.values():
        if row.reseller_id:
            found["reseller", row.reseller_id, "subscriptions"] += 1
    for customer in Account.objects.filter(role=Role.CUSTOMER, removing_at=None):
        if customer.reseller_id in resellers:
            found["reseller", customer.reseller_id, "customers"] += 1
    used: list[tuple[int, str]] = []
    for domain in Domain.objects.all():
        used.append((domain.subscription_id, "domains" if domain.parent is None else "subdomains"))
    used += [(alias.subscription_id, "aliases") for alias in Alias.objects.all()]
    for pk, resource in used:
        if pk in rows:
            found["subscription", pk, resource] += 1
            if rows[pk].reseller_id:
                found["reseller", rows[pk].reseller_id, resource] += 1
    return dict(found)


def limits_of(kind: str) -> dict[int, dict[str, Any]]:
    model = Account if kind == "reseller" else Subscription
    return dict(model.objects.values_list("pk", "limits"))


class Limits(RuleBasedStateMachine):
    """Random people adding to random objects, while their limits change."""

    world: HostingWorld
    # What became of everything that was tried, over all examples.
    met: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.number = 0
        self.before = recounted()
        self.new_resellers: set[int] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def do(self, actor: str, operation: str, row: Any, **params: Any) -> str:
        """What became of one target."""
        what = operations[operation]
        if what.item_form_class is None and what.verb != "customize":
            outcome = self.world.perform(actor, operation, row, **params)
        else:
            # What is not given is as the page would show it.
            who = self.world.actor(actor)
            given = door.read(what, who, [row], params)
            outcome = runs.perform(what, who, [row.pk], params=given.params, items=given.items)
        (result,) = outcome.counts
        (finding,) = outcome.findings
        self.met[f"{operation} {result} {finding.code if result == 'refused' else ''}".strip()] += 1
        assert result != "failed", operation
        return str(result)

    def new(self) -> str:
        self.number += 1
        return f"n{self.number}"

    def pick(self, data: st.DataObject, rows: Any) -> Any:
        found = list(rows.order_by("pk"))
        return data.draw(st.sampled_from(found)) if found else None

    providers = st.sampled_from(["admin", "ada", "ada", "ben"])

    def present(self, *, of: str = "") -> Any:
        rows = Subscription.objects.filter(removing_at=None)
        return rows.filter(reseller=self.world.accounts[of]) if of not in {"", "admin"} else rows

    @initialize(ada=st.tuples(TIGHT, TIGHT, TIGHT), carl=st.tuples(TIGHT, TIGHTER))
    def begin(self, ada: tuple, carl: tuple) -> None:
        """Where there is little room from the start, most steps meet a limit."""
        names = ("customers", "subscriptions", "domains")
        self.set_reseller(self.world.ada, dict(zip(names, ada, strict=True)))
        self.set_subscription(self.world.sub("carl.example"), *carl)

    def set_reseller(self, row: Account, changes: dict[str, int | None]) -> None:
        """As an administrator's Customize does it."""
        row = Account.objects.get(pk=row.pk)
        given = {**row.limits, **changes}
        Account.objects.filter(pk=row.pk).update(limits=given)
        totals.judge([row.pk])

    def set_subscription(self, row: Subscription, domains: Any, aliases: Any) -> None:
        given = {"limit_domains": domains, "limit_aliases": aliases}
        # Whatever is left over of both is as it was: nothing to do.
        result = self.do("admin", "subscription.customize", row, **given)
        assert result in {"done", "unchanged"}

    @rule(
        data=st.data(),
        changes=st.dictionaries(
            st.sampled_from(["customers", "subscriptions", "domains", "aliases"]), TIGHT, min_size=1
        ),
    )
    def another_limit_for_a_reseller(self, data: Any, changes: dict[str, int | None]) -> None:
        self.set_reseller(self.pick(data, Account.objects.filter(role=Role.RESELLER)), changes)

    @rule(data=st.data(), domains=TIGHT, aliases=TIGHTER)
    def customize(self, data: Any, domains: Any, aliases: Any) -> None:
        """Lowering is never refused: it shows as overused."""
        if (row := self.pick(data, self.present())) is not None:
            self.set_subscription(row, domains, aliases)

    @rule(data=st.data(), policy=st.sampled_from(OverusePolicy.values))
    def another_policy(self, data: Any, policy: str) -> None:
        if (row := self.pick(data, self.present())) is not None:
            Subscription.objects.filter(pk=row.pk).update(overuse_policy=policy)

    @rule(actor=providers)
    def add_a_customer(self, actor: str) -> None:
        name = self.new()
        self.do(actor, "account.add-customer", self.world.accounts[actor], **person(name))

    @rule(actor=providers)
    def add_a_customer_with_a_subscription(self, actor: str) -> None:
        name = self.new()
        given = person(name, create_subscription="1", domain=f"{name}.example")
        self.do(actor, "account.add-customer", self.world.accounts[actor], **given)

    @rule(data=st.data(), actor=providers)
    def add_a_subscription(self, data: Any, actor: str) -> None:
        rows = Account.objects.filter(removing_at=None)
        if actor != "admin":
            rows = rows.filter(reseller=self.world.accounts[actor])
        domain = f"{self.new()}.example"
        self.do(actor, "account.add-subscription", self.pick(data, rows), domain=domain)

    @rule(data=st.data(), actor=providers)
    def add_a_domain(self, data: Any, actor: str) -> None:
        if (row := self.pick(data, self.present(of=actor))) is not None:
            self.do(actor, "subscription.add-domain", row, name=f"{self.new()}.example")

    @rule(data=st.data(), actor=providers)
    def add_an_alias(self, data: Any, actor: str) -> None:
        row = self.pick(data, Domain.objects.filter(subscription__in=self.present(of=actor)))
        if row is not None:
            self.do(actor, "domain.add-alias", row, name=f"{self.new()}.example")

    @rule(data=st.data())
    def remove_a_subscription(self, data: Any) -> None:
        if (row := self.pick(data, self.present())) is not None:
            self.do("admin", "subscription.remove", row)

    @rule(data=st.data())
    def restore_a_subscription(self, data: Any) -> None:
        row = self.pick(data, Subscription.objects.exclude(removing_at=None))
        if row is not None:
            self.do("admin", "subscription.restore", row)

    @rule(data=st.data())
    def remove_a_customer(self, data: Any) -> None:
        rows = Account.objects.filter(role=Role.CUSTOMER, removing_at=None)
        if (row := self.pick(data, rows)) is not None:
            self.do("admin", "customer.remove", row)

    @rule(data=st.data())
    def restore_a_customer(self, data: Any) -> None:
        rows = Account.objects.filter(role=Role.CUSTOMER).exclude(removing_at=None)
        if (row := self.pick(data, rows)) is not None:
            self.do("admin", "customer.restore", row)

    @rule(data=st.data())
    def change_the_subscriber(self, data: Any) -> None:
        row = self.pick(data, self.present())
        to = self.pick(data, Account.objects.filter(removing_at=None))
        if row is not None:
            self.do("admin", "subscription.change-subscriber", row, subscriber=to.username)

    @rule(data=st.data(), owner=st.sampled_from(["admin", "ada", "ada", "ben"]))
    def move_a_customer(self, data: Any, owner: str) -> None:
        """All of it or nothing: what comes to a reseller has to fit there."""
        rows = Account.objects.filter(role=Role.CUSTOMER, removing_at=None)
        if (row := self.pick(data, rows)) is not None:
            self.do("admin", "customer.move", row, owner=owner)

    @rule(data=st.data())
    def convert_a_customer(self, data: Any) -> None:
        """Never refused for what it has: what is too much shows as overused."""
        rows = Account.objects.filter(role=Role.CUSTOMER, removing_at=None)
        if (row := self.pick(data, rows)) is not None:
            self.new_resellers.add(row.pk)
            self.do("admin", "customer.convert-to-reseller", row)

    @rule(data=st.data())
    def convert_a_reseller_back(self, data: Any) -> None:
        rows = Account.objects.filter(role=Role.RESELLER, removing_at=None)
        row = self.pick(data, rows.exclude(username__in=["ada", "ben"]))
        if row is not None:
            self.do("admin", "reseller.convert-to-customer", row)

    @rule(data=st.data())
    def change_the_plan(self, data: Any) -> None:
        row = self.pick(data, self.present())
        if row is None:
            return
        owner = row.account if row.account.role != Role.CUSTOMER else row.account.provider
        plans = Plan.objects.filter(account=owner, kind="hosting")
        plan = self.pick(data, plans)
        if plan is not None:
            self.do("admin", "subscription.change-plan", row, plan=plan.pk)

    @precondition(lambda self: self.number > 0)
    @invariant()
    def whatever_grew_is_within_its_limit(self) -> None:
        before, now = self.before, recounted()
        self.before = now
        policies = dict(Subscription.objects.values_list("pk", "overuse_policy"))
        given = {kind: limits_of(kind) for kind in ("subscription", "reseller")}
        for (kind, pk, resource), used in now.items():
            limit = given[kind][pk].get(resource, 0)
            if limit is None or used <= limit or used <= before.get((kind, pk, resource), 0):
                continue
            is_let_pass = kind == "subscription" and policies[pk] == OverusePolicy.ALLOWED
            # A main domain comes with its subscription; a plan with less is no refusal.
            is_main = kind == "subscription" and (kind, pk, "domains") not in before
            assert is_let_pass or is_main or pk in self.new_resellers, (kind, pk, resource, used)
        self.new_resellers.clear()

    @invariant()
    def what_is_over_its_limit_says_so_and_nothing_else_does(self) -> None:
        over: dict[str, set[int]] = {"subscription": set(), "reseller": set()}
        given = {kind: limits_of(kind) for kind in over}
        for (kind, pk, resource), used in recounted().items():
            limit = given[kind][pk].get(resource, 0)
            if limit is not None and used > limit:
                over[kind].add(pk)
        rows = Subscription.objects.filter(is_overused=True, removing_at=None)
        assert set(rows.values_list("pk", flat=True)) == over["subscription"]
        resellers = Account.objects.filter(is_overused=True)
        assert set(resellers.values_list("pk", flat=True)) == over["reseller"]
        check_everything()


def attack(world: HostingWorld, met: Counter[str], **more: Any) -> None:
    machine = type("Limits", (Limits,), {"world": world, "met": met})
    given = settings(
        max_examples=7,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
    run_state_machine_as_test(machine, settings=given)


@pytest.mark.slow
def test_whatever_adds_is_refused_at_its_limit_whoever_does_it(world: HostingWorld) -> None:
    met: Counter[str] = Counter()
    attack(world, met)
    # It proves nothing where nothing was refused, or everything.
    refused = {line.split()[0] for line in met if " refused limit" in line}
    done = {line.split()[0] for line in met if line.endswith(" done")}
    assert len(refused & ADDING) >= 3, met
    assert refused & HANDING_OVER, met
    converted = {"customer.convert-to-reseller", "reseller.convert-to-customer"}
    assert (refused & ADDING) | converted <= done, met


def test_without_the_check_something_is_found_beyond_its_limit(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand.Room, "take", lambda *_given: None)
    with pytest.raises(AssertionError):
        attack(world, Counter(), phases=[Phase.generate])

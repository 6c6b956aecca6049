"""Owner columns and counts: right after anything, found by the audit when they are not."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import Account, User
from accounts.tree import owned_models, rehome, wrong_owner_columns
from hosting import counters
from hosting.models.domains import Alias, Domain
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from tests.hosting.truth import check_everything, counts
from tests.hosting.world import HostingWorld, person

pytestmark = pytest.mark.django_db


def test_every_row_of_a_small_world_has_the_right_owner(world: HostingWorld):
    assert wrong_owner_columns() == []
    rows = {row.name: (row.account, row.reseller) for row in Subscription.objects.all()}
    assert rows["carl.example"] == (world.carl, world.ada)
    assert rows["ada.example"] == (world.ada, world.ada)
    assert rows["dora.example"] == (world.dora, None)


def test_the_audit_finds_a_wrong_column_in_every_model(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    checked = []
    for model in owned_models():
        row = model.objects.filter(account=world.carl).first()
        if row is None:
            continue
        with transaction.atomic():
            model.objects.filter(pk=row.pk).update(reseller=world.ben)
            assert wrong_owner_columns() == [f"{model._meta.label} {row.pk}"]
            transaction.set_rollback(True)
        checked.append(model)
    assert {User, Subscription, Domain, Alias} <= set(checked)
    Account.objects.filter(pk=world.carl.pk).update(reseller=world.ben)
    assert f"account {world.carl.pk}" in wrong_owner_columns()
    rehome([world.carl.pk])


def test_a_customer_that_moves_takes_all_its_rows_along(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    world.add_user("carl", "carl.helper")
    Account.objects.filter(pk=world.carl.pk).update(provider=world.ben)
    rehome([world.carl.pk])
    assert wrong_owner_columns() == []
    ben, ada = world.actor("ben"), world.actor("ada")
    for model in (Subscription, Domain, Alias, User):
        assert model.objects.visible_to(ben).filter(account=world.carl).exists(), model
        assert not model.objects.visible_to(ada).filter(account=world.carl).exists(), model
    Account.objects.filter(pk=world.carl.pk).update(provider=world.ada)
    rehome([world.carl.pk])


def test_a_count_that_is_wrong_is_put_right_at_night(world: HostingWorld):
    right = counts()
    for model, values in (
        (Account, {"subscriptions_count": 99, "domains_count": 99, "customers_count": 99}),
        (Plan, {"subscriptions_count": 99}),
        (Subscription, {"domains_count": 99}),
        (Domain, {"aliases_count": 99}),
    ):
        model.objects.update(**values)
    # Customers are counted for resellers only.
    Account.objects.exclude(role="reseller").update(customers_count=0)
    counters.recount_all()
    assert counts() == right


class Hosting(RuleBasedStateMachine):
    """Random additions, removals, restorings, purges and changes of plan."""

    world: HostingWorld
    numbers = st.integers(0, 5)

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def any_of(self, model: Any, number: int, **which: Any) -> Any:
        rows = list(model.objects.filter(**which).order_by("pk"))
        return rows[number % len(rows)] if rows else None

    def do(self, operation: str, target: Any, **params: Any) -> None:
        if target is not None:
            (finding,) = self.world.perform("admin", operation, target, **params).findings
            assert finding.result != "failed", (operation, params)

    @rule(
        number=numbers, provider=st.sampled_from(["admin", "ada", "ben"]), with_space=st.booleans()
    )
    def add_customer(self, number: int, provider: str, with_space: bool) -> None:
        params = person(f"cust{number}")
        if with_space:
            params |= {"create_subscription": "on", "domain": f"c{number}.example"}
        self.world.perform(
            provider, "account.add-customer", self.world.accounts[provider], **params
        )

    @rule(number=numbers, name=numbers)
    def add_subscription(self, number: int, name: int) -> None:
        account = self.any_of(Account, number, removing_at=None)
        self.do("account.add-subscription", account, domain=f"s{name}.example")

    @rule(number=numbers, name=numbers)
    def add_domain(self, number: int, name: int) -> None:
        row = self.any_of(Subscription, number, removing_at=None)
        self.do("subscription.add-domain", row, name=f"d{name}.example")

    @rule(number=numbers, name=numbers)
    def add_alias(self, number: int, name: int) -> None:
        site = self.any_of(Domain, number, removing_at=None)
        self.do("domain.add-alias", site, name=f"a{name}.example")

    @rule(
        number=numbers,
        what=st.sampled_from(["domain", "alias", "subscription", "customer", "plan"]),
    )
    def remove(self, number: int, what: str) -> None:
        target = {
            "domain": lambda: self.any_of(Domain, number, is_main=False),
            "alias": lambda: self.any_of(Alias, number),
            "subscription": lambda: self.any_of(Subscription, number),
            "customer": lambda: self.any_of(Account, number, role="customer"),
            "plan": lambda: self.any_of(Plan, number),
        }[what]()
        self.do(f"{what}.remove", target)

    @rule(
        number=numbers,
        what=st.sampled_from(["subscription", "customer"]),
        verb=st.sampled_from(["restore", "purge"]),
    )
    def bring_back_or_purge(self, number: int, what: str, verb: str) -> None:
        model = {"subscription": Subscription, "customer": Account}[what]
        self.do(f"{what}.{verb}", self.any_of(model, number, removing_at__isnull=False))

    @rule(number=numbers, plan=numbers)
    def change_plan(self, number: int, plan: int) -> None:
        row = self.any_of(Subscription, number, removing_at=None)
        found = row and self.any_of(Plan, plan, account=row.account.provider or row.account)
        self.do("subscription.change-plan", row, plan=str(found.pk) if found else "")

    @rule(number=numbers, who=st.sampled_from(["carl", "ada", "ben"]))
    def suspend_or_activate(self, number: int, who: str) -> None:
        noun, verb = self.world.noun(who), ("suspend", "activate")[number % 2]
        target = Account.objects.filter(username=who).first()
        self.do(f"{noun}.{verb}", target)

    @invariant()
    def everything_is_right(self) -> None:
        check_everything()


@pytest.mark.slow
def test_owners_counts_and_states_survive_whatever_happens(world: HostingWorld, monkeypatch):
    # Resellers that are suspended now cannot add; nothing else is meant to fail here.
    act = world.actor

    def actor(name: str, **changes: Any) -> Any:
        return act(
            name if not Account.objects.get(username=name).is_suspended else "admin", **changes
        )

    monkeypatch.setattr(HostingWorld, "actor", lambda self, name, **changes: actor(name, **changes))
    machine = type("Hosting", (Hosting,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""Resellers: added with limits, suspended with everything below or the panel only, removed last."""

import pytest

from accounts.actors import may_log_in
from accounts.models import Account
from hosting import daily
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, person, room, why

pytestmark = pytest.mark.django_db
LIMITS = {"limit_customers": "3", "limit_subscriptions": "unlimited"}


@pytest.mark.parametrize("door", DOORS)
def test_a_reseller_is_added_with_its_limits(world: HostingWorld, door: str):
    params = person("rex", **LIMITS)
    assert world.through(door, "admin", "account.add-reseller", world.admin, **params).result == (
        "done"
    )
    made = Account.objects.get(username="rex")
    assert (made.role, made.account_id, made.reseller_id) == ("reseller", made.pk, made.pk)
    assert made.limits["customers"] == 3
    assert made.limits["subscriptions"] is None
    assert may_log_in(world.user("rex"))


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_nobody_else_adds_resellers(world: HostingWorld, who: str):
    found = world.finding(
        who, "account.add-reseller", world.accounts[who], **person("rex"), **LIMITS
    )
    assert found.code == "not_allowed"


@pytest.mark.parametrize("value", ["-2", "1.5", "many", "²", "9" * 20, ""])
def test_a_limit_is_a_number_or_unlimited(world: HostingWorld, value: str):
    params = person("rex", **{**LIMITS, "limit_customers": value})
    found = world.finding("admin", "account.add-reseller", world.admin, **params)
    assert (found.result, found.code) == ("refused", "invalid")


def test_suspending_a_reseller_shuts_everything_below(world: HostingWorld):
    world.suspend("admin", "ada")
    for name in ("ada", "carl", "cleo", "carl.example", "cleo.example", "ada.example"):
        assert not world.runs_(name), name
    assert world.runs_("nora.example")
    assert world.runs_("dora.example")
    world.activate("admin", "ada")
    for name in ("ada", "carl", "carl.example", "ada.example"):
        assert world.runs_(name), name


def test_panel_only_shuts_the_reseller_out_and_nothing_else(world: HostingWorld):
    world.suspend("admin", "ada", scope="panel")
    assert not world.runs_("ada")
    assert not may_log_in(world.user("ada"))
    for name in ("carl", "carl.example", "ada.example"):
        assert world.runs_(name), name


def test_suspending_a_reseller_asks_first_with_counts(world: HostingWorld):
    client = world.client("admin")
    response = client.post(f"/resellers/{world.ada.pk}/suspend/")
    assert response.status_code == 200
    assert world.runs_("ada")
    said = [str(one.text) for one in response.context["page"]["consequences"]]
    assert any(text.startswith("3 subscriptions") for text in said)
    assert any(text.startswith("2 customers") for text in said)


def test_a_reseller_over_its_limits_and_its_customers_go_on(world: HostingWorld):
    room(world, "ada", customers=0, subscriptions=0)
    daily.expire()
    assert world.runs_("ada")
    assert world.runs_("carl.example")
    assert world.finding("ada", "account.add-customer", world.ada, **person("x")).code == "limit"


def test_a_reseller_with_customers_is_not_removed_and_they_are_named(world: HostingWorld):
    outcome = world.perform("admin", "reseller.remove", world.ada)
    assert outcome.findings[0].code == "has_customers"
    assert "Carl Customer" in why(outcome)
    assert "Cleo Customer" in why(outcome)


@pytest.mark.parametrize("door", DOORS)
def test_a_reseller_without_customers_is_removed(world: HostingWorld, door: str):
    world.perform("ben", "customer.remove", world.nora)
    assert world.through(door, "admin", "reseller.remove", world.ben).result == "done"
    assert not may_log_in(world.user("ben"))


def test_no_reseller_is_removed_by_a_reseller(world: HostingWorld):
    assert world.finding("ada", "reseller.remove", world.ada).code == "not_allowed"
    assert world.finding("ada", "reseller.remove", world.ben).result in {"refused", "missing"}


def test_a_customer_does_not_come_back_below_a_removed_reseller(world: HostingWorld):
    world.perform("ben", "customer.remove", world.nora)
    world.perform("admin", "reseller.remove", world.ben)
    outcome = world.perform("admin", "customer.restore", world.nora)
    assert why(outcome) == "Ben Reseller, to which it belongs, was removed: restore that first."
    assert world.perform("admin", "reseller.restore", world.ben).counts == {"done": 1}
    assert world.perform("admin", "customer.restore", world.nora).counts == {"done": 1}
    assert world.runs_("nora.example")


def test_a_reseller_that_may_have_no_customers_comes_back(world: HostingWorld):
    world.perform("ben", "customer.remove", world.nora)
    world.perform("admin", "reseller.remove", world.ben)
    room(world, "ben", customers=0, subscriptions=0)
    assert world.perform("admin", "reseller.restore", world.ben).counts == {"done": 1}


def test_purging_a_reseller_takes_plans_and_what_waits_in_the_trash_below(world: HostingWorld):
    world.perform("ben", "customer.remove", world.nora)
    world.perform("admin", "reseller.remove", world.ben)
    assert world.perform("admin", "reseller.purge", world.ben).counts == {"done": 1}
    assert not Account.objects.filter(username__in=["ben", "nora"]).exists()
    assert not Plan.objects.filter(name="Ben Basic").exists()
    assert not Subscription.objects.filter(name="nora.example").exists()
    assert Plan.objects.filter(name="Ada Basic").exists()
    assert world.runs_("carl.example")


def test_nobody_converts_or_removes_the_administrator(world: HostingWorld):
    for name, operation in operations.items():
        if operation.noun in {"customer", "reseller"} and not operation.hidden:
            rows = operation.visible(world.actor("admin"))
            assert not rows.filter(pk=world.admin.pk).exists(), name

"""Add-ons are ticked where a subscription is added: alone, or together with its customer."""

import pytest

from hosting import creating
from hosting.models.plans import Plan
from hosting.models.subscriptions import SubscriptionAddOn
from panel.core.log import Activity
from panel.core.operations import Refused
from tests.hosting.world import DOORS, HostingWorld, person
from tests.pages import Page

pytestmark = pytest.mark.django_db
ADD, ADD_CUSTOMER = "account.add-subscription", "account.add-customer"


@pytest.fixture
def addon(world: HostingWorld) -> Plan:
    """Ada's add-on: three domains more."""
    return make_addon(world, "ada", "Three more")


def make_addon(world: HostingWorld, owner: str, name: str) -> Plan:
    return world.plan(owner, name, kind="addon", limits={"domains": 3}, permissions=[])


def addons(world: HostingWorld, name: str) -> list[str]:
    found = SubscriptionAddOn.objects.filter(subscription=world.sub(name))
    return sorted(found.values_list("plan__name", flat=True))


def basic(door: str = "page") -> object:
    pk = Plan.objects.get(name="Ada Basic").pk
    return pk if door == "api" else str(pk)


def ticked(addon: Plan, door: str) -> object:
    return {"page": [addon.pk], "api": [addon.pk], "cli": str(addon.pk)}[door]


@pytest.mark.parametrize("door", DOORS)
def test_a_subscription_starts_with_its_addons(world: HostingWorld, addon: Plan, door: str):
    given = {"domain": "new.example", "plan": basic(door), "addons": ticked(addon, door)}
    assert world.through(door, "ada", ADD, world.carl, **given).result == "done"
    row = world.sub("new.example")
    assert (row.limits["domains"], row.limits["aliases"]) == (8, 5)
    assert addons(world, "new.example") == ["Three more"]
    assert not row.is_unsynced
    assert Plan.objects.get(pk=addon.pk).subscriptions_count == 1
    assert Activity.objects.filter(action=ADD).latest("pk").new["addons"] == ["Three more"]
    assert addons(world, "cleo.example") == []


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_is_added_with_them(world: HostingWorld, addon: Plan, door: str):
    given = {**person("newman"), "create_subscription": True, "domain": "new.example"}
    given |= {"plan": basic(door), "addons": ticked(addon, door)}
    if door == "page":
        given |= {"password_again": given["password"], "create_subscription": "on"}
    assert world.through(door, "ada", ADD_CUSTOMER, world.ada, **given).result == "done"
    assert world.sub("new.example").limits["domains"] == 8
    assert addons(world, "new.example") == ["Three more"]


def test_they_follow_the_plan_from_then_on(world: HostingWorld, addon: Plan):
    world.finding("ada", ADD, world.carl, domain="new.example", plan=basic(), addons=[addon.pk])
    world.perform("ada", "subscription.change-plan", world.sub("new.example"), plan=basic())
    assert world.sub("new.example").limits["domains"] == 5
    assert Plan.objects.get(pk=addon.pk).subscriptions_count == 0


def test_on_no_plan_there_are_none(world: HostingWorld, addon: Plan):
    given = {"domain": "new.example", "plan": "", "addons": [addon.pk]}
    answer = world.through("page", "ada", ADD, world.carl, **given)
    assert (answer.result, list(answer.errors)) == ("invalid", ["addons"])


@pytest.mark.parametrize("door", DOORS)
def test_of_another_provider_is_an_error_at_the_field(world: HostingWorld, addon: Plan, door: str):
    theirs = make_addon(world, "ben", "Theirs")
    given = {"domain": "new.example", "plan": basic(door), "addons": ticked(theirs, door)}
    answer = world.through(door, "ada", ADD, world.carl, **given)
    assert (answer.result, list(answer.errors)) == ("invalid", ["addons"])


def test_one_that_is_removed_meanwhile_is_refused(world: HostingWorld, addon: Plan):
    """Between what was typed and what is done."""
    values = {
        "domain": "new.example",
        "plan": Plan.objects.get(name="Ada Basic"),
        "addons": [addon],
    }
    Plan.objects.filter(pk=addon.pk).delete()
    with pytest.raises(Refused):
        creating.chosen_plans(values)


def test_a_page_without_addons_does_not_ask(world: HostingWorld):
    for path in ("/subscriptions/add/", "/customers/add/"):
        assert "Add-ons" not in Page.open(world.client("ada"), path).text
    make_addon(world, "ada", "Three more")
    for path in ("/subscriptions/add/", "/customers/add/"):
        page = Page.open(world.client("ada"), path)
        assert "Three more" in page.text
        assert "Three more" not in Page.open(world.client("ben"), path).text

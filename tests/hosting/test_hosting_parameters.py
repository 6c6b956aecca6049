"""Parameters of hosting: set by plans, raised by add-ons, and by the subscriber where it may."""

from typing import Any

import pytest

from accounts.models import Account
from hosting import sync
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.services import base
from hosting.services.web.desired import desired
from tests.hosting.world import DOORS, PERMISSIONS, HostingWorld, every_limit

pytestmark = pytest.mark.django_db
OWN = "manage_performance"


def values(**more: Any) -> dict[str, Any]:
    granted = {f"may_{name}": True for name in PERMISSIONS}
    return {"name": "Ada Basic", **every_limit("5"), **granted, "overuse_policy": "space", **more}


def edit(world: HostingWorld, rate: str, *, own: bool = False, door: str = "api") -> None:
    """Edit the plan of carl and cleo."""
    plan = Plan.objects.get(name="Ada Basic")
    given = values(set_web_rate=rate, **{f"may_{OWN}": own})
    answer = world.through(door, "ada", "plan.edit", plan, **given)
    assert answer.result == "done", answer


def rate(name: str) -> int | None:
    """What is promised to the web server."""
    pk = Subscription.objects.get(name=name).pk
    return desired([pk])[pk].get("rate")


@pytest.fixture
def granting(world: HostingWorld) -> HostingWorld:
    """Carl and cleo may set their bandwidth; what the plan says is 100."""
    for row in Account.objects.filter(role="reseller"):
        row.permissions = sorted(base.permissions())
        row.save()
    edit(world, "100", own=True)
    return world


@pytest.mark.parametrize("door", DOORS)
def test_a_plan_sets_it_for_all_that_follow_and_the_servers_are_told(
    world: HostingWorld, door: str
):
    before = world.generation("carl.example")
    edit(world, "250", door=door)
    assert (rate("carl.example"), rate("cleo.example")) == (250, 250)
    assert (rate("ada.example"), rate("nora.example")) == (None, None)
    assert world.generation("carl.example") > before
    before = world.generation("carl.example")
    edit(world, "250", door=door)
    assert world.generation("carl.example") == before


@pytest.mark.parametrize("wrong", ["0", "-5", "many", "1.5", "10000001"])
def test_what_it_cannot_be_is_an_error_at_its_field(world: HostingWorld, wrong: str):
    plan = Plan.objects.get(name="Ada Basic")
    answer = world.through("page", "ada", "plan.edit", plan, **values(set_web_rate=wrong))
    assert (answer.result, list(answer.errors)) == ("invalid", ["set_web_rate"])


def test_an_add_on_raises_what_it_states_and_leaves_the_rest(world: HostingWorld):
    edit(world, "100")
    for stated, expected in ({}, 100), ({"web_rate": 50}, 100), ({"web_rate": 300}, 300):
        made = world.plan("ada", f"x{expected}{stated}", kind="addon", settings=stated, limits={})
        row = world.sub("carl.example")
        SubscriptionAddOn.objects.create(subscription=row, plan=made)
        sync.follow([row.pk])
        assert rate("carl.example") == expected
        SubscriptionAddOn.objects.all().delete()
        Plan.objects.filter(pk=made.pk).delete()
    sync.follow([row.pk])
    assert rate("carl.example") == 100


@pytest.mark.parametrize("door", DOORS)
def test_the_subscriber_sets_it_and_a_change_of_the_plan_leaves_it(
    granting: HostingWorld, door: str
):
    """Changing a plan applies it to all its unlocked subscriptions, except to settings that the
    subscriber has permission to change itself."""
    row = granting.sub("carl.example")
    given = {"set_web_rate": "40"}
    answer = granting.through(door, "carl", "subscription.hosting-parameters", row, **given)
    assert answer.result == "done"
    assert (rate("carl.example"), rate("cleo.example")) == (40, 100)
    edit(granting, "300", own=True)
    assert rate("carl.example") == 40
    row = granting.sub("carl.example")
    assert (row.is_locked, row.is_unsynced) == (False, False)
    # Without the permission it is the plan's again.
    edit(granting, "300", own=False)
    assert (rate("carl.example"), rate("cleo.example")) == (300, 300)


def test_who_gets_the_permission_along_with_a_new_value_has_the_new_value(world: HostingWorld):
    edit(world, "100")
    edit(world, "200", own=True)
    assert rate("carl.example") == 200


@pytest.mark.parametrize("door", DOORS)
def test_without_the_permission_it_is_refused(world: HostingWorld, door: str):
    row = world.sub("carl.example")
    # Nor for any other parameter: a page that has some takes no notice of what it has not.
    Subscription.objects.filter(pk=row.pk).update(permissions=[])
    answer = world.through(door, "carl", "subscription.hosting-parameters", row, set_web_rate="40")
    assert answer.result in {"refused", "invalid"}
    assert rate("carl.example") is None


def test_what_the_reseller_lacks_nobody_below_it_sets(granting: HostingWorld):
    few = [name for name in PERMISSIONS if name != "manage_hosting"]
    Account.objects.filter(pk=granting.ada.pk).update(permissions=few)
    row = granting.sub("carl.example")
    for who in ("carl", "ada"):
        found = granting.finding(who, "subscription.hosting-parameters", row, set_web_rate="40")
        assert found.code == "no_permission"
    # What had been kept for it follows the plan.
    edit(granting, "70", own=True)
    assert rate("carl.example") == 70


def test_a_neighbour_does_not_find_it_and_the_same_again_changes_nothing(granting: HostingWorld):
    row = granting.sub("carl.example")
    for who in ("nora", "ben", "cleo"):
        found = granting.finding(who, "subscription.hosting-parameters", row, set_web_rate="40")
        assert found.result == "missing"
    for result in ("done", "unchanged"):
        found = granting.finding("carl", "subscription.hosting-parameters", row, set_web_rate="40")
        assert found.result == result


def test_while_suspended_it_is_read_only(granting: HostingWorld):
    granting.suspend("ada", "carl.example")
    row = granting.sub("carl.example")
    found = granting.finding("carl", "subscription.hosting-parameters", row, set_web_rate="40")
    assert found.code == "read_only"


def test_edits_that_crossed_are_not_written_over(granting: HostingWorld):
    row = granting.sub("carl.example")
    for number, result in (("40", "done"), ("50", "refused")):
        given = {"set_web_rate": number, "version": str(row.version)}
        found = granting.finding("carl", "subscription.hosting-parameters", row, **given)
        assert found.result == result
    assert rate("carl.example") == 40

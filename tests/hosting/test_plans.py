"""Service plans: added, edited with all that follow them, cloned, removed."""

import pytest

from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core.operations import operations
from tests.hosting.world import DOORS, SPACE, HostingWorld

pytestmark = pytest.mark.django_db
VALUES = {
    "limit_domains": "7",
    "limit_subdomains": "5",
    "limit_aliases": "unlimited",
    "overuse_policy": "space",
}


def plan(name: str) -> Plan:
    return Plan.objects.get(name=name)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_a_provider_adds_plans_of_its_own(world: HostingWorld, door: str, who: str):
    params = {**VALUES, "name": "Big"}
    target = world.accounts[who]
    assert world.through(door, who, "account.add-plan", target, **params).result == "done"
    made = plan("Big")
    assert made.account == target
    # What nothing was said of is as a new plan begins.
    assert made.limits == {
        name: resource.default for name, resource in base.resources().items()
    } | {"domains": 7, "subdomains": 5, "aliases": None}


def test_a_customer_adds_none(world: HostingWorld):
    found = world.finding("carl", "account.add-plan", world.carl, name="Big", **VALUES)
    assert found.code == "not_allowed"


def test_nobody_adds_plans_to_somebody_else(world: HostingWorld):
    found = world.finding("admin", "account.add-plan", world.ada, name="Big", **VALUES)
    assert found.result == "refused"


def test_a_name_is_used_once_by_each_provider_without_regard_to_case(world: HostingWorld):
    found = world.finding("ada", "account.add-plan", world.ada, name="ADA basic", **VALUES)
    assert found.code == "plan_name"
    found = world.finding("ben", "account.add-plan", world.ben, name="Ada Basic", **VALUES)
    assert found.result == "done"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\nb"),
        ("limit_domains", "-5"),
        ("limit_domains", "1e3"),
        ("limit_domains", "+1"),
        ("limit_domains", str(2**60)),
        ("validity_days", "0"),
        ("overuse_policy", "sometimes"),
    ],
)
def test_what_cannot_be_is_an_error_at_its_field(world: HostingWorld, field: str, value: str):
    params = {**VALUES, "name": "Big", field: value}
    answer = world.through("page", "ada", "account.add-plan", world.ada, **params)
    assert (answer.result, list(answer.errors)) == ("invalid", [field])


@pytest.mark.parametrize("door", DOORS)
def test_an_edit_reaches_all_that_follow_and_no_locked_one(world: HostingWorld, door: str):
    custom = {**VALUES, "limit_domains": "2"}
    world.perform("ada", "subscription.customize", world.sub("cleo.example"), **custom)
    assert world.sub("cleo.example").is_locked
    params = {**VALUES, "name": "Ada Basic"}
    if door == "page":
        params["version"] = str(plan("Ada Basic").version)
    assert world.through(door, "ada", "plan.edit", plan("Ada Basic"), **params).result == "done"
    given = {"domains": 7, "subdomains": 5, "aliases": None}
    # What nothing was said of stays as it is.
    stays = {name: None if one.is_each else 0 for name, one in base.resources().items()} | SPACE
    assert world.sub("carl.example").limits == {**stays, **given}
    assert world.sub("cleo.example").limits["domains"] == 2
    assert world.sub("ada.example").limits["domains"] == 5
    assert world.sub("nora.example").limits["domains"] == 5


def test_the_page_says_how_many_follow_and_how_many_are_locked(world: HostingWorld):
    world.perform("ada", "subscription.customize", world.sub("cleo.example"), **VALUES)
    rows = Plan.objects.filter(name="Ada Basic")
    (said,) = operations["plan.edit"].consequences(world.actor("ada"), rows)
    assert str(said.text) == "1 subscription follows. 1 is locked and stays."


def test_an_edit_below_what_is_used_shows_as_overused(world: HostingWorld):
    world.domain("carl.example", "x.example")
    params = {**VALUES, "limit_domains": "1", "name": "Ada Basic"}
    assert world.finding("ada", "plan.edit", plan("Ada Basic"), **params).result == "done"
    assert world.sub("carl.example").is_overused
    assert not world.sub("cleo.example").is_overused
    world.perform("ada", "plan.edit", plan("Ada Basic"), **{**params, "limit_domains": "2"})
    assert not world.sub("carl.example").is_overused


def test_edits_that_crossed_are_not_written_over(world: HostingWorld):
    version = str(plan("Ada Basic").version)
    params = {**VALUES, "name": "Ada Basic", "version": version}
    assert world.finding("ada", "plan.edit", plan("Ada Basic"), **params).result == "done"
    again = {**params, "limit_domains": "9"}
    assert world.finding("ada", "plan.edit", plan("Ada Basic"), **again).result == "refused"
    assert world.sub("carl.example").limits["domains"] == 7


@pytest.mark.parametrize("door", DOORS)
def test_somebody_elses_plan_is_not_found(world: HostingWorld, door: str):
    for who in ("ben", "carl"):
        for verb in ("remove", "clone"):
            target = plan("Ada Basic")
            answer = world.through(door, who, f"plan.{verb}", target)
            assert answer.result in {"missing", "not allowed"}, (who, verb)
    assert world.through(door, "ada", "plan.remove", plan("Basic")).result == "missing"
    assert Plan.objects.count() == 3


@pytest.mark.parametrize("door", DOORS)
def test_a_removed_plan_leaves_its_subscriptions_custom_with_their_values(
    world: HostingWorld, door: str
):
    before = world.sub("carl.example")
    assert world.through(door, "ada", "plan.remove", plan("Ada Basic")).result == "done"
    row = world.sub("carl.example")
    assert (row.plan_id, row.is_locked) == (None, False)
    assert (row.limits, row.permissions) == (before.limits, before.permissions)
    assert row.overuse_policy == before.overuse_policy
    assert world.sub("nora.example").plan is not None


def test_a_clone_has_the_values_and_none_of_the_subscriptions(world: HostingWorld):
    for _time in range(2):
        assert world.finding("ada", "plan.clone", plan("Ada Basic")).result == "done"
    copy = plan("Ada Basic (2)")
    assert copy.limits == plan("Ada Basic").limits
    assert copy.subscriptions_count == 0
    assert plan("Ada Basic (3)").account == world.ada
    assert Subscription.objects.filter(plan=copy).count() == 0

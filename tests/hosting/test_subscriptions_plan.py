"""Change Plan and Customize: values, validity, the lock, and whose plans one may take."""

import pytest

from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
CHANGE = "subscription.change-plan"


def plan_id(name: str) -> int:
    return Plan.objects.get(name=name).pk


@pytest.mark.parametrize("door", DOORS)
def test_another_plan_gives_its_values(world: HostingWorld, door: str):
    given_by_plan = {"domains": 50, "subdomains": 7, "aliases": None, "scheduled_tasks": 0}
    big = world.plan("ada", "Big", limits=given_by_plan, permissions=[])
    given = big.pk if door == "api" else str(big.pk)
    row = world.sub("carl.example")
    assert world.through(door, "ada", CHANGE, row, plan=given).result == "done"
    row = world.sub("carl.example")
    assert (row.plan, row.permissions) == (big, [])
    assert row.limits.items() >= given_by_plan.items()


def test_custom_plan_keeps_the_values_and_cuts_the_link(world: HostingWorld):
    before = world.sub("carl.example")
    assert world.finding("ada", CHANGE, before, plan="").result == "done"
    row = world.sub("carl.example")
    assert (row.plan_id, row.limits) == (None, before.limits)
    assert world.finding("ada", CHANGE, row, plan="").result == "unchanged"


def test_the_same_plan_changes_nothing(world: HostingWorld):
    row = world.sub("carl.example")
    found = world.finding("ada", CHANGE, row, plan=str(plan_id("Ada Basic")))
    assert found.result == "unchanged"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_a_foreign_plan_is_an_error_at_the_field(world: HostingWorld, door: str, who: str):
    for name in ("Basic", "Ben Basic"):
        given = plan_id(name) if door == "api" else str(plan_id(name))
        answer = world.through(door, who, CHANGE, world.sub("carl.example"), plan=given)
        assert (answer.result, list(answer.errors)) == ("invalid", ["plan"])
    assert world.sub("carl.example").plan.name == "Ada Basic"


@pytest.mark.parametrize("value", ["0", "-1", "abc", "²", "9" * 30, "\x00"])
def test_what_is_no_plan_is_an_error_at_the_field(world: HostingWorld, value: str):
    answer = world.through("page", "ada", CHANGE, world.sub("carl.example"), plan=value)
    assert (answer.result, list(answer.errors)) == ("invalid", ["plan"])


def test_many_take_a_plan_together_but_those_of_another_provider(world: HostingWorld):
    big = world.plan("ada", "Big")
    rows = [world.sub("carl.example"), world.sub("cleo.example")]
    assert world.perform("admin", CHANGE, rows, plan=str(big.pk)).counts == {"done": 2}
    mixed = [world.sub("carl.example"), world.sub("nora.example")]
    outcome = world.perform("admin", CHANGE, mixed, plan=str(plan_id("Ada Basic")))
    assert outcome.counts == {"refused": 1, "done": 1}
    assert world.sub("nora.example").plan.name == "Ben Basic"


def test_a_plan_that_is_too_small_is_not_refused_and_shows_as_overused(world: HostingWorld):
    world.domain("carl.example", "x.example")
    small = world.plan("ada", "Small", limits={"domains": 1, "aliases": 0})
    row = world.sub("carl.example")
    assert world.finding("ada", CHANGE, row, plan=str(small.pk)).result == "done"
    assert world.sub("carl.example").is_overused
    world.perform("ada", CHANGE, row, plan=str(plan_id("Ada Basic")))
    assert not world.sub("carl.example").is_overused


def customize(world: HostingWorld, who: str, name: str, **more: str):
    params = {
        "limit_domains": "2",
        "limit_subdomains": "5",
        "limit_scheduled_tasks": "10",
        "limit_aliases": "0",
        "overuse_policy": "space",
        **more,
    }
    return world.finding(who, "subscription.customize", world.sub(name), **params)


def test_customising_locks_and_changing_the_plan_unlocks(world: HostingWorld):
    assert customize(world, "ada", "carl.example").result == "done"
    row = world.sub("carl.example")
    assert row.is_locked
    assert row.limits.items() >= {"domains": 2, "subdomains": 5, "aliases": 0}.items()
    big = world.plan("ada", "Big")
    world.perform("ada", CHANGE, row, plan=str(big.pk))
    assert not world.sub("carl.example").is_locked


def test_customising_a_custom_one_locks_nothing(world: HostingWorld):
    customize(world, "ada", "ada.example")
    assert not world.sub("ada.example").is_locked


def test_customising_that_crossed_is_not_written_over(world: HostingWorld):
    version = str(world.sub("carl.example").version)
    assert customize(world, "ada", "carl.example", version=version).result == "done"
    found = customize(world, "admin", "carl.example", version=version, limit_domains="9")
    assert found.result == "refused"
    assert world.sub("carl.example").limits["domains"] == 2


@pytest.mark.parametrize("operation", [CHANGE, "subscription.customize", "subscription.set-expiry"])
def test_a_subscriber_changes_none_of_it(world: HostingWorld, operation: str):
    found = world.finding("carl", operation, world.sub("carl.example"))
    assert found.code == "not_allowed"


@pytest.mark.parametrize("operation", [CHANGE, "subscription.customize", "subscription.set-expiry"])
def test_the_neighbours_is_not_found(world: HostingWorld, operation: str):
    assert world.finding("ben", operation, world.sub("carl.example")).result == "missing"


def test_what_is_in_the_trash_follows_its_plan_and_comes_back_so(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    values = {
        "limit_domains": "7",
        "limit_subdomains": "5",
        "limit_scheduled_tasks": "10",
        "limit_aliases": "7",
        "overuse_policy": "space",
    }
    world.perform(
        "ada", "plan.edit", Plan.objects.get(name="Ada Basic"), name="Ada Basic", **values
    )
    world.perform("ada", "subscription.restore", world.sub("carl.example"))
    limits = {"domains": 7, "subdomains": 5, "aliases": 7}
    assert world.sub("carl.example").limits.items() >= limits.items()
    assert Subscription.objects.get(name="carl.example").plan.subscriptions_count == 2

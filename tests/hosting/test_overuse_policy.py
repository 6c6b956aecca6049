"""What becomes of a subscription that uses more than it may, by the overuse policy of its plan."""

import pytest

from hosting import conditions
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from tests.hosting.disk import fill
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("policy", "runs"),
    [
        (OverusePolicy.FORBIDDEN, False),
        (OverusePolicy.SPACE, True),
        (OverusePolicy.ALLOWED, True),
    ],
)
def test_disk_over_the_limit_suspends_only_where_overuse_is_not_allowed(
    world: HostingWorld, disk: dict, policy: OverusePolicy, runs: bool
):
    fill(world, "carl.example", 11, 10, policy)
    assert (world.sub("carl.example").is_overused, world.runs_("carl.example")) == (True, runs)
    assert world.entries("carl.example") == (set() if runs else {("overuse", "other")})
    assert world.runs_("cleo.example")


@pytest.mark.parametrize("policy", OverusePolicy.values)
def test_a_count_over_the_limit_shows_and_suspends_nothing(world: HostingWorld, policy: str):
    """Disk and traffic suspend; domains and the like were refused when they were added."""
    rows = Subscription.objects.filter(name="carl.example")
    rows.update(limits={"domains": 0}, overuse_policy=policy)
    conditions.judge([world.sub("carl.example").pk])
    assert (world.sub("carl.example").is_overused, world.runs_("carl.example")) == (True, True)


@pytest.mark.parametrize(
    ("policy", "result"),
    [
        (OverusePolicy.FORBIDDEN, "refused"),
        (OverusePolicy.SPACE, "refused"),
        (OverusePolicy.ALLOWED, "done"),
    ],
)
def test_a_count_passes_its_limit_only_where_all_overuse_is_allowed(
    world: HostingWorld, policy: OverusePolicy, result: str
):
    rows = Subscription.objects.filter(name="carl.example")
    rows.update(limits={"domains": 1}, overuse_policy=policy)
    row = world.sub("carl.example")
    assert world.finding("ada", "subscription.add-domain", row, name="x.example").result == result


@pytest.mark.parametrize("limit", [None, 11])
def test_within_its_limit_or_without_one_it_is_not_overused(
    world: HostingWorld, disk: dict, limit: int | None
):
    fill(world, "carl.example", 11, limit, OverusePolicy.FORBIDDEN)
    assert (world.sub("carl.example").is_overused, world.runs_("carl.example")) == (False, True)

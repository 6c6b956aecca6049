"""Try again: what the node failed to apply is due at once, for one and for many."""

import pytest

from hosting.models.deployments import Deployment
from hosting.models.subscriptions import Subscription
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
TRY_AGAIN = "subscription.try-again"


def fail(world: HostingWorld, *names: str) -> None:
    """As the worker leaves them: marked, and not due before a while has passed."""
    rows = Subscription.objects.filter(name__in=names)
    Deployment.objects.filter(subscription_id__in=rows.values("pk")).update(
        attempts=4, errors={"web": {"kind": "refused", "message": "no"}}
    )
    rows.update(is_failed=True)


def attempts(world: HostingWorld, name: str) -> int:
    return Deployment.objects.get(subscription_id=world.sub(name).pk).attempts


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_it_is_due_at_once_by_every_door(world: HostingWorld, door: str, who: str):
    fail(world, "carl.example", "cleo.example")
    assert world.through(door, who, TRY_AGAIN, world.sub("carl.example")).result == "done"
    assert (attempts(world, "carl.example"), attempts(world, "cleo.example")) == (0, 4)
    again(world)


def test_many_at_once_and_what_did_not_fail_is_unchanged(world: HostingWorld):
    fail(world, "carl.example", "cleo.example")
    names = ("carl.example", "cleo.example", "ada.example", "nora.example")
    outcome = world.perform("ada", TRY_AGAIN, [world.sub(name) for name in names])
    assert [str(one.result) for one in outcome.findings] == [
        *("done", "done", "unchanged", "missing")
    ]
    assert attempts(world, "cleo.example") == 0
    again(world)


def test_over_the_list_it_stands_in_the_menu_of_rarer_buttons(world: HostingWorld):
    fail(world, "carl.example")
    assert "Try again" in world.client("ada").get("/subscriptions/?status=failed").content.decode()
    again(world)


def again(world: HostingWorld) -> None:
    """As after the worker's next pass, which no failure outlives."""
    Subscription.objects.update(is_failed=False)
    Deployment.objects.update(attempts=0, errors={})

"""A tool shows to a customer where its permission is on and its limit is above zero; to a provider
in the Customer Panel where the limit is above zero. One function decides."""

import pytest

from hosting import tools
from hosting.models.subscriptions import Subscription
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("limit", "permissions", "customer", "provider"),
    [
        (2, ["manage_aliases"], True, True),
        (None, ["manage_aliases"], True, True),
        (2, [], False, True),
        (0, ["manage_aliases"], False, False),
    ],
)
def test_a_tool_shows_by_permission_and_limit_to_a_customer_and_by_limit_to_a_provider(
    world: HostingWorld, limit: int | None, permissions: list, customer: bool, provider: bool
):
    values = {"limits": {"aliases": limit}, "permissions": permissions}
    Subscription.objects.filter(name="carl.example").update(**values)
    row = world.sub("carl.example")
    shown = {
        who: tools.shows(row, world.actor(who), "aliases", "manage_aliases")
        for who in ("carl", "ada", "admin")
    }
    assert shown == {"carl": customer, "ada": provider, "admin": provider}
    named = tools.of_subscriber([row], {"aliases": "manage_aliases"})
    assert named == ({"aliases"} if customer else set())
    # The neighbour's are its own.
    assert tools.shows(world.sub("cleo.example"), world.actor("cleo"), "aliases", "manage_aliases")


def test_what_a_reseller_may_not_do_itself_does_not_show_to_it(world: HostingWorld):
    """A button that never works is worth nothing."""
    world.ada.permissions = ["manage_domains"]
    world.ada.save(update_fields=["permissions"])
    row = world.sub("ada.example")
    assert not tools.shows(row, world.actor("ada"), "aliases", "manage_aliases")
    assert tools.shows(row, world.actor("admin"), "aliases", "manage_aliases")

"""A tool shows to a customer where its permission is on and its limit is above zero; to a provider
in the Customer Panel where the limit is above zero. One function decides."""

import pytest

from accounts.models import Account
from hosting import tools
from hosting.models.subscriptions import Subscription
from panel.core.lists import list_pages
from panel.core.views import bulk_groups
from panel.urls import urlpatterns
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
# Lists are known once the addresses are read.
assert urlpatterns


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


@pytest.mark.parametrize(
    ("noun", "permission"),
    [
        ("zone", "manage_dns"),
        ("mailbox", "manage_mail"),
        ("ftp-account", "manage_ftp"),
        ("database", "manage_databases"),
        ("scheduled-task", "manage_cron"),
        ("certificate", "manage_hosting"),
    ],
)
def test_a_list_has_buttons_only_for_who_may_change_some_row_of_it(
    world: HostingWorld, noun: str, permission: str
):
    def shown() -> dict[str, bool]:
        page = list_pages[noun]()
        return {
            who: bool(bulk_groups(page, world.actor(who)))
            for who in ("carl", "nora", "ada", "admin")
        }

    Subscription.objects.update(permissions=[permission])
    Account.objects.filter(username__in=["ada", "ben"]).update(permissions=[permission])
    assert shown() == dict.fromkeys(("carl", "nora", "ada", "admin"), True)
    Subscription.objects.filter(account__username="carl").update(permissions=["manage_aliases"])
    assert shown() == {"carl": False, "nora": True, "ada": True, "admin": True}
    Account.objects.filter(username="ada").update(permissions=["manage_aliases"])
    assert shown() == {"carl": False, "nora": True, "ada": False, "admin": True}

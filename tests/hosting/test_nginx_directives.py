"""Additional nginx directives: for providers, checked before they are stored."""

import pytest

from hosting.models.subscriptions import Subscription
from hosting.services.web.desired import desired
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
SET = "domain.directives"
TEXT = "location /old/ { return 301 /new/; }"


@pytest.mark.parametrize("door", DOORS)
def test_directives_are_set_by_every_door_and_sent_to_the_node(world: HostingWorld, door: str):
    before = world.generation("carl.example")
    site = world.site("carl.example")
    assert world.through(door, "admin", SET, site, directives=TEXT).result == "done"
    assert world.site("carl.example").directives == TEXT
    assert world.generation("carl.example") > before
    sent = desired([site.subscription_id])[site.subscription_id]["sites"][0]
    assert sent["directives"] == TEXT
    assert world.site("cleo.example").directives == ""
    entry = Activity.objects.filter(action=SET).latest("pk")
    assert (entry.old["directives"], entry.new["directives"]) == ("", TEXT)
    site = world.site("carl.example")
    assert world.finding("admin", SET, site, directives=TEXT).result == "unchanged"
    assert world.finding("admin", SET, site, directives="").result == "done"
    sent = desired([site.subscription_id])[site.subscription_id]["sites"][0]
    assert "directives" not in sent


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", ["root /etc;", "} server { listen 81; ", "set $site s1-1;"])
def test_what_is_not_for_sites_is_told_at_the_field(world: HostingWorld, door: str, text: str):
    answer = world.through(door, "admin", SET, world.site("carl.example"), directives=text)
    assert (answer.result, list(answer.errors)) == ("invalid", ["directives"])
    assert world.site("carl.example").directives == ""


def test_it_takes_a_permission_that_is_off_by_default(world: HostingWorld):
    site = world.site("carl.example")
    assert world.finding("carl", SET, site, directives=TEXT).code == "no_permission"
    assert world.finding("ada", SET, site, directives=TEXT).code == "no_permission_above"
    ada = world.accounts["ada"]
    type(ada).objects.filter(pk=ada.pk).update(permissions=[*ada.permissions, "manage_directives"])
    row = world.sub("carl.example")
    granted = [*row.permissions, "manage_directives"]
    Subscription.objects.filter(pk=row.pk).update(permissions=granted)
    assert world.finding("carl", SET, site, directives=TEXT).result == "done"
    assert world.through("api", "nora", SET, site, directives="").result == "missing"

"""HTTPS settings of domains: plain http leads to https, for one and for many."""

import pytest

from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.web.desired import desired
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
SET = "domain.https-settings"
ON = {"https_redirect": "1"}
API_ON = {"https_redirect": True}


def sent(world: HostingWorld, name: str) -> dict:
    """What the node is told about the one site of a subscription."""
    pk = world.sub(name).pk
    return desired([pk])[pk]["sites"][0]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_http_leads_to_https_by_every_door(world: HostingWorld, door: str, who: str):
    before = world.generation("carl.example")
    assert "https" not in sent(world, "carl.example")
    given = API_ON if door == "api" else ON
    site = world.site("carl.example")
    assert world.through(door, who, SET, site, **given).result == "done"
    assert world.site("carl.example").https_redirect
    assert world.generation("carl.example") > before
    told = sent(world, "carl.example")
    assert (told["https"], told["hsts"]) == (True, False)
    assert not world.site("cleo.example").https_redirect


def test_twice_is_unchanged_and_off_again_is_off(world: HostingWorld):
    site = world.site("carl.example")
    assert world.finding("carl", SET, site, https_redirect=True, hsts=True).result == "done"
    assert world.finding("carl", SET, site, https_redirect=True, hsts=True).result == "unchanged"
    assert sent(world, "carl.example")["hsts"]
    assert world.finding("carl", SET, site).result == "done"
    assert "https" not in sent(world, "carl.example")
    entry = Activity.objects.filter(action=SET).latest("pk")
    assert entry.old == {"https_redirect": True, "hsts": True}
    assert entry.new == {"https_redirect": False, "hsts": False}


def test_hsts_alone_is_not_accepted(world: HostingWorld):
    for door in DOORS:
        given = {"hsts": True} if door == "api" else {"hsts": "1"}
        answer = world.through(door, "carl", SET, world.site("carl.example"), **given)
        assert (answer.result, list(answer.errors)) == ("invalid", ["hsts"])


def test_many_at_once_and_those_that_are_no_website_are_named(world: HostingWorld):
    Domain.objects.filter(ascii="cleo.example").update(hosting_type="forwarding")
    sites = [world.site(name) for name in ("carl.example", "cleo.example", "ada.example")]
    outcome = world.perform("ada", SET, sites, https_redirect=True)
    assert outcome.counts == {"done": 2, "refused": 1}
    found = {each.target_id: each.code for each in outcome.findings if each.code}
    assert found == {world.site("cleo.example").pk: "no_website"}


def test_a_server_without_https_is_said_and_off_is_never_refused(world: HostingWorld):
    Node.objects.update(services={"web": {}})
    site = world.site("carl.example")
    found = world.finding("carl", SET, site, https_redirect=True)
    assert (found.result, found.code) == ("refused", "no_https")
    Domain.objects.filter(pk=site.pk).update(https_redirect=True)
    assert world.finding("carl", SET, site).result == "done"
    Node.objects.update(services={"web": {"https_port": 8481}})
    assert world.finding("carl", SET, site, https_redirect=True).result == "done"


def test_it_takes_the_permission_and_a_neighbour_is_not_found(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(permissions=[])
    site = world.site("carl.example")
    assert world.finding("carl", SET, site, https_redirect=True).code == "no_permission"
    assert world.through("api", "nora", SET, site, **API_ON).result == "missing"
    assert not world.site("carl.example").https_redirect

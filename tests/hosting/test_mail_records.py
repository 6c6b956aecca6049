"""Zones get the records by which mail programs find settings, where domains have mail."""

from typing import Any

import pytest

from hosting.models.domains import Alias
from hosting.models.nodes import Node
from hosting.services.dns.models import Record
from panel.core.operations import operations
from tests.hosting.dns import follow, more, permit, put, said, zone
from tests.hosting.test_mail_programs import PORTS
from tests.hosting.test_mailboxes import granted, made
from tests.hosting.world import DOORS, HostingWorld

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("granted")]
__all__ = ["granted"]
ADD = "zone.add-mail-records"
HTTPS = 8443
# In the order of zones.
ADDED = [
    ("_autodiscover._tcp", "SRV", f"0 1 {HTTPS} autodiscover"),
    ("_dmarc", "TXT", '"v=DMARC1; p=none"'),
    ("_imaps._tcp", "SRV", "0 1 9930 mail"),
    ("_pop3s._tcp", "SRV", "10 1 9950 mail"),
    ("_submission._tcp", "SRV", "10 1 5870 mail"),
    ("_submissions._tcp", "SRV", "0 1 4650 mail"),
    ("autoconfig", "A", "127.0.0.1"),
    ("autodiscover", "A", "127.0.0.1"),
]


@pytest.fixture(autouse=True)
def mail(world: HostingWorld, granted: None) -> None:
    """The node has mail and https; Carl may edit zones, and he and Nora have mailboxes."""
    Node.objects.update(services={"mail": {"ports": PORTS}, "web": {"https_port": HTTPS}})
    permit("carl.example")
    made(world, "carl", "carl.example")
    made(world, "nora", "nora.example")


@pytest.mark.parametrize(
    ("door", "who"), [*((door, "carl") for door in DOORS), ("page", "ada"), ("page", "admin")]
)
def test_missing_records_are_added_by_every_door(world: HostingWorld, door: str, who: str):
    before, theirs = zone("carl.example").serial, said("nora.example")
    assert world.through(door, who, ADD, zone("carl.example")).result == "done"
    assert sorted(more("carl.example")) == ADDED
    row = zone("carl.example")
    assert (row.serial > before, row.is_altered) == (True, True)
    assert said("nora.example") == theirs
    assert world.finding(who, ADD, row).result == "unchanged"
    assert zone("carl.example").serial == row.serial


def test_what_somebody_chose_stays(world: HostingWorld):
    put("carl.example", "autoconfig", "CNAME", "elsewhere.example.")
    put("carl.example", "_imaps._tcp", "SRV", "0 0 0 .")
    put("carl.example", "autodiscover", "AAAA", "2001:db8::1")
    assert world.finding("carl", ADD, zone("carl.example")).result == "done"
    found = more("carl.example")
    assert ("autoconfig", "A", "127.0.0.1") not in found
    assert [value for host, _type, value in found if host == "_imaps._tcp"] == ["0 0 0 ."]
    assert ("autodiscover", "A", "127.0.0.1") in found


def test_services_are_at_a_name_that_is_the_nodes(world: HostingWorld):
    Record.objects.filter(zone=zone("carl.example"), host="mail").update(value="203.0.113.7")
    assert world.finding("carl", ADD, zone("carl.example")).result == "done"
    assert ("_imaps._tcp", "SRV", "0 1 9930 autoconfig") in more("carl.example")


def test_a_zone_has_those_of_its_subdomains_too_and_its_alias_follows(world: HostingWorld):
    shop = world.subdomain("carl.example", "shop")
    made_there = {"password": "correct horse battery staple", "keeps": "on", "local": "info"}
    made_there["password_again"] = made_there["password"]
    assert world.finding("carl", "domain.add-mailbox", shop, **made_there).result == "done"
    world.alias("carl.example", "al.example")
    follow(world, "carl.example")
    assert world.finding("carl", ADD, zone("carl.example")).result == "done"
    for name in ("carl.example", "al.example"):
        found = said(name)
        assert ("autoconfig.shop", "A", "127.0.0.1") in found
        assert ("_imaps._tcp.shop", "SRV", "0 1 9930 mail") in found
        assert ("_autodiscover._tcp", "SRV", f"0 1 {HTTPS} autodiscover") in found
    assert world.finding("carl", ADD, zone("al.example")).result == "unchanged"


def test_an_alias_with_a_zone_of_its_own_has_them_where_it_has_mail(world: HostingWorld):
    world.alias("carl.example", "al.example")
    follow(world, "carl.example")
    assert world.finding("carl", "zone.stop-synchronising", zone("al.example")).result == "done"
    Alias.objects.update(has_mail=False)
    assert world.finding("carl", ADD, zone("al.example")).code == "zone_without_mail"
    Alias.objects.update(has_mail=True)
    assert world.finding("carl", ADD, zone("al.example")).result == "done"
    assert sorted(more("al.example")) == ADDED


def test_refused_without_mail_without_permission_and_for_a_neighbours(world: HostingWorld):
    assert world.finding("nora", ADD, zone("nora.example")).code == "no_permission"
    assert world.finding("carl", ADD, zone("nora.example")).result == "missing"
    Node.objects.update(services={})
    assert world.finding("carl", ADD, zone("carl.example")).code == "zone_without_mail"
    assert more("carl.example") == []


def test_many_zones_take_as_many_queries_as_one(
    world: HostingWorld, django_assert_max_num_queries: Any
):
    rows = [zone("carl.example"), zone("nora.example"), zone("dora.example")]
    queryset = type(rows[0]).objects.filter(pk__in=[row.pk for row in rows])
    with django_assert_max_num_queries(11):
        [told] = operations[ADD].consequences(world.actor("admin"), queryset)
    assert len(told.items) == 2 * len(ADDED)


def test_the_tab_shows_what_is_there_and_what_is_missing(world: HostingWorld):
    row = zone("carl.example")
    url, client = f"/domains/{row.domain_id}/mail/", world.client("carl")
    put("carl.example", "_imaps._tcp", "SRV", "0 0 0 .")
    page = client.get(url).content.decode()
    assert 'data-copy="10 1 9950 mail.carl.example."' in page
    assert page.count("Missing") == len(ADDED) - 1
    assert "Another is there" in page
    assert (action := f"/zones/{row.pk}/add-mail-records/") in page
    assert "autodiscover.carl.example A 127.0.0.1" in client.get(action).content.decode()
    assert world.finding("carl", ADD, row).result == "done"
    page = client.get(url).content.decode()
    assert (page.count("In the zone"), "Missing" in page, action in page) == (7, False, False)
    theirs = zone("nora.example")
    page = world.client("nora").get(f"/domains/{theirs.domain_id}/mail/").content.decode()
    assert (page.count("Missing"), "add-mail-records" in page) == (len(ADDED), False)

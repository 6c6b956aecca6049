"""From rows to what name servers are told, and what pages say of how far that got."""

import html

import dns.rdata
import pytest
from django.core.exceptions import ValidationError

from hosting import purge
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.dns.desired import desired
from hosting.services.dns.driver_desired import parse
from hosting.services.dns.models import Zone
from hosting.services.dns.records import clean_value, whole_value
from hosting.services.dns.settings import clean_secondary
from panel.core import setting
from tests.hosting.dns import put, said, zone
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
NEW = {"host": "new", "type": "A", "value": "203.0.113.9"}
TYPED = {
    "A": "203.0.113.7",
    "AAAA": "2001:db8::7",
    "CNAME": "www",
    "MX": "10 mail",
    "NS": "ns1.other.example",
    "TXT": 'a "text" with ü and \\ of ' + "x" * 300,
    "SRV": "10 5 443 server",
    "CAA": "0 issue ca.example.net; account=1",
    "TLSA": "3 1 2 " + "ab" * 64,
    "DS": "12345 13 2 " + "ab" * 32,
    "HTTPS": "1 . alpn=h2,h3 port=443 ipv4hint=203.0.113.7",
    "PTR": "host.other.example",
}


def told(name: str) -> dict:
    """What a node is told of the zone of this name."""
    of = zone(name)
    found = desired([of.subscription_id])[of.subscription_id]["zones"]
    return next(each for each in found if each["name"] == name)


def generations() -> dict[int, int]:
    return dict(Deployment.objects.values_list("subscription_id", "generation"))


def records(name: str) -> dict:
    return {(host, type_): value for host, type_, _ttl, value in told(name)["records"]}


@pytest.mark.parametrize("type_", TYPED)
def test_what_may_be_typed_is_what_the_agent_takes_and_says_the_same(world: HostingWorld, type_):
    stored = clean_value(type_, TYPED[type_], "carl.example")
    put("carl.example", "it", type_, stored)
    value = records("carl.example")["it", type_]
    meant = whole_value(type_, stored, "carl.example")
    assert dns.rdata.from_text("IN", type_, value) == dns.rdata.from_text("IN", type_, meant)
    of = zone("carl.example")
    parse(desired([of.subscription_id])[of.subscription_id])


def test_a_zone_that_follows_is_told_whole_and_in_step(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    put("carl.example", "shop", "CNAME", "www")
    put("karl.example", "_acme-challenge", "TXT", '"own"')
    found = records("karl.example")
    assert found["shop", "CNAME"] == "www.karl.example."
    assert found["_acme-challenge", "TXT"] == '"own"'
    shown = {(host, type_) for host, type_, _value in said("karl.example")}
    assert set(found) == shown
    before = told("karl.example")["soa"]["serial"]
    world.perform("ada", "zone.add-record", zone("carl.example"), **NEW)
    assert records("karl.example")["new", "A"] == "203.0.113.9"
    assert told("karl.example")["soa"]["serial"] > before


def test_kept_records_are_not_told(world: HostingWorld):
    put("carl.example", "old", "A", "203.0.113.7", is_kept=True)
    assert ("old", "A") not in records("carl.example")


def test_a_removed_subscription_is_told_until_it_is_purged(world: HostingWorld):
    pk = world.sub("carl.example").pk
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    assert [each["name"] for each in desired([pk])[pk]["zones"]] == ["carl.example"]
    purge.subscriptions([pk])
    assert desired([pk])[pk] == {"zones": []}


def test_many_take_as_many_queries_as_one(world: HostingWorld, django_assert_num_queries):
    world.alias("carl.example", "karl.example")
    ids = list(Zone.objects.values_list("subscription_id", flat=True).distinct())
    with django_assert_num_queries(4):
        desired(ids[:1])
    with django_assert_num_queries(4):
        found = desired(ids)
    assert sum(len(each["zones"]) for each in found.values()) == Zone.objects.count()


def test_whatever_changes_a_zone_raises_its_subscription_and_no_other(world: HostingWorld):
    before = generations()
    world.perform("ada", "zone.add-record", zone("carl.example"), **NEW)
    after = generations()
    assert {pk for pk in after if after[pk] != before[pk]} == {world.sub("carl.example").pk}


@pytest.mark.parametrize(
    "values", [{"dns_name_servers": ["ns1.host.example"]}, {"dns_secondaries": ["203.0.113.9"]}]
)
def test_a_change_of_name_servers_or_secondaries_reaches_every_zone(world: HostingWorld, values):
    before = generations()
    changed = world.through(
        "api", "admin", "settings.edit", setting.Settings.objects.get(), **values
    )
    assert changed.result == "done"
    after = generations()
    served = set(Zone.objects.values_list("subscription_id", flat=True))
    assert served == {pk for pk in after if after[pk] > before[pk]}


def test_every_zone_is_told_who_may_fetch_it_and_its_node_s_catalog(world: HostingWorld):
    of = world.sub("carl.example")
    assert "secondaries" not in desired([of.pk])[of.pk]
    setting.store(dns_secondaries=("203.0.113.9", "[2001:db8::9]:5300"))
    told_now = desired([of.pk])[of.pk]
    assert told_now["secondaries"] == ["203.0.113.9", "[2001:db8::9]:5300"]
    assert told_now["catalog"] == f"node-{of.node_id}.catalog.invalid"
    assert parse(told_now).catalog


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:53", "203.0.113.9"),
        ("203.0.113.9:5300", "203.0.113.9:5300"),
        ("2001:DB8:0::9", "2001:db8::9"),
        ("[2001:db8::9]:5300", "[2001:db8::9]:5300"),
    ],
)
def test_a_secondary_has_an_address_and_perhaps_a_port(typed: str, kept: str):
    assert clean_secondary(typed) == kept


@pytest.mark.parametrize("typed", ["ns1.example", "203.0.113.9:99999", "fe80::1%eth0", "1:2", ""])
def test_what_is_no_address_is_refused(typed: str):
    with pytest.raises(ValidationError):
        clean_secondary(typed)


# Pages


def pages(world: HostingWorld, who: str) -> list[str]:
    """The page of the zone, and its domain's tab."""
    urls = (f"/zones/{zone('carl.example').pk}/", f"/domains/{world.site('carl.example').pk}/dns/")
    return [html.unescape(world.client(who).get(url).content.decode()) for url in urls]


def test_pages_say_where_nobody_serves_dns(world: HostingWorld):
    assert all("does not serve DNS" in text for text in pages(world, "ada"))


def test_pages_say_how_far_the_node_is_and_what_its_daemon_said(world: HostingWorld):
    offered = {"dns": {"address": "127.0.0.1", "port": 8453, "is_powerdns": True}}
    Node.objects.update(services=offered)
    assert not any("does not serve DNS" in text for text in pages(world, "ada"))
    assert "dig @127.0.0.1 -p 8453 carl.example" in pages(world, "ada")[0]
    of = world.sub("carl.example")
    words = "the name server answers SERVFAIL for carl.example"
    errors = {"dns": {"kind": "probe", "message": words}, "web": {"kind": "io", "message": "disk"}}
    rows = Deployment.objects.filter(subscription_id=of.pk)
    rows.update(errors=errors, attempts=1, generation=9, applied=1)
    Subscription.objects.filter(pk=of.pk).update(is_failed=True)
    for text in pages(world, "ada"):
        assert words in text
        assert "disk" not in text
    assert "Failed" in pages(world, "ada")[0]
    assert "Try again" in pages(world, "ada")[0]
    neighbour = world.client("ada").get(f"/zones/{zone('cleo.example').pk}/").content.decode()
    assert words not in html.unescape(neighbour)

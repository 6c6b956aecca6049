"""Zones come and go with names: of domains, subdomains and aliases."""

import dns.zone
import pytest

from hosting import purge
from hosting.models.domains import Alias, Domain
from hosting.models.nodes import Node
from hosting.services.dns.models import HIGHEST_SERIAL, Record, Zone
from hosting.services.dns.records import origin_of
from hosting.services.dns.zonefile import text_of
from panel.core import setting
from tests.hosting.dns import FRESH, follow, more, put, said, zone
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def test_a_zone_of_a_new_domain_starts_from_the_template(world: HostingWorld):
    world.domain("carl.example", "shop.example")
    assert said("shop.example") == FRESH
    assert zone("shop.example").subscription == world.sub("carl.example")
    assert not zone("shop.example").is_altered


def test_the_zone_file_is_a_zone_to_others_too(world: HostingWorld):
    setting.store(dns_name_servers=("ns1.host.example",))
    read = dns.zone.from_text(text_of(zone("carl.example")), origin=origin_of("carl.example"))
    assert len(list(read.iterate_rdatas())) == len(FRESH) + 2
    assert read.find_rdataset("@", "SOA")[0].serial == zone("carl.example").serial


def test_a_domain_that_is_removed_takes_its_zone_along(world: HostingWorld):
    site = world.domain("carl.example", "shop.example")
    world.perform("carl", "domain.remove", site)
    assert not Zone.objects.filter(ascii="shop.example").exists()
    assert said("carl.example") == FRESH


def test_a_removed_subscription_keeps_its_zone_until_it_is_purged(world: HostingWorld):
    """DNS goes on."""
    pk = world.sub("carl.example").pk
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    assert said("carl.example") == FRESH
    assert not Zone.objects.present().filter(ascii="carl.example").exists()
    purge.subscriptions([pk])
    assert not Zone.objects.filter(subscription_id=pk).exists()
    assert not Record.objects.filter(subscription_id=pk).exists()
    assert said("cleo.example") == FRESH


def test_a_zone_is_renamed_with_its_domain_and_its_records_come_along(world: HostingWorld):
    put("carl.example", "@", "TXT", '"include:_spf.carl.example"')
    put("carl.example", "far", "CNAME", "www.other.example.")
    pk, serial = zone("carl.example").pk, zone("carl.example").serial
    Domain.objects.filter(ascii="carl.example").update(
        ascii="charles.example", name="charles.example"
    )
    follow(world, "charles.example")
    assert zone("charles.example").pk == pk
    assert zone("charles.example").serial > serial
    assert ("@", "TXT", '"include:_spf.charles.example"') in said("charles.example")
    assert ("far", "CNAME", "www.other.example.") in said("charles.example")
    assert {*FRESH} <= {*said("charles.example")}
    assert "\tcharles.example." in text_of(zone("charles.example"))
    Domain.objects.filter(ascii="charles.example").update(ascii="carl.example", name="carl.example")
    follow(world, "carl.example")


def test_two_domains_may_change_names_with_each_other(world: HostingWorld):
    world.domain("carl.example", "shop.example")
    put("shop.example", "only", "A", "203.0.113.7")
    for old, new in (
        ("carl.example", "between.example"),
        ("shop.example", "carl.example"),
        ("between.example", "shop.example"),
    ):
        Domain.objects.filter(ascii=old).update(ascii=new, name=new)
    follow(world, "carl.example")
    assert ("only", "A", "203.0.113.7") in said("carl.example")
    assert ("only", "A", "203.0.113.7") not in said("shop.example")
    Domain.objects.filter(ascii="carl.example").update(ascii="x.example", name="x.example")
    Domain.objects.filter(ascii="shop.example").update(ascii="carl.example", name="carl.example")
    Domain.objects.filter(ascii="x.example").update(ascii="shop.example", name="shop.example")


def test_the_serial_grows_with_every_change_and_past_the_highest(world: HostingWorld):
    """RFC 1982: behind the highest number comes 1."""
    ours, theirs = zone("carl.example").serial, zone("nora.example").serial
    Zone.objects.filter(ascii="carl.example").bump()
    assert zone("carl.example").serial > ours
    assert zone("nora.example").serial == theirs
    Zone.objects.filter(ascii="carl.example").update(serial=HIGHEST_SERIAL - 1)
    Zone.objects.filter(ascii="carl.example").bump()
    assert zone("carl.example").serial == HIGHEST_SERIAL
    Zone.objects.filter(ascii="carl.example").bump()
    assert zone("carl.example").serial == 1


def test_without_an_address_of_the_node_its_records_are_left_out(world: HostingWorld):
    Node.objects.update(ipv4=None, ipv6="2001:db8::7")
    world.domain("carl.example", "shop.example")
    assert ("@", "AAAA", "2001:db8::7") in said("shop.example")
    assert not [line for line in said("shop.example") if line[1] == "A"]


# Subdomains


def test_a_subdomain_is_records_in_the_zone_of_its_domain(world: HostingWorld):
    serial = zone("carl.example").serial
    world.subdomain("carl.example", "shop")
    assert not Zone.objects.filter(ascii="shop.carl.example").exists()
    expected = [("shop", "A", "127.0.0.1"), ("www.shop", "CNAME", "shop")]
    assert more("carl.example") == expected
    assert zone("carl.example").serial > serial


def test_a_subdomain_that_goes_takes_its_records_but_for_those_that_were_edited(
    world: HostingWorld,
):
    made = world.subdomain("carl.example", "shop")
    Record.objects.filter(zone=zone("carl.example"), host="shop").update(
        template_number=None, value="203.0.113.7"
    )
    world.perform("carl", "domain.remove", made)
    assert more("carl.example") == [("shop", "A", "203.0.113.7")]


def test_records_of_a_subdomain_follow_its_name(world: HostingWorld):
    made = world.subdomain("carl.example", "shop")
    Domain.objects.filter(pk=made.pk).update(ascii="store.carl.example")
    follow(world, "carl.example")
    hosts = {host for host, _type, _value in said("carl.example")}
    assert {"store", "www.store"} <= hosts
    assert not hosts & {"shop", "www.shop"}
    Domain.objects.filter(pk=made.pk).update(ascii="shop.carl.example")


# Aliases


def test_an_alias_that_synchronises_follows_every_change_of_the_main_zone(world: HostingWorld):
    """In-zone names are rewritten; names outside stay."""
    world.alias("carl.example", "karl.example")
    assert said("karl.example") == FRESH
    serial = zone("karl.example").serial
    put("carl.example", "@", "CAA", '0 issue "ca.example"')
    put("carl.example", "shop", "CNAME", "www")
    put("carl.example", "far", "CNAME", "www.other.example.")
    put("carl.example", "_dmarc", "TXT", '"rua=mailto:dmarc@carl.example"')
    Zone.objects.filter(ascii="carl.example").bump()
    assert more("karl.example") == [
        ("@", "CAA", '0 issue "ca.example"'),
        ("_dmarc", "TXT", '"rua=mailto:dmarc@karl.example"'),
        ("far", "CNAME", "www.other.example."),
        ("shop", "CNAME", "www"),
    ]
    assert "shop.karl.example.\t3600\tIN\tCNAME\twww.karl.example." in text_of(zone("karl.example"))
    assert zone("karl.example").serial > serial


def test_what_belongs_to_one_name_alone_is_not_copied(world: HostingWorld):
    """Without SOA, NS, DNSSEC, apex DS, _acme-challenge, with a DKIM key of its own."""
    world.alias("carl.example", "karl.example")
    for host, type_, value in (
        ("@", "NS", "ns9.other.example."),
        ("below", "NS", "ns9.other.example."),
        ("below", "DS", f"12345 13 2 {'AB' * 32}"),
        ("_acme-challenge", "TXT", '"proof"'),
        ("_acme-challenge.www", "TXT", '"proof"'),
        ("mail._domainkey", "TXT", '"v=DKIM1; p=ours"'),
    ):
        put("carl.example", host, type_, value)
    put("karl.example", "mail._domainkey", "TXT", '"v=DKIM1; p=its own"')
    assert more("karl.example") == [("mail._domainkey", "TXT", '"v=DKIM1; p=its own"')]


def test_an_alias_that_does_not_synchronise_has_a_zone_of_its_own(world: HostingWorld):
    """Off: a zone of its own, starting from the copy. Turning it off keeps the records."""
    world.alias("carl.example", "karl.example")
    put("carl.example", "shop", "A", "203.0.113.7")
    Alias.objects.update(syncs_dns=False)
    follow(world, "carl.example")
    assert ("shop", "A", "203.0.113.7") in said("karl.example")
    put("carl.example", "later", "A", "203.0.113.8")
    assert ("later", "A", "203.0.113.8") not in said("karl.example")
    assert zone("karl.example").is_altered


def test_switching_it_on_over_an_edited_zone_keeps_the_old_one(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    Alias.objects.update(syncs_dns=False)
    follow(world, "carl.example")
    put("karl.example", "mine", "A", "203.0.113.7")
    Alias.objects.update(syncs_dns=True)
    follow(world, "carl.example")
    assert said("karl.example") == FRESH
    kept = Record.objects.filter(zone=zone("karl.example"), is_kept=True)
    assert ("mine", "203.0.113.7") in kept.values_list("host", "value")
    assert zone("karl.example").kept_at is not None


def test_an_alias_of_a_subdomain_shows_what_is_below_the_subdomain(world: HostingWorld):
    world.subdomain("carl.example", "shop")
    put("carl.example", "api.shop", "CNAME", "www")
    world.alias("shop.carl.example", "shop.example")
    assert said("shop.example") == [
        ("@", "A", "127.0.0.1"),
        ("api", "CNAME", "www.carl.example."),
        ("www", "CNAME", "@"),
    ]


def test_the_zone_of_an_alias_goes_with_it(world: HostingWorld):
    alias = world.alias("carl.example", "karl.example")
    world.perform("carl", "alias.remove", alias)
    assert not Zone.objects.filter(ascii="karl.example").exists()
    assert said("carl.example") == FRESH


def test_zones_move_with_their_account(world: HostingWorld):
    world.domain("carl.example", "shop.example")
    ben, ada = world.actor("ben"), world.actor("ada")
    for model in (Zone, Record):
        assert model.objects.visible_to(ada).filter(account=world.carl).exists()
        assert not model.objects.visible_to(ben).filter(account=world.carl).exists()


def test_the_page_of_a_zone_that_follows_says_where_that_counts(world: HostingWorld):
    """Where the name is not delegated to our name servers, synchronisation has no effect."""
    world.alias("carl.example", "other.test")
    url = f"/zones/{zone('other.test').pk}/"
    page = world.client("ada").get(url).content.decode()
    assert "It follows carl.example. Outside, that has no effect before name servers" in page
    setting.store(dns_name_servers=("ns1.host.example", "ns2.host.example"))
    page = world.client("ada").get(url).content.decode()
    assert "only if other.test is delegated to these name servers: ns1.host.example, ns2" in page
    own = world.client("ada").get(f"/zones/{zone('carl.example').pk}/").content.decode()
    assert "is delegated" not in own

"""Whole zones: SOA values, the template, synchronising, addresses of nodes, name servers."""

import re
from typing import Any

import pytest

from hosting.models.domains import Alias
from hosting.models.nodes import Node
from hosting.services.dns.models import TemplateRecord, Zone
from hosting.services.dns.zonefile import text_of
from panel.core import setting
from panel.core.operations import operations
from tests.hosting.dns import FRESH, more, permit, put, record, said, zone
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
SOA = {"ttl": 600, "refresh": 7200, "retry": 900, "expire": 864000, "minimum": 300}
NEW = {"host": "shop", "type": "A", "value": "203.0.113.7"}


def template(host: str, type_: str, scope: str = "zone") -> TemplateRecord:
    return TemplateRecord.objects.get(scope=scope, host=host, type=type_)


def told(world: HostingWorld, who: str, operation: str, target: Any) -> str:
    """What an operation says before it acts."""
    found = operations[operation].consequences(
        world.actor(who), type(target).objects.filter(pk=target.pk)
    )
    return " ".join(f"{one.text} {' '.join(map(str, one.items))}" for one in found)


# SOA values


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_soa_values_are_changed_by_every_door(world: HostingWorld, door: str, who: str):
    permit("carl.example")
    before = zone("carl.example").serial
    assert world.through(door, who, "zone.soa-values", zone("carl.example"), **SOA).result == "done"
    row = zone("carl.example")
    assert {name: getattr(row, name) for name in SOA} == SOA
    assert row.serial > before
    assert re.search(rf"SOA\t.* {row.serial} 7200 900 864000 300", text_of(row))
    assert "www.carl.example.\t600\tIN" in text_of(row)
    assert zone("nora.example").ttl == 3600
    found = world.finding("ada", "zone.soa-values", row, **SOA)
    assert found.result == "unchanged"
    assert zone("carl.example").serial == row.serial


@pytest.mark.parametrize("value", ["0", "29", "2147483648", "-1", "x", ""])
def test_an_soa_value_is_bounded(world: HostingWorld, value: str):
    found = world.finding("ada", "zone.soa-values", zone("carl.example"), **{**SOA, "ttl": value})
    assert found.code == "invalid"


# The template


def test_a_record_that_the_subscriber_edited_is_never_changed_by_the_template_again(
    world: HostingWorld,
):
    world.perform(
        "ada",
        "record.edit",
        record("carl.example", "www", "CNAME"),
        host="www",
        type="A",
        value="203.0.113.7",
    )
    TemplateRecord.objects.filter(host="www").update(value="<mail>")
    world.perform("ada", "zone.apply-template", [zone("carl.example"), zone("cleo.example")])
    assert ("www", "A", "203.0.113.7") in said("carl.example")
    assert not [line for line in said("carl.example") if line[1] == "CNAME"]
    assert ("www", "CNAME", "mail") in said("cleo.example")


def test_a_record_that_the_subscriber_removed_does_not_come_back(world: HostingWorld):
    world.perform("ada", "record.remove", record("carl.example", "@", "TXT"))
    world.perform("ada", "zone.apply-template", zone("carl.example"))
    assert said("carl.example") == [line for line in FRESH if line[1] != "TXT"]


def test_what_the_subscriber_added_stays_and_is_not_stood_beside(world: HostingWorld):
    """A record of the template that cannot stand beside the subscriber's is left out."""
    put("carl.example", "shop", "CNAME", "www")
    TemplateRecord.objects.create(host="shop", type="A", value="<ip>")
    world.perform("ada", "zone.apply-template", [zone("carl.example"), zone("cleo.example")])
    assert more("carl.example") == [("shop", "CNAME", "www")]
    assert more("cleo.example") == [("shop", "A", "127.0.0.1")]


@pytest.mark.parametrize("door", DOORS)
def test_applying_adds_changes_and_removes_what_nobody_edited(world: HostingWorld, door: str):
    TemplateRecord.objects.filter(host="www").delete()
    TemplateRecord.objects.filter(host="@", type="MX").update(value="20 <mail>")
    TemplateRecord.objects.create(
        host="_dmarc", type="TXT", value="v=DMARC1; rua=mailto:a@<domain>"
    )
    assert said("carl.example") == FRESH, "nothing changes until it is applied"
    before, theirs = zone("carl.example").serial, zone("cleo.example").serial
    assert world.through(door, "ada", "zone.apply-template", zone("carl.example")).result == "done"
    assert [line for line in said("carl.example") if line[0] in {"www", "_dmarc"}] == [
        ("_dmarc", "TXT", '"v=DMARC1; rua=mailto:a@carl.example"')
    ]
    assert record("carl.example", "@", "MX").value == "20 mail"
    assert zone("carl.example").serial > before
    assert (said("cleo.example"), zone("cleo.example").serial) == (FRESH, theirs)
    again = zone("carl.example").serial
    found = world.finding("ada", "zone.apply-template", zone("carl.example"))
    assert (found.result, zone("carl.example").serial) == ("unchanged", again)


def test_it_is_applied_to_subdomains_too(world: HostingWorld):
    world.subdomain("carl.example", "shop")
    TemplateRecord.objects.create(scope="subdomain", host="api", type="CNAME", value="<domain>")
    world.perform("ada", "zone.apply-template", zone("carl.example"))
    assert ("api.shop", "CNAME", "shop") in said("carl.example")


def test_a_zone_that_follows_has_no_template_of_its_own(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    found = world.finding("ada", "zone.apply-template", zone("karl.example"))
    assert found.result == "unchanged"
    assert world.finding("ada", "zone.restore-defaults", zone("karl.example")).result == "refused"


@pytest.mark.parametrize("door", DOORS)
def test_restore_defaults_makes_the_zone_anew(world: HostingWorld, door: str):
    permit("carl.example")
    world.subdomain("carl.example", "shop")
    put("carl.example", "mine", "A", "203.0.113.7")
    world.perform("ada", "record.remove", record("carl.example", "@", "TXT"))
    world.perform("ada", "zone.soa-values", zone("carl.example"), **SOA)
    words = told(world, "carl", "zone.restore-defaults", zone("carl.example"))
    assert "1 record that somebody added or edited is removed for good." in words
    done = world.through(door, "carl", "zone.restore-defaults", zone("carl.example"))
    assert done.result == "done"
    assert more("carl.example") == [("shop", "A", "127.0.0.1"), ("www.shop", "CNAME", "shop")]
    assert {*FRESH} <= {*said("carl.example")}
    assert (zone("carl.example").ttl, zone("carl.example").is_altered) == (3600, False)
    world.perform("ada", "zone.apply-template", zone("carl.example"))
    assert {*FRESH} <= {*said("carl.example")}


TEMPLATE = {"scope": "zone", "host": "shop", "type": "A", "value": "<ip>"}


@pytest.mark.parametrize("door", DOORS)
def test_the_administrator_edits_the_template_by_every_door(world: HostingWorld, door: str):
    add = "account.add-template-record"
    if door != "page":
        answer = world.through(door, "admin", add, world.admin, **TEMPLATE)
        assert answer.result == "done", answer
    else:
        posted = world.client("admin").post("/template-records/add/", TEMPLATE)
        assert posted.status_code == 303
    row = template("shop", "A")
    changed = {**TEMPLATE, "value": "203.0.113.7"}
    answer = world.through(door, "admin", "template-record.edit", row, **changed)
    assert answer.result == "done", answer
    assert template("shop", "A").value == "203.0.113.7"
    world.domain("carl.example", "fresh.example")
    assert more("fresh.example") == [("shop", "A", "203.0.113.7")]
    assert said("carl.example") == FRESH
    assert world.through(door, "admin", "template-record.remove", row).result == "done"
    assert not TemplateRecord.objects.filter(host="shop").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "<address>"},
        {"type": "MX", "value": "<mail>"},
        {"host": "", "type": "CNAME", "value": "<mail>"},
        {"host": "a b"},
        {"value": "<ip> x"},
        {"type": "TXT", "value": "a\nb"},
    ],
)
def test_a_record_that_makes_none_is_refused_in_the_template(
    world: HostingWorld, wrong: dict[str, str]
):
    found = world.finding("admin", "account.add-template-record", world.admin, **TEMPLATE | wrong)
    assert (found.result, found.code) == ("refused", "invalid")
    given = {"host": "www", "type": "TXT", "value": "beside", "scope": "zone"}
    found = world.finding("admin", "account.add-template-record", world.admin, **given)
    assert found.code == "template_cname"


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_nobody_else_sees_template_and_nodes(world: HostingWorld, who: str):
    for url in ("/template-records/", "/template-records/add/", "/nodes/"):
        assert world.client(who).get(url).status_code in {403, 404}, url
    row, node = template("www", "CNAME"), Node.objects.get()
    for url in (f"/template-records/{row.pk}/", f"/nodes/{node.pk}/"):
        assert world.client(who).get(url).status_code == 404, url
    assert world.finding(who, "template-record.remove", row).result in {"refused", "missing"}
    given = {"ipv4": "203.0.113.9", "ipv6": "", "replace": "on"}
    assert world.finding(who, "node.change-addresses", node, **given).result != "done"
    assert Node.objects.get().ipv4 == "127.0.0.1"


# Synchronising


def own_zone(world: HostingWorld) -> Zone:
    """karl.example, an alias with an edited zone of its own."""
    world.alias("carl.example", "karl.example")
    world.perform("ada", "zone.stop-synchronising", zone("karl.example"))
    put("karl.example", "mine", "A", "203.0.113.7")
    return zone("karl.example")


@pytest.mark.parametrize("door", DOORS)
def test_it_stops_with_the_copy_and_the_alias_says_so(world: HostingWorld, door: str):
    """Off: a zone of its own, starting from the copy."""
    permit("carl.example")
    world.alias("carl.example", "karl.example")
    put("carl.example", "shop", "A", "203.0.113.7")
    of = zone("karl.example")
    assert world.through(door, "carl", "zone.stop-synchronising", of).result == "done"
    assert Alias.objects.get().syncs_dns is False
    put("carl.example", "later", "A", "203.0.113.8")
    assert more("karl.example") == [("shop", "A", "203.0.113.7")]
    found = world.finding("carl", "zone.stop-synchronising", of)
    assert found.result == "unchanged"
    world.perform("ada", "zone.apply-template", zone("karl.example"))
    assert more("karl.example") == [("shop", "A", "203.0.113.7")]


@pytest.mark.parametrize("door", DOORS)
def test_switching_on_over_an_edited_zone_warns_and_keeps_the_old_one_restorable(
    world: HostingWorld, door: str
):
    permit("carl.example")
    of = own_zone(world)
    Zone.objects.filter(pk=of.pk).update(is_altered=True)
    before = said("karl.example")
    words = told(world, "carl", "zone.synchronise", of)
    assert "6 records are replaced by those of the domain's zone, 6 of them edited." in words
    assert "They are kept, and can be restored." in words
    assert world.through(door, "carl", "zone.synchronise", of).result == "done"
    assert said("karl.example") == FRESH
    assert Alias.objects.get().syncs_dns is True
    page = world.client("carl").get(f"/zones/{of.pk}/").content.decode()
    assert "from before it was synchronised is kept" in page
    assert f"/zones/{of.pk}/restore-kept/" in page
    assert "mine A 203.0.113.7" in told(world, "carl", "zone.restore-kept", of)
    assert world.through(door, "carl", "zone.restore-kept", of).result == "done"
    assert said("karl.example") == before
    assert Alias.objects.get().syncs_dns is False
    assert world.finding("carl", "zone.restore-kept", of).result == "refused"


def test_editing_the_alias_warns_too_before_its_edited_zone_is_replaced(world: HostingWorld):
    own_zone(world)
    alias, words = Alias.objects.get(), "its 6 records are replaced by the domain"
    page = world.client("ada").get(f"/aliases/{alias.pk}/edit/").content.decode()
    assert words in page
    given = {"mode": "redirect", "has_mail": True, "syncs_dns": True}
    world.perform("ada", "alias.edit", alias, **given)
    assert said("karl.example") == FRESH
    assert zone("karl.example").kept_at is not None
    page = world.client("ada").get(f"/aliases/{alias.pk}/edit/").content.decode()
    assert words not in page


def test_only_zones_of_aliases_synchronise(world: HostingWorld):
    for verb in ("synchronise", "stop-synchronising", "restore-kept"):
        found = world.finding("ada", f"zone.{verb}", zone("carl.example"))
        assert found.result in {"refused", "unchanged"}, verb
    assert said("carl.example") == FRESH
    world.alias("carl.example", "karl.example")
    for who in ("nora", "ben", "cleo"):
        found = world.finding(who, "zone.stop-synchronising", zone("karl.example"))
        assert found.result == "missing"


# Name servers


def test_every_zone_names_the_name_servers_in_their_order(world: HostingWorld):
    before = {row.ascii: row.serial for row in Zone.objects.all()}
    row = setting.Settings.objects.get()
    listed = "ns1.host.example\nns2.host.example"
    values = {**row.values, "dns_name_servers": listed}
    for name, value in values.items():
        values[name] = "\n".join(value) if isinstance(value, list) else value
    world.perform("admin", "settings.edit", row, **values)
    text = text_of(zone("nora.example"))
    assert re.search(r"SOA\tns1\.host\.example\. hostmaster\.nora\.example\. ", text)
    assert re.findall(r"IN\tNS\t(\S+)", text) == ["ns1.host.example.", "ns2.host.example."]
    after = {row.ascii: row.serial for row in Zone.objects.all()}
    assert all(after[name] > serial for name, serial in before.items())


def test_new_zones_have_the_soa_values_of_the_settings(world: HostingWorld):
    setting.store(**{f"dns_{name}": value for name, value in SOA.items()})
    world.domain("carl.example", "fresh.example")
    assert {name: getattr(zone("fresh.example"), name) for name in SOA} == SOA
    assert zone("carl.example").ttl == 3600

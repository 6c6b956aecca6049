"""Records: added, edited and removed by every door, with the rules of a zone."""

from typing import Any

import pytest

from hosting.services.dns.models import Record, Zone
from panel.core import setting
from panel.core.log import Activity
from tests.hosting.dns import FRESH, more, permit, put, record, said, zone
from tests.hosting.world import DOORS, HostingWorld, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
ADD = "zone.add-record"
NEW = {"host": "shop", "type": "A", "value": "203.0.113.7"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_record_is_added_by_every_door(world: HostingWorld, door: str, who: str):
    permit("carl.example")
    before, theirs = zone("carl.example").serial, zone("nora.example").serial
    assert world.through(door, who, ADD, zone("carl.example"), **NEW).result == "done"
    assert more("carl.example") == [("shop", "A", "203.0.113.7")]
    assert zone("carl.example").serial > before
    assert zone("carl.example").is_altered
    assert (said("nora.example"), zone("nora.example").serial) == (FRESH, theirs)
    row = record("carl.example", "shop", "A")
    assert (row.account, row.reseller) == (world.carl, world.ada)


@pytest.mark.parametrize("door", DOORS)
def test_the_same_again_is_no_second_record(world: HostingWorld, door: str):
    world.perform("ada", ADD, zone("carl.example"), **NEW)
    before = zone("carl.example").serial
    again = {**NEW, "host": "SHOP.carl.example.", "value": " 203.0.113.7 "}
    world.through(door, "ada", ADD, zone("carl.example"), **again)
    assert more("carl.example") == [("shop", "A", "203.0.113.7")]
    assert zone("carl.example").serial == before
    finding = world.finding("ada", ADD, zone("carl.example"), **NEW)
    assert (finding.result, finding.code) == ("unchanged", "record_there")


@pytest.mark.parametrize("door", DOORS)
def test_it_is_edited_and_removed_by_every_door(world: HostingWorld, door: str):
    permit("carl.example")
    row = put("carl.example", "shop", "A", "203.0.113.7")
    new = {"host": "store", "type": "MX", "value": "20 mail.other.example", "ttl": 600}
    assert world.through(door, "carl", "record.edit", row, **new).result == "done"
    assert more("carl.example") == [("store", "MX", "20 mail.other.example.")]
    row.refresh_from_db()
    assert row.ttl == 600
    before = zone("carl.example").serial
    assert world.through(door, "carl", "record.remove", row).result == "done"
    assert said("carl.example") == FRESH
    assert zone("carl.example").serial > before


def test_many_are_removed_at_once_from_zones_that_one_sees(world: HostingWorld):
    rows = [put(name, "old", "A", "203.0.113.7") for name in ("carl.example", "cleo.example")]
    theirs = put("nora.example", "old", "A", "203.0.113.7")
    outcome = world.perform("ada", "record.remove", [*rows, theirs])
    assert [finding.result for finding in outcome.findings] == ["done", "done", "missing"]
    assert Record.objects.filter(host="old").get() == theirs


def test_an_edit_that_changes_nothing_says_so(world: HostingWorld):
    row = put("carl.example", "shop", "CNAME", "www")
    same = {"host": "shop", "type": "CNAME", "value": "www.carl.example"}
    assert world.finding("ada", "record.edit", row, **same).result == "unchanged"
    assert not zone("carl.example").is_altered


def test_edits_that_crossed_are_not_written_over(world: HostingWorld):
    row = put("carl.example", "shop", "A", "203.0.113.7", version=2)
    found = world.finding("ada", "record.edit", row, **{**NEW, "value": "203.0.113.8"}, version=1)
    assert found.result == "refused"
    assert record("carl.example", "shop", "A").value == "203.0.113.7"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"host": "", "type": "CNAME", "value": "www.other.example"},
            "carl.example itself cannot be a CNAME: a zone begins with its SOA and name servers.",
        ),
        (
            {"host": "mail", "type": "CNAME", "value": "www.other.example"},
            "mail.carl.example has other records: a CNAME stands alone.",
        ),
        (
            {"host": "www", "type": "TXT", "value": "beside"},
            "www.carl.example is a CNAME, and nothing stands beside one.",
        ),
        (
            {"host": "@", "type": "DS", "value": f"12345 13 2 {'ab' * 32}"},
            "A DS record belongs to a name below carl.example, or into the zone above.",
        ),
        (
            {"host": "@", "type": "NS", "value": "ns1.host.example"},
            "ns1.host.example. is in the list of name servers, which every zone names by itself.",
        ),
        (
            {"host": "a.own", "type": "A", "value": "203.0.113.7"},
            "own.carl.example has a zone of its own: what is at it and below it stands there.",
        ),
    ],
)
def test_what_cannot_stand_in_the_zone_is_refused(
    world: HostingWorld, given: dict[str, Any], words: str
):
    setting.store(dns_name_servers=("ns1.host.example",))
    world.domain("carl.example", "own.carl.example")
    assert why(world.perform("ada", ADD, zone("carl.example"), **given)) == words
    assert said("carl.example") == FRESH
    row = put("carl.example", "free", "A", "203.0.113.9")
    assert why(world.perform("ada", "record.edit", row, **given)) == words


@pytest.mark.parametrize("door", DOORS)
def test_what_is_wrong_is_said_at_its_field(world: HostingWorld, door: str):
    bad = {"host": "a b", "type": "MX", "value": "mail.carl.example"}
    answer = world.through(door, "ada", ADD, zone("carl.example"), **bad)
    assert answer.result == "invalid"
    assert answer.errors["host"] == [
        "This is not a host name. Letters, digits, dashes and underscores, parted by dots."
    ]
    assert answer.errors["value"] == ["Priority and mail server, as in 10 mail.example.com."]
    hostile = {"host": "x", "type": "TXT", "value": "a\nwww 60 IN A 6.6.6.6"}
    assert world.through(door, "ada", ADD, zone("carl.example"), **hostile).result == "invalid"
    assert said("carl.example") == FRESH


def test_a_zone_holds_so_many_records_and_no_more(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hosting.services.dns.rules.MOST_RECORDS", len(FRESH) + 1)
    assert world.finding("ada", ADD, zone("carl.example"), **NEW).result == "done"
    found = world.finding("ada", ADD, zone("carl.example"), **{**NEW, "host": "one-more"})
    assert found.code == "zone_full"


def test_records_of_one_name_and_type_have_one_ttl(world: HostingWorld):
    """RFC 2181, section 5.2."""
    put("carl.example", "shop", "A", "203.0.113.7")
    world.perform("ada", ADD, zone("carl.example"), **{**NEW, "value": "203.0.113.8", "ttl": 300})
    rows = Record.objects.filter(zone=zone("carl.example"), host="shop")
    assert set(rows.values_list("ttl", flat=True)) == {300}


def test_a_customer_needs_the_permission(world: HostingWorld):
    row = put("carl.example", "shop", "A", "203.0.113.7")
    for operation, target in (
        (ADD, zone("carl.example")),
        ("record.edit", row),
        ("record.remove", row),
        ("zone.soa-values", zone("carl.example")),
        ("zone.apply-template", zone("carl.example")),
        ("zone.restore-defaults", zone("carl.example")),
    ):
        soa = dict.fromkeys(("ttl", "refresh", "retry", "expire", "minimum"), "600")
        params = {**NEW, "host": "more", **soa, "ttl": "600"}
        found = world.finding("carl", operation, target, **params)
        assert (operation, found.code) == (operation, "no_permission")
    assert more("carl.example") == [("shop", "A", "203.0.113.7")]


def test_while_it_is_suspended_the_subscriber_edits_nothing(world: HostingWorld):
    permit("carl.example")
    world.suspend("ada", "carl.example")
    assert world.finding("carl", ADD, zone("carl.example"), **NEW).code == "read_only"
    assert world.finding("ada", ADD, zone("carl.example"), **NEW).result == "done"


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_is_not_found(world: HostingWorld, door: str):
    row = put("carl.example", "shop", "A", "203.0.113.7")
    for who in ("ben", "nora", "cleo"):
        of = zone("carl.example")
        assert world.through(door, who, ADD, of, **NEW).result == "missing"
        assert world.through(door, who, "record.edit", row, **NEW).result == "missing"
        assert world.through(door, who, "record.remove", row).result == "missing"
    assert more("carl.example") == [("shop", "A", "203.0.113.7")]


def test_what_waits_to_be_purged_is_edited_by_nobody(world: HostingWorld):
    row = put("carl.example", "shop", "A", "203.0.113.7")
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    assert world.finding("ada", "record.remove", row).result == "missing"
    assert world.finding("ada", ADD, zone("carl.example"), **NEW).result == "missing"
    assert world.client("ada").get(f"/zones/{row.zone_id}/").status_code == 404


def test_it_is_logged_with_old_and_new_values(world: HostingWorld):
    row = put("carl.example", "shop", "A", "203.0.113.7")
    world.perform("ada", "record.edit", row, **{**NEW, "value": "203.0.113.8"})
    entry = Activity.objects.filter(action="record.edit").get()
    assert (entry.old["value"], entry.new["value"]) == ("203.0.113.7", "203.0.113.8")


# A zone that follows


def test_in_a_zone_that_follows_only_what_is_never_copied_is_edited(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    of = zone("karl.example")
    words = (
        "karl.example follows the zone of carl.example. Change it there, or stop synchronising;"
        " only _acme-challenge and _domainkey are its own."
    )
    assert why(world.perform("ada", ADD, of, **NEW)) == words
    proof = {"host": "_acme-challenge", "type": "TXT", "value": "proof"}
    assert world.finding("ada", ADD, of, **proof).result == "done"
    key = {"host": "mail._domainkey", "type": "TXT", "value": "v=DKIM1; p=key"}
    assert world.finding("ada", ADD, of, **key).result == "done"
    assert [line[0] for line in more("karl.example")] == ["_acme-challenge", "mail._domainkey"]
    assert said("carl.example") == FRESH


def test_a_change_in_the_main_zone_raises_the_serial_of_those_that_follow(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    before = zone("karl.example").serial
    world.perform("ada", ADD, zone("carl.example"), **NEW)
    assert more("karl.example") == [("shop", "A", "203.0.113.7")]
    assert zone("karl.example").serial > before


# Pages


def test_the_domains_page_has_the_zone_in_a_tab_for_those_who_may_edit_it(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    put("carl.example", "shop", "A", "203.0.113.7")
    url = f"/domains/{world.site('carl.example').pk}/dns/"
    for who in ("admin", "ada"):
        page = world.client(who).get(url)
        assert page.status_code == 200
        text = page.content.decode()
        assert "shop.carl.example" in text
        assert "does not serve DNS" in text
        assert "follows carl.example" in text
    assert world.client("carl").get(url).status_code == 404
    assert "/dns/" not in world.client("carl").get(url.removesuffix("dns/")).content.decode()
    permit("carl.example")
    assert world.client("carl").get(url).status_code == 200
    assert world.client("nora").get(url).status_code == 404


def test_a_customer_without_the_permission_sees_no_button_on_the_zone(world: HostingWorld):
    url = f"/zones/{zone('carl.example').pk}/"
    page = world.client("carl").get(url).content.decode()
    assert "www.carl.example" in page
    assert "add-record" not in page
    assert "/edit/" not in page
    permit("carl.example")
    page = world.client("carl").get(url).content.decode()
    assert "add-record" in page
    assert "/edit/" in page


def test_the_zone_file_is_shown(world: HostingWorld):
    setting.store(dns_name_servers=("ns1.host.example", "ns2.host.example"))
    text = world.client("ada").get(f"/zones/{zone('carl.example').pk}/zone-file/").content.decode()
    assert "$ORIGIN carl.example." in text
    assert "ns2.host.example." in text


def test_the_page_of_a_record_is_that_of_its_zone(world: HostingWorld):
    row = put("carl.example", "shop", "A", "203.0.113.7")
    answer = world.client("ada").get(f"/records/{row.pk}/")
    assert answer["Location"] == f"/zones/{row.zone_id}/"
    page = world.client("ada").post(f"/records/{row.pk}/remove/", {"confirmed": "1"})
    assert page["Location"].startswith(f"/zones/{row.zone_id}/?run=")
    assert world.client("nora").get(f"/records/{row.pk}/").status_code == 404


def test_the_list_of_zones_finds_by_domain_and_alias(world: HostingWorld):
    site, given = world.site("carl.example"), {"name": "karl.example", "syncs_dns": True}
    world.perform("ada", "domain.add-alias", site, **given)
    page = world.client("ada").get("/zones/?q=karl").content.decode()
    assert "karl.example" in page
    assert "follows carl.example" in page
    assert "cleo.example" not in page
    Zone.objects.filter(ascii="cleo.example").update(is_altered=True)
    page = world.client("ada").get("/zones/?state=edited").content.decode()
    assert "cleo.example" in page
    assert "karl.example" not in page
    page = world.client("ada").get("/zones/?state=following").content.decode()
    assert "karl.example" in page
    assert "cleo.example" not in page
    assert "nora.example" not in world.client("ada").get("/zones/").content.decode()


def test_many_are_ticked_in_their_zone_and_one_comes_back_there(world: HostingWorld):
    permit("carl.example")
    gone = [put("carl.example", host, "A", "203.0.113.7") for host in ("old", "older")]
    stays = put("carl.example", "new", "A", "203.0.113.7")
    here = f"/zones/{zone('carl.example').pk}/"
    for path in (here, f"/domains/{world.site('carl.example').pk}/dns/"):
        page = Page.open(world.client("carl"), path)
        assert any("ids" in form.boxes for form in page.forms), path
    client = world.client("carl")
    given = {"ids": [row.pk for row in gone], "query": f"zone={zone('carl.example').pk}"}
    asked = Page(client, client.post("/records/remove/", given, follow=True))
    assert "Applies to 2" in asked.text
    assert asked.press("Yes").text.count("Remove: 2 of 2 done.") == 1
    assert [row.host for row in Record.objects.filter(pk__in=[r.pk for r in (*gone, stays)])] == [
        "new"
    ]
    assert said("nora.example") == FRESH


def test_without_the_right_to_edit_nothing_is_there_to_tick(world: HostingWorld):
    put("carl.example", "old", "A", "203.0.113.7")
    page = Page.open(world.client("carl"), f"/zones/{zone('carl.example').pk}/")
    assert "203.0.113.7" in page.text
    assert not page.has("Remove")


def test_ticking_nothing_is_a_message_on_the_list(world: HostingWorld):
    client = world.client("ada")
    pk = zone("carl.example").pk
    answer = client.post("/records/remove/", {"query": f"zone={pk}"}, follow=True)
    assert answer.redirect_chain == [(f"/zones/{pk}/", 303)]
    assert "Nothing is selected." in answer.content.decode()


def test_a_made_up_way_back_leads_nowhere_else(world: HostingWorld):
    pk = zone("nora.example").pk
    answer = world.client("ada").post("/records/remove/", {"query": f"zone={pk}"}, follow=True)
    assert answer.redirect_chain == [("/zones/", 303)]

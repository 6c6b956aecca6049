"""The address of a node changes: the records that hold the old one are found and replaced."""

import re
from typing import Any

import pytest

from hosting.models.nodes import Node
from hosting.services.dns.addresses import whole
from hosting.services.dns.models import Record
from tests.hosting.dns import FRESH, put, record, said, zone
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def addresses(node: Node, **changes: Any) -> dict[str, Any]:
    return {"ipv4": node.ipv4 or "", "ipv6": node.ipv6 or "", "replace": True, **changes}


def test_a_change_of_address_lists_all_records_that_hold_the_old_one(world: HostingWorld):
    """… and replaces them on confirmation: touched ones, too, and where it stands in a text."""
    node = Node.objects.get()
    put("carl.example", "@", "TXT", '"v=spf1 ip4:127.0.0.1 ip4:127.0.0.10 ~all"')
    put("carl.example", "mine", "A", "127.0.0.1")
    put("carl.example", "other", "A", "203.0.113.7")
    client, url = world.client("admin"), f"/nodes/{node.pk}/change-addresses/"
    asked = addresses(node, ipv4="198.51.100.4") | {"confirmed": "1", "replace": "on"}
    page = client.post(url, asked)
    text = page.content.decode()
    assert page.status_code == 200
    for host in ("mine.carl.example", "nora.example", "mail.dora.example"):
        assert f"{host} A 127.0.0.1" in text, host
    assert "other.carl.example" not in text
    assert Node.objects.get().ipv4 == "127.0.0.1", "nothing has been changed yet"
    seal = re.search(r'name="reviewed" value="(\w+)"', text)
    assert seal is not None
    before = zone("nora.example").serial
    assert client.post(url, asked | {"reviewed": seal.group(1)}).status_code == 303
    assert Node.objects.get().ipv4 == "198.51.100.4"
    assert not Record.objects.filter(type="A", value="127.0.0.1").exists()
    assert record("carl.example", "other", "A").value == "203.0.113.7"
    texts = Record.objects.filter(zone=zone("carl.example"), value__contains="127.0.0")
    assert texts.get().value == '"v=spf1 ip4:198.51.100.4 ip4:127.0.0.10 ~all"'
    assert zone("nora.example").serial > before


@pytest.mark.parametrize("door", ["api", "cli"])
def test_programs_say_whether_records_are_replaced(world: HostingWorld, door: str):
    node = Node.objects.get()
    given = addresses(node, ipv4="198.51.100.4", replace=False)
    assert world.through(door, "admin", "node.change-addresses", node, **given).result == "done"
    assert said("carl.example") == FRESH
    given = addresses(Node.objects.get(), ipv4="198.51.100.5", replace=True)
    put("carl.example", "kept", "A", "198.51.100.4")
    assert world.through(door, "admin", "node.change-addresses", node, **given).result == "done"
    assert record("carl.example", "kept", "A").value == "198.51.100.5"
    found = world.finding("admin", "node.change-addresses", node, **given)
    assert found.result == "unchanged"


@pytest.mark.parametrize(
    ("old", "text", "new"),
    [
        ("192.0.2.1", "ip4:192.0.2.1/32 ip4:192.0.2.10", "ip4:NEW/32 ip4:192.0.2.10"),
        ("192.0.2.1", "1192.0.2.1 192.0.2.1.5 192.0.2.1.", "1192.0.2.1 192.0.2.1.5 NEW."),
        ("2001:db8::7", "ip6:2001:DB8::7 x", "ip6:NEW x"),
        ("2001:db8::7", "12001:db8::7 2001:db8::70 0:2001:db8::7", None),
    ],
)
def test_an_address_is_found_as_a_whole_only(old: str, text: str, new: str | None):
    assert whole(old).sub("NEW", text) == (new or text)


def test_where_both_addresses_stand_one_of_them_is_left(world: HostingWorld):
    put("carl.example", "mail", "A", "198.51.100.4")
    node = Node.objects.get()
    given = addresses(node, ipv4="198.51.100.4")
    world.perform("admin", "node.change-addresses", node, **given)
    assert [line for line in said("carl.example") if line[:2] == ("mail", "A")] == [
        ("mail", "A", "198.51.100.4")
    ]


def test_records_that_are_kept_are_replaced_as_well(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    world.perform("ada", "zone.stop-synchronising", zone("karl.example"))
    world.perform("ada", "zone.synchronise", zone("karl.example"))
    node = Node.objects.get()
    world.perform("admin", "node.change-addresses", node, **addresses(node, ipv4="198.51.100.4"))
    world.perform("ada", "zone.restore-kept", zone("karl.example"))
    assert ("@", "A", "198.51.100.4") in said("karl.example")


def test_a_first_address_brings_the_templates_records_into_all_zones_of_the_node(
    world: HostingWorld,
):
    node = Node.objects.get()
    world.perform(
        "ada",
        "record.edit",
        record("carl.example", "www", "CNAME"),
        host="www",
        type="AAAA",
        value="2001:db8::99",
    )
    given = addresses(node, ipv6="2001:DB8::7")
    world.perform("admin", "node.change-addresses", node, **given)
    for name in ("carl.example", "nora.example"):
        found = {line for line in said(name) if line[1] == "AAAA"}
        assert {("@", "AAAA", "2001:db8::7"), ("mail", "AAAA", "2001:db8::7")} <= found
    assert record("carl.example", "www", "AAAA").value == "2001:db8::99"

"""Short ways to zones and records in tests."""

from typing import Any

from hosting.models.subscriptions import Subscription
from hosting.services import base
from hosting.services.dns.models import Record, Zone
from hosting.services.dns.zones import lines
from tests.hosting.world import HostingWorld

# What the shipped template makes of a zone on the node of the tests.
FRESH = [
    ("@", "A", "127.0.0.1"),
    ("@", "MX", "10 mail"),
    ("@", "TXT", '"v=spf1 a mx ~all"'),
    ("mail", "A", "127.0.0.1"),
    ("www", "CNAME", "@"),
]


def zone(name: str) -> Zone:
    return Zone.objects.get(ascii=name)


def said(name: str) -> list[tuple[str, str, str]]:
    """What a zone says, but for SOA and the list of name servers."""
    return [(line.host, line.type, line.value) for line in lines(zone(name))]


def more(name: str) -> list[tuple[str, str, str]]:
    """What it says besides what the template makes."""
    return [line for line in said(name) if line not in FRESH]


def record(name: str, host: str, type_: str) -> Record:
    """The one record of this host and type."""
    return Record.objects.live().get(zone=zone(name), host=host, type=type_)


def put(name: str, host: str, type_: str, value: str, **values: Any) -> Record:
    """A record that somebody added, as it is stored."""
    of = zone(name)
    return Record.objects.create(
        zone=of,
        subscription_id=of.subscription_id,
        account_id=of.account_id,
        reseller_id=of.reseller_id,
        host=host,
        type=type_,
        value=value,
        **values,
    )


def follow(world: HostingWorld, name: str) -> None:
    """As after an operation that changed names."""
    base.names_changed(None, [world.site(name).subscription_id])


def permit(name: str) -> None:
    """The subscriber may edit its zones."""
    row = Subscription.objects.get(name=name)
    row.permissions = [*row.permissions, "manage_dns"]
    row.save(update_fields=["permissions"])

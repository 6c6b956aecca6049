"""From rows to what the name server should have: whole zones, those that follow others computed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from hosting.models.domains import Alias
from hosting.models.subscriptions import Subscription
from hosting.services.dns import signing, zones
from hosting.services.dns.models import Record, Zone
from hosting.services.dns.records import NAME_AT
from hosting.services.dns.settings import NAME_SERVERS, SECONDARIES, catalog_name
from hosting.services.dns.zones import Line
from panel.core import setting

_WHY = "the worker provisions everybody's subscriptions"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """All zones of these subscriptions, by subscription. A constant number of queries.

    Those of what was removed, too: DNS goes on until the purge, which takes the rows.
    """
    with setting.read_once():
        return _desired(subscription_ids)


def _desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    of_these = {"subscription_id__in": subscription_ids}
    found = Zone.objects.unscoped(_WHY).filter(**of_these).order_by("pk")
    rows: dict[int, list[Record]] = defaultdict(list)
    # Zones that follow show others of the same subscription, so theirs are among these.
    for record in Record.objects.unscoped(_WHY).live().filter(**of_these).order_by("pk"):
        rows[record.zone_id].append(record)
    aliased = Alias.objects.unscoped(_WHY).filter(**of_these)
    domains = dict(aliased.values_list("pk", "domain__ascii"))
    by_number = {zone.pk: zone for zone in found}
    servers = NAME_SERVERS.get()
    lists: dict[int, list[dict[str, Any]]] = {pk: [] for pk in subscription_ids}
    for zone in by_number.values():
        said = [Line(row.host, row.type, row.ttl, row.value) for row in rows[zone.pk]]
        if zone.source_id in by_number and zone.alias_id in domains:
            source = by_number[zone.source_id]
            said += zones.copies(source, zone.ascii, domains[zone.alias_id], rows[source.pk])
        lists[zone.subscription_id].append(_zone(zone, servers, said))
    told = _secondaries(subscription_ids)
    return {pk: {"zones": each, **told.get(pk, {})} for pk, each in lists.items()}


def _secondaries(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Who may fetch the zones, and the catalog that lists those of one node."""
    secondaries = SECONDARIES.get()
    if not secondaries:
        return {}
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    return {
        pk: {"secondaries": list(secondaries), "catalog": catalog_name(node_id)}
        for pk, node_id in rows.values_list("pk", "node_id")
    }


def _zone(zone: Zone, servers: Sequence[str], said: Iterable[Line]) -> dict[str, Any]:
    keys = {"keys": [signing.key_of(zone.key_seed, zone.key_mark)]} if zone.is_signed else {}
    return keys | {
        "name": zone.ascii,
        "soa": {
            "primary": servers[0] if servers else zone.ascii,
            "serial": zone.serial,
            "ttl": zone.ttl,
            "refresh": zone.refresh,
            "retry": zone.retry,
            "expire": zone.expire,
            "minimum": zone.minimum,
        },
        "servers": list(servers),
        "records": [
            [
                line.host,
                line.type,
                zone.ttl if line.ttl is None else line.ttl,
                _whole(line, zone.ascii),
            ]
            for line in said
        ],
    }


def _whole(line: Line, zone: str) -> str:
    """A stored value with its names written out. As text: dnspython takes thirty times as long."""
    place = NAME_AT.get(line.type)
    if place is None:
        return line.value
    words = line.value.split(" ")
    if words[place] == "@":
        words[place] = f"{zone}."
    elif not words[place].endswith("."):
        words[place] += f".{zone}."
    return " ".join(words)

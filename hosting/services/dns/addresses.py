"""Records that hold an address of a node, and what becomes of them when it changes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from hosting.models.nodes import Node
from hosting.services.dns import template as templates
from hosting.services.dns.models import Record, RecordType, Zone
from hosting.services.dns.template import Template

_WHY = "an address stands in everybody's zones"
# Types whose values may hold an address among other things.
_TEXTS = (RecordType.TXT, RecordType.HTTPS)


@dataclass(frozen=True)
class Change:
    """An address of a node that is another one now; either may be none."""

    type: str
    placeholder: str
    old: str | None
    new: str | None


def changes(node: Node, ipv4: str | None, ipv6: str | None) -> list[Change]:
    """What differs from the node as it is."""
    found = [
        Change(RecordType.A, "<ip>", node.ipv4, ipv4 or None),
        Change(RecordType.AAAA, "<ipv6>", node.ipv6, ipv6 or None),
    ]
    return [change for change in found if change.old != change.new]


def whole(address: str) -> re.Pattern[str]:
    """The address as a whole, not as a part of another one; as SPF has it (`ip6:…`), too."""
    if ":" in address:
        before, after = r"(?:(?<=ip6:)|(?<![0-9a-f:]))", r"(?![0-9a-f:])"
    else:
        before, after = r"(?<![0-9.])", r"(?![0-9]|\.[0-9])"
    return re.compile(before + re.escape(address) + after, re.IGNORECASE)


def holding(address: str) -> list[Record]:
    """All records with this address: those kept to be restored, too."""
    rows = Record.objects.unscoped(_WHY).select_related("zone")
    found = list(rows.filter(value=address, type__in=[RecordType.A, RecordType.AAAA]))
    texts = rows.filter(type__in=_TEXTS, value__icontains=address)
    pattern = whole(address)
    found += [row for row in texts if pattern.search(row.value)]
    return sorted(found, key=lambda row: (row.zone.name_key, row.host, row.type, row.pk))


def replace(change: Change) -> list[Record]:
    """The new address in place of the old one, wherever that stands; raises the serials."""
    assert change.old is not None
    assert change.new is not None
    found = holding(change.old)
    rows = Record.objects.unscoped(_WHY)
    same = rows.filter(value=change.old, type=change.type)
    # Where both stand already, one of them is enough.
    beside = rows.filter(
        zone_id=OuterRef("zone_id"),
        host=OuterRef("host"),
        type=change.type,
        value=change.new,
        is_kept=OuterRef("is_kept"),
    )
    twice = list(same.filter(Exists(beside)).values_list("pk", flat=True))
    rows.filter(pk__in=twice).delete()
    same.update(value=change.new)
    pattern, new = whole(change.old), change.new
    for row in found:
        if row.type in _TEXTS:
            value = pattern.sub(lambda _match: new, row.value)
            rows.filter(pk=row.pk).update(value=value)
    changed(row.zone_id for row in found)
    return found


def lacking(node: Node) -> list[Zone]:
    """Zones of the node's subscriptions that the template fills."""
    rows = Zone.objects.unscoped(_WHY).filter(subscription__node=node, source=None)
    return list(rows.order_by("pk"))


def fill_in(change: Change, node: Node) -> list[int]:
    """The template's records with an address that the node had not: in all of its zones."""
    template = Template.now()
    with_it = [record for record in template.records if change.placeholder in record.value]
    template.records = with_it
    found = []
    for zone in lacking(node):
        if templates.add_missing(template, zone, node.pk):
            found.append(zone.pk)
    changed(found)
    return found


def changed(zone_ids: Iterable[int]) -> None:
    Zone.objects.unscoped(_WHY).filter(pk__in=set(zone_ids)).bump()

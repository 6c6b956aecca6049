"""What a zone says: its own records, or those of the zone that it follows."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from hosting.models.domains import Alias, Domain
from hosting.services.dns.models import APEX, Record, RecordType, Zone
from hosting.services.dns.records import moved_value, renamed_text
from panel.core.rows import insert

_WHY = "a zone that follows shows another of the same subscription"
# Names that belong to one zone alone: proofs for certificates, and keys that sign mail.
OWN_LABELS = frozenset({"_acme-challenge", "_domainkey"})
# Who serves a zone, and what hangs on that, is never copied.
NOT_COPIED = frozenset({RecordType.NS, RecordType.DS})
LONGEST_NAME = 253
COPIED = "account_id reseller_id subscription_id zone_id host type ttl value"


@dataclass(frozen=True)
class Line:
    """One record as the zone says it; `record` is the row behind it, if it is the zone's own."""

    host: str
    type: str
    ttl: int | None
    value: str
    record: Record | None = None


def is_own_host(host: str) -> bool:
    """Whether a name is never copied, so that a zone that follows has it for itself."""
    return not OWN_LABELS.isdisjoint(host.split("."))


def lines(zone: Zone) -> list[Line]:
    """All records of a zone but SOA and the name servers of the list, in order."""
    own = [
        Line(row.host, row.type, row.ttl, row.value, row)
        for row in Record.objects.unscoped(_WHY).live().filter(zone=zone)
    ]
    found = own + (copied(zone) if zone.is_following else [])
    return sorted(found, key=lambda line: (order_of(line.host), line.type, line.value))


def order_of(host: str) -> list[str]:
    """The zone itself first, then by the last part of the name."""
    return [] if host == APEX else host.split(".")[::-1]


def copied(zone: Zone) -> list[Line]:
    """What a zone that follows says of what its source says."""
    alias = Alias.objects.unscoped(_WHY).select_related("domain").get(pk=zone.alias_id)
    return copies_of(zone_of(zone.source_id), zone.ascii, alias.domain.ascii)


def zone_of(pk: int | None) -> Zone:
    return Zone.objects.unscoped(_WHY).get(pk=pk)


def copies_of(source: Zone, name: str, domain: str) -> list[Line]:
    """What a zone called `name` says of what `source` says now."""
    rows = Record.objects.unscoped(_WHY).live().filter(zone=source)
    return list(copies(source, name, domain, rows))


def copies(source: Zone, name: str, domain: str, rows: Iterable[Record]) -> Iterable[Line]:
    """The records (`rows`) of `domain` in `source`, as a zone called `name` says them.

    Without name servers and delegations, and without what a name has for itself. Of a subdomain,
    which has no zone, what is at it and below.
    """
    below = domain.removesuffix(source.ascii).removesuffix(".")
    for row in rows:
        host = _within(row.host, below)
        if host is None or row.type in NOT_COPIED or is_own_host(host):
            continue
        if host == APEX and row.type == RecordType.CNAME:
            continue  # a subdomain may be one; the top of a zone never is
        if len(host) + 1 + len(name) > LONGEST_NAME:
            continue
        value = moved_value(row.type, row.value, source.ascii, below) if below else row.value
        if row.type == RecordType.TXT:
            value = renamed_text(value, domain, name)
        yield Line(host, row.type, row.ttl if row.ttl is not None else source.ttl, value)


def _within(host: str, below: str) -> str | None:
    """A host relative to the subdomain `below`; None if it is not within."""
    if not below:
        return host
    if host == below:
        return APEX
    return host.removesuffix(f".{below}") if host.endswith(f".{below}") else None


def start_following(zone: Zone, source: Zone) -> None:
    """From now on the zone shows what the source has. What it had is kept, to be restored."""
    records = Record.objects.unscoped(_WHY).filter(zone=zone)
    ids = [row.pk for row in records.live() if not is_own_host(row.host)]
    if ids:
        records.filter(is_kept=True).delete()
        records.filter(pk__in=ids).update(is_kept=True)
        zone.kept_at = timezone.now()
    zone.source = source
    zone.save(update_fields=["source", "kept_at"])


def stop_following(zone: Zone, domain: Domain) -> None:
    """A zone of its own again, starting from the copy."""
    found = copies_of(zone_of(zone.source_id), zone.ascii, domain.ascii)
    row = (zone.account_id, zone.reseller_id, zone.subscription_id, zone.pk)
    insert(Record, COPIED, [(*row, ln.host, ln.type, ln.ttl, ln.value) for ln in found])
    zone.source = None
    zone.is_altered = True
    # It has become one of its own: the template changes nothing of what is there.
    zone.touched = sorted({*zone.touched, *(f"{ln.host} {ln.type}" for ln in found)})
    zone.save(update_fields=["source", "is_altered", "touched"])


def restore_kept(zone: Zone) -> None:
    """The zone as it was before it followed another."""
    records = Record.objects.unscoped(_WHY).filter(zone=zone)
    replaced = [row.pk for row in records.live() if not is_own_host(row.host)]
    records.filter(pk__in=replaced).delete()
    records.filter(is_kept=True).update(is_kept=False)
    zone.source, zone.kept_at, zone.is_altered = None, None, True
    zone.save(update_fields=["source", "kept_at", "is_altered"])

"""What may stand in a zone beside what is there: rules that need the whole zone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import APEX, Record, RecordType, Zone
from hosting.services.dns.zones import is_own_host
from panel.core import reasons

# More records than this no site needs; each has to be read and sent at every change.
MOST_RECORDS = 1000

reasons.declare(
    record_there=_("This record is in the zone already."),
    cname_top=_("%(name)s itself cannot be a CNAME: a zone begins with its SOA and name servers."),
    cname_beside=_("%(host)s has other records: a CNAME stands alone."),
    beside_cname=_("%(host)s is a CNAME, and nothing stands beside one."),
    ds_top=_("A DS record belongs to a name below %(name)s, or into the zone above."),
    ns_listed=_("%(value)s is in the list of name servers, which every zone names by itself."),
    zone_full=_("%(name)s has %(limit)s records; that is the most."),
    zone_below=_("%(host)s has a zone of its own: what is at it and below it stands there."),
    zone_follows=_(
        "%(name)s follows the zone of %(source)s. Change it there, or stop synchronising; only"
        " _acme-challenge and _domainkey are its own."
    ),
)


@dataclass(frozen=True)
class Conflict:
    """Why a record cannot stand in a zone."""

    code: str
    params: dict[str, Any]


def whole_host(host: str, zone: str) -> str:
    """A host with the zone's name behind it."""
    return zone if host == APEX else f"{host}.{zone}"


def conflict(
    zone: Zone,
    record: tuple[str, str, str],
    others: Sequence[Record],
    name_servers: Iterable[str],
) -> Conflict | None:
    """What stands against (host, type, value) beside these rows of the zone."""
    host, type_, value = record
    shown = {"name": zone.name, "host": whole_host(host, zone.ascii)}
    if zone.source is not None and not is_own_host(host):
        return Conflict("zone_follows", {**shown, "source": zone.source.name})
    if host == APEX:
        if type_ == RecordType.CNAME:
            return Conflict("cname_top", shown)
        if type_ == RecordType.DS:
            return Conflict("ds_top", shown)
        if type_ == RecordType.NS and value in {f"{name}." for name in name_servers}:
            return Conflict("ns_listed", {**shown, "value": value})
    beside = [row for row in others if row.host == host]
    if any((row.type, row.value) == (type_, value) for row in beside):
        return Conflict("record_there", shown)
    if type_ == RecordType.CNAME and beside:
        return Conflict("cname_beside", shown)
    if any(row.type == RecordType.CNAME for row in beside):
        return Conflict("beside_cname", shown)
    if len(others) >= MOST_RECORDS:
        return Conflict("zone_full", {**shown, "limit": MOST_RECORDS})
    return _own_zone(zone, host, shown)


def _own_zone(zone: Zone, host: str, shown: dict[str, Any]) -> Conflict | None:
    """A name of this zone may be a zone of its own: there nobody reads what stands here."""
    if host == APEX:
        return None
    labels = host.split(".")
    below = [f"{'.'.join(labels[start:])}.{zone.ascii}" for start in range(len(labels))]
    rows = Zone.objects.unscoped("whether a zone of its own answers for a name")
    found = rows.filter(ascii__in=below).values_list("ascii", flat=True).first()
    return Conflict("zone_below", {**shown, "host": found}) if found else None

"""From the template to records: placeholders, new zones, and applying it once more.

`<domain>`   the name of the zone, or of the subdomain
`<ip>`       the IPv4 address of the node; without one the record is left out
`<ipv6>`     its IPv6 address
`<ns1>` …    the first name server of the list, and so on
`<mail>`     the host that takes in mail for the domain
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.models.nodes import Node
from hosting.services.dns.models import (
    APEX,
    Record,
    RecordType,
    TemplateRecord,
    TemplateScope,
    Zone,
)
from hosting.services.dns.records import clean_value
from hosting.services.dns.settings import NAME_SERVERS
from panel.core.rows import insert

PLACEHOLDER = re.compile(r"<(domain|ip|ipv6|mail|ns[1-9])>")
MAIL_HOST = "mail"
_WHY = "the template makes records in everybody's zones"
# (record of the template, subdomain or 0): one of each in a zone.
Key = tuple[int, int]


@dataclass(frozen=True)
class Wanted:
    """A record that the template makes in a zone."""

    key: Key
    host: str
    type: str
    ttl: int | None
    value: str

    @property
    def name(self) -> str:
        return f"{self.host} {self.type}"


@dataclass
class Template:
    """The template as it is now, with what its placeholders stand for."""

    records: list[TemplateRecord] = field(default_factory=list)
    name_servers: Sequence[str] = ()
    nodes: dict[int, Node] = field(default_factory=dict)
    # (record, node) -> value that is the same in all zones.
    _values: dict[tuple[int, int], str | None] = field(default_factory=dict)

    @classmethod
    def now(cls) -> "Template":
        rows = TemplateRecord.objects.unscoped("every zone starts from it").order_by("pk")
        return cls(list(rows), NAME_SERVERS.get(), {node.pk: node for node in Node.objects.all()})

    def of_zone(self, zone: str, node_id: int) -> Iterator[Wanted]:
        """What it makes in a zone, but for subdomains."""
        for record in self.records:
            if record.scope == TemplateScope.ZONE:
                value = self._value(record, zone, node_id)
                if value is not None:
                    yield Wanted((record.pk, 0), record.host, record.type, record.ttl, value)

    def of_subdomain(self, number: int, host: str, zone: str, node_id: int) -> Iterator[Wanted]:
        """What it makes in a zone for a subdomain, whose host in it is `host`."""
        for record in self.records:
            if record.scope != TemplateScope.SUBDOMAIN:
                continue
            own = host if record.host == APEX else f"{record.host}.{host}"
            value = self._filled(record.value, node_id, f"{host}.{zone}", zone)
            if value is not None and len(own) + len(zone) < 253:
                stored = clean_value(record.type, value, zone)
                yield Wanted((record.pk, number), own, record.type, record.ttl, stored)

    def _value(self, record: TemplateRecord, zone: str, node_id: int) -> str | None:
        """The stored value in a zone; None where a placeholder stands for nothing."""
        if record.type == RecordType.TXT and "<domain>" in record.value:
            filled = self._filled(record.value, node_id, zone, zone)
            return None if filled is None else clean_value(record.type, filled, zone)
        key = (record.pk, node_id)
        if key not in self._values:
            # Relative to the zone it is the same in all of them.
            filled = self._filled(record.value, node_id, "zone.invalid", "zone.invalid")
            self._values[key] = (
                None if filled is None else clean_value(record.type, filled, "zone.invalid")
            )
        return self._values[key]

    def _filled(self, text: str, node_id: int, domain: str, zone: str) -> str | None:
        node = self.nodes[node_id]
        given = {"domain": domain, "ip": node.ipv4, "ipv6": node.ipv6}
        given["mail"] = f"{MAIL_HOST}.{zone}"
        given |= {f"ns{n}": name for n, name in enumerate(self.name_servers, start=1)}
        found = set(PLACEHOLDER.findall(text))
        if any(not given.get(word) for word in found):
            return None
        return PLACEHOLDER.sub(lambda match: str(given[match.group(1)]), text)


def clean_template_value(type_: str, text: str) -> str:
    """A value of the template as it was typed, if it makes a record; ValidationError if not."""
    rest = PLACEHOLDER.sub("", text)
    if type_ != RecordType.TXT and ("<" in rest or ">" in rest):
        raise ValidationError(
            _("Placeholders are <domain>, <ip>, <ipv6>, <mail> and <ns1> to <ns9>.")
        )
    servers = [f"ns{n}.name.invalid" for n in range(1, 10)]
    example = Template([], servers, {0: Node(ipv4="192.0.2.1", ipv6="2001:db8::1")})
    filled = example._filled(text, 0, "zone.invalid", "zone.invalid")
    assert filled is not None
    clean_value(type_, filled, "zone.invalid")
    return text.strip()


COLUMNS = (
    "account_id reseller_id subscription_id zone_id host type ttl value template_number"
    " subdomain_number"
)


def row_of(zone: Zone, wanted: Wanted) -> tuple:
    """For `insert`, in the order of COLUMNS."""
    number, subdomain = wanted.key
    return (
        zone.account_id,
        zone.reseller_id,
        zone.subscription_id,
        zone.pk,
        wanted.host,
        wanted.type,
        wanted.ttl,
        wanted.value,
        number,
        subdomain or None,
    )


def fill(template: Template, zones: Iterable[tuple[Zone, int]]) -> None:
    """The records of new zones, given with their nodes."""
    rows = (
        row_of(zone, wanted)
        for zone, node_id in zones
        for wanted in template.of_zone(zone.ascii, node_id)
    )
    insert(Record, COLUMNS, rows)


def insert_all(zone: Zone, wanted: Iterable[Wanted]) -> None:
    insert(Record, COLUMNS, [row_of(zone, one) for one in wanted])


def wanted_in(template: Template, zone: Zone, node_id: int) -> dict[Key, Wanted]:
    """All that the template makes in a zone and for the subdomains in it."""
    found = list(template.of_zone(zone.ascii, node_id))
    for number, host in zone.subdomains.items():
        found += template.of_subdomain(int(number), host, zone.ascii, node_id)
    return {wanted.key: wanted for wanted in found}


def stands_against(host: str, type_: str, value: str, rows: Iterable[Record]) -> bool:
    """Whether a record cannot stand beside these: the same again, or a CNAME beside others."""
    for row in rows:
        if row.host != host:
            continue
        if RecordType.CNAME in {type_, row.type} or (row.type, row.value) == (type_, value):
            return True
    return False


def apply(template: Template, zone: Zone, node_id: int) -> tuple[int, int, int]:
    """Bring a zone to the template as it is now: (added, changed, removed).

    What somebody touched stays as it is: a record of the template that was edited or removed by
    hand, and whatever was added.
    """
    live = Record.objects.unscoped(_WHY).live()
    rows = list(live.filter(zone=zone).order_by("pk"))
    wanted = wanted_in(template, zone, node_id)
    gone = [row for row in rows if row.template_number and _key(row) not in wanted]
    rows = [row for row in rows if row not in gone]
    live.filter(pk__in=[row.pk for row in gone]).delete()
    changed = sum(_change(row, wanted, rows) for row in rows if row.template_number)
    return _add(zone, wanted, rows), changed, len(gone)


def add_missing(template: Template, zone: Zone, node_id: int) -> int:
    """Add what the template makes and the zone has not, and touch nothing else."""
    rows = list(Record.objects.unscoped(_WHY).live().filter(zone=zone).order_by("pk"))
    return _add(zone, wanted_in(template, zone, node_id), rows)


def _add(zone: Zone, wanted: dict[Key, Wanted], rows: list[Record]) -> int:
    there = {_key(row) for row in rows if row.template_number}
    added = []
    for key, one in wanted.items():
        if key in there or one.name in zone.touched:
            continue
        if not stands_against(one.host, one.type, one.value, rows):
            added.append(one)
            rows.append(Record(host=one.host, type=one.type, value=one.value))
    insert_all(zone, added)
    return len(added)


def _key(row: Record) -> Key:
    return row.template_number or 0, row.subdomain_number or 0


def _change(row: Record, wanted: dict[Key, Wanted], rows: list[Record]) -> bool:
    one = wanted[_key(row)]
    if (row.host, row.type, row.ttl, row.value) == (one.host, one.type, one.ttl, one.value):
        return False
    others = [other for other in rows if other is not row]
    if stands_against(one.host, one.type, one.value, others):
        return False
    row.host, row.type, row.ttl, row.value = one.host, one.type, one.ttl, one.value
    row.save(update_fields=["host", "type", "ttl", "value"])
    return True

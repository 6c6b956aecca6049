"""Records by which mail programs find settings and receivers check letters, and what zones that
are ours have of them.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from hosting.models.domains import Alias, Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.dns.models import Record, RecordType, Zone
from hosting.services.dns.records import clean_value
from hosting.services.dns.template import MAIL_HOST
from hosting.services.dns.zones import LONGEST_NAME, is_own_host
from hosting.services.mail.models import DkimKey, Mailbox

_WHY = "what zones have beside what their domains' mail needs"
# RFC 6186 and RFC 8314: (service, port's name on the node, priority).
_SERVICES = (
    ("_imaps", "imaps", 0),
    ("_pop3s", "pop3s", 10),
    ("_submissions", "submissions", 0),
    ("_submission", "submission", 10),
)
_LABELS = ("autoconfig", "autodiscover")
_ANY = "any"


@dataclass(frozen=True)
class MailRecord:
    """A record that mail programs look for, as zones store it, and whether it is there.

    `below`: the domain that it is for, as a host of the zone; "" is the zone itself. `is_other`:
    something else stands at its name, which somebody chose.
    """

    below: str
    host: str
    type: str
    value: str
    is_there: bool = False
    is_other: bool = False

    @property
    def is_missing(self) -> bool:
        return not self.is_there and not self.is_other


def of_zones(zones: Sequence[Zone]) -> dict[int, list[MailRecord]]:
    """By zone; [] where its domains have no mail. Nine queries, however many zones there are.

    Of a zone that follows only what it has for itself: the key that its letters are signed with.
    """
    hosts = _hosts(zones)
    rows: dict[int, list[Record]] = defaultdict(list)
    for row in Record.objects.unscoped(_WHY).live().filter(zone_id__in=list(hosts)):
        rows[row.zone_id].append(row)
    signs = _signatures(zones)
    nodes = {node.pk: node for node in Node.objects.all() if node.has("mail")}
    above = Subscription.objects.unscoped(_WHY).filter(pk__in={z.subscription_id for z in zones})
    node_of = dict(above.values_list("pk", "node_id"))
    return {
        zone.pk: _judged(
            zone, nodes.get(node_of[zone.subscription_id]), hosts, rows[zone.pk], signs
        )
        for zone in zones
    }


def _hosts(zones: Sequence[Zone]) -> dict[int, list[str]]:
    """The domains with mail in each zone, as hosts in it: "" is the zone itself."""
    of_domain = {zone.domain_id: zone for zone in zones if zone.domain_id}
    boxes = Mailbox.objects.unscoped(_WHY).filter(domain_id=OuterRef("pk"))
    domains = Domain.objects.unscoped(_WHY).filter(
        Q(pk__in=list(of_domain)) | Q(parent_id__in=list(of_domain)), Exists(boxes)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for pk, parent, name in domains.order_by("pk").values_list("pk", "parent_id", "ascii"):
        zone = of_domain[parent or pk]
        found[zone.pk].append(name.removesuffix(zone.ascii).removesuffix("."))
    of_alias = {zone.alias_id: zone for zone in zones if zone.alias_id}
    boxes = Mailbox.objects.unscoped(_WHY).filter(domain_id=OuterRef("domain_id"))
    aliases = Alias.objects.unscoped(_WHY).filter(
        Exists(boxes), pk__in=list(of_alias), has_mail=True
    )
    for pk in aliases.values_list("pk", flat=True):
        found[of_alias[pk].pk].append("")
    return found


def _judged(
    zone: Zone,
    node: Node | None,
    hosts: dict[int, list[str]],
    rows: Iterable[Record],
    signs: Mapping[tuple[int, str], DkimKey],
) -> list[MailRecord]:
    if node is None or zone.pk not in hosts:
        return []
    there = {(row.host, row.type, row.value) for row in rows}
    kinds = {(host, kind) for host, type_, _value in there for kind in (type_, _taken(type_))}
    found = []
    for below in hosts[zone.pk]:
        offered = [
            *wanted(zone.ascii, node, below, there),
            *_proofs(zone.ascii, below, signs.get((zone.pk, below))),
        ]
        for host, type_, value in offered:
            if zone.is_following and not is_own_host(host):
                continue  # the zone says of these what its source says
            is_there = (host, type_, value) in there
            is_other = not is_there and not kinds.isdisjoint({(host, type_), (host, _ANY)})
            found.append(MailRecord(below, host, type_, value, is_there, is_other))
    return found


def _signatures(zones: Sequence[Zone]) -> dict[tuple[int, str], DkimKey]:
    """The key of each domain that signs, by its zone and its host there; aliases have the same."""
    own = {zone.domain_id: zone for zone in zones if zone.domain_id}
    rows = DkimKey.objects.exclude(sealed="").select_related("domain")
    found = {}
    for row in rows.filter(Q(domain_id__in=list(own)) | Q(domain__parent_id__in=list(own))):
        zone = own[row.domain.parent_id or row.domain_id]
        below = row.domain.ascii.removesuffix(zone.ascii).removesuffix(".")
        found[zone.pk, below] = row
    of_alias = {zone.alias_id: zone.pk for zone in zones if zone.alias_id}
    aliases = Alias.objects.unscoped(_WHY).filter(pk__in=list(of_alias))
    domains = dict(aliases.values_list("pk", "domain_id"))
    keys = {row.domain_id: row for row in rows.filter(domain_id__in=list(domains.values()))}
    for alias, domain in domains.items():
        if domain in keys:
            found[of_alias[alias], ""] = keys[domain]
    return found


def _proofs(zone: str, below: str, key: DkimKey | None) -> list[tuple[str, str, str]]:
    """By which receivers check what is sent (DKIM), and what they do with the rest (DMARC, RFC
    7489): to begin with, nothing."""
    end = f".{below}" if below else ""
    texts = [(f"_dmarc{end}", "v=DMARC1; p=none")]
    if key is not None:
        texts.append((f"{key.selector}._domainkey{end}", key.record))
    kind = str(RecordType.TXT)
    return [(host, kind, clean_value(kind, text, zone)) for host, text in texts]


def _taken(type_: str) -> str:
    """A CNAME takes a name for every type."""
    return _ANY if type_ == RecordType.CNAME else type_


def wanted(
    zone: str, node: Node, below: str, there: Container[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """(host, type, value) of all that a domain should have, which is this host of the zone.

    Nothing of a node without addresses. The services are at the host of the MX record where that
    is the node, else at a name that is the node's for sure.
    """
    pairs = ((RecordType.A, node.ipv4), (RecordType.AAAA, node.ipv6))
    addresses = [(str(kind), address) for kind, address in pairs if address]
    if not addresses:
        return []
    end = f".{below}" if below else ""
    is_mail_here = any((MAIL_HOST, *address) in there for address in addresses)
    server = MAIL_HOST if is_mail_here else f"{_LABELS[0]}{end}"
    ports = node.offers("mail").get("ports", {})
    found = [(f"{label}{end}", *address) for label in _LABELS for address in addresses]
    services = [
        (name, f"{rank} 1 {ports[port]} {server}.{zone}.")
        for name, port, rank in _SERVICES
        if port in ports
    ]
    if https := node.offers("web").get("https_port"):
        services.append(("_autodiscover", f"0 1 {https} {_LABELS[1]}{end}.{zone}."))
    for name, value in services:
        stored = clean_value(RecordType.SRV, value, zone)
        found.append((f"{name}._tcp{end}", str(RecordType.SRV), stored))
    return [one for one in found if len(one[0]) + len(zone) < LONGEST_NAME]

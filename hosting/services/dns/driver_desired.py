"""What a subscription should have of DNS, as checked values, and as rows of PowerDNS's tables."""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import NamedTuple

from hosting.agent.protocol import AgentError, invalid, listed, record, whole
from hosting.services.dns.driver_values import name, owner, written

MAX_ZONES = 5000
MAX_RECORDS = 5000
MAX_SERVERS = 20
MAX_SECONDARIES = 50
MAX_KEYS = 4
HIGHEST_SERIAL = 2**32 - 1
LONGEST_TTL = 2**31 - 1
# ECDSA P-256 with SHA-256 (RFC 6605), and the flags of a key that signs everything.
ALGORITHM, FLAGS = 13, 257
_SCALAR_BYTES = 32
_WITH_PORT = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})", re.ASCII)


class Row(NamedTuple):
    """A row of PowerDNS's table of records; `type` is None for a name that only has others below.

    `ordername` puts names in the order of DNSSEC (None: not in that chain), and `auth` says whether
    the zone itself answers for the row: a delegation and what is below it are another zone's.
    """

    name: str
    type: str | None
    ttl: int | None
    priority: int | None
    content: str | None
    ordername: str | None
    auth: int


@dataclass(frozen=True)
class Zone:
    """One zone. `keys` are private keys: never shown, never logged."""

    name: str
    serial: int
    rows: frozenset[Row]
    keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Zone({self.name!r}, {self.serial}, {len(self.rows)} rows)"


@dataclass(frozen=True)
class Dns:
    """All zones of one subscription, who may fetch them, and in which catalog they are listed."""

    zones: tuple[Zone, ...] = ()
    secondaries: tuple[str, ...] = ()
    catalog: str | None = None


def parse(value: object) -> Dns:
    """Return what the wire brought, checked; AgentError names the record that is not sound."""
    fields = record(value, "dns", ("zones",), ("secondaries", "catalog"))
    zones = tuple(_zone(each) for each in listed(fields["zones"], "zones", MAX_ZONES))
    if len({zone.name for zone in zones}) != len(zones):
        raise invalid("a zone is given twice")
    secondaries = listed(fields.get("secondaries", []), "secondaries", MAX_SECONDARIES)
    peers = tuple(sorted({peer(each) for each in secondaries}))
    catalog = fields.get("catalog")
    if peers and catalog is None:
        raise invalid("there are secondaries and no catalog")
    return Dns(zones, peers, None if catalog is None else name(catalog, "catalog"))


def peer(value: object) -> str:
    """Return the address of another name server, with its port where that is not 53."""
    text = value if type(value) is str and len(value) < 60 else ""
    found = _WITH_PORT.fullmatch(text)
    address, port = (found[1] or found[2], int(found[3])) if found else (text, 53)
    try:
        read = ipaddress.ip_address(address)
        if (found and (found[1] is None) != (read.version == 4)) or port > 65535 or "%" in text:
            raise ValueError
    except ValueError:
        raise invalid(f"not the address of a name server: {str(value)[:60]!r}") from None
    if port == 53:
        return str(read)
    return f"{read}:{port}" if read.version == 4 else f"[{read}]:{port}"


def _zone(value: object) -> Zone:
    fields = record(value, "zone", ("name", "soa", "servers", "records"), ("keys",))
    zone = name(fields["name"], "zone")
    serial, ttl, soa = _soa(fields["soa"], zone)
    found = [(zone, "SOA", ttl, 0, soa)]
    for server in listed(fields["servers"], "servers", MAX_SERVERS):
        found.append((zone, "NS", ttl, 0, name(server, "name server")))
    for each in listed(fields["records"], "records", MAX_RECORDS):
        found.append(_record(each, zone))
    _refuse_beside_cname(found)
    keys = tuple(_key(each) for each in listed(fields.get("keys", []), "keys", MAX_KEYS))
    return Zone(zone, serial, frozenset(_in_order(zone, found)), keys)


def _soa(value: object, zone: str) -> tuple[int, int, str]:
    """Return the serial, the TTL, and the SOA record."""
    fields = record(
        value, "soa", ("primary", "serial", "ttl", "refresh", "retry", "expire", "minimum")
    )
    serial = whole(fields["serial"], "serial", 0, HIGHEST_SERIAL)
    numbers = [
        whole(fields[each], each, 1, LONGEST_TTL)
        for each in ("refresh", "retry", "expire", "minimum")
    ]
    words = [name(fields["primary"], "primary"), f"hostmaster.{zone}", str(serial)]
    ttl = whole(fields["ttl"], "ttl", 1, LONGEST_TTL)
    return serial, ttl, " ".join([*words, *map(str, numbers)])


_Plain = tuple[str, str, int, int, str]


def _record(value: object, zone: str) -> _Plain:
    host, type_, ttl, text = _four(value)
    whole_name = owner(host, zone)
    try:
        content, priority = written(str(type_), text)
        return whole_name, str(type_), whole(ttl, "ttl", 1, LONGEST_TTL), priority, content
    except AgentError as error:
        raise invalid(f"{whole_name} {str(type_)[:10]} {error.message}") from None


def _four(value: object) -> list:
    if type(value) is not list or len(value) != 4:
        raise invalid("a record is not [host, type, ttl, value]")
    return value


def _refuse_beside_cname(found: list[_Plain]) -> None:
    types: dict[str, list[str]] = {}
    for each in found:
        types.setdefault(each[0], []).append(each[1])
    for host, there in types.items():
        if "CNAME" in there and len(there) > 1:
            raise invalid(f"{host} CNAME does not stand alone")


def _in_order(zone: str, found: list[_Plain]) -> set[Row]:
    """Return the rows with what DNSSEC goes by, as `pdnsutil rectify-zone` would have them."""
    cuts = {each[0] for each in found if each[1] == "NS" and each[0] != zone}
    names = {each[0] for each in found}
    rows = set()
    for host, type_, ttl, priority, content in found:
        cut = _cut(host, zone, cuts)
        is_own = cut is None or (cut == host and type_ == "DS")
        order = _order(host, zone)
        if cut is not None and (cut != host or type_ in ("A", "AAAA")):
            order = None
        rows.add(Row(host, type_, ttl, priority, content, order, int(is_own)))
    for host in names:
        if _cut(host, zone, cuts) in (None, host):
            while (host := host.partition(".")[2]) != zone and host.endswith(f".{zone}"):
                if host not in names:
                    rows.add(Row(host, None, None, None, None, None, 1))
    return rows


def _cut(host: str, zone: str, cuts: set[str]) -> str | None:
    """Return the highest name at or above a host that is delegated to others."""
    if not cuts or host == zone:
        return None
    labels = host[: -len(zone) - 1].split(".")
    for start in range(len(labels) - 1, -1, -1):
        above = f"{'.'.join(labels[start:])}.{zone}"
        if above in cuts:
            return above
    return None


def _order(host: str, zone: str) -> str:
    return "" if host == zone else " ".join(reversed(host[: -len(zone) - 1].split(".")))


def _key(value: object) -> str:
    """Return a private key in the form that PowerDNS keeps (that of BIND's key files)."""
    try:
        data = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != _SCALAR_BYTES:
        raise invalid("a key is not what a key is")
    return (
        f"Private-key-format: v1.2\nAlgorithm: {ALGORITHM} (ECDSAP256SHA256)\n"
        f"PrivateKey: {base64.b64encode(data).decode()}\n"
    )

"""A zone as the text of a zone file (RFC 1035, section 5). The only place that writes one."""

from collections.abc import Iterable

import dns.name
import dns.rdata
import dns.rdataclass

from hosting.services.dns.models import Zone
from hosting.services.dns.records import origin_of
from hosting.services.dns.settings import NAME_SERVERS
from hosting.services.dns.zones import Line, lines

_IN = dns.rdataclass.IN


def text_of(zone: Zone) -> str:
    """The whole zone, as a name server would be given it."""
    return serialize(zone, NAME_SERVERS.get(), lines(zone))


def serialize(zone: Zone, servers: Iterable[str], records: Iterable[Line]) -> str:
    """SECURITY: every name and value is made by dnspython from what it has read; nothing that
    somebody typed comes here as it is. A property test reads back what was written."""
    origin = origin_of(zone.ascii)
    found = [
        f"$ORIGIN {origin.to_text()}",
        f"$TTL {int(zone.ttl)}",
        _line(origin, "@", zone.ttl, "SOA", soa_value(zone, servers)),
    ]
    found += [_line(origin, "@", zone.ttl, "NS", f"{name}.") for name in servers]
    found += [
        _line(origin, line.host, zone.ttl if line.ttl is None else line.ttl, line.type, line.value)
        for line in records
    ]
    return "\n".join([*found, ""])


def soa_value(zone: Zone, servers: Iterable[str]) -> str:
    """The first name server, whom to write to, the serial, and the zone's own values."""
    primary = next(iter(servers), zone.ascii)
    numbers = (zone.serial, zone.refresh, zone.retry, zone.expire, zone.minimum)
    return f"{primary}. hostmaster.{zone.ascii}. {' '.join(str(int(n)) for n in numbers)}"


def _line(origin: dns.name.Name, host: str, ttl: int, type_: str, value: str) -> str:
    owner = dns.name.from_text(host, origin=origin)
    rdata = dns.rdata.from_text(_IN, type_, value, origin=origin, relativize=False)
    return f"{owner.to_text()}\t{int(ttl)}\tIN\t{type_}\t{rdata.to_text()}"

"""A small name server for where PowerDNS is not installed: it answers from the same tables.

For `make run` and development, on loopback: zones as PowerDNS would answer for them, over UDP and
TCP. It neither signs nor hands out whole zones, and the pages say so. Started by the agent as a
program of its own, so it may use what the agent may not: dnspython.
"""

import argparse
import contextlib
import socketserver
import sqlite3
import struct
import threading
from collections.abc import Iterator
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

_LONGEST_CHAIN = 8
_PLAIN_UDP = 512
_MOST_UDP = 1232
_IDLE = 10.0
_ANY = dns.rdatatype.ANY


class Row(NamedTuple):
    """A record as the tables have it."""

    name: str
    type: str | None
    ttl: int
    priority: int
    content: str
    auth: int


class Tables:
    """The zones, read anew for each question."""

    def __init__(self, path: str):
        self._path = path
        self._mine = threading.local()

    def _read(self, statement: str, *given: object) -> list[tuple]:
        database = getattr(self._mine, "database", None)
        if database is None:
            database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)
            self._mine.database = database
        return database.execute(statement, given).fetchall()

    def zone_of(self, name: str) -> tuple[int, str] | None:
        """Number and name of the zone that a name is in: the longest that fits."""
        for above in _upwards(name):
            rows = self._read("SELECT id, name FROM domains WHERE name = ?", above)
            if rows:
                return rows[0]
        return None

    def rows(self, zone: int, name: str) -> list[Row]:
        """All that stands at a name."""
        found = self._read(
            "SELECT name, type, ttl, prio, content, auth FROM records"
            " WHERE domain_id = ? AND name = ? AND disabled = 0",
            zone,
            name,
        )
        return [Row(*row) for row in found]


def _upwards(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.partition(".")[2]


def answer(tables: Tables, asked: dns.message.Message) -> dns.message.Message:
    """The answer to a question, as an authoritative server gives it."""
    said = dns.message.make_response(asked, our_payload=_MOST_UDP)
    if asked.opcode() != dns.opcode.QUERY or len(asked.question) != 1:
        said.set_rcode(dns.rcode.NOTIMP)
        return said
    question = asked.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR) or tables.zone_of(name) is None:
        said.set_rcode(dns.rcode.REFUSED)
        return said
    said.flags |= dns.flags.AA
    seen: set[str] = set()
    while len(seen) < _LONGEST_CHAIN and name not in seen:
        seen.add(name)
        following = _at(tables, name, question.rdtype, said, is_first=len(seen) == 1)
        if following is None:
            break
        name = following
    return said


def _at(
    tables: Tables, name: str, type_: int, said: dns.message.Message, *, is_first: bool
) -> str | None:
    """Add what there is at a name; return where a CNAME leads."""
    found = tables.zone_of(name)
    if found is None:
        return None  # An alias leads out of what is served here.
    zone, top = found
    cut = _delegation(tables, zone, top, name)
    if cut and not (cut[0].name == name and type_ == dns.rdatatype.DS):
        if is_first:
            said.flags &= ~dns.flags.AA
        said.authority += _sets(cut, cut[0].name)
        for row in cut:
            glue = [each for each in tables.rows(zone, row.content) if each.type in ("A", "AAAA")]
            said.additional += _sets(glue, row.content)
        return None
    rows = tables.rows(zone, name) or _wildcard(tables, zone, top, name)
    if rows is None:
        said.set_rcode(dns.rcode.NXDOMAIN)
    alias = next((row for row in rows or () if row.type == "CNAME"), None)
    wanted = [
        row
        for row in rows or ()
        if row.type and (type_ == _ANY or dns.rdatatype.from_text(row.type) == type_)
    ]
    if alias and not wanted:
        said.answer += _sets([alias], name)
        return alias.content.lower()
    said.answer += _sets(wanted, name)
    if not wanted:
        soa = [row for row in tables.rows(zone, top) if row.type == "SOA"]
        # What is not there is remembered for as long as the zone says (RFC 2308).
        said.authority += _sets(
            [row._replace(ttl=min(row.ttl, int(row.content.split()[-1]))) for row in soa], top
        )
    return None


def _delegation(tables: Tables, zone: int, top: str, name: str) -> list[Row]:
    """The name servers of others that answer for a name, the highest cut first."""
    for above in reversed(list(_upwards(name))):
        if above != top and above.endswith(f".{top}"):
            cut = [row for row in tables.rows(zone, above) if row.type == "NS"]
            if cut:
                return cut
    return []


def _wildcard(tables: Tables, zone: int, top: str, name: str) -> list[Row] | None:
    """What stands for all names below the closest one that there is (RFC 4592); None: nothing."""
    for above in list(_upwards(name))[1:]:
        found = tables.rows(zone, f"*.{above}")
        if found:
            return found
        if above == top or tables.rows(zone, above):
            return None
    return None


def _sets(rows: list[Row], owner: str) -> list[dns.rrset.RRset]:
    by_type: dict[str, list[Row]] = {}
    for row in rows:
        by_type.setdefault(row.type or "", []).append(row)
    return [
        dns.rrset.from_text_list(
            dns.name.from_text(owner), same[0].ttl, "IN", type_, [_text(row) for row in same]
        )
        for type_, same in by_type.items()
        if type_
    ]


def _text(row: Row) -> str:
    """A content in the form of a zone file: names end with a dot there."""
    content = f"{row.priority} {row.content}" if row.type in ("MX", "SRV") else row.content
    words = content.split(" ")
    places = {"SOA": (0, 1), "MX": (1,), "SRV": (3,), "HTTPS": (1,)}
    for place in places.get(row.type or "", (0,) if row.type in ("CNAME", "NS", "PTR") else ()):
        words[place] = words[place].rstrip(".") + "."
    return " ".join(words)


def respond(tables: Tables, data: bytes, longest: int | None) -> bytes | None:
    """The answer to a message; None where not even its header can be read."""
    try:
        asked = dns.message.from_wire(data)
    except dns.exception.DNSException:
        if len(data) < 12:
            return None
        return data[:2] + struct.pack(">5H", 0x8000 | dns.rcode.FORMERR, 0, 0, 0, 0)
    if asked.flags & dns.flags.QR:
        return None
    try:
        said = answer(tables, asked)
    except (sqlite3.Error, dns.exception.DNSException, ValueError, IndexError):
        said = dns.message.make_response(asked)
        said.set_rcode(dns.rcode.SERVFAIL)
    if longest is None:
        return said.to_wire(max_size=65535)
    try:
        return said.to_wire(max_size=min(max(asked.payload, _PLAIN_UDP), longest))
    except dns.exception.TooBig:
        short = dns.message.make_response(asked, our_payload=_MOST_UDP)
        short.flags |= dns.flags.TC | dns.flags.AA
        return short.to_wire()


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, peer = self.request
        if (said := respond(self.server.tables, data, _MOST_UDP)) is not None:  # type: ignore[attr-defined]
            with contextlib.suppress(OSError):
                peer.sendto(said, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    timeout = _IDLE

    def handle(self) -> None:
        with contextlib.suppress(OSError, struct.error):
            while head := self.rfile.read(2):
                said = respond(
                    self.server.tables,  # type: ignore[attr-defined]
                    self.rfile.read(struct.unpack(">H", head)[0]),
                    None,
                )
                if said is None:
                    return
                self.wfile.write(struct.pack(">H", len(said)) + said)


class UdpServer(socketserver.UDPServer):
    max_packet_size = 65535


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    """Answer until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    tables, where = Tables(given.database), (given.address, given.port)
    with UdpServer(where, _Udp) as udp, TcpServer(where, _Tcp) as tcp:
        udp.tables = tcp.tables = tables  # type: ignore[attr-defined]
        threading.Thread(target=tcp.serve_forever, name="tcp", daemon=True).start()
        udp.serve_forever()


if __name__ == "__main__":
    main()

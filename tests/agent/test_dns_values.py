"""Contents as PowerDNS keeps them: what was meant is what is read, and nothing else gets in."""

import dns.name
import dns.rdata
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hosting.agent.protocol import AgentError
from hosting.services.dns.driver_desired import parse, peer
from hosting.services.dns.driver_values import owner, written
from tests.agent.dns import zone

DIGEST = "ab" * 32
TYPES = ("A", "AAAA", "CNAME", "NS", "PTR", "MX", "SRV", "TXT", "CAA", "TLSA", "DS", "HTTPS")


@pytest.mark.parametrize(
    ("type_", "value", "content", "priority"),
    [
        ("A", "203.0.113.7", "203.0.113.7", 0),
        ("AAAA", "2001:db8::7", "2001:db8::7", 0),
        ("CNAME", "www.other.example.", "www.other.example", 0),
        ("MX", "10 mail.other.example.", "mail.other.example", 10),
        ("MX", "0 .", ".", 0),
        ("SRV", "10 5 443 server.example.", "5 443 server.example", 10),
        ("TXT", r'"a\"b\\c\195\164" "more"', r'"a\"b\\c\195\164" "more"', 0),
        ("CAA", '0 issue "ca.example.net; x=1"', '0 issue "ca.example.net; x=1"', 0),
        ("TLSA", f"3 1 1 {DIGEST[:32]} {DIGEST[32:]}", f"3 1 1 {DIGEST}", 0),
        ("DS", f"12345 13 2 {DIGEST}", f"12345 13 2 {DIGEST}", 0),
        ("HTTPS", '1 . alpn="h2,h3" port="443"', "1 . alpn=h2,h3 port=443", 0),
        ("HTTPS", "0 www.other.example.", "0 www.other.example", 0),
    ],
)
def test_a_value_becomes_what_powerdns_keeps(type_, value, content, priority):
    assert written(type_, value) == (content, priority)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("A", "203.0.113.256"),
        ("A", "203.0.113.7\n1.2.3.4"),
        ("AAAA", "fe80::1%eth0"),
        ("CNAME", "relative"),
        ("CNAME", "UPPER.example."),
        ("CNAME", "a b.example."),
        ("MX", "10 203.0.113.7 x."),
        ("MX", "65536 mail.example."),
        ("MX", "² mail.example."),
        ("SRV", "1 2 mail.example."),
        ("TXT", "no quotes"),
        ("TXT", r'"an end\"'),
        ("TXT", r'"\999"'),
        ("TXT", '"' + "x" * 256 + '"'),
        ("TXT", '"tab\there"'),
        ("TXT", '"ü"'),
        ("CAA", '1 issue "x"'),
        ("CAA", r'0 issue "\""'),
        ("TLSA", "3 1 1 abc"),
        ("DS", f"1 300 2 {DIGEST}"),
        ("HTTPS", "1 . key65400=x"),
        ("HTTPS", '1 . alpn="h2" alpn="h3"'),
        ("HTTPS", "1 . port=99999"),
        ("HTTPS", "1 . ech=!"),
        ("SOA", "a. b. 1 2 3 4 5"),
        ("LUA", 'A "os.execute()"'),
        ("ALIAS", "other.example."),
    ],
)
def test_what_is_no_value_is_refused(type_, value):
    with pytest.raises(AgentError):
        written(type_, value)


_HOSTILE = st.text(st.sampled_from('ab.0123456789 "\\;$@()\n\t\0ü=,-_:*'), max_size=60)


@given(st.sampled_from(TYPES), _HOSTILE)
@example("TXT", '"a" "b"')
@example("TXT", r'"\"" "\\"')
@example("HTTPS", "1 . alpn=a")
def test_whatever_is_let_in_reads_back_as_what_was_meant(type_, value):
    """One record of this type, which says to others what it said before."""
    try:
        content, priority = written(type_, value)
    except AgentError:
        return
    assert content.isprintable()
    text = f"{priority} {content}" if type_ in ("MX", "SRV") else content
    assert _read(type_, text) == _read(type_, value)


def _read(type_, text):
    """What others read: every name is whole, with or without its final dot."""
    return dns.rdata.from_text("IN", type_, text, origin=dns.name.root, relativize=False)


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=4))
def test_any_bytes_of_a_text_come_through(strings):
    value = dns.rdata.from_text("IN", "TXT", '"x"').replace(strings=tuple(strings)).to_text()
    content, _ = written("TXT", value)
    assert dns.rdata.from_text("IN", "TXT", content).strings == tuple(strings)


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a", "a-", "a b", "A", "*a", "a.*", "x" * 64, 7]
)
def test_what_is_no_host_is_refused(host):
    with pytest.raises(AgentError):
        owner(host, "anna.example")


def test_hosts_are_names_in_their_zone():
    assert owner("@", "anna.example") == "anna.example"
    assert owner("*", "anna.example") == "*.anna.example"
    assert owner("*.shop", "anna.example") == "*.shop.anna.example"
    assert owner("_dmarc", "anna.example") == "_dmarc.anna.example"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "anna example"},
        {"name": "../anna.example"},
        {"servers": ["ns1"] * 30},
        {"records": [["www", "A", 0, "1.2.3.4"]]},
        {"records": [["www", "A", True, "1.2.3.4"]]},
        {"records": [["www", "A", 300, "1.2.3.4", 1]]},
        {"records": [["www", "A", 300, "1.2.3.4"], ["www", "CNAME", 300, "a.example."]]},
        {"records": [["@", "CNAME", 300, "a.example."]]},
        {"keys": ["AAAA"]},
        {"more": 1},
    ],
)
def test_a_zone_that_is_not_sound_is_refused(change):
    with pytest.raises(AgentError):
        parse({"zones": [zone("anna.example") | change]})


def test_the_words_name_the_record_at_fault():
    with pytest.raises(AgentError, match=r"www\.anna\.example A is not an IPv4 address: 'x'"):
        parse({"zones": [zone("anna.example", 1, ("www", "A", 300, "x"))]})


def test_no_key_is_ever_shown():
    secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
    held = parse({"zones": [zone("anna.example", keys=[secret])]})
    assert secret in held.zones[0].keys[0]
    assert secret not in repr(held)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:53", "203.0.113.9"),
        ("203.0.113.9:5300", "203.0.113.9:5300"),
        ("2001:db8:0::9", "2001:db8::9"),
        ("[2001:db8::9]:5300", "[2001:db8::9]:5300"),
    ],
)
def test_secondaries_have_an_address_and_perhaps_a_port(typed, kept):
    assert peer(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "ns1.example", "203.0.113.9:99999", "fe80::1%eth0", "[203.0.113.9]:53", "1:2", 5]
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(AgentError):
        peer(typed)

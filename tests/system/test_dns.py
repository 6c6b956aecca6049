"""Zones on real name servers, asked by a real resolver over UDP and TCP."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdata
import dns.rdatatype
import dns.zone
import pytest

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian, embedded
from hosting.services.dns import driver_values, signing
from hosting.services.dns.driver import DnsDriver
from tests.agent.dns import read, subscription, zone
from tests.machine import free_port
from tests.system.conftest import wait_until

pytestmark = pytest.mark.system
PDNS = Path("/usr/sbin/pdns_server")
WWW = ("www", "A", 300, "203.0.113.7")
# One of each type, and what makes zones hard: a wildcard, a delegation, names between names.
RECORDS = [
    ("@", "A", 300, "203.0.113.7"),
    ("@", "AAAA", 300, "2001:db8::7"),
    ("www", "CNAME", 300, "anna.example."),
    ("@", "MX", 300, "10 mail.anna.example."),
    ("no", "MX", 300, "0 ."),
    ("_s._tcp", "SRV", 300, "1 2 443 mail.anna.example."),
    ("text", "TXT", 300, r'"a\"b\\c\195\164" "second ; $ @"'),
    ("h", "HTTPS", 300, '1 . alpn="h2,h3" port="443" ipv4hint="203.0.113.7"'),
    ("h2", "HTTPS", 300, "0 www.anna.example."),
    ("@", "CAA", 300, '0 issue "ca.example.net; account=1"'),
    ("_443._tcp", "TLSA", 300, "3 1 1 " + "ab" * 32),
    ("sub", "NS", 300, "ns.sub.anna.example."),
    ("ns.sub", "A", 300, "203.0.113.9"),
    ("sub", "DS", 300, "12345 13 2 " + "ab" * 32),
    ("a.b.between", "A", 300, "203.0.113.10"),
    ("*.wild", "A", 300, "203.0.113.11"),
    ("p", "PTR", 300, "host.other.example."),
]
BERT = subscription(43, 1, zone("bert.example", 1, ("@", "A", 300, "203.0.113.8")))


class DnsNode:
    """A node with nothing but DNS: its agent in this process, its name server a real one."""

    def __init__(self, platform):
        self.platform = platform
        for path in (platform.node, platform.homes, platform.run, platform.logs):
            path.mkdir(parents=True, exist_ok=True)
        self.next_agent()
        self.generation = 0

    def next_agent(self):
        """An agent that finds what another one left."""
        host = Host(self.platform.node, Runner(), self.platform)
        self.driver = DnsDriver(host)
        self.applier = Applier(host, [self.driver])
        self.applier.settle()

    def apply(self, *subscriptions):
        """Apply with a higher generation than ever; return the results by subscription."""
        self.generation += 1
        lines = []
        frames = [each | {"generation": self.generation} for each in subscriptions]
        self.applier.desired(frames, lines.append)
        return {line["subscription"]: line for line in lines[:-1]}

    def applied(self, *subscriptions):
        results = self.apply(*subscriptions)
        assert [str(line) for line in results.values() if not line["ok"]] == []

    def ask(self, name, type_="A", how=dns.query.udp, **more):
        asked = dns.message.make_query(name, type_, **more)
        return how(asked, "127.0.0.1", port=self.platform.dns_port, timeout=30)

    def said(self, name, type_="A", how=dns.query.udp):
        return read(self.ask(name, type_, how))

    def serial(self, name):
        (text,) = self.said(name, "SOA")[1]
        return int(text.split()[2])

    def fetched(self, name):
        """The whole zone by AXFR, None where that is refused."""
        with suppress(dns.exception.DNSException):
            found = dns.zone.Zone(name)
            dns.query.inbound_xfr("127.0.0.1", found, port=self.platform.dns_port, timeout=30)
            return found
        return None

    def pid(self):
        return self.driver.server.daemon.master()

    def close(self):
        self.driver.server.daemon.stop()


def platform_at(directory, kind):
    if kind == "debian":
        if os.geteuid() != 0 or not PDNS.exists():
            pytest.skip("needs root and PowerDNS")
        places = [directory / name for name in ("node", "homes", "run", "logs", "users")]
        return debian(*places, address="127.0.0.1", dns_port=free_port())
    found = embedded(directory / "node", 8480, "/nowhere/nginx", dns_port=free_port())
    programs = {name: path for name, path in found.programs.items() if name == "pdns_server"}
    if kind == "embedded with PowerDNS":
        if not programs:
            pytest.skip("needs PowerDNS")
        return replace(found, programs=programs)
    return replace(found, programs={})


@contextmanager
def node_of(kind):
    """A node in a directory that others may pass: PowerDNS is another user. Not below pytest's own,
    which every pytest that begins beside this one shuts for all others."""
    directory = Path(tempfile.mkdtemp(prefix="freehold-dns-"))
    directory.chmod(0o755)
    try:
        node = DnsNode(platform_at(directory, kind))
        try:
            yield node
        finally:
            node.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module", params=["debian", "embedded with PowerDNS", "embedded"])
def any_node(request):
    with node_of(request.param) as node:
        yield node


@pytest.fixture(scope="module")
def debian_node():
    with node_of("debian") as node:
        yield node


@pytest.fixture
def served(any_node):
    """Any of the three, with a neighbour that answers before and after."""
    any_node.applied(BERT)
    yield any_node
    assert any_node.said("bert.example") == ("NOERROR", ["203.0.113.8"])


@pytest.fixture
def real(debian_node):
    """PowerDNS as root runs it, with a neighbour that answers before and after."""
    debian_node.applied(BERT)
    yield debian_node
    assert debian_node.said("bert.example") == ("NOERROR", ["203.0.113.8"])


@pytest.mark.parametrize("how", [dns.query.udp, dns.query.tcp])
def test_every_type_is_answered_as_it_was_meant(served, how):
    served.applied(subscription(42, 1, zone("anna.example", 7, *RECORDS)))
    for host, type_, _ttl, value in RECORDS:
        name = "anna.example" if host == "@" else f"{host}.anna.example"
        if type_ in ("NS",) or name == "ns.sub.anna.example":
            answer = served.ask(name, type_, how)
            assert [each.to_text() for each in answer.authority[0]] == ["ns.sub.anna.example."]
            assert not answer.flags & dns.flags.AA
        else:
            meant = dns.rdata.from_text("IN", type_, value).to_text()
            assert served.said(name, type_, how) == ("NOERROR", [meant]), (name, type_)
    assert served.said("any.wild.anna.example", how=how) == ("NOERROR", ["203.0.113.11"])
    assert served.said("b.between.anna.example", how=how) == ("NOERROR", [])
    assert served.said("nobody.anna.example", how=how) == ("NXDOMAIN", [])
    assert served.said("nobody.example", how=how)[0] == "REFUSED"
    assert served.ask("www.anna.example", how=how).flags & dns.flags.AA


def test_a_change_is_seen_by_the_next_question(served):
    for number in range(1, 6):
        record = ("www", "A", 300, f"203.0.113.{number}")
        served.applied(subscription(42, 1, zone("anna.example", number, record)))
        assert served.said("www.anna.example") == ("NOERROR", [f"203.0.113.{number}"])
        assert served.said("new.anna.example")[0] == "NXDOMAIN"
        assert served.serial("anna.example") == number


def test_a_suspended_subscription_s_names_go_on_and_a_removed_one_s_are_gone(served):
    served.applied(subscription(42, 1, zone("anna.example", 7, WWW), state="shut"))
    assert served.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
    served.applied(subscription(42, 1, present=False))
    assert served.said("www.anna.example")[0] == "REFUSED"


def test_a_long_answer_comes_whole_over_tcp(served):
    texts = [("text", "TXT", 300, f'"{number} {"x" * 200}"') for number in range(20)]
    served.applied(subscription(42, 1, zone("anna.example", 7, *texts)))
    assert served.ask("text.anna.example", "TXT").flags & dns.flags.TC
    assert len(served.said("text.anna.example", "TXT", dns.query.tcp)[1]) == 20


def test_nobody_fetches_a_zone_who_is_not_listed(served):
    served.applied(subscription(42, 1, zone("anna.example", 7, WWW)))
    assert served.fetched("anna.example") is None


def test_a_killed_name_server_is_found_dead_and_started_again(served):
    served.applied(subscription(42, 1, zone("anna.example", 7, WWW)))
    os.kill(served.pid(), signal.SIGKILL)
    wait_until(lambda: served.pid() is None, "it is dead")
    assert served.driver.problem()
    served.applied(subscription(42, 1, zone("anna.example", 8, WWW)))
    assert served.serial("anna.example") == 8
    assert served.driver.problem() is None


def test_the_next_agent_adopts_the_name_server_and_what_it_says(served):
    served.applied(subscription(42, 1, zone("anna.example", 7, WWW)))
    pid = served.pid()
    served.next_agent()
    assert served.pid() == pid
    assert served.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])


def pdnsutil(node, *words):
    """What PowerDNS's own tool says."""
    config = f"--config-dir={node.platform.node / 'dns'}"
    done = subprocess.run(["pdnsutil", config, *words], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_powerdns_finds_nothing_to_complain_of_or_to_mend(real):
    """Its own checker, and its own idea of what signing needs, on what we wrote."""
    real.applied(subscription(42, 1, zone("anna.example", 7, *RECORDS)))
    frame = subscription(42, real.generation, zone("anna.example", 7, *RECORDS))
    said = pdnsutil(real, "check-zone", "bert.example")
    assert "Checked 3 records of 'bert.example', 0 errors, 0 warnings." in said
    said = pdnsutil(real, "check-zone", "anna.example")
    # The one that is meant to lead nowhere with addresses: 0 www, a CNAME.
    assert all("h2.anna.example" in line for line in said.splitlines() if "[Error]" in line)
    assert "not equal" not in said
    pdnsutil(real, "secure-zone", "anna.example")
    pdnsutil(real, "rectify-zone", "anna.example")
    (plan,) = real.applier.plan([frame])["plans"]
    (change,) = plan["changes"]
    assert [line.split(",")[0] for line in change["before"]] == ["key 257"]
    real.applied(frame)
    assert real.applier.plan([frame])["plans"][0]["changes"] == []


def test_what_powerdns_cannot_read_fails_alone_with_its_words(real, monkeypatch):
    """As if our grammar let something through that is none."""
    monkeypatch.setitem(driver_values._WRITERS, "A", lambda value: (value, 0))
    good = [subscription(n, 1, zone(f"z{n}.example", 1, WWW)) for n in range(100, 200)]
    bad = subscription(42, 1, zone("anna.example", 9, ("bad", "A", 300, "999.1.1.1")))
    results = real.apply(*good[:50], bad, *good[50:])
    (failed,) = [line for line in results.values() if not line["ok"]]
    assert failed["subscription"] == 42
    assert "SERVFAIL for bad.anna.example A" in failed["message"]
    assert "unable to parse IP address" in failed["message"]
    assert real.said("www.z150.example") == ("NOERROR", ["203.0.113.7"])
    assert real.said("bad.anna.example")[0] != "SERVFAIL"


def test_only_powerdns_reads_and_writes_its_tables(real):
    data = real.platform.node / "dns" / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    assert {path.owner() for path in (data, *data.iterdir())} == {"pdns"}
    status = Path(f"/proc/{real.pid()}/status").read_text()
    (uids,) = [line for line in status.splitlines() if line.startswith("Uid:")]
    assert "0" not in uids.split()
    # Where root makes sockets, PowerDNS's user makes nothing.
    assert (real.platform.node / "dns").owner() == "root"


# Signing.


def test_a_signed_zone_answers_with_the_key_that_the_panel_computed(real):
    """PowerDNS computes the public key from the private one by itself: both have to agree."""
    private = signing.private_key(signing.new_seed())
    dnskey = signing.public_key(private)
    signed = zone("anna.example", 7, *RECORDS, keys=[base64.b64encode(private).decode()])
    real.applied(subscription(42, 1, signed))
    meant = dns.rdata.from_text("IN", "DNSKEY", dnskey)
    assert real.said("anna.example", "DNSKEY") == ("NOERROR", [meant.to_text()])
    shown = pdnsutil(real, "show-zone", "anna.example")
    assert signing.ds_record("anna.example", dnskey) in shown
    answer = real.ask("www.anna.example", "CNAME", want_dnssec=True)
    (signature,) = [each for each in answer.answer if each.rdtype == dns.rdatatype.RRSIG]
    assert signature[0].key_tag == dns.dnssec.key_id(meant)
    denied = real.ask("nobody.anna.example", want_dnssec=True)
    assert any(each.rdtype == dns.rdatatype.NSEC for each in denied.authority)
    assert real.said("bert.example", "DNSKEY") == ("NOERROR", [])
    real.applied(subscription(42, 1, zone("anna.example", 8, *RECORDS)))
    assert real.said("anna.example", "DNSKEY") == ("NOERROR", [])


def test_the_small_server_serves_a_zone_with_a_key_unsigned():
    """It says that it does not sign; what is asked for goes on all the same."""
    with node_of("embedded") as node:
        key = base64.b64encode(signing.private_key(signing.new_seed())).decode()
        node.applied(BERT, subscription(42, 1, zone("anna.example", 7, WWW, keys=[key])))
        assert node.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
        assert node.said("bert.example") == ("NOERROR", ["203.0.113.8"])
        assert node.driver.offers()["is_powerdns"] is False


# Secondaries.

CATALOG = "node-1.catalog.invalid"


def listed(node):
    """The zones that the catalog names, None where it cannot be fetched."""
    catalog = node.fetched(CATALOG)
    if catalog is None:
        return None
    found = catalog.iterate_rdatas("PTR")
    return {each.target.to_text(omit_final_dot=True) for _name, _ttl, each in found}


def test_who_is_listed_fetches_every_zone_and_the_catalog_names_them(real):
    known = {"secondaries": ["127.0.0.1"], "catalog": CATALOG}
    real.applied(subscription(42, 1, zone("anna.example", 7, *RECORDS), **known))
    fetched = real.fetched("anna.example")
    assert len([1 for _ in fetched.iterate_rdatas()]) == len(RECORDS) + 2
    assert real.fetched("bert.example") is None
    catalog = real.fetched(CATALOG)
    assert catalog.find_rdataset("version", "TXT")[0].to_text() == '"2"'
    assert listed(real) == {"anna.example"}
    serial = real.serial(CATALOG)
    real.applied(subscription(42, 1, zone("anna.example", 8), zone("new.example", 1), **known))
    assert listed(real) == {"anna.example", "new.example"}
    assert real.serial(CATALOG) > serial
    serial = real.serial(CATALOG)
    real.applied(subscription(42, 1, zone("anna.example", 9), zone("new.example", 1), **known))
    assert real.serial(CATALOG) == serial
    others = known | {"secondaries": ["192.0.2.9"]}
    real.applied(subscription(42, 1, zone("anna.example", 9), **others))
    assert (real.fetched("anna.example"), listed(real)) == (None, None)
    real.applied(subscription(42, 1, zone("anna.example", 10)))
    assert real.said(CATALOG, "SOA")[0] == "REFUSED"


@pytest.mark.skipif(not Path("/usr/sbin/named").exists(), reason="needs BIND")
def test_a_real_secondary_follows_without_being_told_of_any_zone(real, tmp_path):
    """BIND knows the catalog and nothing else."""
    port = free_port()
    known = {"secondaries": [f"127.0.0.1:{port}"], "catalog": CATALOG}
    real.applied(subscription(42, 1, zone("anna.example", 7, WWW), **known))
    primary = f"port {real.platform.dns_port} {{ 127.0.0.1; }}"
    (tmp_path / "named.conf").write_text(
        f'options {{ directory "{tmp_path}"; listen-on port {port} {{ 127.0.0.1; }};'
        f' listen-on-v6 {{ none; }}; recursion no; notify no; pid-file "{tmp_path}/pid";'
        f' session-keyfile "{tmp_path}/key"; managed-keys-directory "{tmp_path}";'
        f" dnssec-validation no; allow-notify {{ 127.0.0.1; }}; catalog-zones {{"
        f' zone "{CATALOG}" default-masters {primary} in-memory yes min-update-interval 1; }};'
        f" }};\ncontrols {{ }};\n"
        f'zone "{CATALOG}" {{ type slave; file "catalog"; masters {primary}; }};\n'
    )
    with (tmp_path / "log").open("w") as log:
        command = ["/usr/sbin/named", "-g", "-n", "1", "-c", str(tmp_path / "named.conf")]
        named = subprocess.Popen(command, stdout=log, stderr=log)
    try:

        def there(name, *answer):
            asked = dns.message.make_query(name, "A")
            with suppress(dns.exception.Timeout, OSError):
                found = dns.query.udp(asked, "127.0.0.1", port=port, timeout=0.5)
                return read(found) == ("NOERROR", list(answer))
            return False

        wait_until(lambda: there("www.anna.example", "203.0.113.7"), "the first zone is there")
        moved = ("www", "A", 300, "203.0.113.99")
        both = [zone("anna.example", 8, moved), zone("new.example", 1, WWW)]
        real.applied(subscription(42, 1, *both, **known))
        wait_until(lambda: there("www.new.example", "203.0.113.7"), "a new zone is there")
        wait_until(lambda: there("www.anna.example", "203.0.113.99"), "the change is there")
        real.applied(subscription(42, 1, both[0], **known))
        wait_until(lambda: not there("www.new.example", "203.0.113.7"), "the zone is gone there")
        assert there("www.anna.example", "203.0.113.99")
    finally:
        named.kill()
        named.wait()
        real.applied(subscription(42, 1, zone("anna.example", 9, WWW)))

"""A node with a stand-in for PowerDNS that answers from the same tables, and agents on it."""

import json
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rcode

from hosting.agent.apply import Applier
from hosting.agent.host import Finished, Host
from hosting.agent.platform import Platform, embedded
from hosting.services.dns import driver_store
from hosting.services.dns.answering import Tables, respond
from hosting.services.dns.driver import DnsDriver
from tests.agent.fakes import FakeProcess


class FakeNameServer(FakeProcess):
    """Processes and datagrams of one node. It outlives the agents that use it."""

    title = "pdns_server --config-dir={directory}"

    def __init__(self, platform: Platform):
        super().__init__(platform)
        self.writes = 0
        self.is_full = False
        # Names that it cannot stand: PowerDNS answers SERVFAIL where it cannot read a content.
        self.refused_names: set[str] = set()
        self.will_not_start = False

    @property
    def database(self) -> Path:
        return self.platform.node / "dns" / "data" / "pdns.sqlite3"

    # What an agent's Runner offers.

    def run(self, command, timeout, given=b""):
        asked = json.loads(given)
        assert asked["user"] is None
        database = driver_store.opened(asked["database"])
        try:
            if asked["do"] == "plan":
                return _said(driver_store.plan(database, asked["wanted"]))
            if asked["do"] == "serials":
                return _said(driver_store.serials(database))
            if self.is_full:
                return Finished(1, "Traceback\nsqlite3.OperationalError: disk is full\n")
            self.writes += 1
            return _said(driver_store.apply(database, asked["wanted"], asked["catalog"]))
        finally:
            database.close()

    def spawn(self, command, directory, log=None):
        if not self.will_not_start:
            self.next_pid()
        return self._next_pid

    def exchange(self, address, port, data, timeout):
        if self.pid is None:
            return None
        asked = dns.message.from_wire(data)
        name = asked.question[0].name.to_text(omit_final_dot=True)
        if name in self.refused_names:
            said = dns.message.make_response(asked)
            said.set_rcode(dns.rcode.SERVFAIL)
            return said.to_wire()
        return respond(Tables(str(self.database)), data, None)

    # What visitors see.

    def said(self, name, type_="A"):
        """Return the code and what was answered."""
        data = self.exchange("", 0, dns.message.make_query(name, type_).to_wire(), 1)
        if data is None:
            return "nothing", []
        return read(dns.message.from_wire(data))


def read(message):
    """Return an answer as its code and its texts, in order."""
    found = sorted(each.to_text() for rrset in message.answer for each in rrset)
    return dns.rcode.to_text(message.rcode()), found


def _said(answer) -> Finished:
    return Finished(0, json.dumps(answer) + "\n")


class DnsAgent:
    """One agent's life on a node."""

    def __init__(self, server, host: Host | None = None):
        self.server = server
        self.host = host or Host(server.platform.node, server, server.platform)
        self.dns = DnsDriver(self.host)
        self.applier = Applier(self.host, [self.dns])

    def desired(self, *subscriptions):
        """Apply a batch; return the results by subscription, and the sum."""
        lines = []
        self.applier.desired(list(subscriptions), lines.append)
        return {line["subscription"]: line for line in lines[:-1]}, lines[-1]


def node(directory: Path) -> FakeNameServer:
    """Return a node without an agent, where PowerDNS is installed."""
    platform = embedded(directory, 8480, "/nowhere/nginx", dns_port=5300)
    platform = replace(platform, programs={"pdns_server": Path("/usr/sbin/pdns_server")})
    for each in (platform.homes, platform.run, platform.logs):
        each.mkdir(parents=True)
    return FakeNameServer(platform)


def zone(name, serial=1, *records, **more):
    """Return a zone as the worker sends it."""
    numbers = {"ttl": 300, "refresh": 10800, "retry": 3600, "expire": 1209600, "minimum": 60}
    return more | {
        "name": name,
        "soa": {"primary": "ns1.host.example", "serial": serial, **numbers},
        "servers": ["ns1.host.example"],
        "records": [list(record) for record in records],
    }


def subscription(number, generation=1, *zones, present=True, state="open", **more):
    """Return a subscription as the worker sends it."""
    return {
        "id": number,
        "generation": generation,
        "present": present,
        "state": state,
        "dns": {"zones": list(zones), **more},
    }

"""Zones in the tables: made, changed, kept apart, put back; and what is shown of a difference."""

import sqlite3

import pytest

from tests.agent.dns import DnsAgent, node, subscription, zone
from tests.agent.fakes import Died, DyingHost

WWW = ("www", "A", 300, "203.0.113.7")
ANNA = zone("anna.example", 5, WWW)
BERT = zone("bert.example", 5, ("www", "A", 300, "203.0.113.8"))

FETCHED_BY_ALL = (
    "INSERT INTO domainmetadata (domain_id, kind, content)"
    " SELECT id, 'ALLOW-AXFR-FROM', '0.0.0.0/0' FROM domains WHERE name = 'anna.example'"
)
ANOTHER_KEY = (
    "INSERT INTO cryptokeys (domain_id, flags, active, content)"
    " SELECT id, 257, 1, 'secret' FROM domains WHERE name = 'anna.example'"
)


@pytest.fixture
def server(tmp_path):
    return node(tmp_path / "node")


@pytest.fixture
def agent(server):
    """An agent that has applied a zone of 42, and one of its neighbour 43."""
    agent = DnsAgent(server)
    agent.applier.settle()
    agent.desired(subscription(42, 1, ANNA), subscription(43, 1, BERT))
    yield agent
    assert server.said("www.bert.example") == ("NOERROR", ["203.0.113.8"])


def changes(agent, number, *zones):
    """What a plan says of a subscription: zone, before, after."""
    (plan,) = agent.applier.plan([subscription(number, 99, *zones)])["plans"]
    return [(each["what"], each["before"], each["after"]) for each in plan["changes"]]


def test_a_zone_answers_when_it_is_applied(agent, server):
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
    assert server.said("nobody.example")[0] == "REFUSED"


def test_applying_again_changes_nothing(agent, server):
    calls, writes = agent.host.calls, server.writes
    _, done = agent.desired(subscription(42, 1, ANNA))
    assert (done["changed"], agent.host.calls, server.writes) == (0, calls, writes)


def test_only_what_differs_is_written(agent, server):
    database = sqlite3.connect(server.database)
    rows = "SELECT id FROM records WHERE name = 'www.anna.example' AND type = 'A'"
    before = database.execute(rows).fetchall()
    agent.desired(subscription(42, 2, zone("anna.example", 6, WWW, ("new", "A", 60, "1.2.3.4"))))
    assert database.execute(rows).fetchall() == before
    assert server.said("new.anna.example") == ("NOERROR", ["1.2.3.4"])
    assert " 6 " in server.said("anna.example", "SOA")[1][0]


def test_suspension_changes_nothing_and_removal_takes_the_zones(agent, server):
    agent.desired(subscription(42, 2, ANNA, state="shut"))
    assert server.said("www.anna.example")[0] == "NOERROR"
    agent.desired(subscription(42, 3, present=False))
    assert server.said("www.anna.example")[0] == "REFUSED"
    held = sqlite3.connect(server.database).execute("SELECT DISTINCT name FROM domains").fetchall()
    assert held == [("bert.example",)]


def test_a_zone_of_somebody_else_is_refused_and_stays(agent, server):
    results, _ = agent.desired(subscription(44, 1, ANNA), subscription(45, 1, zone("c.example")))
    assert "anna.example belongs to subscription 42" in results[44]["message"]
    assert results[45]["ok"]
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])


def test_a_zone_may_move_from_one_to_another_in_one_batch(agent, server):
    results, _ = agent.desired(subscription(42, 2), subscription(44, 1, ANNA))
    assert all(line["ok"] for line in results.values())
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])


def test_what_the_daemon_cannot_stand_fails_alone_and_stays_as_it_was(agent, server):
    server.refused_names = {"bad.anna.example"}
    bad = zone("anna.example", 6, WWW, ("bad", "A", 300, "1.2.3.4"))
    others = [
        subscription(n, 1, zone(f"z{n}.example", 1, ("@", "A", 300, "1.1.1.1")))
        for n in range(100, 200)
    ]
    results, done = agent.desired(*others[:50], subscription(42, 2, bad), *others[50:])
    failed = {number: line["message"] for number, line in results.items() if not line["ok"]}
    assert failed == {42: "the name server answers SERVFAIL for bad.anna.example A"}
    assert done["changed"] == 100
    assert " 5 " in server.said("anna.example", "SOA")[1][0]
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
    assert server.said("z150.example") == ("NOERROR", ["1.1.1.1"])


def test_what_somebody_changed_by_hand_is_shown_and_overwritten(agent, server):
    assert changes(agent, 42, ANNA) == []
    database = sqlite3.connect(server.database)
    database.execute("UPDATE records SET content = '6.6.6.6' WHERE name = 'www.anna.example'")
    database.commit()
    calls = agent.host.calls
    theirs, ours = "www.anna.example 300 A 6.6.6.6", "www.anna.example 300 A 203.0.113.7"
    assert changes(agent, 42, ANNA) == [("anna.example", [theirs], [ours])]
    assert agent.host.calls == calls
    agent.desired(subscription(42, 1, ANNA))
    assert changes(agent, 42, ANNA) == []
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])


@pytest.mark.parametrize(
    ("by_hand", "shown"),
    [
        ("UPDATE records SET disabled = 1 WHERE name LIKE 'www.a%'", "(disabled)"),
        ("UPDATE records SET auth = 0 WHERE name LIKE 'www.a%'", "(delegated)"),
        ("UPDATE records SET ordername = NULL WHERE name LIKE 'www.a%'", "(out of order)"),
        ("UPDATE domains SET type = 'SLAVE' WHERE name LIKE 'a%'", "kind SLAVE"),
        (FETCHED_BY_ALL, "ALLOW-AXFR-FROM 0.0.0.0/0"),
        (ANOTHER_KEY, "key 257, active"),
    ],
)
def test_every_kind_of_change_by_hand_is_found(agent, server, by_hand, shown):
    database = sqlite3.connect(server.database)
    assert database.execute(by_hand).rowcount == 1
    database.commit()
    ((name, before, _after),) = changes(agent, 42, ANNA)
    assert name == "anna.example"
    assert shown in before[0]
    assert "secret" not in str(before)
    agent.desired(subscription(42, 1, ANNA))
    assert changes(agent, 42, ANNA) == []


def test_tables_that_were_lost_are_filled_again(agent, server):
    server.database.unlink()
    heir = DnsAgent(server)
    heir.applier.settle()
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])


def test_a_newer_state_is_not_taken_back_when_an_agent_starts(agent, server):
    """An agent that was killed after it wrote and before it said so."""
    database = sqlite3.connect(server.database)
    soa = "UPDATE records SET content = replace(content, ' 5 ', ' 9 ') WHERE type = 'SOA'"
    database.execute(soa + " AND name = 'anna.example'")
    database.commit()
    DnsAgent(server).applier.settle()
    assert " 9 " in server.said("anna.example", "SOA")[1][0]


def test_a_full_disk_fails_the_batch_in_words_and_the_next_try_completes_it(agent, server):
    server.is_full = True
    new = zone("anna.example", 6, ("www", "A", 300, "1.2.3.4"))
    results, _ = agent.desired(subscription(42, 2, new))
    assert "disk is full" in results[42]["message"]
    assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
    server.is_full = False
    results, _ = agent.desired(subscription(42, 2, new))
    assert results[42]["ok"]
    assert server.said("www.anna.example") == ("NOERROR", ["1.2.3.4"])


def test_zones_go_even_if_the_agent_has_forgotten_that_they_were_there(agent, server):
    (server.platform.state).unlink()
    DnsAgent(server).desired(subscription(42, 2, present=False))
    assert server.said("www.anna.example")[0] == "REFUSED"


def test_a_daemon_that_is_down_is_started(agent, server):
    server.pid = None
    results, _ = agent.desired(subscription(42, 1, ANNA))
    assert results[42]["ok"]
    assert server.pid is not None


def test_nothing_is_called_applied_while_the_daemon_cannot_be_started(agent, server):
    pid, server.pid, server.will_not_start = server.pid, None, True
    results, _ = agent.desired(subscription(42, 2, zone("anna.example", 6, WWW)))
    assert "does not answer" in results[42]["message"]
    assert "dns" in agent.applier.hello(False)["problems"]
    server.pid, server.will_not_start = pid, False
    results, _ = agent.desired(subscription(42, 2, zone("anna.example", 6, WWW)))
    assert results[42]["ok"]


STEPS = {
    "a new zone": [subscription(44, 1, zone("carl.example", 1, WWW))],
    "another record": [subscription(42, 2, zone("anna.example", 6, ("www", "A", 300, "1.2.3.4")))],
    "a zone that moves": [subscription(42, 2), subscription(44, 1, ANNA)],
    "removed": [subscription(42, 2, present=False)],
}
NAMES = ["www.anna.example", "www.bert.example", "www.carl.example"]


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_anywhere_leaves_the_old_or_the_new_and_is_completed(tmp_path, step):
    def prepared(directory):
        server = node(directory)
        agent = DnsAgent(server)
        agent.applier.settle()
        agent.desired(subscription(42, 1, ANNA), subscription(43, 1, BERT))
        return server

    def views(server):
        return [server.said(name) for name in NAMES]

    reference = prepared(tmp_path / "reference")
    old = views(reference)
    untouched = DnsAgent(reference)
    untouched.applier.settle()
    untouched.desired(*STEPS[step])
    new = views(reference)
    assert step == "a zone that moves" or old != new
    last = deaths = 0
    while deaths == last:
        last += 1
        server = prepared(tmp_path / str(last))
        host = DyingHost(server.platform.node, server, server.platform, last=last)
        try:
            dying = DnsAgent(server, host)
            dying.applier.settle()
            dying.desired(*STEPS[step])
        except Died:
            deaths += 1
        assert views(server) in (old, new), last
        heir = DnsAgent(server)
        heir.applier.settle()
        assert views(server) in (old, new), last
        heir.desired(*STEPS[step])
        assert views(server) == new
    assert deaths > 1


def test_a_crash_while_settling_is_completed_by_the_next_agent(tmp_path):
    last, died = 0, True
    while died:
        last += 1
        server = node(tmp_path / str(last))
        host = DyingHost(server.platform.node, server, server.platform, last=last)
        try:
            DnsAgent(server, host).applier.settle()
            died = False
        except Died:
            pass
        heir = DnsAgent(server)
        heir.applier.settle()
        heir.desired(subscription(42, 1, ANNA))
        assert server.said("www.anna.example") == ("NOERROR", ["203.0.113.7"])
    assert last > 3


def test_a_daemon_that_dies_while_it_is_asked_is_nobody_s_fault(agent, server):
    """The zones stay as they were written: asked again they are applied, and nothing is undone."""
    ask, asked = server.exchange, []

    def dying(address, port, data, timeout):
        asked.append(data)
        if len(asked) == 3:
            server.pid, server.will_not_start = None, True
        return ask(address, port, data, timeout)

    pid, server.exchange = server.pid, dying
    new = zone("anna.example", 6, ("www", "A", 300, "1.2.3.4"))
    results, _ = agent.desired(subscription(42, 2, new), subscription(43, 2, BERT))
    assert {line["kind"] for line in results.values()} == {"probe"}
    server.exchange, server.pid, server.will_not_start = ask, pid, False
    assert server.said("www.anna.example") == ("NOERROR", ["1.2.3.4"])
    results, _ = agent.desired(subscription(42, 2, new), subscription(43, 2, BERT))
    assert all(line["ok"] for line in results.values())

"""The web server's logs: read for one site, rotated, counted once whatever dies when."""

import pytest

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_log
from hosting.services.web.driver_log import Logs
from hosting.services.web.driver_traffic import of_visits
from tests.agent.fakes import Agent, Died, DyingHost, node, site, subscription

NAMES = {7: {"anna.example", "*.anna.test"}}


def visit(
    key="s42-7", status=200, request="GET / HTTP/1.1", sent=100, received=10, at="2026-11-05"
):
    """A line as driver_nginx.py has nginx write it."""
    at += "T10:00:00+00:00"
    return (
        f'{key} a.example 192.0.2.1 {at} {status} {sent} {received} "{request}" "-" "cur\\x22l"\n'
    )


def complaint(host, words="open() failed"):
    about = 'client: 192.0.2.1, server: , request: "GET / HTTP/1.1"'
    return f'2026/11/05 10:00:00 [error] 12#12: *3 {words}, {about}, host: "{host}"\n'


@pytest.fixture
def place(tmp_path):
    """A node without daemons, its logs and its counts."""
    fake = node(tmp_path / "node")
    host = Host(fake.platform.node, fake, fake.platform)
    logs = Logs(host)
    logs.lay_out()
    return host, logs


def add(logs, *lines):
    with logs.access.open("a") as stream:
        stream.writelines(lines)


def last(logs, **asked):
    return logs.last(42, NAMES, {"site": 7, "kind": "access"} | asked)["lines"]


def test_the_last_lines_of_one_site_the_newest_first(place):
    _host, logs = place
    add(logs, visit(request="GET /1 HTTP/1.1"), visit("s42-77"), visit("s4-7"), visit("s421-7"))
    add(logs, visit("-"), visit(request="GET /2 HTTP/1.1", status=404))
    shown = last(logs)
    assert [row[3] for row in shown] == ["GET /2 HTTP/1.1", "GET /1 HTTP/1.1"]
    assert shown[0] == [
        *("2026-11-05T10:00:00+00:00", "404", "192.0.2.1", "GET /2 HTTP/1.1"),
        *("100", "-", "cur\\x22l"),
    ]
    assert [row[1] for row in last(logs, status="4")] == ["404"]
    assert [row[3] for row in last(logs, text="/1 http")] == ["GET /1 HTTP/1.1"]
    assert len(last(logs, lines=1)) == 1


def test_lines_go_on_in_what_the_log_was_before_and_the_search_has_an_end(place, monkeypatch):
    _host, logs = place
    add(logs, visit(request="GET /old HTTP/1.1"))
    logs.access.rename(logs.access.with_name("access.log.1"))
    add(logs, visit(request="GET /new HTTP/1.1"))
    assert [row[3][4:8] for row in last(logs)] == ["/new", "/old"]
    monkeypatch.setattr(driver_log, "_BLOCK", 50)
    assert [row[3][4:8] for row in last(logs)] == ["/new", "/old"]
    monkeypatch.setattr(driver_log, "_LOOKED_AT", 200)
    add(logs, *(visit("s1-1") for _ in range(9)))
    assert logs.last(42, NAMES, {"site": 7, "kind": "access"}) == {"lines": [], "is_all": False}


def test_errors_are_those_of_requests_for_the_sites_own_names(place):
    _host, logs = place
    lines = [complaint(name) for name in ("anna.example", "x.anna.test:8480", "bert.example")]
    logs.errors.write_text("".join([*lines, "2026/11/05 10:00:00 [emerg] 1#1: all is lost\n"]))
    shown = last(logs, kind="errors")
    assert [row[:2] for row in shown] == [["2026/11/05 10:00:00", "error"]] * 2
    assert "open() failed" in shown[0][2]
    # What a visitor of one site puts into a request shows up with no other site.
    forged = complaint("bert.example", 'x, host: "anna.example"')
    logs.errors.write_text(forged)
    assert last(logs, kind="errors") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"site": 8},
        {"site": "7"},
        {"kind": "../../etc/passwd"},
        {"lines": 0},
        {"lines": 501},
        {"status": "9"},
        {"text": "a\nb"},
        {"path": "/etc/passwd"},
    ],
)
def test_nobody_asks_for_another_site_or_for_more_than_there_is(place, asked):
    _host, logs = place
    with pytest.raises(AgentError):
        last(logs, **asked)


def test_the_agent_answers_for_sites_that_it_serves(tmp_path):
    fake = node(tmp_path / "node")
    agent = Agent(fake)
    agent.applier.settle()
    agent.desired(subscription(42, 1, site(7, "anna.example")))
    log = fake.platform.logs / "web" / "access.log"
    log.write_text(visit() + visit("s43-8"))
    asked = {"site": 7, "kind": "access"}
    answer = agent.applier.ask("web", "log", 42, asked)
    assert (answer["ok"], len(answer["answer"]["lines"])) == (True, 1)
    assert answer["answer"]["traffic"] >= 0
    for number, more in ((43, {"site": 8}), (42, {"site": 8})):
        with pytest.raises(AgentError):
            agent.applier.ask("web", "log", number, asked | more)
    for service, what in (("nothing", "log"), ("web", "passwords")):
        with pytest.raises(AgentError):
            agent.applier.ask(service, what, 42, asked)


# Counting.


def test_both_ways_are_counted_once_and_by_day(place):
    host, logs = place
    counts = of_visits(host, logs)
    add(logs, visit(), visit("s43-8", sent=5), visit("-", sent=999), visit(at="2026-10-05"))
    add(logs, "nonsense\n", visit(sent=1000)[:-1])
    assert counts.days([42, 43, 44], "2026-10-01") == {
        "2026-10-05": {42: 110},
        "2026-11-05": {42: 110, 43: 15},
    }
    add(logs, "\n")
    assert counts.days([42], "2026-11-05") == {"2026-11-05": {42: 110 + 1010}}
    assert counts.days([42], "2026-11-06") == {}
    assert of_visits(host, logs).days([42], "2026-11-01") == {"2026-11-05": {42: 110 + 1010}}
    # A hundred days later it is known no more.
    add(logs, visit(at="2027-02-14"))
    assert counts.days([42], "2026-01-01") == {"2027-02-14": {42: 110}}


def test_what_was_written_into_a_log_that_moved_on_counts_too(place):
    host, logs = place
    counts = of_visits(host, logs)
    add(logs, visit())
    counts.count()
    with logs.access.open("a") as still_open:
        logs.access.rename(logs.access.with_name("access.log.1"))
        still_open.write(visit(sent=7))
    add(logs, visit(sent=3))
    assert counts.days([42], "2026-11-05") == {"2026-11-05": {42: 110 + 17 + 13}}


def test_a_log_is_rotated_by_size_and_by_age_and_nginx_is_told(place, monkeypatch):
    host, logs = place
    told = []
    assert not logs.rotate(told.append, lambda: told.append("counted"))
    add(logs, visit())
    monkeypatch.setattr(driver_log, "_LARGEST", 10)
    assert logs.rotate(told.append, lambda: told.append("counted"))
    assert told == ["counted", driver_log.signal.SIGUSR1]
    assert (logs.access.exists(), len(logs.all(logs.access))) == (False, 1)
    monkeypatch.setattr(driver_log, "_LARGEST", 10**9)
    add(logs, visit())
    assert not logs.rotate(told.append, lambda: None)
    host.runner.clock += 25 * 3600
    assert logs.rotate(told.append, lambda: None)
    for _ in range(9):
        add(logs, visit())
        host.runner.clock += 25 * 3600
        logs.rotate(told.append, lambda: None)
    assert len(list(logs.directory.iterdir())) == driver_log.KEPT


def test_a_crash_anywhere_while_counting_and_rotating_counts_every_line_once(tmp_path):
    last_call, died = 0, True
    while died:
        last_call += 1
        fake = node(tmp_path / str(last_call))
        whole = Logs(Host(fake.platform.node, fake, fake.platform))
        whole.lay_out()
        dying = DyingHost(fake.platform.node, fake, fake.platform, last=last_call)
        logs = Logs(dying)
        counts = of_visits(dying, logs)
        add(logs, visit(), visit())
        logs._since = -1e9
        try:
            counts.count()
            logs.rotate(lambda number: True, counts.count)
            add(logs, visit())
            counts.count()
            died = False
        except Died:
            died = True
        seen = sum(path.read_text().count("\n") for path in whole.all(whole.access))
        heir = of_visits(Host(fake.platform.node, fake, fake.platform), whole)
        assert heir.days([42], "2026-11-05") == ({"2026-11-05": {42: 110 * seen}} if seen else {})
        assert seen == 3 or died
    assert last_call > 3


def test_the_directory_is_closed_to_others(place):
    _host, logs = place
    assert logs.directory.stat().st_mode & 0o777 == 0o750

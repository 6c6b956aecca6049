"""Traffic out of what daemons write down: each line once, whatever becomes of its file."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.agent import metering
from hosting.agent.host import Host
from hosting.agent.platform import uid_of
from hosting.agent.traffic import Amount
from hosting.services.ftp import driver_traffic
from hosting.services.mail.driver_traffic import TABLES, of_dovecot, of_postfix
from tests.agent.fakes import node

DAY = "2026-11-05"


@pytest.fixture
def counts(tmp_path):
    fake = node(tmp_path)
    host = Host(fake.platform.node, fake, fake.platform)
    directory = host.platform.node / "ftp"
    directory.mkdir()
    host.platform.logs.mkdir(exist_ok=True)
    return driver_traffic.of_sessions(host, directory), driver_traffic.log(host.platform)


def test_a_line_counts_once_and_a_half_one_when_it_is_whole(counts):
    traffic, log = counts
    line = metering.line(DAY, 42, 10, 1)
    assert traffic.days([42], DAY) == {}
    log.write_text(line + line[:-3])
    for _twice in range(2):
        assert traffic.days([42, 43], DAY) == {DAY: {42: 11}}
    with log.open("a") as stream:
        stream.write(line[-3:] + metering.line(DAY, 43, 5, 5))
    assert traffic.days([42, 43], DAY) == {DAY: {42: 22, 43: 10}}


def test_a_log_that_was_cut_is_read_from_its_beginning(counts):
    """As `hosting.agent.logs` cuts it: the same file, and what is added begins as before."""
    traffic, log = counts
    line = metering.line(DAY, 42, 10, 1)
    log.write_text(line * 3)
    traffic.count()
    with log.open("r+") as stream:
        stream.truncate(0)
    traffic.count()
    with log.open("a") as stream:
        stream.write(line)
    assert traffic.days([42], DAY) == {DAY: {42: 44}}


@settings(derandomize=True, database=None, deadline=None)
@given(st.binary(max_size=80))
def test_a_line_that_is_none_counts_for_nobody(noise):
    lines = [b"-" + noise, noise + b" x", b"2026-11-05 - 1 2", b"2026-11-05 0 1 2"]
    assert list(metering.read(lines, None)) == []


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(1, 2**31), st.integers(0, 10**15), st.integers(0, 10**15))
def test_what_is_written_is_read_back(number, received, sent):
    line = metering.line(DAY, number, received, sent)
    assert line == f"{DAY} {uid_of(number)} {received} {sent}\n"
    found = list(metering.read(line.encode().split(b"\n"), None))
    assert found == [Amount(number, DAY, sent, received)]


# Mail.

DOVECOT = [
    b"2026-11-05 23:47:11 lmtp(anna@a.example)<3><or2AMH/QBG>: Info: Connect from local",
    b"2026-11-05 23:47:11 lmtp(anna@a.example)<3><or2A><10000042>: Info: sieve: size=610 stored",
    b"2026-11-05 23:47:11 lmtp(anna@a.example)<3><or2A><10000042>: Info: size=90 saved mail to I",
    b"2026-11-05 23:47:12 imap(anna@a.example)<4><1rFy><10000042>: Info: Logged out in=74 out=1614",
    b"2026-11-05 23:47:12 pop3(nora@b.example)<4><1rFy><10000043>: Info: Disconnected: in=1 out=2",
    # Whoever names a folder like that, it is the one who pays.
    b"2026-11-05 23:47:12 imap(nora@b.example)<4><1rFy><10000043>: Info: x <10000042> in=5 out=0",
]


def test_what_dovecot_says_counts_for_whose_user_it_was():
    found = [(each.subscription, each.sent, each.received) for each in of_dovecot(DOVECOT)]
    assert found == [(42, 0, 610), (42, 0, 90), (42, 1614, 74), (43, 2, 1), (43, 0, 5)]


def postfix(*said):
    return [f"Nov  5 23:47:11 host postfix/{each}".encode() for each in said]


SUBMITTED = postfix(
    "smtpd[1]: A1: client=h[127.0.0.1], sasl_method=PLAIN, sasl_username=anna@a.example",
    "smtpd[1]: A2: client=h[127.0.0.1], sasl_method=PLAIN, sasl_username=x@y, sasl_sender=<>",
    "smtpd[1]: A3: client=h[127.0.0.1]",
    *(f"qmgr[2]: A{n}: from=<anna@a.example>, size=100, nrcpt=2 (queue active)" for n in (1, 2, 3)),
    "smtp[3]: A1: to=<x@far.example>, relay=far, status=sent (250 ok)",
    "smtp[3]: A1: to=<y@far.example>, relay=far, status=deferred (later)",
)
LATER = postfix(
    "qmgr[2]: A1: from=<anna@a.example>, size=100, nrcpt=2 (queue active)",
    "smtp[3]: A1: to=<y@far.example>, relay=far, status=sent (250 ok)",
    "qmgr[2]: A1: removed",
    # A number is given again.
    "qmgr[2]: A1: from=<>, size=100, nrcpt=2 (queue active)",
)


def test_a_letter_counts_when_it_is_submitted_and_with_each_server_that_takes_it():
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        owners = {"anna@a.example": 42, "x@y": 43}
        first = list(of_postfix(SUBMITTED, database, owners.get))
        second = list(of_postfix(LATER, database, owners.get))
        assert database.execute("SELECT number FROM letter").fetchall() == [("A2",)]
    day = first[0].day
    assert day.endswith("-11-05")
    assert first == [Amount(42, day, 0, 100), Amount(43, day, 0, 100), Amount(42, day, 100, 0)]
    assert second == [Amount(42, day, 100, 0)]


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.text(alphabet="A1:=<>,[]()s size=qmgr\x00é/", max_size=60), max_size=4))
def test_noise_in_a_log_of_mail_counts_for_nobody(noise):
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        lines = [each.encode() for each in noise]
        assert [*of_dovecot(lines), *of_postfix(lines, database, lambda _login: 42)] == []

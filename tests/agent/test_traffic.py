"""Traffic out of what daemons write down: each line once, whatever becomes of its file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.agent.host import Host
from hosting.agent.platform import uid_of
from hosting.agent.traffic import Amount
from hosting.services.ftp import driver_traffic
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
    line = driver_traffic.line(DAY, 42, 10, 1)
    assert traffic.days([42], DAY) == {}
    log.write_text(line + line[:-3])
    for _twice in range(2):
        assert traffic.days([42, 43], DAY) == {DAY: {42: 11}}
    with log.open("a") as stream:
        stream.write(line[-3:] + driver_traffic.line(DAY, 43, 5, 5))
    assert traffic.days([42, 43], DAY) == {DAY: {42: 22, 43: 10}}


def test_a_log_that_was_cut_is_read_from_its_beginning(counts):
    """As `hosting.agent.logs` cuts it: the same file, and what is added begins as before."""
    traffic, log = counts
    line = driver_traffic.line(DAY, 42, 10, 1)
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
    assert list(driver_traffic.read(lines, None)) == []


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(1, 2**31), st.integers(0, 10**15), st.integers(0, 10**15))
def test_what_is_written_is_read_back(number, received, sent):
    line = driver_traffic.line(DAY, number, received, sent)
    assert line == f"{DAY} {uid_of(number)} {received} {sent}\n"
    found = list(driver_traffic.read(line.encode().split(b"\n"), None))
    assert found == [Amount(number, DAY, sent, received)]

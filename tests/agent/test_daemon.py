"""Daemons that the agent keeps, with real processes: adopted, watched, buried, ended."""

import os
import signal
import time
from dataclasses import replace

import pytest

from hosting.agent.daemon import Daemon, Program
from hosting.agent.host import Host, Runner
from tests.agent.fakes import node

LIMIT = 30.0


def wait_until(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def host(tmp_path):
    platform = replace(node(tmp_path).platform, stops_daemons=False)
    return Host(platform.node, Runner(), platform)


@pytest.fixture
def keep(host):
    """Makes a daemon by name, each in a directory of its own; all are ended."""
    made = []

    def make(name, seconds="1000"):
        directory = host.platform.node / name
        directory.mkdir(exist_ok=True)
        program = Program(
            name=name,
            command=("/bin/sleep", seconds),
            directory=directory,
            pid_file=host.platform.run / f"{name}.pid",
            is_master=lambda line: line == f"/bin/sleep {seconds}",
            is_ours=lambda line: line.startswith("/bin/sleep"),
            writes_pid=False,
        )
        made.append(Daemon(host, program))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_one_that_runs_is_started_once_and_found_by_the_next_agent(keep):
    first = keep("names")
    assert (first.start(), first.start()) == (True, False)
    second = keep("names")
    assert (second.start(), second.master()) == (False, first.master())


def test_the_pid_of_a_process_that_is_another_s_is_not_believed(keep, host):
    stranger, ours = keep("other"), keep("names")
    stranger.start()
    (host.platform.run / "names.pid").write_text(f"{stranger.master()}\n")
    assert ours.master() is None
    assert ours.start()
    assert ours.master() != stranger.master()
    assert stranger.master() is not None


def test_a_child_that_another_runner_started_is_buried_when_it_has_ended(keep, host):
    neighbour, lost = keep("other"), keep("names")
    neighbour.start()
    lost.start()
    pid, another = lost.master(), Runner()
    another.signal(pid, signal.SIGKILL)
    assert another.wait(pid, LIMIT)
    # Whoever asks for the number, as PostgreSQL does of its lock's, finds nobody.
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert neighbour.master() is not None


def test_what_a_killed_agent_left_without_a_pid_is_buried_and_no_neighbour_with_it(keep, host):
    neighbour, lost = keep("other"), keep("names")
    neighbour.start()
    lost.start()
    left = lost.master()
    (host.platform.run / "names.pid").unlink()
    new = keep("names")
    assert new.start()
    assert not host.runner.alive(left)
    assert neighbour.master() is not None


def test_one_that_dies_is_started_again(keep, host):
    watched = keep("names")
    watched.start()
    watched.watch()
    before = watched.master()
    host.runner.signal(before, signal.SIGKILL)
    wait_until(lambda: watched.master() not in (None, before))
    assert watched.starts == 2


def test_the_agent_leaves_it_serving_or_takes_it_along_as_the_platform_says(keep, host):
    kept = keep("names")
    kept.start()
    pid = kept.master()
    kept.leave()
    assert host.runner.alive(pid)
    host.platform = replace(host.platform, stops_daemons=True)
    kept.leave()
    assert not host.runner.alive(pid)
    assert not kept.signal_master(signal.SIGHUP)

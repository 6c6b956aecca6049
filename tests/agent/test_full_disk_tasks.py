"""Scheduled tasks while the disk is full: none is lost, none is begun twice, and they go on."""

import pytest

from hosting.agent.platform import embedded
from hosting.services.cron.driver import CronDriver
from tests.agent.fakes import FakeProcess
from tests.agent.full import FullHost

ANNA, BERT = 42, 43
# A whole minute, long ago.
THEN = 60.0 * 29_000_000


class Keepers(FakeProcess):
    """Keepers of runs: each lives until the test ends it, and leaves how its run ended."""

    def __init__(self, platform):
        super().__init__(platform)
        self.living = {}

    def spawn(self, command, directory, log=None):
        self.next_pid()
        self.living[self.pid] = command[-1]
        return self.pid

    def alive(self, pid):
        return pid in self.living

    def signal(self, pid, number):
        self.living.pop(pid, None)

    def end_all(self):
        for done in self.living.values():
            path = self.platform.node / "cron" / done
            path.write_text('{"code": 0, "output": "done"}')
        self.living.clear()


@pytest.fixture
def host(tmp_path):
    platform = embedded(tmp_path / "node", 8480, "/nowhere/nginx")
    for each in (platform.node, platform.homes):
        each.mkdir(parents=True)
    return FullHost(platform.node, Keepers(platform), platform)


@pytest.fixture
def driver(host):
    made = CronDriver(host, lambda: THEN)
    made.settle({}, ())
    task = {"kind": "command", "what": "date", "line": "* * * * *", "zone": "UTC"}
    task |= {"active": True, "seconds": 60, "memory": 512}
    wanted = {
        number: made.parse({"user": "someone", "tasks": [task | {"id": number}]})
        for number in (ANNA, BERT)
    }
    assert not made.apply(wanted).failures
    return made


def ends(driver):
    return sorted((run["task"], run["cause"], run["output"]) for run in driver.news(0))


@pytest.mark.parametrize("room", range(6))
def test_what_is_due_meanwhile_is_begun_once_there_is_room_and_once_only(host, driver, room):
    host.room = room
    driver.look(THEN + 60)
    is_full = host.refused > 0
    assert (driver.problem() is not None) == is_full
    assert is_full == (room < 4), "two runs: a row and a job each"
    driver.look(THEN + 65)
    host.room = None
    driver.look(THEN + 70)
    assert driver.problem() is None
    assert len(host.runner.living) == 2
    driver.look(THEN + 75)
    assert len(host.runner.living) == 2
    host.runner.end_all()
    driver.look(THEN + 80)
    assert ends(driver) == [(ANNA, "", "done"), (BERT, "", "done")]


def test_how_a_run_ended_is_noted_once_there_is_room(host, driver):
    driver.look(THEN + 60)
    host.runner.end_all()
    host.room = 0
    driver.look(THEN + 65)
    assert ends(driver) == []
    assert "full" in driver.problem()
    host.room = None
    driver.look(THEN + 70)
    assert ends(driver) == [(ANNA, "", "done"), (BERT, "", "done")]
    driver.look(THEN + 120)
    assert len(host.runner.living) == 2


def test_who_is_shut_meanwhile_is_not_run_once_there_is_room(host, driver):
    host.room = 0
    driver.look(THEN + 60)
    driver.switch([ANNA], [])
    host.room = None
    driver.look(THEN + 65)
    host.runner.end_all()
    driver.look(THEN + 70)
    assert ends(driver) == [(BERT, "", "done")]

"""Scheduled tasks with real users: run as the tenant, without a way out; at most once a minute."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting.agent import trees
from hosting.agent.host import Host, Runner
from hosting.agent.platform import FIRST_UID, debian
from hosting.agent.private import close_off
from hosting.services.cron.driver import CronDriver
from tests.agent.fakes import Died, DyingHost
from tests.system.conftest import LIMIT
from tests.system.debian import debian_node, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]
CARL, NORA = 705, 755
# A whole minute, long ago.
THEN = 60.0 * 29_000_000


class Room:
    """A node's places, two homes, and a driver whose clock a test turns."""

    def __init__(self, top: Path):
        places = {name: top / name for name in ("node", "homes", "run", "logs", "users", "ssh")}
        for path in places.values():
            path.mkdir()
        self.platform = debian(**places, address="127.0.0.1")
        self.platform.web.mkdir()
        close_off(self.platform)
        self.host = Host(self.platform.node, Runner(), self.platform)
        for number in (CARL, NORA):
            trees.make_home(self.host, number)
        (self.home(NORA) / "secret").write_text("Nora's own")
        self.now = THEN
        self.driver = self.again(self.host, {})

    def home(self, number: int) -> Path:
        return self.platform.homes / f"s{number}"

    def again(self, host: Host, applied: dict[int, Any]) -> CronDriver:
        """An agent that starts."""
        self.driver = CronDriver(host, lambda: self.now)
        self.driver.settle(applied, ())
        return self.driver

    def wanted(self, what: str, **given: Any) -> Any:
        """One task of Carl's, every minute."""
        task = {"id": 1, "kind": "command", "what": what, "line": "* * * * *", "zone": "UTC"}
        task |= {"active": True, "seconds": 60, "memory": 512} | given
        return self.driver.parse({"user": "carl", "tasks": [task]})

    def schedule(self, what: str, **given: Any) -> None:
        assert self.driver.apply({CARL: self.wanted(what, **given)}).failures == {}

    def minute(self) -> None:
        self.now += 60
        self.driver.tick(self.now)

    def until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT
        while not is_so():
            assert time.monotonic() < end, self.driver.news(0)
            self.driver.tick(self.now)
            time.sleep(0.02)

    def run(self, what: str, **given: Any) -> dict[str, Any]:
        """Run something in its next minute; return how it ended."""
        seen = max((each["end"] for each in self.driver.news(0)), default=0)
        self.schedule(what, **given)
        self.minute()
        self.until(lambda: bool(self.driver.news(seen)))
        return self.driver.news(seen)[0]

    def left(self) -> bool:
        return FIRST_UID + CARL in Runner().users()


@pytest.fixture
def room() -> Iterator[Room]:
    with debian_node() as node:
        yield Room(node.top)


def test_a_task_is_run_as_the_tenant_and_finds_no_way_out(room: Room) -> None:
    """Everything that a tenant could try, in one place; the neighbour's secret stays one."""
    uid = FIRST_UID + CARL
    ran = room.run("id -u; id -G; pwd; umask; grep NoNewPrivs /proc/self/status; exit 3")
    wanted = f"{uid}\n{uid}\n{room.home(CARL)}\n0027\nNoNewPrivs:\t1\n"
    assert (ran["output"], ran["code"], ran["cause"]) == (wanted, 3, "")
    secret = room.home(NORA) / "secret"
    for path in (secret, room.platform.node / "cron" / "runs.sqlite3", "/etc/shadow"):
        ran = room.run(f"cat {path}")
        assert ran["code"] == 1
        assert "Permission denied" in ran["output"]
    assert "Nora" not in json.dumps(room.driver.news(0))
    # Descriptors of ours, variables of ours, higher limits.
    ran = room.run("ls /proc/self/fd | wc -l; env | cut -d= -f1 | sort; ulimit -v unlimited")
    names = ["HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TZ", "USER"]
    assert ran["output"].split()[:9] == ["4", *names]
    assert ran["code"] != 0
    # What is left behind ends with the run, wherever it went.
    ran = room.run(
        "setsid nohup sleep 600 & (setsid sh -c 'trap \"\" TERM HUP; sleep 600 &') & echo"
    )
    assert ran["code"] == 0
    assert not room.left()


def test_a_task_takes_no_more_than_it_may(room: Room) -> None:
    assert room.run("sleep 600", seconds=1)["cause"] == "time"
    assert room.run("exec perl -e '$x = \"x\" x 1_000_000_000'", memory=64)["code"] != 0
    ran = room.run("head -c 3000000 /dev/zero | tr '\\0' x; echo END")
    assert ran["output"].endswith("xEND\n")
    assert len(ran["output"]) == 64 * 1024
    ran = room.run("b() { b | b & }; b; sleep 0.1; echo", seconds=30)
    assert "Cannot fork" in ran["output"]
    assert not room.left()


def test_what_is_shut_ends_and_is_not_begun_until_it_is_opened(room: Room) -> None:
    room.schedule("echo x >> beats; sleep 600")
    beats = room.home(CARL) / "beats"
    room.minute()
    room.until(beats.exists)
    room.driver.switch([CARL], [])
    room.until(lambda: not room.left())
    room.until(lambda: bool(room.driver.news(0)))
    assert room.driver.news(0)[0]["cause"] == "stopped"
    room.minute()
    room.minute()
    assert room.driver.ask("running", CARL, {}) == {"running": [], "waiting": []}
    assert beats.read_text() == "x\n"
    room.driver.switch([], [CARL])
    room.minute()
    room.until(lambda: beats.read_text() == "x\n" * 2)
    # Not a second one beside it; and what is removed ends.
    room.minute()
    assert room.driver.ask("running", CARL, {}) == {"running": [1], "waiting": []}
    assert room.driver.apply({CARL: None}).changed == {CARL}
    room.until(lambda: not room.left())


def test_an_address_is_fetched_by_the_tenant_and_a_script_is_run(room: Room) -> None:
    script = room.home(CARL) / "task.php"
    script.write_text("<?php echo 'I am ', posix_geteuid();")
    script.chmod(0o644)
    assert room.run("task.php", kind="php", php="newest")["output"] == f"I am {FIRST_UID + CARL}"
    ran = room.run("http://127.0.0.1:9/", kind="url")
    assert ran["code"] == 1
    assert "refused" in ran["output"]


def test_an_agent_that_is_killed_anywhere_runs_nothing_twice_in_a_minute(room: Room) -> None:
    """It dies at each of its calls, and starts again in the same minute."""
    beats = room.home(CARL) / "beats"
    tasks = {CARL: room.wanted("echo x >> beats")}
    for call in range(1, 30):
        room.now += 120
        beats.unlink(missing_ok=True)
        host = DyingHost(room.platform.node, Runner(), room.platform, last=10**6)
        room.again(host, tasks)
        host.last = host.calls + call
        try:
            room.driver.tick(room.now)
            room.until(lambda: not room.driver._running)
            is_whole = True
        except Died:
            is_whole = False
        room.again(room.host, tasks)
        room.until(lambda: not room.driver._running)
        room.driver.tick(room.now)
        room.until(lambda: not room.driver._running and not room.driver._store.open())
        assert not beats.exists() or beats.read_text() == "x\n"
        if is_whole:
            assert beats.read_text() == "x\n"
            return
    raise AssertionError("it never came to its end")

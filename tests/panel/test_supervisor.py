"""The supervisor: what dies starts again, and one signal ends everything that was ever started."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from panel.supervisor import pause_before_start

# Keeps the given programs running as `panel.serve` does. Each is given the path of a file, to which
# it writes its process id, a line for each start.
RUNNER = """
import json, os, signal, sys
from pathlib import Path
from panel.supervisor import Child, StartFailed, Supervisor

# Whoever runs the tests may do it by nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
here = Path(sys.argv[1])
supervisor = Supervisor(here / "logs", lambda text: print(text, flush=True))
supervisor.install_signals()
children = [
    Child(name, [sys.executable, "-c", code, str(here / name)], dict(os.environ))
    for name, code in json.loads(sys.argv[2]).items()
]
try:
    supervisor.start(children)
    if supervisor.run(lambda: all((here / child.name).exists() for child in children)):
        print("up", flush=True)
        supervisor.run()
except StartFailed as error:
    print("failed:", error, flush=True)
finally:
    supervisor.stop(grace=2.0)
print("ended", flush=True)
"""
NOTE = "import os, sys, time\nopen(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
STAY = NOTE + "time.sleep(60)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAY
# A program with a helper in its own session, as nginx has workers.
WITH_HELPER = NOTE + (
    "import subprocess\n"
    "helper = subprocess.Popen(['sleep', '60'])\n"
    "open(sys.argv[1] + '.helper', 'a').write(f'{helper.pid}\\n')\n"
    "time.sleep(60)\n"
)
# A program that made a daemon: another session, no parent.
WITH_DAEMON = NOTE + (
    "import subprocess\n"
    "code = 'import os, sys; os.fork() and os._exit(0); os.setsid();'\n"
    "code += 'open(sys.argv[1], \"a\").write(str(os.getpid()) + chr(10));'\n"
    'code += \'os.execvp("sleep", ["sleep", "60"])\'\n'
    "subprocess.run([sys.executable, '-c', code, sys.argv[1] + '.helper'])\n"
    "time.sleep(60)\n"
)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll; the limit is only there so that a broken supervisor does not hang the tests."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process exists and has not ended; one that nobody collected has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Running:
    """A supervisor in a process of its own, with the files its programs write."""

    def __init__(self, here: Path, programs: dict[str, str]) -> None:
        self.here = here
        self.output = here / "output"
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUNNER, str(here), json.dumps(programs)],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pids(self, name: str) -> list[int]:
        path = self.here / name
        text = path.read_text() if path.exists() else ""
        return [int(line) for line in text.splitlines()]

    def wait_up(self) -> None:
        wait_until(lambda: "up\n" in self.output.read_text(), "all programs have started")

    def wait_starts(self, name: str, count: int) -> None:
        wait_until(lambda: len(self.pids(name)) >= count, f"{name} has started {count} times")

    def wait_log(self, name: str, text: str) -> None:
        """Until a child's words have reached its log: it has started before it says anything."""
        path = self.here / "logs" / f"{name}.log"
        wait_until(lambda: path.exists() and text in path.read_text(), f"{name} has said {text!r}")

    def every_pid(self) -> list[int]:
        names = [path.name for path in self.here.iterdir() if path.name not in {"logs", "output"}]
        return [pid for name in names for pid in self.pids(name)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Running]]:
    """Starts supervisors, and ends by force what a failed test leaves behind."""
    started: list[Running] = []

    def start(programs: dict[str, str]) -> Running:
        started.append(Running(tmp_path, programs))
        return started[-1]

    yield start
    for supervisor in started:
        for pid in [supervisor.process.pid, *supervisor.every_pid()]:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        supervisor.process.wait()


def test_a_killed_program_starts_again_and_its_neighbour_is_left_alone(running):
    supervisor = running({"web": STAY, "worker": STAY})
    supervisor.wait_up()
    os.kill(supervisor.pids("web")[0], signal.SIGKILL)
    supervisor.wait_starts("web", 2)
    assert len(supervisor.pids("worker")) == 1
    assert is_alive(supervisor.pids("worker")[0])
    assert "web was killed by SIGKILL; starting it again" in supervisor.output.read_text()


def test_what_a_killed_program_left_in_its_session_goes_before_it_starts_again(running):
    supervisor = running({"agent": WITH_HELPER})
    supervisor.wait_starts("agent.helper", 1)
    supervisor.wait_up()
    os.kill(supervisor.pids("agent")[0], signal.SIGKILL)
    supervisor.wait_starts("agent.helper", 2)
    assert not is_alive(supervisor.pids("agent.helper")[0])


def test_a_daemon_survives_the_program_that_made_it(running):
    supervisor = running({"agent": WITH_DAEMON})
    supervisor.wait_starts("agent.helper", 1)
    supervisor.wait_up()
    os.kill(supervisor.pids("agent")[0], signal.SIGKILL)
    supervisor.wait_starts("agent", 2)
    assert is_alive(supervisor.pids("agent.helper")[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_programs_helpers_and_daemons(running, number):
    supervisor = running({"web": STAY, "agent": WITH_HELPER, "node": WITH_DAEMON})
    for name in ("web", "agent", "node", "agent.helper", "node.helper"):
        supervisor.wait_starts(name, 1)
    supervisor.wait_up()
    supervisor.process.send_signal(number)
    assert supervisor.process.wait(20) == 0
    assert [pid for pid in supervisor.every_pid() if is_alive(pid)] == []
    assert supervisor.output.read_text().endswith("ended\n")


def test_a_program_that_will_not_end_is_killed_and_named(running):
    supervisor = running({"web": STUBBORN})
    supervisor.wait_up()
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(20) == 0
    assert not is_alive(supervisor.pids("web")[0])
    assert "web did not end by itself" in supervisor.output.read_text()


def test_programs_end_when_the_supervisor_itself_is_killed(running):
    supervisor = running({"web": STAY, "worker": STAY})
    supervisor.wait_up()
    supervisor.process.kill()
    supervisor.process.wait()
    pids = supervisor.every_pid()
    assert len(pids) == 2
    wait_until(lambda: not any(map(is_alive, pids)), "both programs have ended")


def test_a_program_that_never_comes_up_ends_the_start_with_its_last_words(running):
    supervisor = running({"web": STAY, "agent": "raise SystemExit('no such directory')"})
    assert supervisor.process.wait(20) == 0
    output = supervisor.output.read_text()
    assert "failed: agent ended with exit code 1, time and again:" in output
    assert "no such directory" in output
    assert not any(map(is_alive, supervisor.every_pid()))


def test_all_output_is_kept_and_only_alarming_lines_reach_the_terminal(running):
    code = (
        "print('a quiet line'); print('2026-11-03 WARNING disk is nearly full', flush=True)\n"
        "sys.stdout.write('without a newline'); sys.stdout.flush()\n"
    )
    supervisor = running({"web": "import sys\n" + code + STAY})
    supervisor.wait_up()
    supervisor.wait_log("web", "disk is nearly full")
    os.kill(supervisor.pids("web")[0], signal.SIGKILL)
    supervisor.wait_starts("web", 2)
    log = (supervisor.here / "logs" / "web.log").read_text()
    output = supervisor.output.read_text()
    assert "a quiet line" in log
    assert "without a newline" in log
    assert "web | 2026-11-03 WARNING disk is nearly full" in output
    assert "a quiet line" not in output


def test_a_flood_of_errors_is_cut_short_on_the_terminal_and_kept_in_the_log(running):
    flood = "for n in range(200): print('ERROR number', n, flush=True)\n"
    supervisor = running({"web": flood + STAY})
    supervisor.wait_up()
    supervisor.wait_log("web", "ERROR number 199")
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(20) == 0
    output = supervisor.output.read_text()
    assert output.count("web | ERROR number") == 6
    assert "(more in " in output
    assert "ERROR number 199" in (supervisor.here / "logs" / "web.log").read_text()


def test_the_pause_before_a_start_grows_to_a_limit():
    assert [pause_before_start(deaths) for deaths in (1, 2, 3, 4)] == [0.0, 0.25, 0.5, 1.0]
    assert pause_before_start(50) == 10.0

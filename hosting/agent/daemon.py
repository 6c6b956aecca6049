"""A daemon that the agent keeps: started, adopted, watched, ended, buried.

It is the agent's child, in a session of its own, on every platform: so there is one way, which
needs nobody else's supervisor. An agent that is killed leaves its daemons serving; the next one
finds each by its pid file and by the directory that it runs in, which is that daemon's alone.
"""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hosting.agent.host import Host

FIRST_BACKOFF = 0.25
_LONGEST_BACKOFF = 30.0
# One that has lived this long was well: the next start after its end is not held up.
_WELL_AFTER = 10.0
# Bytes of a log: what is looked at of before, and at the most.
_BEFORE, _READ = 2048, 65536


@dataclass(frozen=True)
class Program:
    """How a daemon is started, and how its processes are told from others'.

    `directory` is where it runs: no other program may. `pid_file` holds the master's pid, written
    by the daemon or, where `writes_pid` is False, by the agent. `is_master` and `is_ours` judge a
    command line as /proc shows it.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    pid_file: Path
    is_master: Callable[[str], bool]
    is_ours: Callable[[str], bool]
    writes_pid: bool = True
    # Where what it says goes; None: nowhere, for one that keeps logs of its own.
    log: Path | None = None
    # How it is asked to end, and how long that may take before it is killed.
    ending: signal.Signals = signal.SIGTERM
    patience: float = 5.0


class Complaints:
    """The log that a daemon writes its complaints into."""

    def __init__(self, path: Path):
        self._path = path

    def mark(self) -> int:
        """Return where to read from to see what is written from now on, and a little before."""
        try:
            return max(0, self._path.stat().st_size - _BEFORE)
        except OSError:
            return 0

    def since(self, mark: int) -> list[str]:
        """Return the lines from there on, or the first of them if that is very much."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(mark)
                return stream.read(_READ).decode("utf-8", "replace").splitlines()
        except OSError:
            return []


class Daemon:
    """One daemon of this node."""

    def __init__(self, host: Host, program: Program):
        self._host = host
        self._program = program
        self._started: int | None = None
        self._lock = threading.RLock()
        self._leaving = threading.Event()
        self.is_watched = False
        self.starts = 0

    def master(self) -> int | None:
        """Return the pid of our master if it lives: started by us, or found by its pid file."""
        runner = self._host.runner
        if self._started and runner.alive(self._started):
            return self._started
        self._started = None
        try:
            pid = int(self._program.pid_file.read_text())
        except (OSError, ValueError):
            return None
        line = runner.command_line(pid, self._program.directory)
        # A number is given again; a process of ours runs here and says that it is a master.
        if line and self._program.is_master(line) and runner.alive(pid):
            self._started = pid
        return self._started

    def start(self) -> bool:
        """Start it unless it runs; say whether that was needed."""
        with self._lock:
            if self.master() is not None:
                return False
            self._bury()
            program = self._program
            self._started = self._host.spawn(list(program.command), program.directory, program.log)
            if not program.writes_pid:
                # An agent that is killed here starts a second one, which buries this one first.
                self._host.replace(program.pid_file, f"{self._started}\n".encode())
            self.starts += 1
            return True

    def signal_master(self, number: signal.Signals) -> bool:
        """Send a signal to the master; False if there is none."""
        master = self.master()
        if master is not None:
            self._host.signal(master, number)
        return master is not None

    def await_until(self, is_so: Callable[[], bool], patience: float, step: float) -> bool:
        """Wait until something is so, looking each `step`; False if `patience` ends or it is lost.

        One that dies meanwhile is started again and reads the same; twice is no accident.
        """
        runner, starts = self._host.runner, self.starts
        end = runner.now() + patience
        while not is_so():
            is_lost = self.master() is None and not self.is_watched
            if runner.now() > end or is_lost or self.starts > starts + 1:
                return False
            runner.sleep(step)
        return True

    def _left(self) -> set[int]:
        """Return the processes that a killed master left behind."""
        found = self._host.runner.processes(self._program.directory)
        return {pid for pid, line in found.items() if self._program.is_ours(line)}

    def _bury(self) -> None:
        """End what a killed master left behind: it holds ports and sockets."""
        left = sorted(self._left())
        for pid in left:
            self._host.signal(pid, signal.SIGKILL)
        for pid in left:
            self._host.runner.wait(pid, 2.0)

    def watch(self) -> None:
        """Start it again whenever it dies, from a thread of its own."""
        self.is_watched = True
        threading.Thread(target=self._keep_alive, name=self._program.name, daemon=True).start()

    def _keep_alive(self) -> None:
        backoff = FIRST_BACKOFF
        while not self._leaving.is_set():
            pid = self.master()
            if pid is not None:
                since = self._host.runner.now()
                # Now and then a look, in case another master has taken its place.
                while not self._host.runner.wait(pid, 60.0):
                    pass
                is_well = self._host.runner.now() - since > _WELL_AFTER
                backoff = FIRST_BACKOFF if is_well else backoff
            with self._lock:
                if self._leaving.is_set():
                    return
                # As with a start that fails at once: the next try comes later.
                with suppress(OSError):
                    self.start()
            self._leaving.wait(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def leave(self) -> None:
        """End it where the platform says so; else leave it serving without the agent."""
        if self._host.platform.stops_daemons:
            self.stop()
        else:
            self._leaving.set()

    def stop(self) -> None:
        """End it for good."""
        self._leaving.set()
        self.end()

    def end(self) -> None:
        """End it: with a request first, then without. A watch starts it again."""
        with self._lock:
            pid = self.master()
            if pid is not None:
                self._host.signal(pid, self._program.ending)
                if not self._host.runner.wait(pid, self._program.patience):
                    self._host.signal(pid, signal.SIGKILL)
            self._bury()

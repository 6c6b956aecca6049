"""The nginx process: started, adopted, reloaded, asked, buried. It belongs to its directory.

On a platform without a supervisor it is the agent's child, in a session of its own. An agent that
is killed leaves it serving; the next one finds it by its pid file and by where it runs.
"""

import re
import signal
import threading
from contextlib import suppress
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.web.driver_nginx import PROBE_HOST, PROBE_PATH

# Reloads closer than this pile up workers that are on their way out.
RELOAD_PAUSE = 0.25
PATIENCE = 15.0
_STEP = 0.005
_WORKER = "nginx: worker process"
_LONGEST_BACKOFF = 30.0
_NOISE = re.compile(r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(?:nginx: )?\[(\w+)\] (?:\d+#\d+: )?")
_SERIOUS = re.compile(r".*\[(?:emerg|alert)\] (\d+)#.*")


def words(output: str) -> str:
    """Return what nginx complained about, without its time stamps and the closing remark."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for level in ("emerg", "alert", "crit", "error"):
        for line in lines:
            found = _NOISE.match(line)
            if found and found[1] == level:
                return line[found.end() :][:500]
    return (lines[0] if lines else "nginx gave no reason")[:500]


class Nginx:
    """One nginx, which runs in `directory` with the configuration at `conf`."""

    def __init__(self, host: Host, directory: Path, conf: Path):
        self._host = host
        self._platform = host.platform
        self._directory = directory
        self._conf = conf
        self._errors = host.platform.logs / "error.log"
        self._pid_file = host.platform.run / "nginx.pid"
        self._started: int | None = None
        self._reloaded = -RELOAD_PAUSE
        self._leavers: set[int] = set()
        self._lock = threading.RLock()
        self._leaving = threading.Event()
        self._is_watched = False
        self.reloads = 0
        self.starts = 0

    def _command(self, *arguments: object) -> list[str]:
        fixed = (self._platform.nginx, "-p", self._directory, "-e", self._errors)
        return [str(word) for word in fixed + arguments]

    def check(self, conf: Path) -> None:
        """Let nginx itself judge a configuration; AgentError with its words if it refuses."""
        done = self._host.run(self._command("-t", "-q", "-c", conf))
        if done.code != 0:
            raise AgentError("check", words(done.output))

    def master(self) -> int | None:
        """Return the pid of our master if it lives: started by us, or found by its pid file."""
        if self._started and self._host.runner.alive(self._started):
            return self._started
        self._started = None
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        line = self._host.runner.command_line(pid, self._directory)
        # A number is given again; a process of ours runs here and says that it is a master.
        if line and line.startswith("nginx: master") and self._host.runner.alive(pid):
            self._started = pid
        return self._started

    def _bury(self) -> None:
        """End what a killed master left behind: its workers hold the port."""
        runner = self._host.runner
        left = [
            pid
            for pid, line in runner.processes(self._directory).items()
            if line.startswith("nginx:")
        ]
        for pid in left:
            self._host.signal(pid, signal.SIGKILL)
        for pid in left:
            runner.wait(pid, 2.0)

    def start(self) -> bool:
        """Start nginx unless it runs; say whether that was needed."""
        with self._lock:
            if self.master() is not None:
                return False
            self._bury()
            self._started = self._host.spawn(self._command("-c", self._conf), self._directory)
            self.starts += 1
            return True

    def reload(self) -> None:
        """Have nginx read its configuration anew; start it if it is not there."""
        with self._lock:
            master = self.master()
            if master is None:
                self.start()
                return
            runner = self._host.runner
            pause = self._reloaded + RELOAD_PAUSE - runner.now()
            if pause > 0:
                runner.sleep(pause)
            self._leavers = set(self._workers())
            self._host.signal(master, signal.SIGHUP)
            self._reloaded = runner.now()
            self.reloads += 1

    def _workers(self) -> list[int]:
        """Return the workers that take connections."""
        found = self._host.runner.processes(self._directory)
        return [pid for pid, line in found.items() if line == _WORKER]

    def _takes_connections(self, worker: int) -> bool:
        """Say whether a worker does; one that is on its way out has another title."""
        return self._host.runner.command_line(worker, self._directory) == _WORKER

    def serial(self) -> int | None:
        """Return which configuration the workers have read; None if nobody answers."""
        answer = self._host.runner.request(
            self._platform.address, self._platform.port, PROBE_HOST, "/"
        )
        if answer is None or answer.status != 200 or not answer.body.isdigit():
            return None
        return int(answer.body)

    def await_serial(self, number: int) -> None:
        """Wait until all workers have read a configuration; AgentError if they do not.

        The old ones go on to answer for some moments beside the new ones. nginx renames a worker
        before it closes its sockets, in one go: who bears the new name takes no connection more.
        """
        runner = self._host.runner
        end = runner.now() + PATIENCE
        mark, starts = self._mark(), self.starts
        while self.serial() != number or any(map(self._takes_connections, self._leavers)):
            # One that dies meanwhile is started again and reads the same; twice is no accident.
            is_lost = self.master() is None and not self._is_watched
            if runner.now() > end or is_lost or self.starts > starts + 1:
                raise AgentError("probe", f"nginx does not serve: {self._complaint(mark)}")
            runner.sleep(_STEP)

    def answers_for(self, name: str) -> bool:
        """Say whether nginx answers a real request for a name, be it shut or not."""
        answer = self._host.runner.request(
            self._platform.address, self._platform.port, name.replace("*.", "probe."), PROBE_PATH
        )
        return answer is not None and answer.status == 200

    def await_name(self, name: str, patience: float = 2.0) -> bool:
        """Say whether nginx answers for a name, with some patience for a machine under load."""
        runner = self._host.runner
        end = runner.now() + patience
        while not self.answers_for(name):
            if runner.now() > end:
                return False
            runner.sleep(_STEP)
        return True

    def _mark(self) -> int:
        try:
            return max(0, self._errors.stat().st_size - 2048)
        except OSError:
            return 0

    def _complaint(self, mark: int) -> str:
        try:
            with self._errors.open("rb") as stream:
                stream.seek(mark)
                said = stream.read(65536).decode("utf-8", "replace")
        except OSError:
            return "it left no word"
        serious = [found for found in map(_SERIOUS.match, said.splitlines()) if found]
        if not serious:
            return "it left no word"
        # Of the last one that ended, the first complaint: the others follow from it.
        return words(next(found[0] for found in serious if found[1] == serious[-1][1]))

    def problem(self) -> str | None:
        """Return why nginx does not serve, None if it does."""
        if self.serial() is not None:
            return None
        return f"nginx does not serve: {self._complaint(self._mark())}"

    def watch(self) -> None:
        """Start nginx again whenever it dies, from a thread of its own."""
        self._is_watched = True
        threading.Thread(target=self._keep_alive, name="nginx", daemon=True).start()

    def _keep_alive(self) -> None:
        backoff = RELOAD_PAUSE
        while not self._leaving.is_set():
            pid = self.master()
            if pid is not None:
                since = self._host.runner.now()
                # Now and then a look, in case another master has taken its place.
                while not self._host.runner.wait(pid, 60.0):
                    pass
                backoff = RELOAD_PAUSE if self._host.runner.now() - since > 10 else backoff
            with self._lock:
                if self._leaving.is_set():
                    return
                # As with a start that fails at once: the next try comes later.
                with suppress(OSError):
                    self.start()
            self._leaving.wait(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def stop(self, patience: float = 5.0) -> None:
        """Leave nginx for good: it ends, at once for those that idle."""
        self._leaving.set()
        with self._lock:
            pid = self.master()
            if pid is not None:
                self._host.signal(pid, signal.SIGTERM)
                if not self._host.runner.wait(pid, patience):
                    self._host.signal(pid, signal.SIGKILL)
            self._bury()

    def let_go(self) -> None:
        """Leave nginx serving without the agent."""
        self._leaving.set()

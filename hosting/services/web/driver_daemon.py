"""The nginx process: checked, reloaded, asked. It belongs to its directory."""

import re
import signal
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.web.driver_nginx import PROBE_HOST, PROBE_PATH

# Reloads closer than this pile up workers that are on their way out.
RELOAD_PAUSE = 0.25
PATIENCE = 15.0
_STEP = 0.005
_WORKER = "nginx: worker process"
_VERSION = re.compile(r"nginx/(\d+)\.(\d+)\.(\d+)")
_NOISE = re.compile(r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(?:nginx: )?\[(\w+)\] (?:\d+#\d+: )?")
# Where on this node the configuration lies is nobody's business who reads the words.
_PLACE = re.compile(r" in /\S*/own\.conf:(\d+)$")
_SERIOUS = re.compile(r".*\[(?:emerg|alert)\] (\d+)#.*")


def words(output: str) -> str:
    """Return what nginx complained about, without its time stamps and the closing remark."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for level in ("emerg", "alert", "crit", "error"):
        for line in lines:
            found = _NOISE.match(line)
            if found and found[1] == level:
                return _PLACE.sub(r" in line \1", line[found.end() :])[:500]
    return (lines[0] if lines else "nginx gave no reason")[:500]


class Nginx(Daemon):
    """One nginx, which runs in `directory` with the configuration at `conf`."""

    def __init__(self, host: Host, directory: Path, conf: Path):
        self._platform = host.platform
        errors = host.platform.logs / "web" / "error.log"
        self._complaints = Complaints(errors)
        self._fixed = (self._platform.nginx, "-p", directory, "-e", errors)
        super().__init__(
            host,
            Program(
                name="nginx",
                command=self._command("-c", conf),
                directory=directory,
                pid_file=host.platform.run / "nginx.pid",
                is_master=lambda line: line.startswith("nginx: master"),
                is_ours=lambda line: line.startswith("nginx:"),
            ),
        )
        self._directory = directory
        self._reloaded = -RELOAD_PAUSE
        self._leavers: set[int] = set()
        self._version: tuple[int, ...] = ()
        self.reloads = 0

    def _command(self, *arguments: object) -> tuple[str, ...]:
        return tuple(str(word) for word in self._fixed + arguments)

    def check(self, conf: Path) -> None:
        """Let nginx itself judge a configuration; AgentError with its words if it refuses."""
        done = self._host.run(self._command("-t", "-q", "-c", conf))
        if done.code != 0:
            raise AgentError("check", words(done.output))

    def http2(self) -> str:
        """Return how this nginx is told to speak HTTP/2: on its own line since 1.25.1."""
        if not self._version:
            said = self._host.runner.run(self._command("-v"), 10.0).output
            found = _VERSION.search(said)
            self._version = tuple(map(int, found.groups())) if found else (1,)
        return "on" if self._version >= (1, 25, 1) else "listen"

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
            self._platform.probe_address(), self._platform.port, PROBE_HOST, "/"
        )
        if answer is None or answer.status != 200 or not answer.body.isdigit():
            return None
        return int(answer.body)

    def await_serial(self, number: int) -> None:
        """Wait until all workers have read a configuration; AgentError if they do not.

        The old ones go on to answer for some moments beside the new ones. nginx renames a worker
        before it closes its sockets, in one go: who bears the new name takes no connection more.
        """
        mark = self._complaints.mark()

        def is_read() -> bool:
            return self.serial() == number and not any(map(self._takes_connections, self._leavers))

        if not self.await_until(is_read, PATIENCE, _STEP):
            raise AgentError("probe", f"nginx does not serve: {self._complaint(mark)}")

    def answers_for(self, name: str) -> bool:
        """Say whether nginx answers a real request for a name, be it shut or not."""
        answer = self._host.runner.request(
            self._platform.probe_address(),
            self._platform.port,
            name.replace("*.", "probe."),
            PROBE_PATH,
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

    def _complaint(self, mark: int) -> str:
        serious = [found for found in map(_SERIOUS.match, self._complaints.since(mark)) if found]
        if not serious:
            return "it left no word"
        # Of the last one that ended, the first complaint: the others follow from it.
        return words(next(found[0] for found in serious if found[1] == serious[-1][1]))

    def problem(self) -> str | None:
        """Return why nginx does not serve, None if it does."""
        if self.serial() is not None:
            return None
        return f"nginx does not serve: {self._complaint(self._complaints.mark())}"

"""The php-fpm masters: one for each version and so many pools, each in a directory of its own.

A reload ends what a master's processes are doing and holds up all its pools, so one master has
some hundreds of them at most.
"""

import re
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.php import driver_pools as grammar
from hosting.services.php.driver_pools import PROBE

MOST_POOLS = 250
PATIENCE = 20.0
_STEP = 0.01
_PROGRAM = re.compile(r"php-fpm(\d+\.\d+)", re.ASCII)
_DIRECTORY = re.compile(r"(\d+\.\d+)-([1-9]\d{0,5})", re.ASCII)
_NOISE = re.compile(r"^\[[^\]]*\] (ALERT|ERROR|WARNING): ")
# One memory for compiled scripts, and for what is kept of data, is shared by all pools of a master:
# no pool gets a script that its user could not read, sees what others have, or keeps any data.
_SHARED = {
    "opcache.validate_permission": "1",
    "opcache.restrict_api": "/nobody",
    "apc.enabled": "0",
}

Ask = Callable[[Path, str], bytes | None]


def versions(programs: Mapping[str, Path]) -> dict[str, Path]:
    """Return the versions of PHP that are on the node."""
    found = {name: _PROGRAM.fullmatch(name) for name in programs}
    return {match[1]: programs[name] for name, match in found.items() if match}


def words(output: str) -> str:
    """Return what php-fpm complained about: its first complaint, the others follow from it."""
    for line in output.splitlines():
        found = _NOISE.match(line.strip())
        if found and found[1] in ("ALERT", "ERROR"):
            return line.strip()[found.end() :][:500]
    return (output.strip().splitlines() or ["php-fpm gave no reason"])[0][:500]


class Master(Daemon):
    """One php-fpm master, which runs in a directory below the driver's own."""

    def __init__(self, host: Host, version: str, number: int, program: Path, ask: Ask):
        run, self.key = host.platform.run / "php", f"{version}-{number}"
        self.version, self.number = version, number
        self.directory = host.platform.node / "php" / self.key
        self.conf = self.directory / "pools.conf"
        self.staged = self.directory / "staged.conf"
        self.log = host.platform.logs / f"php-fpm-{self.key}.log"
        self._complaints = Complaints(self.log)
        self.probe = run / "masters" / f"{self.key}.sock"
        self._pid_file = run / "masters" / f"{self.key}.pid"
        self._binary, self._ask = program, ask
        told = [word for name, value in _SHARED.items() for word in ("-d", f"{name}={value}")]
        self._command = [str(program), *told, "-F"]
        super().__init__(
            host,
            Program(
                name=f"php-fpm {self.key}",
                command=(*self._command, "-y", str(self.conf)),
                directory=self.directory,
                pid_file=self._pid_file,
                is_master=lambda line: line.startswith("php-fpm: master"),
                is_ours=lambda line: line.startswith("php-fpm:"),
            ),
        )
        self.reloads = 0

    def text(self) -> str:
        """Return the configuration on disk, "" without one."""
        try:
            return self.conf.read_text("utf-8", "replace")
        except OSError:
            return ""

    def write(self, path: Path, text: str) -> None:
        """Write a configuration."""
        self._host.replace(path, text.encode(), 0o600)

    def check(self, conf: Path) -> None:
        """Let php-fpm itself judge a configuration; AgentError with its words if it refuses."""
        done = self._host.run([*self._command, "-t", "-y", str(conf)])
        if done.code != 0:
            raise AgentError("check", words(done.output))

    def lay_out(self) -> None:
        """Make the directory that it runs in."""
        if not self.directory.is_dir():
            self._host.make(self.directory, 0o700)

    def reload(self) -> None:
        """Have it read its configuration anew; start it if it is not there."""
        with self._lock:
            if self.start():
                return
            self.signal_master(signal.SIGUSR2)
            self.reloads += 1

    def serial(self) -> str | None:
        """Return which configuration it has read; None if nobody answers."""
        said = self._ask(self.probe, PROBE)
        return said.decode("ascii", "replace").strip() if said is not None else None

    def serves(self, socket: Path, name: str) -> bool:
        """Say whether a pool answers a real request as itself."""
        said = self._ask(socket, PROBE)
        return said is not None and said.decode("ascii", "replace").strip() == name

    def await_serial(self, serial: str) -> None:
        """Wait until it has read a configuration; AgentError if it does not."""
        mark = self._complaints.mark()
        if not self.await_until(lambda: self.serial() == serial, PATIENCE, _STEP):
            raise AgentError("probe", f"php-fpm does not serve: {self._complaint(mark)}")

    def _complaint(self, mark: int) -> str:
        said = self._complaints.since(mark)
        serious = [line for line in said if (found := _NOISE.match(line)) and found[1] != "WARNING"]
        return words(serious[-1]) if serious else "it left no word"

    def problem(self) -> str | None:
        """Return why it does not serve, None if it does."""
        if self.serial() is not None:
            return None
        return f"php-fpm {self.version} does not serve: {self._complaint(self._complaints.mark())}"

    def children(self) -> dict[int, int]:
        """Return its processes at work, and whose they are."""
        master = self.master()
        return self._host.runner.children(master) if master is not None else {}

    def _left(self) -> set[int]:
        """Return what a killed master left behind, busy or not.

        A process that works is in its script's directory and not in this one. It is known by the
        session, whose number is that of the master that began it.
        """
        left = super()._left()
        with suppress(OSError, ValueError):
            left.update(self._host.runner.session(int(self._pid_file.read_text()), self._binary))
        return left

    def remove(self) -> None:
        """End it for good and take away what it had."""
        self.stop()
        for path in (self.staged, self.conf, self.probe, self._pid_file):
            self._host.unlink(path)
        for path in list(self.directory.iterdir()):
            self._host.unlink(path)
        self._host.remove(self.directory)


def read(host: Host, ask: Ask) -> tuple[list[Master], list[Path]]:
    """Return the masters that have a directory, and directories whose version is gone."""
    found, orphans = [], []
    installed = versions(host.platform.programs)
    for path in sorted((host.platform.node / "php").iterdir()):
        match = _DIRECTORY.fullmatch(path.name)
        if match and match[1] in installed:
            found.append(Master(host, match[1], int(match[2]), installed[match[1]], ask))
        elif match:
            orphans.append(path)
    return found, orphans


def held_by(master: Master) -> set[str]:
    """Return the pools that a master's configuration on disk has."""
    return set(grammar.sections_of(master.text()))

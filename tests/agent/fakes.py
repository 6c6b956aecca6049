"""A stand-in for nginx that reads the same files, and hosts that die or refuse on purpose."""

import re
import signal
from pathlib import Path

from hosting.agent.apply import Applier
from hosting.agent.host import Answer, Finished, Host
from hosting.agent.platform import Platform, embedded
from hosting.services.web.driver import WebDriver
from hosting.services.web.driver_nginx import PROBE_HOST, PROBE_PATH

_SERIAL = re.compile(r'map "" \$serial { default "(\d+)"; }\n')


class FakeProcess:
    """The one daemon of a node, as an agent's Runner shows it, and a clock that goes by itself."""

    title = ""

    def __init__(self, platform: Platform):
        self.platform = platform
        self.pid = None
        self.clock = 0.0
        self._next_pid = 1000

    def next_pid(self):
        self._next_pid += 1
        self.pid = self._next_pid

    def signal(self, pid, number):
        if pid == self.pid and number in (signal.SIGTERM, signal.SIGKILL):
            self.pid = None

    def alive(self, pid):
        return pid == self.pid

    def command_line(self, pid, directory):
        return self.title.format(directory=directory) if pid == self.pid else None

    def processes(self, directory):
        return {self.pid: self.title.format(directory=directory)} if self.pid else {}

    def wait(self, pid, timeout):
        return pid != self.pid

    def sleep(self, seconds):
        self.clock += seconds

    def now(self):
        self.clock += 0.001
        return self.clock


class FakeNginx(FakeProcess):
    """Processes and requests of one node. It outlives the agents that use it, as nginx does."""

    title = "nginx: master process nginx"

    def __init__(self, platform: Platform):
        super().__init__(platform)
        self.hosts: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.temporary: dict[str, str] = {}
        self.serial = 0
        self.refused_names: set[str] = set()
        self.silent_names: set[str] = set()
        self.is_broken = False
        self.checks = 0
        self.reloads = 0

    # What an agent's Runner offers.

    def run(self, command, timeout, given=b""):
        if "-v" in command:
            return Finished(0, "nginx version: nginx/1.22.1")
        self.checks += 1
        assert "-t" in command
        try:
            hosts, *_ = self._read(Path(command[command.index("-c") + 1]).parent)
        except (OSError, ValueError) as error:
            return Finished(1, f"nginx: [emerg] {error}\nnginx: configuration test failed\n")
        for name in sorted(self.refused_names & hosts.keys()):
            return Finished(1, f"nginx: [emerg] cannot stand {name}\n")
        if self.is_broken:
            return Finished(1, "nginx: [emerg] no space left\n")
        return Finished(0, "")

    def spawn(self, command, directory, log=None):
        self.next_pid()
        self._load()
        (self.platform.run / "nginx.pid").write_text(f"{self.pid}\n")
        return self.pid

    def signal(self, pid, number):
        super().signal(pid, number)
        if pid == self.pid and number == signal.SIGHUP:
            self.reloads += 1
            self._load()

    def request(self, address, port, host, path, timeout=2.0):
        if self.pid is None:
            return None
        if host == PROBE_HOST:
            return Answer(200, {}, str(self.serial).encode())
        status, target = self.answer(host, path)
        return Answer(status, {"location": target} if target else {}, b"")

    # What nginx would do.

    def _read(self, directory: Path):
        (directory / "nginx.conf").read_text()
        (directory / "sizes.conf").read_text()
        found = _SERIAL.fullmatch((directory / "serial.conf").read_text())
        if not found:
            raise ValueError("serial.conf is torn")
        maps = [_map(directory / f"{name}.map") for name in ("hosts", "redirects", "temporary")]
        return *maps, int(found[1])

    def _load(self):
        try:
            read = self._read(self.platform.web / "current")
        except (OSError, ValueError):
            return
        if not self.refused_names & read[0].keys():
            self.hosts, self.redirects, self.temporary, self.serial = read

    def answer(self, host, path="/"):
        """Return status and target for a name, by the gate that the real one has."""
        key = self.hosts.get(host)
        if key is None or (path == PROBE_PATH and host in self.silent_names):
            return 404, None
        if path == PROBE_PATH:
            return 200, None
        for mark in (key.partition("-")[0], key):
            if (self.platform.web / "susp" / mark).exists():
                return 503, None
        for status, moved in ((301, self.redirects), (302, self.temporary)):
            if host in moved:
                return status, _expanded(moved[host], path)
        root = self.platform.web / "sites" / key
        return (200, str(root.readlink())) if root.is_dir() else (404, None)

    def lose_power(self):
        """Forget all that is not on disk, then come up from what is."""
        self.hosts, self.redirects, self.temporary = {}, {}, {}
        self.serial, self.pid = 0, None
        self.spawn([], None)


def _expanded(value: str, path: str) -> str:
    """What the variables in an address stand for, asked by http."""
    known = {"$scheme": "http", "$public_port": ":8480", "$request_uri": path}
    for name, what in known.items():
        value = value.replace(name, what)
    return value.strip('"')


def _map(path: Path) -> dict[str, str]:
    found = {}
    for line in path.read_text().splitlines(keepends=True):
        name, _, value = line.partition(" ")
        if not value.endswith(";\n") or name in found:
            raise ValueError(f"{path.name} is torn or says {name} twice")
        found[name] = value[:-2]
    return found


class Died(BaseException):
    """The agent was killed here. No handler for errors may hold it up."""


class DyingHost(Host):
    """A host whose agent dies at its n-th mutating call; a file is then half written."""

    def __init__(self, *arguments, last: int):
        super().__init__(*arguments)
        self.last = last

    def changing(self, what, subject):
        super().changing(what, subject)
        if self.calls >= self.last:
            raise Died

    def write(self, path, data, mode=0o644, directory=None):
        try:
            super().write(path, data, mode, directory)
        except Died:
            Host.write(_Careless(self), path, data[: len(data) // 2], mode, directory)
            raise


class _Careless:
    """Lets the half of a file through that was written before the end."""

    def __init__(self, host):
        self.host = host

    def changing(self, what, subject):
        pass


class Agent:
    """One agent's life on a node."""

    def __init__(self, nginx: FakeNginx, host: Host | None = None):
        self.nginx = nginx
        self.host = host or Host(nginx.platform.node, nginx, nginx.platform)
        self.web = WebDriver(self.host)
        self.applier = Applier(self.host, [self.web])

    def desired(self, *subscriptions):
        """Apply a batch; return the results by subscription, and the sum."""
        lines = []
        self.applier.desired(list(subscriptions), lines.append)
        self.applier.sweep()
        return {line["subscription"]: line for line in lines[:-1]}, lines[-1]

    def switch(self, *items):
        return self.applier.switch(
            [(number, generation, state) for number, generation, state in items]
        )


def node(directory: Path) -> FakeNginx:
    """Return a node without an agent."""
    platform = embedded(directory, 8480, "/nowhere/nginx")
    for each in (platform.homes, platform.run, platform.logs, platform.web):
        each.mkdir(parents=True)
    return FakeNginx(platform)


def subscription(number, generation=1, *sites, present=True, state="open"):
    """Return a subscription as the worker sends it."""
    return {
        "id": number,
        "generation": generation,
        "present": present,
        "state": state,
        "web": {"sites": list(sites)},
    }


def site(number, name, *more, redirects=(), root="httpdocs", state="active", **optional):
    """Return a site as the worker sends it."""
    return optional | {
        "id": number,
        "name": name,
        "names": [name, *more],
        "redirects": list(redirects),
        **({} if "forward" in optional else {"document_root": root}),
        "state": state,
        "title": name,
    }

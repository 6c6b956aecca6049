"""A stand-in for php-fpm that reads the same files and answers on the same sockets."""

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

from hosting.agent.apply import Applier
from hosting.agent.host import Finished, Host
from hosting.agent.platform import embedded
from hosting.services.php.driver import PhpDriver
from hosting.services.php.driver_table import NEWEST
from tests.agent.fakes import Died, DyingHost

_SECTION = re.compile(r"^\[([^\]]+)\]\n((?:(?!\[).*\n)*)", re.MULTILINE)
_LINE = re.compile(r'^([a-z_.]+(?:\[[A-Za-z_.]+\])?) = "([^"\\$\x00-\x1f]*)"$')


class Torn(ValueError):
    """Not what php-fpm takes."""


def read(text):
    """The sections of a configuration: name -> {key: value}. Anything else is torn."""
    found, rest = {}, _SECTION.sub("", text)
    if [line for line in rest.splitlines() if line and not line.startswith(";")]:
        raise Torn(rest)
    for name, body in _SECTION.findall(text):
        pairs = [_LINE.match(line) for line in body.splitlines()]
        if not all(pairs) or name in found:
            raise Torn(name)
        keys = [pair[1] for pair in pairs]
        if len(set(keys)) != len(keys):
            raise Torn(name)
        found[name] = {pair[1]: pair[2] for pair in pairs}
    if not found.get("global") or len(found) < 2 or not text.endswith("\n"):
        raise Torn("no pools")
    return found


class FakeFpm:
    """All masters of one node. They outlive the agents that use them, as php-fpm does."""

    def __init__(self, platform):
        self.platform = platform
        # Pid -> directory, configuration, what was read of it.
        self.masters = {}
        self.clock = 0.0
        # Pools that it does not take; pools that do not answer.
        self.refused, self.silent = set(), set()
        self.checks = self.reloads = 0
        self._next = 1000

    def _file(self, command):
        return Path(command[command.index("-y") + 1])

    def run(self, command, timeout, given=b""):
        self.checks += 1
        assert "-t" in command
        try:
            pools = read(self._file(command).read_text())
        except (OSError, Torn) as error:
            return Finished(78, f"[23-Nov-2026 00:00:00] ERROR: {error}\n")
        for name in sorted(pools):
            if name in self.refused:
                return Finished(78, f"[23-Nov-2026 00:00:00] ALERT: [pool {name}] is not liked\n")
        return Finished(0, "")

    def spawn(self, command, directory, log=None):
        self._next += 1
        self.masters[self._next] = [directory, self._file(command), {}]
        self._load(self._next)
        return self._next

    def _load(self, pid):
        _directory, conf, _read = self.masters[pid]
        try:
            pools = read(conf.read_text())
            for name, one in pools.items():
                # A directory that is not there is seen only now.
                if name != "global" and not Path(one["listen"]).parent.is_dir():
                    raise Torn(name)
        except (OSError, Torn):
            del self.masters[pid]
            return
        self.masters[pid][2] = pools
        for name, one in pools.items():
            if name != "global":
                Path(one["listen"]).touch()
        Path(pools["global"]["pid"]).write_text(f"{pid}")

    def signal(self, pid, number):
        if pid not in self.masters:
            return
        if number == signal.SIGUSR2:
            self.reloads += 1
            self._load(pid)
        elif number in (signal.SIGTERM, signal.SIGKILL):
            del self.masters[pid]

    def alive(self, pid):
        return pid in self.masters

    def command_line(self, pid, directory):
        found = self.masters.get(pid)
        return "php-fpm: master process" if found and found[0] == directory else None

    def processes(self, directory):
        return {
            pid: "php-fpm: master process"
            for pid, one in self.masters.items()
            if one[0] == directory
        }

    def session(self, leader, program):
        return [leader] if leader in self.masters else []

    def children(self, pid):
        return {}

    def wait(self, pid, timeout):
        return pid not in self.masters

    def sleep(self, seconds):
        self.clock += seconds

    def now(self):
        self.clock += 0.001
        return self.clock

    def ask(self, path, script):
        for _directory, _conf, pools in self.masters.values():
            for name, one in pools.items():
                if one.get("listen") == str(path) and one["ping.path"] == script:
                    return None if name in self.silent else one["ping.response"].encode()
        return None

    def pools(self):
        """Every pool that runs, by name."""
        return {
            name: one
            for _directory, _conf, pools in self.masters.values()
            for name, one in pools.items()
            if re.fullmatch(r"s\d+-[0-9a-f]{12}", name)
        }

    def answering(self, key):
        """The pool that answers for a site; None if nothing does, "dead" where its link leads."""
        link = self.platform.run / "php" / key
        if not link.is_symlink():
            return None
        socket = link.parent / link.readlink() / "fpm.sock"
        said = self.ask(socket, "/freehold")
        return said.decode() if said else "dead"


class Unowned:
    """Gives nothing away: a test need not be root."""

    def own(self, descriptor, uid, gid):
        self.changing("chown", (descriptor, uid, gid))
        return True


class PlainHost(Unowned, Host):
    pass


class MortalHost(Unowned, DyingHost):
    pass


class Agent:
    """One agent's life on a node that has PHP and nothing else."""

    def __init__(self, fpm, last=None):
        place = (fpm.platform.node, fpm, fpm.platform)
        self.host = MortalHost(*place, last=last) if last else PlainHost(*place)
        self.driver = PhpDriver(self.host, fpm.ask)
        self.applier = Applier(self.host, [self.driver])

    def desired(self, *subscriptions):
        lines = []
        self.applier.desired(list(subscriptions), lines.append)
        return {line["subscription"]: line for line in lines[:-1]}, lines[-1]


def node(directory, *versions):
    """A node without an agent."""
    plain = embedded(directory, 8480, "/nowhere/nginx")
    programs = {f"php-fpm{version}": Path(f"/nowhere/php-fpm{version}") for version in versions}
    platform = replace(
        plain, isolates=True, web_user="www-data", web_group=os.getgid(), programs=programs
    )
    for each in (platform.homes, platform.run, platform.logs, platform.web):
        each.mkdir(parents=True)
    return FakeFpm(platform)


def site(number, version=NEWEST, **values):
    return {"id": number, "version": version, "values": values}


def subscription(number, generation=1, *sites, present=True, children=5):
    """A subscription as the worker sends it, with the default of its site: one with PHP."""
    return {
        "id": number,
        "generation": generation,
        "present": present,
        "state": "open" if present else "shut",
        "php": {"children": children, "sites": list(sites)},
    }


__all__ = ["Agent", "Died", "FakeFpm", "node", "read", "site", "subscription"]

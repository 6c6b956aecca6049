"""Whole configurations beside each other, and a link to the one in force.

A configuration is several files that only make sense together. So the change from one to the next
is the change of one link: whoever reads meanwhile, nginx after a crash too, reads the old or the
new, never some of both.
"""

import os
import re
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from hosting.agent.host import Host
from hosting.services.web.driver_maps import BY_KEY, BY_NAME, CERTIFICATES
from hosting.services.web.driver_maps import serial as serial_line

# The line above the server of a site that has one of its own.
_OWN = re.compile(r"  # s(\d+)-\d+")


class ConfigurationTree:
    """The configurations below the web directory."""

    def __init__(self, host: Host):
        self._host = host
        self._all = host.platform.web / "conf"
        self._current = host.platform.web / "current"
        self._staged: Path | None = None
        self._staged_files: Mapping[str, bytes] = {}
        self._previous: str | None = None
        self._last = 0

    @property
    def conf(self) -> Path:
        """The file that nginx runs with, whichever configuration is in force."""
        return self._current / "nginx.conf"

    @property
    def staged_conf(self) -> Path:
        """The file to test before it comes into force."""
        return self._waiting() / "nginx.conf"

    def _waiting(self) -> Path:
        if self._staged is None:
            raise FileNotFoundError("no configuration is staged")
        return self._staged

    @property
    def serial(self) -> int:
        """The number of the configuration in force, 0 if there is none."""
        try:
            return int(self._current.readlink().name)
        except (OSError, ValueError):
            return 0

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._current / name).read_bytes()
        except OSError:
            return None

    def differs(self, files: Mapping[str, bytes]) -> bool:
        """Say whether what is in force, as it is on disk, is anything else than these files."""
        if any(self._read(name) != data for name, data in files.items()):
            return True
        return self._read("serial.conf") != serial_line(self.serial).encode()

    def stage(self, files: Mapping[str, bytes]) -> None:
        """Write a configuration beside the one in force."""
        self.discard()
        # Never a number that workers may have read before, whatever was tried and put back, left
        # by a crash, or what the clock says now.
        left = [int(path.name) for path in self._all.iterdir() if path.name.isdecimal()]
        self._last = max(time.time_ns() // 1_000_000, self._last + 1, max(left, default=0) + 1)
        directory = self._all / str(self._last)
        self._host.make(directory)
        self._staged = directory
        for name, data in files.items():
            if self._read(name) == data:
                self._host.link(self._current / name, directory / name)
            else:
                self._host.write(directory / name, data)
        self._host.write(directory / "serial.conf", serial_line(self._last).encode())
        self._staged_files = dict(files)

    def has_staged(self, files: Mapping[str, bytes]) -> bool:
        """Say whether exactly these files are staged."""
        return self._staged is not None and self._staged_files == files

    def discard(self) -> None:
        """Give up what is staged."""
        if self._staged is not None:
            self._remove(self._staged)
        self._staged = None

    def swap(self) -> None:
        """Put what is staged into force."""
        try:
            self._previous = str(self._current.readlink())
        except OSError:
            self._previous = None
        self._host.symlink(os.path.relpath(self._waiting(), self._current.parent), self._current)
        self._staged = None

    def put_back(self) -> bool:
        """Put the configuration of before the swap into force again; False if there was none."""
        if self._previous is None:
            return False
        failed = self._all / str(self.serial)
        self._host.symlink(self._previous, self._current)
        self._remove(failed)
        return True

    def prune(self) -> None:
        """Remove every configuration but the one in force, also what a crash left."""
        kept = str(self.serial)
        for directory in list(self._all.iterdir()):
            if directory.name != kept:
                self._remove(directory)

    def _remove(self, directory: Path) -> None:
        for path in list(directory.iterdir()):
            self._host.unlink(path)
        self._host.remove(directory)

    def lines_by_subscription(
        self, subscriptions: Collection[int]
    ) -> dict[int, dict[str, list[str]]]:
        """Return the lines of the maps in force, for some subscriptions, in the maps' order."""
        found: dict[int, dict[str, list[str]]] = {}
        owners: dict[str, int] = {}
        # These say themselves whose a name is.
        for file in (CERTIFICATES, "hosts.map"):
            for line in self._lines(file):
                name, _, key = line.partition(" ")
                whose = key[1:].partition("-")[0]
                if whose.isdecimal() and int(whose) in subscriptions:
                    owners[name] = int(whose)
                    found.setdefault(int(whose), {}).setdefault(file, []).append(line)
        for file in BY_NAME[1:]:
            for line in self._lines(file):
                owner = owners.get(line.partition(" ")[0])
                if owner is not None:
                    found[owner].setdefault(file, []).append(line)
        number = 0
        for line in self._lines("own.conf"):
            if begun := _OWN.fullmatch(line):
                number = int(begun[1])
            if number in subscriptions:
                found.setdefault(number, {}).setdefault("own.conf", []).append(line)
        for file in BY_KEY:
            for line in self._lines(file):
                whose = line.partition(" ")[0][1:].partition("-")[0]
                if whose.isdecimal() and int(whose) in subscriptions:
                    found.setdefault(int(whose), {}).setdefault(file, []).append(line)
        return found

    def _lines(self, name: str) -> list[str]:
        return (self._read(name) or b"").decode("ascii", "replace").splitlines()

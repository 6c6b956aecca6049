"""The web server's logs: rotated, read back to front for one site, and counted once.

One log for all sites, with the site as the first field of each line; nginx escapes what visitors
send. `access.log` is written to; `access.log.1` to `.7` are what it was before, the newest first.
"""

import os
import re
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.protocol import invalid, one_of, record, text, whole

KEPT = 7
_LARGEST = 256 * 1024 * 1024
_LONGEST = 24 * 3600.0
# So much of a log is looked through for one question, and so many lines are given at most.
_LOOKED_AT = 64 * 1024 * 1024
MOST_LINES = 500
_BLOCK = 256 * 1024
_MODE = 0o750
KINDS = ("access", "errors")
STATUSES = ("", "2", "3", "4", "5")

# What the log format of driver_nginx.py writes behind the site.
ACCESS = re.compile(
    rb"(\S+) (\S+) (\S+) (\d{3}) (\d+) (\d+) "
    rb'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"'
)
_ERROR = re.compile(rb"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)")


class Logs:
    """The directory of the web server's logs: for root and the web server, and nobody else."""

    def __init__(self, host: Host):
        self._host = host
        self.directory = host.platform.logs / "web"
        self._lock = threading.Lock()
        self._since: float | None = None

    def lay_out(self) -> None:
        """Make the directory, readable by the web server's group: it opens its logs anew itself."""
        if not self.directory.is_dir():
            self._host.make(self.directory, 0o700)
        place = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._host.own(place, None, self._host.platform.web_group)
            if stat.S_IMODE(os.fstat(place).st_mode) != _MODE:
                self._host.permit(place, _MODE)
        finally:
            os.close(place)

    @property
    def access(self) -> Path:
        """Where requests are written to."""
        return self.directory / "access.log"

    @property
    def errors(self) -> Path:
        """Where complaints are written to."""
        return self.directory / "error.log"

    def all(self, path: Path) -> list[Path]:
        """Return a log and what it was before, the newest first."""
        older = (path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1))
        return [each for each in (path, *older) if each.exists()]

    def rotate(self, reopen: Callable[[signal.Signals], bool], before: Callable[[], None]) -> bool:
        """Begin new logs where one is too large or a day old; `before` counts what goes."""
        runner = self._host.runner
        if self._since is None:
            self._since = runner.now()
        is_old = runner.now() - self._since > _LONGEST
        full = [path for path in (self.access, self.errors) if _size(path) > _LARGEST]
        if is_old:
            full = [path for path in (self.access, self.errors) if _size(path)]
        if not full:
            return False
        before()
        for path in full:
            for number in range(KEPT, 0, -1):
                source = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
                if source.exists():
                    self._host.rename(source, path.with_name(f"{path.name}.{number}"))
        self._since = runner.now()
        # Until it hears that, nginx writes into the renamed file, which is read and counted too.
        reopen(signal.SIGUSR1)
        return True

    # Reading.

    def last(self, subscription: int, names: Mapping[int, set[str]], asked: object) -> dict:
        """Return the last lines of one site, the newest first.

        `names` are the names of the subscription's sites: nobody asks for another's.
        """
        fields = record(asked, "log", ("site", "kind"), ("lines", "status", "text"))
        site = whole(fields["site"], "site", 1, 2**63 - 1)
        if site not in names:
            raise invalid(f"subscription {subscription} has no site {site}")
        kind = one_of(fields["kind"], "kind", KINDS)
        most = whole(fields.get("lines", 100), "lines", 1, MOST_LINES)
        status = one_of(fields.get("status", ""), "status", STATUSES).encode()
        wanted = text(fields["text"], "text", 200).encode() if fields.get("text") else b""
        found: list[list[str]] = []
        if kind == "access":
            prefix, path = f"s{subscription}-{site} ".encode(), self.access
        else:
            prefix, path = b"", self.errors
        left = [_LOOKED_AT]
        for line in self._backwards(path, left):
            if not line.startswith(prefix) or (wanted and wanted.lower() not in line.lower()):
                continue
            row = _visit(line[len(prefix) :], status) if prefix else _complaint(line, names[site])
            if row:
                found.append(row)
            if len(found) == most:
                break
        return {"lines": found, "is_all": left[0] > 0}

    def _backwards(self, path: Path, left: list[int]) -> Iterator[bytes]:
        """Yield lines, the last one first, until so many bytes were read."""
        for each in self.all(path):
            try:
                stream = each.open("rb")
            except FileNotFoundError:
                continue  # It was rotated away at this moment.
            with stream:
                place, rest = stream.seek(0, 2), b""
                while place > 0 and left[0] > 0:
                    size = min(_BLOCK, place)
                    place -= size
                    left[0] -= size
                    stream.seek(place)
                    first, *lines = (stream.read(size) + rest).split(b"\n")
                    yield from reversed(lines)
                    rest = first
                    # No line of ours is as long: what nginx was sent is bounded.
                    if len(rest) > 4 * _BLOCK:
                        rest = b""
                if place == 0:
                    yield rest


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _visit(line: bytes, status: bytes) -> list[str] | None:
    """Return a request as [time, status, visitor, request, bytes, from, browser]."""
    found = ACCESS.fullmatch(line)
    if not found or not found[4].startswith(status):
        return None
    order = (3, 4, 2, 7, 5, 8, 9)
    return [found[number].decode("utf-8", "replace")[:2000] for number in order]


def _complaint(line: bytes, names: set[str]) -> list[str] | None:
    """Return a complaint as [time, level, words] if it is about a request for one of the names."""
    head, asked, host = line.rpartition(b', host: "')
    if not asked:
        return None
    name = host.partition(b'"')[0].partition(b":")[0].decode("ascii", "replace").lower()
    found = _ERROR.fullmatch(head)
    if not found or not _is_among(name.rstrip("."), names):
        return None
    return [part.decode("utf-8", "replace")[:2000] for part in found.groups()]


def _is_among(name: str, names: set[str]) -> bool:
    """Whether a name is one of these; a wildcard among them stands for all below it."""
    parts = name.split(".")
    above = {"*." + ".".join(parts[number:]) for number in range(1, len(parts))}
    return name in names or bool(above & names)

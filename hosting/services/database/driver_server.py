"""What MariaDB and PostgreSQL have in common as servers of this node.

Each is the agent's own: its own directory below the node's, its own configuration, as the user that
Debian's package brings. What the distribution runs is left alone. It is made when the first
database of its kind is wanted; until then it takes neither memory nor a port.
"""

import os
import pwd
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.services.database.driver_desired import Part

PATIENCE = 120.0
_STEP = 0.02
_DAYS = "3650"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
# What is so of one subscription, line by line: comparable, and fit to be shown.
Facts = frozenset[str]


class Server(ABC):
    """One server of databases."""

    kind: str
    label: str
    # Of Debian's package.
    user: str

    def __init__(self, host: Host):
        self.host = host
        self.platform = host.platform
        self.top = self.platform.node / "database" / self.kind
        self.data = self.top / "data"
        self.run_directory = self.top / "run"
        self._log = self.platform.logs / f"{self.kind}.log"
        self._certificate = self.top / "server.pem"
        self._daemon: Daemon | None = None
        self._is_watched = False

    @staticmethod
    @abstractmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node has the programs and the user."""

    @property
    @abstractmethod
    def port(self) -> int:
        """Where it listens."""

    @abstractmethod
    def _program(self) -> Program:
        """Return how it is started."""

    @abstractmethod
    def _initialise(self, data: Path) -> None:
        """Make an empty data directory."""

    @abstractmethod
    def configure(self) -> None:
        """Write what it is told besides its command, before it starts."""

    @abstractmethod
    def ask(self, statements: str) -> list[list[object]]:
        """Return rows: each statement gives one array of JSON for each."""

    @abstractmethod
    def change(self, statements: Iterable[str]) -> None:
        """Run statements to the first that fails; AgentError with the server's words."""

    @abstractmethod
    def wanted(self, number: int, part: Part, *, is_shut: bool) -> Facts:
        """Return what should be so of one subscription."""

    @abstractmethod
    def found(self, numbers: Collection[int] | None) -> dict[int, Facts]:
        """Return what is so of these, or of everybody."""

    @abstractmethod
    def statements(self, number: int, part: Part, found: Facts) -> list[str]:
        """Return what makes it so; who is new gets in only once `follow` opens it."""

    @abstractmethod
    def follow(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Lock who is shut and end their sessions, unlock who is opened. Only what differs."""

    @abstractmethod
    def sizes(self, numbers: Collection[int]) -> dict[str, int]:
        """Return the bytes of each database of these."""

    def shown(self, fact: str) -> str:
        """Return a fact without what is nobody's to see."""
        return re.sub(r" \*[0-9A-F]{40}\b| SCRAM-SHA-256\S+", " (password)", fact)

    @property
    def is_there(self) -> bool:
        """Whether there is a server at all: somebody had a database once."""
        return self.data.is_dir()

    @property
    def is_open_outside(self) -> bool:
        """Whether it listens beyond this node, and can do so over TLS."""
        return self.platform.database_address is not None and "openssl" in self.platform.programs

    @property
    def daemon(self) -> Daemon:
        """The server's process. Which program that is depends on what is there."""
        if self._daemon is None:
            self._daemon = Daemon(self.host, self._program())
        return self._daemon

    def offers(self) -> dict[str, object]:
        """Return what the panel tells people of it."""
        return {"port": self.port, "remote": self.is_open_outside}

    def ensure(self, patience: float = PATIENCE) -> None:
        """Make it if it is not there, start it if it does not run, wait until it answers."""
        if not self.is_there:
            self._make()
        if self.daemon.master() is None:
            self.configure()
        if self.answers():
            return
        complaints = Complaints(self._log)
        mark = complaints.mark()
        self.daemon.start()
        if not self.daemon.await_until(self.answers, patience, _STEP):
            raise AgentError("probe", f"{self.label} does not answer: {_last(complaints, mark)}")
        if self._is_watched and not self.daemon.is_watched:
            self.daemon.watch()

    def answers(self) -> bool:
        """Say whether it lets the agent in."""
        if self.daemon.master() is None:
            return False
        try:
            return self.ask("SELECT JSON_ARRAY(1);" if self.kind == "mariadb" else "SELECT '[1]';")[
                -1
            ] == [1]
        except (AgentError, IndexError):
            return False

    def problem(self) -> str | None:
        """Return why it does not serve; None if it does, or if nobody has anything there."""
        if not self.is_there or self.answers():
            return None
        return f"{self.label} does not answer: {_last(Complaints(self._log), 0)}"

    def watch(self) -> None:
        """Start it again whenever it dies, now or once it is there."""
        self._is_watched = True
        if self.is_there and not self.daemon.is_watched:
            self.daemon.watch()

    def stop(self) -> None:
        """Leave it, or take it along."""
        if self.is_there:
            self.daemon.leave()

    # Its directories.

    def owner(self) -> tuple[int, int]:
        """Return the user and the group that it runs as."""
        try:
            entry = pwd.getpwnam(self.user)
        except KeyError:
            raise AgentError("io", f"there is no user {self.user} on this node") from None
        return entry.pw_uid, entry.pw_gid

    def _make(self) -> None:
        uid, gid = self.owner()
        for directory, mode in ((self.top.parent, 0o711), (self.top, 0o711)):
            if not directory.is_dir():
                self.host.make(directory, mode)
        beside = self.top / "data.new"
        if beside.is_dir():
            # What an agent began that was killed. It is of nobody yet.
            self.host.run(["/usr/bin/rm", "-rf", "--one-file-system", str(beside)])
        for directory, mode in ((self.run_directory, 0o711), (beside, 0o700)):
            if not directory.is_dir():
                self.host.make(directory, mode)
            self._give(directory, uid, gid, mode)
        if self.is_open_outside and not self._certificate.exists():
            self._make_certificate(gid)
        self._initialise(beside)
        self.host.rename(beside, self.data)

    def _give(self, path: Path, uid: int | None, gid: int, mode: int) -> None:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self.host.own(place, uid, gid)
            self.host.permit(place, mode)
        finally:
            os.close(place)

    def keep(self, path: Path, data: bytes) -> bool:
        """Write a file that the server reads and nobody else; say whether that was news."""
        if path.is_file() and path.read_bytes() == data:
            return False
        beside = path.with_name(f"{path.name}.beside")
        self.host.unlink(beside)
        self.host.write(beside, data, 0o600)
        self._give(beside, None, self.owner()[1], 0o640)
        self.host.rename(beside, path)
        return True

    def _make_certificate(self, gid: int) -> None:
        """Have a certificate of its own: from elsewhere nobody gets in without TLS."""
        words = ("req", "-x509", "-batch", "-nodes", "-newkey", "ec", "-sha256", "-days", _DAYS)
        words += ("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "/dev/stdout")
        words += ("-out", "/dev/stdout", "-subj", "/CN=freehold.invalid")
        done = self.host.run([str(self.platform.programs["openssl"]), *words])
        found = {block[1]: block[0] for block in _BLOCK.finditer(done.output)}
        if done.code or found.keys() != {"PRIVATE KEY", "CERTIFICATE"}:
            raise AgentError("io", f"openssl makes no certificate: {done.output[-300:]}")
        self.keep(self._certificate, (found["CERTIFICATE"] + found["PRIVATE KEY"]).encode())

    @property
    def certificate(self) -> Path:
        """Certificate and key for those who come from elsewhere."""
        return self._certificate


def _last(complaints: Complaints, mark: int) -> str:
    lines = [line.strip() for line in complaints.since(mark) if line.strip()]
    serious = [line for line in lines if re.search(r"error|fatal", line, re.IGNORECASE)]
    return ([*lines[-1:], *serious[-1:]] or ["it left no word"])[-1][:400]


def grouped(rows: Mapping[int, set[str]]) -> dict[int, Facts]:
    """Return what was gathered, as it is compared."""
    return {number: frozenset(lines) for number, lines in rows.items()}

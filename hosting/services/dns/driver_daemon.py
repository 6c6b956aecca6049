"""The name server: PowerDNS with a configuration of our own, or the small one that comes with us.

Both answer from the same tables and see a change with the next query: nothing is cached, nothing is
reloaded.
"""

import pwd
import re
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from hosting.agent.daemon import Daemon, Program
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError
from hosting.services.dns import driver_query as query
from hosting.services.dns.driver_query import Reply

# Debian's package makes it.
USER = "pdns"
POWERDNS = "pdns_server"
# A name that nobody has: any answer at all shows that somebody answers.
_NOBODY = "probe.freehold.invalid"
_PATIENCE = 10.0
_STEP = 0.01
_TRIES = 3
_TAIL = 256 * 1024
_STAMP = re.compile(r"^(?:\w{3} +\d+ \d\d:\d\d:\d\d )?")
_REASON = re.compile(r"\((.*)\) sending out servfail")
_SERIOUS = re.compile(r"fatal|error|unable|exception|fail", re.IGNORECASE)


class NameServer:
    """The daemon that answers from the tables at `database`."""

    def __init__(self, host: Host, directory: Path, database: Path):
        self._host = host
        self._platform = host.platform
        self._directory = directory
        self._database = database
        self._log = host.platform.logs / "dns.log"
        self._conf = directory / "pdns.conf"
        self.is_powerdns = POWERDNS in host.platform.programs
        self.daemon = Daemon(host, self._program())

    def user(self) -> tuple[int, int] | None:
        """Return whose the tables are; None where everything is one uid."""
        if not self._platform.isolates:
            return None
        try:
            entry = pwd.getpwnam(USER)
        except KeyError:
            raise AgentError("io", f"there is no user {USER} on this node") from None
        return entry.pw_uid, entry.pw_gid

    def _program(self) -> Program:
        platform = self._platform
        if self.is_powerdns:
            command = (str(platform.programs[POWERDNS]), f"--config-dir={self._directory}")
        else:
            command = (
                *(sys.executable, "-I", str(Path(__file__).with_name("answering.py"))),
                *("--database", str(self._database)),
                *("--address", platform.address, "--port", str(platform.dns_port)),
            )
        mark = command[-1] if self.is_powerdns else command[2]

        def is_ours(line: str) -> bool:
            return mark in line

        return Program(
            name="dns",
            command=command,
            directory=self._directory,
            pid_file=platform.run / "dns.pid",
            is_master=is_ours,
            is_ours=is_ours,
            writes_pid=False,
            log=self._log,
        )

    def configuration(self) -> str:
        """Return PowerDNS's configuration: words of ours, numbers, and paths of the platform."""
        everywhere = self._platform.address == "0.0.0.0"  # noqa: S104
        # Without IPv6 in the kernel there is no such file, and no such address to listen on.
        both = "0.0.0.0, ::" if Path("/proc/net/if_inet6").exists() else "0.0.0.0"  # noqa: S104
        lines = {
            "launch": "gsqlite3",
            "gsqlite3-database": str(self._database),
            "gsqlite3-dnssec": "yes",
            "gsqlite3-pragma-foreign-keys": "yes",
            "local-address": both if everywhere else self._platform.address,
            "local-port": str(self._platform.dns_port),
            # Both are made by root: never in a directory that is PowerDNS's own.
            "socket-dir": str(self._directory),
            "write-pid": "no",
            "daemon": "no",
            "guardian": "no",
            "disable-syslog": "yes",
            "log-timestamp": "yes",
            "loglevel": "3",
            "version-string": "anonymous",
            "security-poll-suffix": "",
            "api": "no",
            "webserver": "no",
            # A change is seen with the next query.
            "zone-cache-refresh-interval": "0",
            "zone-metadata-cache-ttl": "0",
            "cache-ttl": "0",
            "query-cache-ttl": "0",
            "negquery-cache-ttl": "0",
            "dnssec-key-cache-ttl": "0",
            # Secondaries are named zone by zone, in the tables; nobody else fetches anything.
            "primary": "yes",
            "allow-axfr-ips": "",
            "only-notify": "",
            "xfr-cycle-interval": "5",
            # Signatures are renewed each week, and secondaries have to notice.
            "default-soa-edit-signed": "INCEPTION-EPOCH",
        }
        if self.user() is not None:
            lines |= {"setuid": USER, "setgid": USER}
        for value in lines.values():
            if not value.isascii() or not value.isprintable():
                raise AgentError("invalid", f"not a value of a configuration: {value[:80]!r}")
        return "".join(f"{key}={value}\n" for key, value in lines.items())

    def lay_out(self) -> bool:
        """Write the configuration; say whether that was news."""
        if not self.is_powerdns:
            return False
        wanted = self.configuration().encode()
        if self._conf.exists() and self._conf.read_bytes() == wanted:
            return False
        self._host.replace(self._conf, wanted)
        return True

    def ask(self, name: str, type_: str, timeout: float = 1.0) -> Reply | None:
        """Ask the daemon; None if it says nothing."""
        runner, port = self._host.runner, self._platform.dns_port
        if port is None:
            return None
        number = secrets.randbelow(65536)
        message = query.question(number, name, type_)
        address = self._platform.probe_address()
        return query.reply(number, runner.exchange(address, port, message, timeout))

    def answers(self) -> bool:
        """Say whether anything comes back at all."""
        return self.ask(_NOBODY, "A") is not None

    def await_answer(self) -> None:
        """Start the daemon if it is not there, and wait for it; AgentError with its words."""
        if self.answers():
            return
        mark = self.mark()
        self.daemon.start()
        if not self.daemon.await_until(self.answers, _PATIENCE, _STEP):
            raise AgentError("probe", f"the name server does not answer: {self._words(mark)}")

    def fault(self, name: str, serial: int, sets: Iterable[tuple[str, str]]) -> str | None:
        """Return what is wrong with a zone as it is served, in words; None if it is right.

        Asked are its SOA, whose serial is of this state or a later one, and the record sets given.
        AgentError if nobody answers at all: that is no fault of the zone's.
        """
        mark = self.mark()
        found = self._asked(name, "SOA")
        if found is None:
            return f"the name server says nothing about {name}"
        if found.code != "NOERROR" or found.serial is None:
            return f"the name server answers {found.code} for {name}{self._reason(name, mark)}"
        if query.is_older(found.serial, serial):
            return f"the name server answers for {name} with the older serial {found.serial}"
        for owner, type_ in sets:
            found = self._asked(owner, type_)
            if found is None or found.code == "SERVFAIL":
                said = found.code if found else "nothing"
                why = self._reason(owner, mark)
                return f"the name server answers {said} for {owner} {type_}{why}"
        return None

    def _asked(self, name: str, type_: str) -> Reply | None:
        """Ask with some patience: a packet may be dropped, the daemon may have died meanwhile."""
        for _ in range(_TRIES):
            if (found := self.ask(name.replace("*", "probe", 1), type_)) is not None:
                return found
            self.await_answer()
        return None

    def problem(self) -> str | None:
        """Return why the daemon does not serve, None if it does."""
        return None if self.answers() else f"it does not answer: {self._words(0)}"

    def restart(self) -> None:
        """End the daemon that runs with something older; the watch or the next start brings it."""
        self.daemon.end()

    # What it says of itself.

    def mark(self) -> int:
        """Return how long its log is now."""
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _said(self, mark: int) -> list[str]:
        try:
            with self._log.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(min(mark, size), size - _TAIL))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return []
        lines = (_STAMP.sub("", line).strip() for line in text.splitlines())
        return ["".join(c for c in line if c.isprintable()) for line in lines if line]

    def _reason(self, name: str, mark: int) -> str:
        name = name.replace("*", "probe", 1)
        for line in reversed(self._said(mark)):
            if f" {name}/" in line and (found := _REASON.search(line)):
                return f": {found[1][:400]}"
        return ""

    def _words(self, mark: int) -> str:
        """The last complaint since then, or the last line."""
        lines = self._said(mark)
        serious = [line for line in lines if _SERIOUS.search(line)]
        return ([*lines[-1:], *serious[-1:]] or ["it left no word"])[-1][:400]

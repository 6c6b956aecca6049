"""Dovecot, with a configuration of our own: mailboxes, whoever reads them, and what is delivered.

Mail is written and read as the subscription's own user, below its home.
"""

import os
from functools import cached_property
from pathlib import Path
from types import ModuleType

from hosting.agent.daemon import Daemon, Program
from hosting.agent.host import Host
from hosting.agent.platform import FIRST_UID
from hosting.agent.protocol import AgentError
from hosting.services.mail import driver_dovecot_23, driver_dovecot_24, driver_sieve
from hosting.services.mail.driver_postfix import USER as POSTFIX

# Directives of addresses where nothing but ours is let through.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


class Dovecot:
    """The daemon that keeps mailboxes."""

    def __init__(
        self,
        host: Host,
        directory: Path,
        database: Path,
        certificate: Path,
        names: Path,
        run: Path,
    ):
        self._host = host
        self._names = names
        self._platform = host.platform
        self._conf = directory / "dovecot"
        self.scripts = directory / "sieve"
        self._database = database
        self._certificate = certificate
        self._run = run
        self.daemon = Daemon(host, self._program())

    def _program(self) -> Program:
        program = self._platform.programs["dovecot"]
        conf = f"{self._conf}/dovecot.conf"

        def is_master(line: str) -> bool:
            return line.startswith(f"{program} ") and line.endswith(conf)

        return Program(
            name="dovecot",
            command=(str(program), "-F", "-c", conf),
            # It goes there by itself, and so do all that it starts but sessions.
            directory=self._run,
            pid_file=self._platform.run / "dovecot.pid",
            is_master=is_master,
            is_ours=lambda line: "dovecot" in line,
            writes_pid=False,
            log=self._platform.logs / "dovecot-start.log",
        )

    def files(self) -> dict[str, str]:
        """Return the configuration: words of ours, numbers, and paths of the platform."""
        platform = self._platform
        paths = {
            "run": self._run,
            "logs": platform.logs,
            "certificate": self._certificate,
            "names": self._names,
            "conf": self._conf,
            "sieve": self.scripts,
            "homes": platform.homes,
        }
        for path in (*paths.values(), self._database):
            if not _SAFE.issuperset(str(path)):
                raise AgentError("io", f"not for Dovecot's configuration: {str(path)!r}")
        both = "*, ::" if Path("/proc/net/if_inet6").exists() else "*"
        everywhere = platform.address == "0.0.0.0"  # noqa: S104
        given = paths | {
            "database": self._database,
            "listen": both if everywhere else platform.address,
            "first": FIRST_UID,
            "postfix": POSTFIX,
            **platform.mail_ports,
        }
        found: dict[str, str] = self._grammar.files(given)
        return found

    @cached_property
    def _grammar(self) -> ModuleType:
        """The series that Debian 12 has is told otherwise than the one of Debian 13."""
        program = self._platform.programs["dovecot"]
        version = self._host.runner.run([str(program), "--version"], 20.0).output
        return driver_dovecot_23 if version.startswith("2.3.") else driver_dovecot_24

    def block(self, name: str, path: Path) -> str:
        """Return what it is told of a name that has a certificate of its own."""
        found: str = self._grammar.block(name, path)
        return found

    def lay_out(self) -> bool:
        """Write the configuration and the scripts that are everybody's; say if any is new."""
        is_news = False
        for directory in (self._conf, self.scripts, self._run):
            if not directory.is_dir():
                self._host.make(directory, 0o755)
        for name, text in self.files().items():
            path = self._conf / name
            if not path.is_file() or path.read_text() != text:
                self._host.replace(path, text.encode())
                is_news = True
        for name, text in (("spam", driver_sieve.SPAM), ("nothing", driver_sieve.NOTHING)):
            self.keep_script(name, text)
        return is_news

    def check(self) -> str:
        """Say what it does not like of its configuration; "" if that is all right."""
        program = self._platform.programs["dovecot"]
        done = self._host.runner.run([str(program), "-n", "-c", f"{self._conf}/dovecot.conf"], 60.0)
        return done.output.strip() if done.code else ""

    def keep_script(self, name: str, text: str, uid: int | None = None) -> None:
        """Compile a script and put it in the place of what is there; AgentError: it is none.

        With `uid` it is for that tenant alone to read: others could guess its name.
        """
        path = self.scripts / f"{name}.sieve"
        binary = path.with_suffix(".svbin")
        data = text.encode()
        if path.is_file() and path.read_bytes() == data and binary.is_file():
            return
        beside = self.scripts / f"{name}.beside.sieve"
        self._host.replace(beside, data)
        try:
            self._compile(beside, uid)
        except AgentError:
            self._host.unlink(beside)
            raise
        self._host.unlink(beside.with_suffix(".svbin"))
        # A binary has to be newer than its text is in this place.
        self._host.unlink(binary)
        self._share(beside, uid)
        self._host.rename(beside, path)
        self._compile(path, uid)

    def _compile(self, path: Path, uid: int | None) -> None:
        program, binary = self._platform.programs["sievec"], path.with_suffix(".svbin")
        command = [str(program), "-c", f"{self._conf}/dovecot.conf", str(path), str(binary)]
        done = self._host.run(command)
        if done.code or not binary.is_file():
            raise AgentError("check", f"sieve: {done.output.strip()[-400:]}")
        self._share(binary, uid)

    def _share(self, path: Path, uid: int | None) -> None:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if uid is not None:
                self._host.own(place, None, uid)
            self._host.permit(place, 0o644 if uid is None else 0o640)
        finally:
            os.close(place)

    def drop_script(self, name: str) -> None:
        """Remove a script."""
        for suffix in (".sieve", ".svbin"):
            if (self.scripts / f"{name}{suffix}").exists():
                self._host.unlink(self.scripts / f"{name}{suffix}")

    def sessions(self) -> list[tuple[str, int]]:
        """Return the address and the process of each session that lives."""
        program = self._platform.programs["doveadm"]
        command = [str(program), "-c", f"{self._conf}/dovecot.conf", "who", "-1"]
        done = self._host.runner.run(command, 20.0)
        found = []
        for line in done.output.splitlines()[1:]:
            words = line.split()
            if len(words) >= 3 and words[1] in ("imap", "pop3") and words[2].isdecimal():
                found.append((words[0], int(words[2])))
        return found

"""The servers of mail on a node with root: Postfix, Dovecot, and the certificate of both."""

import grp
import signal
import socket
import sqlite3
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from hosting.agent.daemon import Daemon
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError
from hosting.agent.small import SmallServer
from hosting.services.mail import (
    driver_certificate,
    driver_greeting,
    driver_names,
    driver_sieve,
    driver_signing,
)
from hosting.services.mail.driver_desired import Mail, Reply
from hosting.services.mail.driver_dovecot import Dovecot
from hosting.services.mail.driver_names import Names
from hosting.services.mail.driver_postfix import USER, Postfix
from hosting.services.mail.driver_queue import Queue
from hosting.services.mail.driver_signing import Signing
from hosting.services.mail.driver_store import Store

_PROGRAMS = {"postfix", "dovecot", "doveadm", "sievec", "openssl"}


def is_possible(platform: Platform) -> bool:
    """Say whether a node has the daemons, users for its tenants, and ports for mail."""
    return (
        platform.isolates
        and bool(platform.mail_ports)
        and platform.programs.keys() >= _PROGRAMS
        and (platform.postfix_daemons / "master").exists()
    )


class DebianServers:
    """Postfix takes mail and sends it, Dovecot keeps it and shows it."""

    def __init__(self, host: Host, directory: Path, database: Path):
        self._host = host
        self._certificate = directory / "own.pem"
        run = host.platform.run / "dovecot"
        can_sign = driver_signing.is_possible(host.platform)
        self.signing = Signing(host, directory) if can_sign else None
        signed_by = self.signing.socket if self.signing else None
        self._names = Names(host, directory, self._check, self._block)
        pair = self._certificate
        self.postfix = Postfix(host, directory, database, pair, self._names.table, run, signed_by)
        self.dovecot = Dovecot(host, directory, database, pair, self._names.blocks, run)
        self._queue = Queue(host, directory / "postfix")
        self._milter = directory / "milter"
        self._senders = SmallServer(
            host,
            "mail-senders",
            "hosting.services.mail.driver_milter",
            directory,
            {"database": database, "socket": self._milter, "user": USER},
            self._is_heard,
        )
        self._greeted: tuple[int | None, ...] | None = None

    @staticmethod
    def group() -> int:
        """Return the group that reads the tables."""
        try:
            return grp.getgrnam(USER).gr_gid
        except KeyError:
            raise AgentError("io", f"there is no group {USER} on this node") from None

    def prepare(self) -> None:
        """Make what has to be there before the tables are."""
        driver_certificate.keep(self._host, self._certificate)
        self._names.lay_out(self.group())

    def lay_out(self) -> bool:
        """Write both configurations; say whether anything is new."""
        is_news = [self.dovecot.lay_out(), self.postfix.lay_out()]
        if self.signing is not None:
            is_news.append(self.signing.lay_out())
        return any(is_news)

    def _daemons(self) -> list[Daemon]:
        """Return them in the order of starting."""
        first = [self._senders.daemon, *([self.signing.daemon] if self.signing else [])]
        return [*first, self.dovecot.daemon, self.postfix.daemon]

    @property
    def signs(self) -> bool:
        """Whether letters that leave can be signed here."""
        return self.signing is not None

    def keep_keys(self, mails: Iterable[Mail]) -> None:
        """Have letters signed with exactly these keys."""
        if self.signing is not None:
            self.signing.keep(mails)

    def start(self, is_news: bool, is_needed: bool) -> None:
        """Start both, anew if their configuration is; mail for nobody is refused by them too."""
        for daemon in self._daemons():
            if is_news:
                daemon.end()
            daemon.start()

    def watch(self) -> None:
        """Start them again whenever they die."""
        for daemon in self._daemons():
            daemon.watch()

    def leave(self) -> None:
        """Leave; they end where the platform says so."""
        for daemon in reversed(self._daemons()):
            daemon.leave()

    def problem(self) -> str | None:
        """Return which of them does not serve."""
        platform = self._host.platform
        daemons = (self.dovecot.daemon, self.postfix.daemon, *self._daemons())
        masters = tuple(daemon.master() for daemon in daemons)
        # Asked once for each life of theirs: who greets has read its configuration and its ports.
        if masters == self._greeted:
            return None
        for name, pid, port, said, log in (
            ("Dovecot", masters[0], "imap", b"* OK", "dovecot.log"),
            ("Postfix", masters[1], "smtp", b"220 ", "mail.log"),
        ):
            if pid is None:
                return f"{name} does not run: see {platform.logs / log}"
            line = driver_greeting.greeting(platform.probe_address(), platform.mail_ports[port])
            if line is None or not line.startswith(said):
                return f"{name} does not answer: see {platform.logs / log}"
        if not self._is_heard():
            return f"what judges senders does not answer: {self._senders.words(0)}"
        if self.signing is not None and (words := self.signing.problem()):
            return words
        self._greeted = masters
        return None

    def _is_heard(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2.0)
                connection.connect(str(self._milter))
        except OSError:
            return False
        return True

    def end_sessions(self, closed_to: Callable[[set[str]], set[str]]) -> None:
        """End the sessions of all that may not be logged in; they are listed once."""
        sessions = self.dovecot.sessions()
        closed = closed_to({address for address, _pid in sessions})
        for address, pid in sessions:
            if address in closed:
                self._host.signal(pid, signal.SIGTERM)

    def _check(self) -> str:
        return self.dovecot.check()

    def _block(self, name: str, path: Path) -> str:
        return self.dovecot.block(name, path)

    def keep_names(self, before: Iterable[Mail] | None, after: Iterable[Mail]) -> None:
        """Be known by the certificates of these names; `before` None: of no others at all."""
        about = None if before is None else driver_names.names(before)
        try:
            is_news = self._names.keep(about, driver_names.names(after))
        except sqlite3.Error as error:
            raise AgentError("io", f"the certificates of mail: {error}") from None
        if is_news:
            # Sessions go on; who comes from now on is shown the new ones.
            self.dovecot.daemon.signal_master(signal.SIGHUP)

    def keep_queue(self, store: Store, held: Collection[int], there: Collection[int]) -> None:
        """Hold the letters on their way that these subscriptions sent, and no others."""
        self._queue.keep(store, held, there)

    def keep_reply(self, number: int, box: int, reply: Reply, mail: Mail) -> None:
        """Have a mailbox answer."""
        address = next(one.address for one in mail.mailboxes if one.number == box)
        addresses = tuple(
            route.address
            for route in mail.routes()
            if route.login == address and not route.address.startswith("@")
        )
        text = driver_sieve.autoresponder(reply, addresses)
        self.dovecot.keep_script(str(box), text, self._host.platform.uid_of(number))

    def drop_reply(self, box: int) -> None:
        """Have it answer no more."""
        self.dovecot.drop_script(str(box))

"""The small server of mail that comes with us, where Postfix and Dovecot cannot be."""

import json
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from hosting.agent import small
from hosting.agent.host import Host
from hosting.agent.platform import SMALL_MAIL_PORTS, Platform
from hosting.services.mail import driver_greeting, driver_traffic
from hosting.services.mail.driver_desired import Mail, Reply
from hosting.services.mail.driver_store import Store

_MODULE = "hosting.services.mail.serving"


def is_possible(platform: Platform) -> bool:
    """Say whether it can run, on a port for each that it speaks."""
    has_ports = platform.mail_ports.keys() >= set(SMALL_MAIL_PORTS)
    return has_ports and small.is_possible(platform, "aiosmtpd", "pymap")


class SmallServers(small.SmallServer):
    """One program that takes mail, keeps it and shows it, to whom the tables know."""

    def __init__(self, host: Host, directory: Path, database: Path):
        self._host = host
        platform = host.platform
        self._replies = directory / "replies"
        words = {
            "database": database,
            "homes": platform.homes,
            "address": platform.address,
            "traffic": driver_traffic.log(platform),
            "web": platform.web,
            **{f"{name}-port": platform.mail_ports[name] for name in SMALL_MAIL_PORTS},
        }
        self._is_needed = False
        self._leaving = threading.Event()
        super().__init__(host, "mail", _MODULE, directory, words, self._greets)

    def _greets(self) -> bool:
        platform = self._host.platform
        port = platform.mail_ports["smtp"]
        # It opens that one last.
        line = driver_greeting.greeting(platform.probe_address(), port)
        return line is not None and line.startswith(b"220 ")

    @staticmethod
    def group() -> None:
        """Return who reads the tables: nobody else than the agent's user."""

    def prepare(self) -> None:
        """Make what has to be there before the tables are: nothing."""

    def lay_out(self) -> bool:
        """Make the place of replies; nothing was news, for it has no configuration."""
        if not self._replies.is_dir():
            self._host.make(self._replies, 0o700)
        return False

    def start(self, is_news: bool, is_needed: bool) -> None:
        """Start it with the first mailbox."""
        if is_needed:
            self._is_needed = True
            self.daemon.start()

    def watch(self) -> None:
        """Start it again whenever it dies, from its first start on."""
        threading.Thread(target=self._keep_watching, name="mail begins", daemon=True).start()

    def _keep_watching(self) -> None:
        while self.daemon.master() is None:
            if self._leaving.wait(1.0):
                return
        self.daemon.watch()

    def leave(self) -> None:
        """Leave; it ends where the platform says so."""
        self._leaving.set()
        self.daemon.leave()

    def problem(self) -> str | None:
        """Return why it does not serve, once there is anybody to be served."""
        if not self._is_needed or self.answers():
            return None
        return f"it does not answer: {self.words(0)}"

    def end_sessions(self, closed_to: Callable[[set[str]], set[str]]) -> None:
        """Leave that to the server, which looks at the tables several times a second."""

    # Nothing leaves from here.
    signs = False

    def keep_keys(self, mails: Iterable[Mail]) -> None:
        """Sign nothing."""

    def keep_names(self, before: Iterable[Mail] | None, after: Iterable[Mail]) -> None:
        """Leave that to the server, which looks for a certificate at each handshake."""

    def keep_queue(self, store: Store, held: Collection[int], there: Collection[int]) -> None:
        """Nothing waits here: no letter leaves."""

    def keep_reply(self, number: int, box: int, reply: Reply, mail: Mail) -> None:
        """Have a mailbox answer."""
        about = {"subject": reply.subject, "text": reply.text}
        path, data = self._replies / f"{box}.json", json.dumps(about).encode()
        if not path.is_file() or path.read_bytes() != data:
            self._host.replace(path, data, 0o600)

    def drop_reply(self, box: int) -> None:
        """Have it answer no more."""
        self._host.unlink(self._replies / f"{box}.json")

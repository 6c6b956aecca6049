"""The FTP driver: accounts in one SQLite file that the server asks at each login.

On disk, below the platform's own directory:

    ftp/proftpd.conf     ProFTPD's configuration
    ftp/tls.pem          the certificate of FTP, self-signed
    ftp/node-*.pem       that of the node's own name, if a site here has one
    ftp/ssh_host_key     the key of SFTP
    ftp/accounts.sqlite3
    ftp/traffic.sqlite3  what sessions took

Suspending is one statement there. ProFTPD's sessions are processes that have nothing of root's left
and run as the subscription's user: they are found by that, and ended. Where all are one uid, a
small server of ours reads the same file, and ends sessions by itself when it changes.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, told
from hosting.services.ftp import driver_daemon, driver_desired, driver_serving, driver_traffic
from hosting.services.ftp.driver_daemon import FtpServer
from hosting.services.ftp.driver_desired import Ftp
from hosting.services.ftp.driver_serving import SmallServer
from hosting.services.ftp.driver_store import Store

_NOTHING = Ftp()
# Who was let in a moment before the door was shut runs as nobody's user yet: a second look.
_LOOKS = (0.3, 1.0, 3.0)


class FtpDriver(Driver[Ftp]):
    """FTP accounts of one node."""

    service = "ftp"
    serves_limited: ClassVar[bool] = True

    def __init__(self, host: Host):
        self._host = host
        self._homes = host.platform.homes
        self._directory = host.platform.node / "ftp"
        self._store = Store(host, self._directory / "accounts.sqlite3")
        kind = FtpServer if host.platform.isolates else SmallServer
        self.server: FtpServer | SmallServer = kind(
            host, self._directory, self._directory / "accounts.sqlite3"
        )
        self._traffic = driver_traffic.of_sessions(host, self._directory)
        self._words: str | None = None
        self._is_watched = False
        self._leaving = threading.Event()
        self._looking = threading.Condition()
        self._again: list[tuple[float, frozenset[int]]] = []

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node can serve FTP."""
        return driver_daemon.is_possible(platform) or driver_serving.is_possible(platform)

    def offers(self) -> dict[str, object]:
        """Return the ports."""
        platform = self._host.platform
        return {"port": platform.ftp_port, "sftp_port": platform.sftp_port}

    def parse(self, value: object) -> Ftp:
        """Return the accounts of a subscription, checked."""
        return driver_desired.parse(value)

    def settle(self, applied: Mapping[int, Ftp], shut: Collection[int]) -> None:
        """Bring the tables to what was applied; start the daemon if there is anybody for it."""
        try:
            if not self._directory.is_dir():
                self._host.make(self._directory, 0o711)
            self._store.lay_out(self.server.user())
            there = self._store.shut()
            if there != set(shut):
                self._store.switch(set(shut) - there, there - set(shut))
            found = self._store.accounts(self._homes)
            # Only what differs. What is there of nobody that was applied goes, too.
            wrong = {
                number: applied.get(number, _NOTHING)
                for number in applied.keys() | found.keys()
                if applied.get(number, _NOTHING) != found.get(number, _NOTHING)
            }
            if wrong:
                self._store.write(wrong, self._homes)
            is_news = self.server.lay_out()
            if is_news:
                self.server.daemon.end()
            if any(ftp.accounts for ftp in applied.values()) and not self.server.daemon.start():
                self.server.adopt()
            self.server.end_sessions(set(shut) | wrong.keys())
            self._words = None
        except (AgentError, LookupError) as error:
            # problem() tells; the next batch tries again.
            self._words = str(error)

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Shut and open in one transaction; end the sessions of those shut."""
        self._store.switch(shut, opened)
        self.server.end_sessions(shut)
        if shut:
            now = self._host.runner.now()
            with self._looking:
                self._again += [(now + later, frozenset(shut)) for later in _LOOKS]
                self._looking.notify()

    def look_again(self) -> float | None:
        """End what came up since of those that were shut; say when the next look is due."""
        now = self._host.runner.now()
        with self._looking:
            due = {number for at, numbers in self._again if at <= now for number in numbers}
            self._again = [(at, numbers) for at, numbers in self._again if at > now]
            later = min((at - now for at, _numbers in self._again), default=None)
        if due:
            # Who was opened meanwhile is left alone.
            self.server.end_sessions(due & self._store.shut())
        return later

    def plan(self, wanted: Mapping[int, Ftp | None]) -> dict[int, list[Change]]:
        """Return what differs, account by account; a hash is nobody's to see."""
        there, found = self._store.accounts(self._homes), {}
        for number, ftp in wanted.items():
            before = {one.name: one for one in there.get(number, _NOTHING).accounts}
            after = {one.name: one for one in (ftp or _NOTHING).accounts}
            changes = [
                Change(f"FTP account {name}", _shown(before.get(name)), _shown(after.get(name)))
                for name in sorted(before.keys() | after.keys())
                if before.get(name) != after.get(name)
            ]
            for name, account in after.items():
                if before.get(name) == account and not self._has_home(number, account.parts):
                    changes.append(Change(f"FTP home of {name}", [], [f"/{account.home}"]))
            if changes:
                found[number] = changes
        return found

    def _has_home(self, number: int, parts: tuple[str, ...]) -> bool:
        try:
            return trees.has_document_root(self._host, number, parts)
        except AgentError:
            return False

    def apply(self, wanted: Mapping[int, Ftp | None]) -> Result:
        """Make homes, then write the tables in one go; end sessions that rest on what was."""
        result = Result()
        try:
            there, owners = self._store.accounts(self._homes), self._store.names()
        except (AgentError, OSError) as error:
            result.failures = dict.fromkeys(wanted, told(error))
            return result
        leaving = {name for name, number in owners.items() if number in wanted}
        taken = {name: number for name, number in owners.items() if name not in leaving}
        news: dict[int, Ftp] = {}
        for number, ftp in wanted.items():
            ftp = ftp or _NOTHING
            try:
                for account in ftp.accounts:
                    if taken.setdefault(account.name, number) != number:
                        raise AgentError("refused", f"the username {account.name} is taken")
                    if self._made_home(number, account.parts):
                        result.changed.add(number)
            except (AgentError, OSError) as error:
                result.failures[number] = told(error)
                # What it has stays, and so do its usernames.
                taken |= {one.name: number for one in there.get(number, _NOTHING).accounts}
                continue
            if there.get(number, _NOTHING) != ftp:
                news[number] = ftp
        self._finish(wanted, news, there, result)
        return result

    def _finish(
        self,
        wanted: Mapping[int, Ftp | None],
        news: Mapping[int, Ftp],
        there: Mapping[int, Ftp],
        result: Result,
    ) -> None:
        """Write the tables, see that somebody answers, end what rests on what was."""
        good = [number for number in wanted if number not in result.failures]
        try:
            if news:
                self._store.write(news, self._homes)
                result.changed |= news.keys()
            if any((wanted[number] or _NOTHING).accounts for number in good):
                if self._words is not None:
                    self.server.lay_out()
                self.server.await_answer()
                self._words = None
            if self.server.daemon.master() is not None:
                # Of whichever site it is, and whoever comes by FTP.
                self.server.follow_certificate()
            # Who has only more than before goes on.
            lost = {
                number
                for number, ftp in news.items()
                if not set(there.get(number, _NOTHING).accounts) <= set(ftp.accounts)
            }
            self.server.end_sessions(lost)
        except (AgentError, OSError) as error:
            result.failures |= dict.fromkeys(good, told(error))

    def _made_home(self, number: int, parts: tuple[str, ...]) -> bool:
        try:
            return trees.make_directories(self._host, number, parts)
        except AgentError as error:
            words = str(error).replace("the document root", "the FTP home")
            raise AgentError(error.kind, words) from None

    def problem(self) -> str | None:
        """Return why nobody gets in; None where that works, or nobody is to be let in."""
        if self._words is not None or not self._store.names():
            return self._words
        if self.server.answers():
            return None
        return f"it does not answer: {self.server.words(0)}"

    def traffic(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return what sessions that have ended took each day, both ways."""
        return self._traffic.days(numbers, since)

    def count(self) -> None:
        """Count the sessions that have ended since the last time."""
        self._traffic.count()

    def watch(self) -> None:
        """Begin to look a second time after what was shut, and to notice the daemon's death."""
        threading.Thread(target=self._keep_looking, name="ftp sessions", daemon=True).start()
        threading.Thread(target=self._keep_watching, name="ftp begins", daemon=True).start()

    def _keep_looking(self) -> None:
        while True:
            later = self.look_again()
            with self._looking:
                if later is not None or not self._again:
                    self._looking.wait(later)

    def _keep_watching(self) -> None:
        """Watch the daemon from its first start on: it starts with the first account."""
        while self.server.daemon.master() is None:
            if self._leaving.wait(1.0):
                return
        self.server.daemon.watch()

    def stop(self) -> None:
        """Leave; the daemon ends where the platform says so."""
        self._leaving.set()
        self.server.daemon.leave()


def _shown(account: driver_desired.Account | None) -> list[str]:
    if account is None:
        return []
    may = "read only" if account.is_read_only else "read and write"
    secret = "a password" if account.password else "no password"
    return [f"/{account.home}, {may}, {secret}, {len(account.keys)} keys"]

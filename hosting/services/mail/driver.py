"""The mail driver: servers of mail on one SQLite file.

On disk, below the platform's own directory:

    mail/mail.sqlite3    who may log in, and where mail goes
    mail/traffic.sqlite3 what letters and sessions took
    mail/own.pem         key and certificate of the node
    mail/postfix/        Postfix's configuration; spool/ is its queue, postfix-data/ its own
    mail/dovecot/        Dovecot's configuration
    mail/sieve/          scripts, compiled

Where all are one uid, a small server of ours reads the same file, and ends sessions by itself when
it changes; beside its tables lie

    mail/tls.pem         key and certificate
    mail/replies/        what mailboxes answer
    mail/outgoing/       letters to other servers, which are not sent from there

Mail itself lies in the subscription's home, in mail/<number of the mailbox>, and is its user's.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.protocol import LIMITED, OPEN, SHUT, AgentError, told
from hosting.services.mail import (
    driver_desired,
    driver_fullness,
    driver_programs,
    driver_servers,
    driver_small,
    driver_traffic,
)
from hosting.services.mail.driver_desired import Mail, Mailbox
from hosting.services.mail.driver_servers import DebianServers
from hosting.services.mail.driver_small import SmallServers
from hosting.services.mail.driver_store import Store

_NOTHING = Mail()
# Mailboxes of one answer; a line of the wire holds three times as many.
_MEASURED = 100_000
# Who was let in a moment before has no session yet: a second look.
_LOOKS = (0.3, 1.0, 3.0)
_PATIENCE, _STEP = 20.0, 0.02


class MailDriver(Driver[Mail]):
    """Mailboxes of one node."""

    service = "mail"
    serves_limited: ClassVar[bool] = True

    def __init__(self, host: Host):
        self._host = host
        self._directory = host.platform.node / "mail"
        database = self._directory / "mail.sqlite3"
        self.store = Store(host, database)
        kind = DebianServers if host.platform.isolates else SmallServers
        self.servers: DebianServers | SmallServers = kind(host, self._directory, database)
        self._traffic = driver_traffic.of_letters(host, self._directory, self.store.owner)
        self._applied: dict[int, Mail] = {}
        self._states: dict[int, str] = {}
        self._leaving = threading.Event()

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node can serve mail."""
        return driver_servers.is_possible(platform) or driver_small.is_possible(platform)

    def offers(self) -> dict[str, object]:
        """Return the ports for mail programs."""
        return {
            "ports": dict(self._host.platform.mail_ports),
            "signs": self.servers.signs,
        }

    def parse(self, value: object) -> Mail:
        """Return the mail of a subscription."""
        return driver_desired.parse(value)

    # Beginning and ending.

    def know(self, states: Mapping[int, str]) -> None:
        """Keep what each may do: who is overused reads mail, and sends none."""
        self._states |= states

    def settle(self, applied: Mapping[int, Mail], shut: Collection[int]) -> None:
        """Lay out what both daemons need, have the tables say what is recorded, and start."""
        self._applied = dict(applied)
        is_news = self._lay_out()
        self.store.apply(applied, self._states)
        self.store.switch(self._states)
        for number, mail in applied.items():
            self._keep_scripts(number, mail)
        self.servers.keep_keys(applied.values())
        with suppress(AgentError):
            # Without them the node's own is shown; whoever has a new one hears of it.
            self.servers.keep_names(None, applied.values())
        self.servers.start(is_news, any(mail.mailboxes for mail in applied.values()))
        self._end_sessions()
        # Their queue answers a moment after they do.
        self._look_again()

    def _lay_out(self) -> bool:
        if not self._directory.is_dir():
            self._host.make(self._directory, 0o755)
        driver_programs.keep(self._host)
        self.servers.prepare()
        # Before the daemons, and never closed: see the store.
        self.store.open(self.servers.group())
        return self.servers.lay_out()

    def watch(self) -> None:
        """Start the daemons again whenever they die."""
        self.servers.watch()

    def measure(self, numbers: Sequence[int]) -> dict[str, dict[int, int]]:
        """Return what the letters of each mailbox take, by the mailbox's own number."""
        found: dict[int, int] = {}
        for number in numbers:
            mail = self._applied.get(number, _NOTHING)
            kept = (box.number for box in mail.mailboxes[: _MEASURED - len(found)])
            found |= driver_fullness.used(self._host, number, kept)
        return {"mailbox": found}

    def traffic(self, numbers: Sequence[int], since: str) -> dict[str, dict[int, int]]:
        """Return what letters and sessions took each day, both ways."""
        return self._traffic.days(numbers, since)

    def count(self) -> None:
        """Count what Postfix and Dovecot have written down since the last time."""
        self._traffic.count()

    def stop(self) -> None:
        """Leave; the daemons end where the platform says so."""
        self._leaving.set()
        self.servers.leave()

    def problem(self) -> str | None:
        """Return which of the daemons does not serve."""
        return self.servers.problem()

    # Suspension.

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Set what each may do, in one transaction; end the sessions of those shut."""
        states = dict.fromkeys(shut, SHUT)
        for number in opened:
            state = self._states.get(number, OPEN)
            states[number] = state if state in (OPEN, LIMITED) else OPEN
        self.store.switch(states)
        if shut:
            self._end_sessions()
            self._look_again()

    def _end_sessions(self) -> None:
        """End the sessions of all that may not be logged in; they are listed once."""
        self.servers.end_sessions(self.store.closed_to)

    def _look_again(self) -> None:
        threading.Thread(target=self._look, name="mail sessions", daemon=True).start()

    def _look(self) -> None:
        for seconds in _LOOKS:
            if self._leaving.wait(seconds):
                return
            self._end_sessions()
            # What was on its way into the queue when the others were held.
            with suppress(AgentError, OSError):
                self._keep_queue()

    # Applying.

    def plan(self, wanted: Mapping[int, Mail | None]) -> dict[int, list[Change]]:
        """Return the differences between the tables and what is wanted."""
        found = {number: self.store.plan(number, mail) for number, mail in wanted.items()}
        return {number: changes for number, changes in found.items() if changes}

    def apply(self, wanted: Mapping[int, Mail | None]) -> Result:
        """Make it so; whoever is at fault stays as it was."""
        result = Result()
        try:
            self._await_daemons(any(mail and mail.mailboxes for mail in wanted.values()))
        except (AgentError, OSError) as error:
            result.failures = dict.fromkeys(wanted, told(error))
            return result
        batch: dict[int, Mail | None] = {}
        for number, mail in wanted.items():
            try:
                self._keep_scripts(number, mail or _NOTHING)
                batch[number] = mail
            except (AgentError, OSError) as error:
                result.failures[number] = told(error)
        try:
            result.changed, refused = self.store.apply(batch, self._states)
        except (AgentError, OSError) as error:
            result.failures |= dict.fromkeys(batch, told(error))
            return result
        result.failures |= refused
        good = batch.keys() - refused.keys()
        before = [self._applied.get(number, _NOTHING) for number in good]
        gone = False
        for number in good:
            try:
                gone |= self._let_go(number, batch[number] or _NOTHING)
            except (AgentError, OSError) as error:
                result.failures[number] = told(error)
        try:
            self.servers.keep_keys(self._applied.values())
            self._keep_queue()
            self.servers.keep_names(before, [batch[number] or _NOTHING for number in good])
        except (AgentError, OSError) as error:
            result.failures |= dict.fromkeys(good, told(error))
        result.changed -= result.failures.keys()
        if gone or any(mail and mail.is_held for mail in batch.values()):
            self._end_sessions()
            self._look_again()
        return result

    def _keep_queue(self) -> None:
        held = {number for number, mail in self._applied.items() if mail.is_held}
        self.servers.keep_queue(self.store, held, self._applied.keys())

    def _await_daemons(self, is_needed: bool) -> None:
        """Wait until both answer. Without them a new mailbox would be a promise."""
        if not is_needed:
            return
        self.servers.start(is_news=False, is_needed=True)
        runner = self._host.runner
        end = runner.now() + _PATIENCE
        while (words := self.problem()) is not None:
            if runner.now() > end:
                raise AgentError("probe", words)
            runner.sleep(_STEP)

    def _keep_scripts(self, number: int, mail: Mail) -> None:
        for box in mail.mailboxes:
            if box.reply is not None:
                self.servers.keep_reply(number, box.number, box.reply, mail)

    def _let_go(self, number: int, mail: Mail) -> bool:
        """Put the files of mailboxes that are gone aside; say whether sessions may have to end."""
        before = {box.number: box for box in self._applied.get(number, _NOTHING).mailboxes}
        after = {box.number: box for box in mail.mailboxes}
        for box in before.keys() - after.keys():
            trees.put_aside_inside(self._host, number, ("mail", str(box)))
        for box in before:
            if before[box].reply is not None and not _has_reply(after.get(box)):
                self.servers.drop_reply(box)
        if mail.domains:
            self._applied[number] = mail
        else:
            self._applied.pop(number, None)
        return any(_is_less(old, after.get(box)) for box, old in before.items())


def _has_reply(box: Mailbox | None) -> bool:
    return box is not None and box.reply is not None


def _is_less(before: Mailbox, after: Mailbox | None) -> bool:
    """Say whether somebody who was let in may not be any more."""
    if after is None or (before.is_on and not after.is_on):
        return True
    return before.password != after.password or before.address != after.address

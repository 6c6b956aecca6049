"""Each way to reach what a subscription hosts, tried with a real client: open, or shut.

Anything else that a client may meet (an error of the server, nobody there) is neither, and fails.
"""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken
from hosting import provisioning
from hosting.services.cron.models import ScheduledTask
from hosting.services.web.driver_pages import MARKER
from tests.hosting.world import HostingWorld
from tests.system import databases
from tests.system.conftest import LIMIT
from tests.system.debian import DebianNode
from tests.system.doors import Door, Neither, ftps, program
from tests.system.mailing import Programs, doors
from tests.system.sshd import Sshd

Channel = Callable[[], str]
WHO = "who.php"
# What a client of SFTP is told to do, without repeating it, and what it says when it is in.
SFTP = (f"@ls httpdocs/{WHO}", f"httpdocs/{WHO}")
DATABASE_PASSWORD = "of a database, and of nothing else"
MAIL_PASSWORD = "of a mailbox, and of nothing else"
SHELL_PASSWORD = "of a system user, and of nothing else"
FTP_PASSWORD = "of an FTP account, and of nothing else"


@dataclass
class Visitor:
    """Asks for websites, and tells our 503 from anybody else's."""

    node: DebianNode

    def page(self, host: str, scheme: str = "http") -> str:
        """A page of a site's own."""
        return self._judge(host, "/", 200, scheme)

    def redirect(self, host: str, scheme: str = "http") -> str:
        """A name that leads elsewhere."""
        return self._judge(host, "/some/page?x=1", 301, scheme)

    def script(self, host: str, uid: int) -> str:
        """A script in PHP, which says as whom it runs."""
        return self._judge(host, f"/{WHO}", 200, "http", f"I am {uid}")

    def _judge(self, host: str, path: str, wanted: int, scheme: str, said: str = "") -> str:
        ask = self.node.get if scheme == "http" else self.node.get_by_https
        answer = ask(host, path)
        if answer.status == 503 and MARKER in answer.body and answer.location is None:
            return "shut"
        if answer.status == wanted and MARKER not in answer.body and said in answer.body:
            return "open"
        raise Neither(f"{scheme}://{host}{path}: {answer.status} {answer.body[:200]}")

    def challenge(self, host: str) -> str:
        """What a certificate authority asks for: it goes on whatever is shut."""
        answer = self.node.get(host, "/.well-known/acme-challenge/freehold-probe")
        if answer.status != 200:
            raise Neither(f"{host}: {answer.status} to a challenge")
        return "open"


@dataclass
class Person:
    """Somebody who logged in, and holds a token, while that was allowed."""

    world: HostingWorld
    username: str
    browser: Client
    token: str

    @classmethod
    def of(cls, world: HostingWorld, username: str) -> "Person":
        _row, token = ApiToken.make(world.user(username), "truth", ["read"])
        return cls(world, username, world.client(username), token)

    def session(self) -> str:
        """The session of before: it ends for good, so a new one is tried as well."""
        status = self.browser.get("/account/", follow=False).status_code
        again = self._log_in()
        if status == 200 and again == "open":
            return "open"
        if status == 302 and again == "open":
            # It ended with what shut the account; the next one begins.
            self.browser = self.world.client(self.username)
            return "open"
        if status == 302 and again == "shut":
            return "shut"
        raise Neither(f"{self.username}: {status}, login {again}")

    def _log_in(self) -> str:
        from tests.world import PASSWORD

        client = Client()
        typed = {"login": self.username, "password": PASSWORD}
        answer = client.post("/login/", typed)
        return "open" if answer.status_code == 302 else "shut"

    def api(self) -> str:
        """The token of before: refused as long as it lasts, and then the same one works again."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = Client().get("/api/v1/subscriptions", headers=headers)
        if answer.status_code == 200 and json.loads(answer.content)["items"] is not None:
            return "open"
        if answer.status_code in {401, 403}:
            return "shut"
        raise Neither(f"{self.username}: {answer.status_code} to a token")


@dataclass
class Resolver:
    """Asks the node's name server, over UDP."""

    node: DebianNode

    def address(self, name: str) -> str:
        """The address of a name: no suspension takes that away."""
        asked = dns.message.make_query(name, "A")
        answer = dns.query.udp(asked, "127.0.0.1", port=self.node.dns_port, timeout=30)
        if answer.rcode() == dns.rcode.NOERROR and answer.answer:
            return "open"
        raise Neither(f"{name}: {dns.rcode.to_text(answer.rcode())}, {len(answer.answer)} answers")


def of_databases(node: DebianNode, number: int) -> dict[str, Door]:
    """A user of a database on each server."""
    name = f"s{number}_wp"
    return databases.doors(node.database_ports, name, DATABASE_PASSWORD, name)


def of_ftp(node: DebianNode, name: str, key: Path) -> list[Door]:
    """An FTP account: over TLS; and by SFTP with its password and with a key."""
    sftp = Sshd(node.top, node.sftp_port, [])
    return [ftps(node.ftp_port, name, FTP_PASSWORD), *_by_sftp(sftp, name, FTP_PASSWORD, key)]


def _by_sftp(server: Sshd, name: str, password: str, key: Path) -> list[Door]:
    ways: dict[str, Any] = {"password": {"password": password}, "key": {"key": key}}
    return [
        program(f"SFTP of {name} by {way}", partial(server.start_sftp, name, **given), *SFTP)
        for way, given in ways.items()
    ]


def of_system_user(server: Sshd, name: str, key: Path) -> list[Door]:
    """A system user: over SSH, where it runs something, and SFTP, both with password and key."""
    ways: dict[str, Any] = {"password": {"password": SHELL_PASSWORD}, "key": {"key": key}}
    return [
        *(
            program(
                f"SSH of {name} by {way}",
                partial(server.start_ssh, name, "cat", stdin=subprocess.PIPE, **given),
                *("in", "in"),
            )
            for way, given in ways.items()
        ),
        *_by_sftp(server, name, SHELL_PASSWORD, key),
    ]


@dataclass
class Letters:
    """What comes in for a mailbox: a letter each time, and those that were taken in."""

    programs: Programs
    address: str
    taken: list[str] = field(default_factory=list)

    def comes_in(self) -> str:
        words = f"letter {len(self.taken)} for {self.address}"
        code = self.programs.deliver(self.address, text=words)
        if code == 250:
            self.taken.append(words)
            return "open"
        if code in {450, 550}:
            return "shut"
        raise Neither(f"{self.address}: {code} to a letter")

    def there(self) -> list[str]:
        """The words of those that are in the mailbox."""
        found = self.programs.letters(self.address, MAIL_PASSWORD)
        return sorted(each.partition("\r\n\r\n")[2].strip() for each in found)


def of_mail(letters: Letters) -> dict[str, Channel]:
    """A mailbox: who reads it and sends as it, and what comes in."""
    found = doors(letters.programs, letters.address, MAIL_PASSWORD)
    return {**found, "incoming mail": letters.comes_in}


@dataclass
class Running:
    """A scheduled task that somebody wants to be run now, again and again; once begun it stays."""

    node: DebianNode
    task: ScheduledTask
    wanted: str = "open"

    def ask_for(self, wanted: str) -> None:
        """Ask past the page, which refuses it to the suspended."""
        self.wanted = wanted
        before = self.task.asked_at or timezone.now() - timedelta(minutes=10)
        self.task.asked_at = before + timedelta(seconds=2)
        self.task.save(update_fields=["asked_at"])
        provisioning.touch([self.task.subscription_id])

    def runs(self) -> str:
        """What becomes of it: begun, or ended, it is within moments."""
        number, end = self.task.subscription_id, time.monotonic() + LIMIT
        found = ""
        while found != self.wanted and time.monotonic() < end:
            told = self.node.client.ask("cron", "running", number, {})
            is_idle = told == {"running": [], "waiting": []}
            found = "shut" if is_idle else "open" if told["running"] == [self.task.pk] else ""
        return found or str(told)


def of_sites(visitor: Visitor, pages: list[str], redirects: list[str]) -> dict[str, Channel]:
    """Every name of a subscription's sites."""
    found: dict[str, Channel] = {}
    for scheme in ("http", "https"):
        for host in pages:
            found[f"{scheme} {host}"] = partial(visitor.page, host, scheme)
        for host in redirects:
            found[f"{scheme} {host}"] = partial(visitor.redirect, host, scheme)
    return found

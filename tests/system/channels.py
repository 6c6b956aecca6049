"""Each way to reach what a subscription hosts, tried with a real client: open, or shut.

Anything else that a client may meet (an error of the server, nobody there) is neither, and fails.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import dns.message
import dns.query
import dns.rcode
from django.test import Client

from accounts.models import ApiToken
from hosting.services.web.driver_pages import MARKER
from tests.hosting.world import HostingWorld
from tests.system.databases import Maria, Postgres, state
from tests.system.debian import DebianNode

Channel = Callable[[], str]
WHO = "who.php"
DATABASE_PASSWORD = "of a database, and of nothing else"


class Neither(AssertionError):
    """What came back means neither open nor shut."""


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


def of_databases(node: DebianNode, number: int) -> dict[str, Channel]:
    """A user of a database on each server, by TCP as websites come."""
    found: dict[str, Channel] = {}
    for kind, client in (("mariadb", Maria), ("postgresql", Postgres)):
        user = client(node.database_ports[kind], f"s{number}_wp", DATABASE_PASSWORD)
        found[kind] = partial(state, user, f"s{number}_wp")
    return found


def of_sites(visitor: Visitor, pages: list[str], redirects: list[str]) -> dict[str, Channel]:
    """Every name of a subscription's sites."""
    found: dict[str, Channel] = {}
    for scheme in ("http", "https"):
        for host in pages:
            found[f"{scheme} {host}"] = partial(visitor.page, host, scheme)
        for host in redirects:
            found[f"{scheme} {host}"] = partial(visitor.redirect, host, scheme)
    return found

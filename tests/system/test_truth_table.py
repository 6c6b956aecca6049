"""What suspension shuts, and what it leaves: every level and kind, every channel, real clients.

carl.example is of Carl, a customer of the reseller Ada; nora.example, the neighbour, is of another
reseller's. After each step every channel of both is tried, on the debian platform where this
machine allows it: what a step does not name must be as it was.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from hosting import conditions
from hosting.agent.client import Client
from hosting.agent.platform import FIRST_UID
from hosting.models.nodes import Node
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from hosting.worker_provisioning import settle
from tests.hosting.disk import fill
from tests.hosting.world import HostingWorld
from tests.system.channels import (
    DATABASE_PASSWORD,
    WHO,
    Channel,
    Person,
    Resolver,
    Visitor,
    of_databases,
    of_sites,
)
from tests.system.debian import why_not
from tests.system.installation import furnish, give_databases, installation

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

# What is suspended; of that, what overuse alone shuts; and the account's own ways in.
WEB, PANEL = frozenset({"sites"}), frozenset({"panel"})
SITES = WEB | {"databases"}
WHO_AM_I = "<?php echo 'I am ', posix_geteuid();"
NOTHING: frozenset[str] = frozenset()
LOGINS = SITES | PANEL


@dataclass
class Table:
    """The installation, the channels of both subscriptions, and how to change something."""

    world: HostingWorld
    client: Client
    # Channel -> (group, how it is tried), for carl.example and for the neighbour.
    carl: dict[str, tuple[str, Channel]] = field(default_factory=dict)
    nora: dict[str, tuple[str, Channel]] = field(default_factory=dict)

    def settle(self) -> None:
        """Have the node follow, and no throttle remember who was refused."""
        settle(Node.objects.get().pk, self.client)
        cache.clear()

    def expect(self, shut: frozenset[str]) -> None:
        """Every channel of a group that is shut is, the others are open; the neighbour's all."""
        self.settle()
        found = {name: tried() for name, (_group, tried) in self.carl.items()}
        wanted = {
            name: "shut" if group in shut else "open" for name, (group, _) in self.carl.items()
        }
        assert found == wanted
        others = {name: tried() for name, (_group, tried) in self.nora.items()}
        assert set(others.values()) == {"open"}, others


def place(path: Path, text: str, uid: int) -> None:
    """A file that a subscription's own user uploaded."""
    path.write_text(text)
    os.chown(path, uid, uid)


def channels(world: HostingWorld, visitor: Visitor, name: str) -> dict[str, tuple[str, Channel]]:
    """Every channel of a customer's subscription with the group that it is shut with."""
    main, owner = f"{name}.example", name
    pages = [main, f"www.{main}", f"blog.{main}", f"{name}-too.example"]
    found: dict[str, tuple[str, Channel]] = {
        channel: ("sites", tried)
        for channel, tried in of_sites(visitor, pages, [f"{name}-old.example"]).items()
    }
    for host in (*pages, f"{name}-old.example"):
        found[f"challenge {host}"] = ("never", lambda host=host: visitor.challenge(host))
    number = world.sub(main).pk
    uid = FIRST_UID + number
    place(visitor.node.homes / f"s{number}" / "httpdocs" / WHO, WHO_AM_I, uid)
    found["PHP"] = ("sites", lambda: visitor.script(main, uid))
    resolver = Resolver(visitor.node)
    for zone in (main, f"www.{main}", f"blog.{main}", f"{name}-too.example"):
        found[f"DNS {zone}"] = ("never", lambda zone=zone: resolver.address(zone))
    for server, tried in of_databases(visitor.node, number).items():
        found[server] = ("databases", tried)
    person = Person.of(world, owner)
    found["panel session"] = ("panel", person.session)
    found["API token"] = ("panel", person.api)
    return found


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, django_db_blocker: Any
) -> Iterator[Table]:
    """The people, what they host, and a node that serves all of it."""
    data = tmp_path_factory.mktemp("truth")
    with django_db_blocker.unblock(), installation(data, empty_database) as (world, node):
        for name in ("carl", "nora"):
            furnish(world, name)
        table = Table(world, node.client)
        table.settle()
        for name in ("carl", "nora"):
            give_databases(world, name, DATABASE_PASSWORD)
        table.settle()
        assert {"database", "dns", "php", "web"} <= node.client.hello()["services"].keys()
        visitor = Visitor(node)
        table.carl = channels(world, visitor, "carl")
        table.nora = channels(world, visitor, "nora")
        yield table


@pytest.fixture
def table(installed: Table, django_db_blocker: Any) -> Iterator[Table]:
    """Everything is open before a case, and after it."""
    with django_db_blocker.unblock():
        installed.expect(NOTHING)
        yield installed
        installed.expect(NOTHING)


# Who, on what, of which kind, and what that shuts.
CASES = [
    *(("admin", "carl.example", kind, SITES) for kind in ("unpaid", "abuse", "other")),
    *(("ada", "carl.example", kind, SITES) for kind in ("unpaid", "abuse", "other")),
    *(("admin", "carl", kind, LOGINS) for kind in ("unpaid", "abuse", "other")),
    *(("ada", "carl", kind, LOGINS) for kind in ("unpaid", "abuse", "other")),
    *(("admin", "ada", kind, LOGINS) for kind in ("unpaid", "abuse", "other")),
]


def lift(table: Table, who: str, name: str, kind: str) -> None:
    """Abuse is lifted by whoever ticks it."""
    more = {"abuse": True} if kind == "abuse" else {}
    assert table.world.activate(who, name, **more).counts == {"done": 1}


@pytest.mark.parametrize(("who", "name", "kind", "shut"), CASES)
def test_what_is_suspended_is_shut_on_every_channel_and_comes_back_as_it_was(
    table: Table, who: str, name: str, kind: str, shut: frozenset[str]
) -> None:
    """Suspend, again, and activate; the neighbour goes on through all of it."""
    world = table.world
    assert world.suspend(who, name, kind=kind).counts == {"done": 1}
    table.expect(shut)
    assert world.suspend(who, name, kind=kind).counts == {"unchanged": 1}
    table.expect(shut)
    lift(table, who, name, kind)
    table.expect(NOTHING)


def test_what_the_subscriber_switched_off_stays_off_when_its_account_is_activated(
    table: Table,
) -> None:
    world = table.world
    done = {"done": 1}
    row = world.sub("carl.example")
    assert world.perform("carl", "subscription.switch-off", row).counts == done
    table.expect(SITES)
    world.suspend("ada", "carl", kind="unpaid")
    table.expect(LOGINS)
    lift(table, "ada", "carl", "unpaid")
    table.expect(SITES)
    assert world.perform("carl", "subscription.switch-on", row).counts == done


@pytest.mark.parametrize("name", ["carl", "carl.example"])
def test_with_two_entries_it_stays_shut_until_both_are_lifted(table: Table, name: str) -> None:
    shut = LOGINS if name == "carl" else SITES
    world = table.world
    world.suspend("ada", name, kind="unpaid")
    world.suspend("admin", name, kind="other")
    table.expect(shut)
    lift(table, "admin", name, "other")
    table.expect(shut)
    lift(table, "ada", name, "unpaid")


def test_the_account_above_shuts_it_and_opens_no_more_than_it_shut(table: Table) -> None:
    world = table.world
    world.suspend("ada", "carl.example", kind="unpaid")
    world.suspend("admin", "ada", kind="other")
    table.expect(LOGINS)
    lift(table, "admin", "ada", "other")
    table.expect(SITES)
    lift(table, "ada", "carl.example", "unpaid")


def test_panel_only_leaves_everything_below_as_it_is(table: Table) -> None:
    table.world.suspend("admin", "ada", kind="other", scope="panel")
    table.expect(NOTHING)
    lift(table, "admin", "ada", "other")


def test_what_has_expired_is_shut_and_its_subscriber_logs_in(table: Table) -> None:
    row = table.world.sub("carl.example")
    rows = Subscription.objects.filter(pk=row.pk)
    rows.update(expires_on=conditions.today() - timedelta(days=1))
    conditions.judge([row.pk])
    table.expect(SITES)
    rows.update(expires_on=None)
    conditions.judge([row.pk])


def test_what_is_overused_alone_keeps_what_lets_it_reduce(table: Table) -> None:
    fill(table.world, "carl.example", 200, 100, OverusePolicy.FORBIDDEN)
    table.expect(WEB)
    table.world.suspend("ada", "carl.example", kind="other")
    table.expect(SITES)
    lift(table, "ada", "carl.example", "other")
    table.expect(WEB)
    fill(table.world, "carl.example", 50, 100, OverusePolicy.FORBIDDEN)

"""What suspension shuts, and what it leaves: every level and kind, every channel, real clients.

carl.example is of Carl, a customer of the reseller Ada; nora.example, the neighbour, is of another
reseller's. After each step every channel of both is tried, on the debian platform where this
machine allows it: what a step does not name must be as it was.
"""

import os
import subprocess
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
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
from hosting.services.mail.models import Mailbox
from hosting.worker_provisioning import Applier, Switcher
from tests.hosting.disk import fill
from tests.hosting.world import HostingWorld
from tests.system.channels import (
    DATABASE_PASSWORD,
    FTP_PASSWORD,
    MAIL_PASSWORD,
    SHELL_PASSWORD,
    WHO,
    Channel,
    Letters,
    Person,
    Resolver,
    Running,
    Visitor,
    of_databases,
    of_ftp,
    of_mail,
    of_sites,
    of_system_user,
)
from tests.system.conftest import wait_until
from tests.system.debian import DebianNode, why_not
from tests.system.doors import Door
from tests.system.installation import (
    dump,
    furnish,
    give_databases,
    give_ftp,
    give_mailbox,
    give_shell,
    give_task,
    installation,
    pass_on,
    treat_incoming,
)
from tests.system.mailing import Programs, ports
from tests.system.sshd import Sshd, make_key, sshd
from tests.system.sshd import why_not as why_no_sshd

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

# What overuse alone shuts; what any suspension does; what that of the account does besides.
NOTHING: frozenset[str] = frozenset()
OVERUSED = frozenset({"active"})
SUSPENDED = OVERUSED | {"logins"}
ACCOUNT = SUSPENDED | {"panel"}
# What comes in is delivered, unless the server's setting says otherwise.
INCOMING = frozenset({"incoming"})
MAIL = {"submission": "active", "incoming mail": "incoming"}
# So many channels are asked at a time.
AT_ONCE = 8
WHO_AM_I = "<?php echo 'I am ', posix_geteuid();"


Channels = dict[str, tuple[str, Channel]]


@dataclass
class Table:
    """The installation, the channels of both subscriptions, and how to change something."""

    world: HostingWorld
    client: Client
    pool: ThreadPoolExecutor
    # Channel -> (group, how it is tried), for carl.example and for the neighbour.
    carl: Channels = field(default_factory=dict)
    nora: Channels = field(default_factory=dict)
    letters: dict[str, Letters] = field(default_factory=dict)
    tasks: dict[str, Running] = field(default_factory=dict)
    # Of the neighbour's doors another one has its turn in each step.
    steps: int = 0
    # What was shut in the step before.
    shut: frozenset[str] | None = None

    def __post_init__(self) -> None:
        node = Node.objects.get().pk
        self.switcher, self.applier = Switcher(node, self.client), Applier(node, self.client)

    def settle(self) -> None:
        """Have the node follow, and no throttle remember who was refused."""
        # As the worker does, which greets the agent now and then only.
        self.switcher.step()
        while self.applier.step() == 0.0:
            self.switcher.step()
        cache.clear()

    def ask(self, whose: Channels, resting: Collection[Door]) -> dict[str, Future[str]]:
        """Begin to try channels at the same time; the panel's rows are this thread's to read."""
        asked: dict[str, Future[str]] = {}
        for name, (group, tried) in whose.items():
            if group != "panel":
                call = tried.rests if isinstance(tried, Door) and tried in resting else tried
                asked[name] = self.pool.submit(call)
        for name, (group, tried) in whose.items():
            if group == "panel":
                asked[name] = Future()
                asked[name].set_result(tried())
        return asked

    def expect(self, shut: frozenset[str]) -> None:
        """Every channel of a group that is shut is, the others are open; the neighbour's all.

        To log in takes longest: where nothing is to have changed since the step before, half of
        the doors get new logins, and of the neighbour's another two in each step.
        """
        self.tasks["carl"].ask_for("shut" if shut & OVERUSED else "open")
        self.settle()
        self.steps += 1
        carls, noras = doors_of(self.carl), doors_of(self.nora)
        resting = carls[self.steps % 2 :: 2] if shut == self.shut else []
        turn = self.steps * 2 % len(noras)
        waiting = [each for each in noras if each not in noras[turn : turn + 2] and each.held]
        asked = self.ask(self.carl, resting), self.ask(self.nora, waiting)
        carl, nora = ({name: each.result() for name, each in one.items()} for one in asked)
        for door in (*carls, *noras):
            door.leave()
        assert carl == {
            name: "shut" if group in shut else "open" for name, (group, _) in self.carl.items()
        }
        assert set(nora.values()) == {"open"}, nora
        self.shut = shut


def doors_of(whose: Channels) -> list[Door]:
    """Those of the channels that sessions are held in."""
    return [tried for _group, tried in whose.values() if isinstance(tried, Door)]


def place(path: Path, text: str, uid: int) -> None:
    """A file that a subscription's own user uploaded."""
    path.write_text(text)
    os.chown(path, uid, uid)


def channels(
    world: HostingWorld,
    visitor: Visitor,
    server: Sshd | None,
    name: str,
    key: Path,
    letters: Letters,
) -> Channels:
    """Every channel of a customer's subscription with the group that it is shut with."""
    main, owner = f"{name}.example", name
    pages = [main, f"www.{main}", f"blog.{main}", f"{name}-too.example"]
    # What takes longest begins first.
    doors = of_ftp(visitor.node, f"{name}.files", key)
    doors += of_system_user(server, name, key) if server is not None else []
    found: Channels = {door.name: ("logins", door) for door in doors}
    for channel, tried in of_mail(letters).items():
        found[channel] = (MAIL.get(channel, "logins"), tried)
    for channel, tried in of_sites(visitor, pages, [f"{name}-old.example"]).items():
        found[channel] = ("active", tried)
    for host in (*pages, f"{name}-old.example"):
        found[f"challenge {host}"] = ("never", lambda host=host: visitor.challenge(host))
    number = world.sub(main).pk
    uid = FIRST_UID + number
    place(visitor.node.homes / f"s{number}" / "httpdocs" / WHO, WHO_AM_I, uid)
    found["PHP"] = ("active", lambda: visitor.script(main, uid))
    resolver = Resolver(visitor.node)
    for zone in (main, f"www.{main}", f"blog.{main}", f"{name}-too.example"):
        found[f"DNS {zone}"] = ("never", lambda zone=zone: resolver.address(zone))
    for server, tried in of_databases(visitor.node, number).items():
        found[server] = ("logins", tried)
    person = Person.of(world, owner)
    found["panel session"] = ("panel", person.session)
    found["API token"] = ("panel", person.api)
    return found


def _sshd(node: DebianNode) -> AbstractContextManager[Sshd | None]:
    """The way in of system users; a machine that cannot have it says so in their own tests."""
    return nullcontext() if why_no_sshd() else sshd(node.top, node.top / "users")


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, django_db_blocker: Any
) -> Iterator[Table]:
    """The people, what they host, and a node that serves all of it."""
    data = tmp_path_factory.mktemp("truth")
    keys = {name: make_key(data, name) for name in ("carl", "nora")}
    with (
        django_db_blocker.unblock(),
        installation(data, empty_database, ports()) as (world, node),
        _sshd(node) as server,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        for name in keys:
            furnish(world, name)
        table = Table(world, node.client, pool)
        table.settle()
        assert {"cron", "database", "dns", "ftp", "mail", "php", "web"} <= node.client.hello()[
            "services"
        ].keys()
        for name, key in keys.items():
            give_databases(world, name, DATABASE_PASSWORD)
            give_mailbox(world, name, MAIL_PASSWORD)
            table.tasks[name] = Running(node, give_task(world, name))
            give_shell(world, name, SHELL_PASSWORD, key)
            give_ftp(world, name, FTP_PASSWORD, key)
        table.settle()
        visitor = Visitor(node)
        programs = Programs(node.mail_ports)
        table.letters = {name: Letters(programs, f"{name}@{name}.example") for name in keys}
        table.carl, table.nora = (
            channels(world, visitor, server, name, key, table.letters[name])
            for name, key in keys.items()
        )
        for name, running in table.tasks.items():
            getattr(table, name)["scheduled task"] = ("active", running.runs)
        table.tasks["nora"].ask_for("open")
        try:
            table.expect(NOTHING)
            yield table
        finally:
            for door in (*doors_of(table.carl), *doors_of(table.nora)):
                door.close()


@pytest.fixture
def table(installed: Table, django_db_blocker: Any) -> Iterator[Table]:
    """Everything is open before the first case, and after each."""
    with django_db_blocker.unblock():
        yield installed
        installed.expect(NOTHING)


# Who, on what, of which kind, and what that shuts.
CASES = [
    *(("admin", "carl.example", kind, SUSPENDED) for kind in ("unpaid", "abuse", "other")),
    *(("ada", "carl.example", kind, SUSPENDED) for kind in ("unpaid", "abuse", "other")),
    *(("admin", "carl", kind, ACCOUNT) for kind in ("unpaid", "abuse", "other")),
    *(("ada", "carl", kind, ACCOUNT) for kind in ("unpaid", "abuse", "other")),
    *(("admin", "ada", kind, ACCOUNT) for kind in ("unpaid", "abuse", "other")),
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
    # Of each level once: a kind makes no difference to what nothing was changed by.
    if kind == "unpaid":
        table.expect(shut)
    lift(table, who, name, kind)


def test_what_the_subscriber_switched_off_stays_off_when_its_account_is_activated(
    table: Table,
) -> None:
    world = table.world
    done = {"done": 1}
    row = world.sub("carl.example")
    assert world.perform("carl", "subscription.switch-off", row).counts == done
    table.expect(SUSPENDED)
    world.suspend("ada", "carl", kind="unpaid")
    table.expect(ACCOUNT)
    lift(table, "ada", "carl", "unpaid")
    table.expect(SUSPENDED)
    assert world.perform("carl", "subscription.switch-on", row).counts == done


@pytest.mark.parametrize("name", ["carl", "carl.example"])
def test_with_two_entries_it_stays_shut_until_both_are_lifted(table: Table, name: str) -> None:
    shut = ACCOUNT if name == "carl" else SUSPENDED
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
    table.expect(ACCOUNT)
    lift(table, "admin", "ada", "other")
    table.expect(SUSPENDED)
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
    table.expect(SUSPENDED)
    rows.update(expires_on=None)
    conditions.judge([row.pk])


def test_what_is_overused_alone_keeps_what_lets_it_reduce(table: Table) -> None:
    fill(table.world, "carl.example", 200, 100, OverusePolicy.FORBIDDEN)
    table.expect(OVERUSED)
    table.world.suspend("ada", "carl.example", kind="other")
    table.expect(SUSPENDED)
    lift(table, "ada", "carl.example", "other")
    table.expect(OVERUSED)
    fill(table.world, "carl.example", 50, 100, OverusePolicy.FORBIDDEN)


def test_mailboxes_hold_what_was_taken_in_for_them_and_nothing_else(table: Table) -> None:
    """All that came in so far, suspended or not, has arrived once."""
    for name in ("carl", "nora"):
        letters = table.letters[name]
        wait_until(lambda each=letters: each.there() == sorted(each.taken), "all has arrived")


@pytest.mark.parametrize(("how", "code"), [("keep", 250), ("defer", 450), ("refuse", 550)])
def test_what_comes_in_for_the_suspended_is_treated_as_the_server_says(
    table: Table, how: str, code: int
) -> None:
    """From outside, and by way of a neighbour's mailbox that passes it on."""
    world, carl, nora = table.world, table.letters["carl"], table.letters["nora"]
    mailbox = Mailbox.objects.get(address=nora.address)
    treat_incoming(how)
    world.suspend("ada", "carl.example", kind="unpaid")
    table.expect(SUSPENDED if code == 250 else SUSPENDED | INCOMING)
    words = f"passed on to be treated so: {how}"
    pass_on(world, mailbox, carl.address)
    table.settle()
    assert nora.programs.deliver(nora.address, text=words) == 250
    pass_on(world, mailbox)
    lift(table, "ada", "carl.example", "unpaid")
    table.expect(NOTHING)
    nora.taken.append(words)
    if code != 550:
        carl.taken.append(words)
    # Deferred mail would wait for minutes until it is tried again.
    wait_until(lambda: retry(table) and carl.there() == sorted(carl.taken), "all has arrived")
    treat_incoming("keep")


def retry(table: Table) -> bool:
    """Have Postfix try what waits in its queue."""
    conf = table.tasks["carl"].node.directory / "mail" / "postfix"
    return subprocess.run(["/usr/sbin/postqueue", "-c", conf, "-f"], check=False).returncode == 0


def test_dumps_of_one_tenant_go_out_and_come_back_through_panel_and_agent(table: Table) -> None:
    rows = dump(table.world, table.client, "carl")
    assert [(row.state, row.task, row.error) for row in rows] == [("done", "import", "")] * 2
    assert all(row.size > 100 for row in rows)

"""The truth table's channels, and how all of them are tried after each step."""

import os
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.core.cache import cache

from hosting import conditions
from hosting.agent.client import Client
from hosting.agent.platform import FIRST_UID
from hosting.models.nodes import Node
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from hosting.worker_provisioning import Applier, Switcher
from tests.hosting.disk import fill
from tests.hosting.world import HostingWorld
from tests.system.channels import (
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
from tests.system.doors import Door
from tests.system.sshd import Sshd

# What overuse alone shuts; what any suspension does; what that of the account does besides.
NOTHING: frozenset[str] = frozenset()
OVERUSED = frozenset({"active"})
SUSPENDED = OVERUSED | {"logins"}
ACCOUNT = SUSPENDED | {"panel"}
# What comes in is delivered, unless the server's setting says otherwise.
INCOMING = frozenset({"incoming"})
MAIL = {"submission": "active", "incoming mail": "incoming"}
TASK = "scheduled task"
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
    # Channels of carl.example that are switched off by themselves.
    off: frozenset[str] = frozenset()

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

    def is_shut(self, name: str, shut: frozenset[str]) -> bool:
        """Whether a channel of carl.example is shut, with its group or by itself."""
        return self.carl[name][0] in shut or name in self.off

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
        if TASK in self.off:
            # Whoever asks for one that is switched off has it run once, all the same.
            self.tasks["carl"].wanted = "shut"
        else:
            self.tasks["carl"].ask_for("shut" if shut & OVERUSED else "open")
        self.settle()
        self.steps += 1
        carls, noras = doors_of(self.carl), doors_of(self.nora)
        resting = carls[self.steps % 2 :: 2] if shut == self.shut else []
        # Dovecot lets whoever it refuses wait for seconds: mostly those who are in are asked.
        if self.is_shut("submission", shut) and self.steps % 10:
            resting = [*resting, self.carl["submission"][1]]
        turn = self.steps * 2 % len(noras)
        waiting = [each for each in noras if each not in noras[turn : turn + 2] and each.held]
        asked = self.ask(self.carl, resting), self.ask(self.nora, waiting)
        carl, nora = ({name: each.result() for name, each in one.items()} for one in asked)
        for door in (*carls, *noras):
            door.leave()
        wanted = {name: "shut" if self.is_shut(name, shut) else "open" for name in self.carl}
        assert carl == wanted, set(carl.items()) - set(wanted.items())
        assert set(nora.values()) == {"open"}, nora
        self.shut = shut

    def forget(self) -> None:
        """End all sessions of carl.example's: some may have been ended since they were tried."""
        for door in doors_of(self.carl):
            door.close()
        self.shut = None

    def tried(self, names: Collection[str]) -> set[str]:
        """What these channels of carl.example are; the neighbour's first page is open."""
        some = {name: self.carl[name] for name in names if name != TASK}
        found = {each.result() for each in self.ask(some, []).values()}
        for door in doors_of(some):
            door.leave()
        assert self.nora["http nora.example"][1]() == "open"
        return found


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


def lift(table: Table, who: str, name: str, kind: str) -> None:
    """Abuse is lifted by whoever ticks it."""
    more = {"abuse": True} if kind == "abuse" else {}
    assert table.world.activate(who, name, **more).counts == {"done": 1}


@contextmanager
def suspended(table: Table, who: str, name: str) -> Iterator[None]:
    """As long as this lasts, by somebody above."""
    table.world.suspend(who, name, kind="other")
    yield
    lift(table, who, name, "other")


@contextmanager
def switched_off(table: Table) -> Iterator[None]:
    """By the subscriber itself."""
    row, done = table.world.sub("carl.example"), {"done": 1}
    assert table.world.perform("carl", "subscription.switch-off", row).counts == done
    yield
    assert table.world.perform("carl", "subscription.switch-on", row).counts == done


@contextmanager
def expired(table: Table) -> Iterator[None]:
    """Since yesterday."""
    row = table.world.sub("carl.example")
    rows = Subscription.objects.filter(pk=row.pk)
    rows.update(expires_on=conditions.today() - timedelta(days=1))
    conditions.judge([row.pk])
    yield
    rows.update(expires_on=None)
    conditions.judge([row.pk])


@contextmanager
def overused(table: Table) -> Iterator[None]:
    """Where the plan does not allow that."""
    fill(table.world, "carl.example", 200, 100, OverusePolicy.FORBIDDEN)
    yield
    fill(table.world, "carl.example", 50, 100, OverusePolicy.FORBIDDEN)

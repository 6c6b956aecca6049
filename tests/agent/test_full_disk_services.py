"""As test_full_disk.py, for what stands beside websites: system users, PHP, FTP, mail.

At each call that needs space the disk is full from there on. What the neighbour has stays, whoever
asked is told why, and the same agent completes it once there is space again.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hosting.agent import small
from hosting.agent.apply import Applier
from hosting.agent.platform import SMALL_MAIL_PORTS, embedded
from hosting.services.ftp.driver import FtpDriver
from hosting.services.mail.driver import MailDriver
from hosting.services.php.driver import PhpDriver
from hosting.services.system.driver import SystemDriver
from tests.agent import fpm, test_ftp_driver, test_system_driver
from tests.agent.fakes import FakeProcess
from tests.agent.full import WORDS, FullHost, said
from tests.hosting.ssh import public_key

HASH = test_ftp_driver.HASH
ANNA, BERT = 42, 43


class UnownedHost(fpm.Unowned, FullHost):
    """Gives nothing away: a test need not be root."""


class FakeServer(FakeProcess):
    """A small server: it runs, and what it reads is looked at by the test."""

    title = "python -I -c hosting.services.{name}.serving"

    def __init__(self, platform, name):
        super().__init__(platform)
        self.title = self.title.format(name=name)

    def spawn(self, command, directory, log=None):
        self.next_pid()
        return self.pid


@dataclass(frozen=True)
class Service:
    """How a service's node is made, what is wanted of it, and what a tenant of it meets."""

    name: str
    node: Callable
    driver: Callable
    # Number of the subscription, and 1 or 2: before and after.
    value: Callable
    # Node -> what each subscription has, by number.
    view: Callable


def a_node(name):
    def made(directory):
        platform = embedded(
            directory, 8480, "/nowhere/nginx", ftp_port=2121, sftp_port=2222,
            mail_ports=dict.fromkeys(SMALL_MAIL_PORTS, 2525),
        )  # fmt: skip
        for each in (platform.homes, platform.run, platform.logs, platform.web):
            each.mkdir(parents=True)
        return FakeServer(platform, name)

    return made


def rows(path, *statements):
    """Read tables as their server does: what is not committed is not there."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return [row for each in statements for row in database.execute(each)]


def of_each(found):
    """Sort rows by the number that they begin with."""
    return {number: {row[1:] for row in found if row[0] == number} for number in (ANNA, BERT)}


def system_view(node):
    files, keys = node.platform.users, node.platform.node / "ssh" / "keys"
    names = {ANNA: "anna", BERT: "bert"}
    users = [line for each in ("passwd", "shadow") for line in (files / each).read_text().split()]
    for line in (files / "group").read_text().split():
        group, _colon, members = line.rpartition(":")
        users += [f"{name}: is in {group}" for name in members.split(",")]
    found = {
        number: {line for line in users if line.startswith(f"{name}:")}
        for number, name in names.items()
    }
    for number in names:
        path = keys / str(node.platform.uid_of(number))
        found[number] |= {path.read_text()} if path.exists() else set()
    return found


def system_value(number, step):
    name = "anna" if number == ANNA else "bert"
    keys = [public_key(f"{name}{at}") for at in range(step)]
    return {"user": name, "access": "sftp", "keys": keys, "password": HASH[:-1] + str(step)}


def php_view(node):
    """Whom a site's link leads to, with what settings."""
    pools = node.pools()
    keys = {ANNA: ("s42-7", "s42-8"), BERT: ("s43-11",)}
    return {
        number: {(key, str(pools.get(node.answering(key)))) for key in some}
        for number, some in keys.items()
    }


def php_value(number, step):
    if number == BERT:
        return {"children": 5, "sites": [fpm.site(11)]}
    sites = [fpm.site(7)] if step == 1 else [fpm.site(7, memory_limit=99), fpm.site(8, "8.2")]
    return {"children": 5, "sites": sites}


def ftp_view(node):
    return of_each(
        rows(
            node.platform.node / "ftp" / "accounts.sqlite3",
            "SELECT subscription, name, home, password, is_read_only FROM account",
            "SELECT subscription, line FROM key JOIN account USING (name)",
            "SELECT subscription, 'is shut' FROM shut",
        )
    )


def ftp_value(number, step):
    def account(name, home, **more):
        return test_ftp_driver.GOOD | {"name": name, "home": home} | more

    if number == BERT:
        return {"accounts": [account("bert", "httpdocs")]}
    some = [account("anna", "a"), account("berta", "c/d", keys=[public_key("a")])]
    return {"accounts": some[:1] if step == 1 else [some[0] | {"read_only": True}, some[1]]}


def mail_view(node):
    place = node.platform.node / "mail"
    found = of_each(
        rows(
            place / "mail.sqlite3",
            "SELECT subscription, address, password, size, is_on FROM mailbox",
            "SELECT subscription, address, target FROM route",
            "SELECT subscription, name FROM domain",
            "SELECT number, incoming, state FROM subscription",
        )
    )
    for number in found:
        path = place / "replies" / f"{number}.json"
        found[number] |= {json.loads(path.read_text())["text"]} if path.exists() else set()
    return found


def mail_value(number, step):
    name = "anna.example" if number == ANNA else "bert.example"
    box = {"id": number, "local": "info", "domain": name, "password": HASH, "on": True}
    box["reply"] = {"subject": "Away", "text": "Until Monday" if number == BERT else f"For {step}"}
    more = [box | {"id": 99, "local": "too", "aliases": ["also"], "reply": None}]
    boxes = [box, *(more if number == ANNA and step == 2 else [])]
    domain = {"name": name, "here": True, "aliases": [f"too.{name}"][: step - 1]}
    return {"domains": [domain], "mailboxes": boxes, "incoming": "keep"}


def php_driver(host):
    return PhpDriver(host, host.runner.ask)


def php_node(directory):
    return fpm.node(directory, "8.2", "8.4")


def system_node(directory):
    directory.mkdir()
    return test_system_driver.FakeUsers(test_system_driver.platform_in(directory))


SERVICES = {
    each.name: each
    for each in (
        Service("system", system_node, SystemDriver, system_value, system_view),
        Service(
            "php", lambda place: fpm.node(place, "8.2", "8.4"), php_driver, php_value, php_view
        ),
        Service("ftp", a_node("ftp"), FtpDriver, ftp_value, ftp_view),
        Service("mail", a_node("mail"), MailDriver, mail_value, mail_view),
    )
}
# What is there before, and what is wanted: None is nothing.
STEPS = {"added": (None, 2), "changed": (1, 2), "removed": (2, None)}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    """Whose homes are is proved as root, in the system tests; so is that the servers answer."""
    monkeypatch.setattr("hosting.agent.trees._wanted", lambda *_given: None)
    monkeypatch.setattr(small.SmallServer, "await_answer", lambda self: self.daemon.start())
    monkeypatch.setattr("hosting.services.mail.driver_greeting.greeting", lambda *_: b"220 here")


class Agent:
    """One agent's life, with one service."""

    def __init__(self, service, node):
        self.service = service
        self.host = UnownedHost(node.platform.node, node, node.platform)
        self.applier = Applier(self.host, [service.driver(self.host)])
        self.applier.settle()

    def frame(self, number, generation, step):
        found = {"id": number, "generation": generation, "present": step is not None}
        found["state"] = "open" if step else "shut"
        return found | ({self.service.name: self.service.value(number, step)} if step else {})

    def desired(self, generation, anna):
        """Anna gets what is asked for; Bert, the neighbour, what he has."""
        lines = []
        frames = [self.frame(ANNA, generation, anna), self.frame(BERT, generation, 1)]
        self.applier.desired(frames, lines.append)
        return {line["subscription"]: line for line in lines[:-1]}


class Prepared:
    """A node in a directory of its own, where Anna has something or nothing, and Bert something."""

    def __init__(self, service, directory, before):
        self.service, self.directory = service, directory
        self.node = service.node(directory)
        self.begun = Agent(service, self.node)
        found = self.begun.desired(1, before)
        assert all(line["ok"] for line in found.values()), found

    def agent(self):
        """The next one."""
        return Agent(self.service, self.node)

    def view(self):
        """What each has, whatever the directory's name."""
        found = self.service.view(self.node).items()
        top = str(self.directory)
        return {number: {str(each).replace(top, "") for each in some} for number, some in found}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", SERVICES)
def test_a_disk_that_fills_up_anywhere_leaves_the_neighbour_and_is_completed(tmp_path, name, step):
    service, (before, after) = SERVICES[name], STEPS[step]
    reference = Prepared(service, tmp_path / "reference", before)
    old = reference.view()
    reference.agent().desired(2, after)
    new = reference.view()
    assert old[ANNA] != new[ANNA]
    assert old[BERT] == new[BERT]
    room, refused = -1, 1
    while refused:
        room += 1
        node = Prepared(service, tmp_path / str(room), before)
        agent = node.agent()
        agent.host.room = room
        words = said(lambda: agent.desired(2, after))  # noqa: B023  it is asked at once
        refused = agent.host.refused
        assert not refused or any(each in words for each in WORDS), (room, words)
        assert node.view()[BERT] == old[BERT], room
        agent.host.room = None
        found = agent.desired(2, after)
        assert all(line["ok"] for line in found.values()), (room, found)
        assert node.view() == new, room
    assert room > 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_disk_that_fills_up_anywhere_holds_up_nobody_who_asks_again(tmp_path, name):
    """Shut and opened: the second time there is room, and it is so; the neighbour stays."""
    service = SERVICES[name]
    reference = Prepared(service, tmp_path / "reference", 2)
    opened = reference.view()
    reference.begun.applier.switch([(ANNA, 1, "shut")])
    shut = reference.view()
    assert opened[BERT] == shut[BERT]
    steps = {"shut": (opened, shut), "open": (shut, opened)}
    for state, (before, after) in steps.items():
        room, refused = -1, 1
        while refused:
            room += 1
            node = Prepared(service, tmp_path / f"{state}{room}", 2)
            agent = node.begun
            if state == "open":
                agent.applier.switch([(ANNA, 1, "shut")])
            agent.host.room = room
            words = said(lambda: agent.applier.switch([(ANNA, 1, state)]))  # noqa: B023
            refused = agent.host.refused
            assert not refused or any(each in words for each in WORDS), (room, words)
            assert node.view() in (before, after), room
            agent.host.room = None
            agent.applier.switch([(ANNA, 1, state)])
            assert node.view() == after, (state, room)

"""What suspension shuts, and what it leaves: every level and kind, every channel, real clients.

carl.example is of Carl, a customer of the reseller Ada; nora.example, the neighbour, is of another
reseller's. After each step every channel of both is tried, on the debian platform where this
machine allows it: what a step does not name must be as it was.
"""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hosting.services.cron.models import ScheduledTask
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from tests.hosting.world import HostingWorld
from tests.system.channels import (
    DATABASE_PASSWORD,
    FTP_PASSWORD,
    MAIL_PASSWORD,
    SHELL_PASSWORD,
    Letters,
    Running,
    Visitor,
)
from tests.system.conftest import wait_until
from tests.system.debian import DebianNode, why_not
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
from tests.system.truth import (
    ACCOUNT,
    INCOMING,
    NOTHING,
    OVERUSED,
    SUSPENDED,
    TASK,
    Table,
    channels,
    doors_of,
    expired,
    lift,
    overused,
    suspended,
    switched_off,
)

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

# So many channels are asked at a time.
AT_ONCE = 8


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
            getattr(table, name)[TASK] = ("active", running.runs)
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


# One of each kind that can be switched off by itself, and the ways to it.
SITE = [f"{name}.example" for name in ("carl", "www.carl", "carl-too", "carl-old")]
WAYS = {
    "site": [f"{scheme} {host}" for scheme in ("http", "https") for host in SITE] + ["PHP"],
    "mailbox": ["IMAP", "POP3", "submission"],
    "FTP account": [
        "FTP of carl.files",
        "SFTP of carl.files by password",
        "SFTP of carl.files by key",
    ],
    "task": [TASK],
}
# The subscription's other site.
BESIDE = frozenset({"http blog.carl.example", "https blog.carl.example"})
# What shuts what stands above them: level after level, and what comes by itself.
ABOVE: dict[str, Callable[[Table], AbstractContextManager[None]]] = {
    **{
        f"{name} by {who}": partial(suspended, who=who, name=name)
        for who, name in (
            ("ada", "carl.example"), ("admin", "carl.example"), ("ada", "carl"), ("admin", "ada"),
        )
    },
    "switched off": switched_off,
    "expired": expired,
    "overused": overused,
}  # fmt: skip


def switch(world: HostingWorld, verbs: tuple[str, str, str]) -> None:
    """What is done with Carl's site, with his mailbox and his FTP account, and with his task."""
    site, box, task = verbs
    row = world.sub("carl.example")
    for operation, target in (
        (f"domain.{site}", world.site("carl.example")),
        (f"mailbox.{box}", Mailbox.objects.get(address="carl@carl.example")),
        (f"ftp-account.{box}", FtpAccount.objects.get(subscription=row)),
        (f"scheduled-task.{task}", ScheduledTask.objects.get(subscription=row)),
    ):
        assert world.perform("admin", operation, target).counts == {"done": 1}, operation


def test_what_is_switched_off_by_itself_stays_so_whatever_is_suspended_and_activated(
    table: Table,
) -> None:
    """The site's names, the mailbox, the FTP account, the task; everything beside them goes on."""
    world = table.world
    switch(world, ("suspend", "suspend", "deactivate"))
    table.off = frozenset(way for ways in WAYS.values() for way in ways)
    assert table.off <= table.carl.keys()
    table.expect(NOTHING)
    # Each other way is refused slowly, and has been tried.
    ways = table.off & {*WAYS["site"], "IMAP", "FTP of carl.files"}
    for what, above in ABOVE.items():
        with above(table):
            table.settle()
            assert table.tried(ways | BESIDE) == {"shut"}, what
        table.settle()
        assert (table.tried(ways), table.tried(BESIDE)) == ({"shut"}, {"open"}), what
    switch(world, ("activate", "activate", "activate"))
    table.off = NOTHING
    table.forget()


def test_a_disabled_site_is_gone_and_stays_so_when_its_subscription_is_activated(
    table: Table,
) -> None:
    """From the web server, and with it the mail to its addresses; its mailbox is read."""
    world, node = table.world, table.tasks["carl"].node
    site = world.site("carl.example")

    def gone() -> set[int]:
        return {node.get(host).status for host in SITE}

    assert world.perform("carl", "domain.disable", site).counts == {"done": 1}
    table.settle()
    assert (gone(), table.tried(BESIDE | {"IMAP"})) == ({404}, {"open"})
    assert table.letters["carl"].programs.deliver("carl@carl.example") == 550
    world.suspend("ada", "carl.example", kind="other")
    table.settle()
    assert (gone(), table.tried(BESIDE | {"IMAP"})) == ({404}, {"shut"})
    lift(table, "ada", "carl.example", "other")
    table.settle()
    assert (gone(), table.tried(BESIDE | {"IMAP"})) == ({404}, {"open"})
    assert table.letters["nora"].comes_in() == "open"
    assert world.perform("carl", "domain.activate", site).counts == {"done": 1}
    table.forget()


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
    with expired(table):
        table.expect(SUSPENDED)


def test_what_is_overused_alone_keeps_what_lets_it_reduce(table: Table) -> None:
    with overused(table):
        table.expect(OVERUSED)
        with suspended(table, "ada", "carl.example"):
            table.expect(SUSPENDED)
        table.expect(OVERUSED)


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

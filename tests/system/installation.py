"""A whole installation for tests: people, what they host, and a node of the debian platform.

The worker is its `settle`, called where a test wants everything applied: nothing is waited for.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Account
from hosting.models.domains import Alias, AliasMode
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services import base
from hosting.services.cron.models import ScheduledTask
from hosting.services.database import carrying
from hosting.services.database.models import Database, DatabaseDump
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from hosting.services.system.access import SETTING, SHELL
from panel.core import setting
from panel.core.setting import Settings
from tests.hosting.databases import database_in
from tests.hosting.disk import DISK, RESOURCE
from tests.hosting.world import HostingWorld, make_hosting_world
from tests.system.debian import DebianNode, debian_node

# Far from the numbers of other tests, those in the process beside this one too: processes are
# ended by the user that they run as.
FIRST_NUMBER = 910_001 + 1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@contextmanager
def measured_disk() -> Iterator[None]:
    """Disk space as a service measures it, with figures that a test sets."""
    config = next(one for one in base.services() if one.service == "web")
    DISK.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "resources", (RESOURCE,), raising=False)
        yield


@contextmanager
def quick_hashes() -> Iterator[None]:
    """Passwords that daemons check in no time: they are asked for them in every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hosting.hashes._DaemonHasher.rounds", 4)
        yield


@contextmanager
def installation(
    data: Path, empty_database: Path, mail_ports: dict[str, int] | None = None
) -> Iterator[tuple[HostingWorld, DebianNode]]:
    """The people of `tests.hosting.world` in a database in `data`, and a node that runs."""
    shutil.copy(empty_database, data)
    with debian_node() as node:
        node.mail_ports = mail_ports or {}
        node.start()
        with database_in(data), measured_disk(), quick_hashes():
            _count_from(FIRST_NUMBER)
            yield make_hosting_world(), node


def _count_from(number: int) -> None:
    table = Subscription._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, number - 1])


def furnish(world: HostingWorld, name: str) -> None:
    """A subdomain of a customer's site, an alias that is the same site, and one that redirects."""
    main = f"{name}.example"
    world.subdomain(main, "blog")
    world.alias(main, f"{name}-too.example")
    Alias.objects.filter(name=f"{name}-too.example").update(mode=AliasMode.SAME)
    world.alias(main, f"{name}-old.example")
    base.names_changed(None, [world.sub(main).pk])


def make_room(world: HostingWorld, name: str, **limits: int) -> None:
    """So much more may a customer's subscription have, and its reseller any number."""
    row = world.sub(f"{name}.example")
    Subscription.objects.filter(pk=row.pk).update(limits={**row.limits, **limits})
    above = Account.objects.get(pk=row.reseller_id)
    endless = dict.fromkeys(limits)
    Account.objects.filter(pk=above.pk).update(limits={**above.limits, **endless})


def do(world: HostingWorld, operation: str, target: Any, **given: Any) -> Any:
    """What the administrator does for a customer; what it made."""
    if "password" in given:
        given["password_again"] = given["password"]
    outcome = world.perform("admin", operation, target, **given)
    assert outcome.counts == {"done": 1}, outcome.findings
    return outcome.findings[0].created_id


def give_databases(world: HostingWorld, name: str, password: str) -> None:
    """A database with a user on each server that the node has."""
    make_room(world, name, databases=2)
    row = world.sub(f"{name}.example")
    for server in Node.objects.get().offers("database"):
        made = {"server": server, "name": "wp", "user": "wp", "password": password}
        do(world, "subscription.add-database", row, **made)


def give_ftp(world: HostingWorld, name: str, password: str, key: Path) -> None:
    """An FTP account with a password, and with a key."""
    make_room(world, name, ftp_accounts=1)
    row = world.sub(f"{name}.example")
    account = f"{name}.files"
    do(world, "subscription.add-ftp-account", row, name=account, password=password)
    public = key.with_suffix(".pub").read_text()
    do(world, "ftp-account.add-key", FtpAccount.objects.get(name=account), key=public)


def give_mailbox(world: HostingWorld, name: str, password: str) -> Mailbox:
    """A mailbox in a domain whose mail is taken in here."""
    make_room(world, name, mailboxes=1)
    site = world.site(f"{name}.example")
    do(world, "domain.add-mailbox", site, local=name, password=password, keeps=True)
    do(world, "domain.take-mail-in", site)
    return Mailbox.objects.get(domain=site)


def give_shell(world: HostingWorld, name: str, password: str, key: Path) -> None:
    """The system user gets in over SSH, with a password and with a key."""
    row = world.sub(f"{name}.example")
    Subscription.objects.filter(pk=row.pk).update(settings={**row.settings, SETTING: SHELL})
    do(world, "subscription.system-user-password", row, password=password)
    public = key.with_suffix(".pub").read_text()
    do(world, "subscription.add-ssh-key", row, key=public)


def give_task(world: HostingWorld, name: str) -> ScheduledTask:
    """A task that goes on once it has begun; it is begun by whoever asks for it."""
    make_room(world, name, scheduled_tasks=1)
    row = world.sub(f"{name}.example")
    typed = {"kind": "command", "what": "exec sleep 3600", "times": "line", "line": "0 0 1 1 *"}
    do(world, "subscription.add-scheduled-task", row, **typed)
    return ScheduledTask.objects.get(subscription=row)


def treat_incoming(how: str) -> None:
    """The server's setting for mail of suspended subscriptions."""
    Settings.objects.get_or_create(pk=setting.PK)
    with transaction.atomic():
        setting.store(mail_incoming=how)


def pass_on(world: HostingWorld, mailbox: Mailbox, *to: str) -> None:
    """Have a mailbox forward what comes in, and keep it."""
    do(world, "mailbox.edit", mailbox, keeps=True, forwards="\n".join(to))


def dump(world: HostingWorld, client: Any, name: str) -> list[DatabaseDump]:
    """Export all databases of a customer, and import each where it came from, as the worker does
    it; the rows as they are then."""
    row = world.sub(f"{name}.example")
    rows = list(Database.objects.filter(subscription=row))
    assert world.perform("admin", "database.export-dump", rows).is_clean
    found = DatabaseDump.objects.filter(subscription=row)
    _carry(client)
    for each in found:
        params = {"dump": each.pk, "recreate": True}
        assert world.perform("admin", "database.import-dump", each.database, **params).is_clean
    _carry(client)
    return list(found.all())


def _carry(client: Any) -> None:
    while claimed := DatabaseDump.claim():
        assert isinstance(claimed, DatabaseDump)
        carrying.perform(claimed, client)

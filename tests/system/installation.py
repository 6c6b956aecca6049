"""A whole installation for tests: people, what they host, and a node of the debian platform.

The worker is its `settle`, called where a test wants everything applied: nothing is waited for.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accounts.models import Account
from hosting.models.domains import Alias, AliasMode
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services import base
from tests.hosting.databases import database_in
from tests.hosting.disk import DISK, RESOURCE
from tests.hosting.world import HostingWorld, make_hosting_world
from tests.system.debian import DebianNode, debian_node


@contextmanager
def measured_disk() -> Iterator[None]:
    """Disk space as a service measures it, with figures that a test sets."""
    config = next(one for one in base.services() if one.service == "web")
    DISK.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "resources", (RESOURCE,), raising=False)
        yield


@contextmanager
def installation(data: Path, empty_database: Path) -> Iterator[tuple[HostingWorld, DebianNode]]:
    """The people of `tests.hosting.world` in a database in `data`, and a node that runs."""
    shutil.copy(empty_database, data)
    with debian_node() as node:
        node.start()
        with database_in(data), measured_disk():
            yield make_hosting_world(), node


def furnish(world: HostingWorld, name: str) -> None:
    """A subdomain of a customer's site, an alias that is the same site, and one that redirects."""
    main = f"{name}.example"
    world.subdomain(main, "blog")
    world.alias(main, f"{name}-too.example")
    Alias.objects.filter(name=f"{name}-too.example").update(mode=AliasMode.SAME)
    world.alias(main, f"{name}-old.example")
    base.names_changed(None, [world.sub(main).pk])


def give_databases(world: HostingWorld, name: str, password: str) -> None:
    """A database with a user on each server that the node has."""
    row = world.sub(f"{name}.example")
    room = {**row.limits, "databases": 2}
    Subscription.objects.filter(pk=row.pk).update(limits=room)
    reseller = Account.objects.get(pk=row.reseller_id)
    Account.objects.filter(pk=reseller.pk).update(limits={**reseller.limits, "databases": None})
    typed = {"password": password, "password_again": password}
    for server in Node.objects.get().offers("database"):
        made = {"server": server, "name": "wp", "user": "wp", **typed}
        assert world.finding("admin", "subscription.add-database", row, **made).result == "done"

"""Removing a customer leaves nothing behind on the node: before and after are compared."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.worker_provisioning import settle
from tests.hosting.world import HostingWorld
from tests.system.channels import Neither, Resolver
from tests.system.debian import DebianNode, why_not
from tests.system.installation import furnish, installation

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

# What grows by being asked, or is numbered anew with every change.
# A database is compared by what it says.
_OF_DATABASES = ("-wal", "-shm")
_ASIDE = "homes/.gone"
_PASSING = ("logs/", "node/agent.sqlite3", "node/web/conf/", "node/web/current", "run/")


def rows(database: Path) -> str:
    """What a database says, in words that do not depend on the order of its pages."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return "\n".join(sorted(connection.iterdump()))


def inside(path: Path) -> object:
    """What a file holds, a link leads to, a database says."""
    kind = stat.S_IFMT(path.lstat().st_mode)
    if kind == stat.S_IFLNK:
        return path.readlink()
    if kind != stat.S_IFREG:
        return None
    return rows(path) if path.suffix == ".sqlite3" else path.read_bytes()


def places(top: Path) -> dict[str, Path]:
    """Everything below a node's directory that is to be as it was, by its name there."""
    found = {str(path.relative_to(top)): path for path in sorted(top.rglob("*"))}
    return {
        name: path
        for name, path in found.items()
        if name != _ASIDE and not name.startswith(_PASSING) and not name.endswith(_OF_DATABASES)
    }


def kept(top: Path) -> dict[str, tuple[object, ...]]:
    """Kind, mode and owner of everything, and what is in it."""
    return {
        name: (oct((about := path.lstat()).st_mode), about.st_uid, about.st_gid, inside(path))
        for name, path in places(top).items()
    }


def mentions(top: Path, needle: str) -> list[str]:
    """What of the node, its configuration in force included, still names somebody."""
    found = places(top) | {str(path): path for path in (top / "node/web/current").iterdir()}
    return [
        name
        for name, path in found.items()
        if needle in name or needle.encode() in str(inside(path)).encode()
    ]


@pytest.fixture
def installed(
    tmp_path: Path, empty_database: Path, django_db_blocker: Any
) -> Iterator[tuple[HostingWorld, DebianNode]]:
    with django_db_blocker.unblock(), installation(tmp_path, empty_database) as made:
        yield made


def test_a_customer_that_was_purged_left_nothing_and_the_neighbour_has_all(
    installed: tuple[HostingWorld, DebianNode],
) -> None:
    world, node = installed
    number = Node.objects.get().pk
    furnish(world, "nora")
    settle(number, node.client)
    before = kept(node.top)
    assert node.status("nora.example") == 200
    world.customer("ada", "mila")
    world.space("mila", "mila.example")
    furnish(world, "mila")
    settle(number, node.client)
    home = node.homes / f"s{world.sub('mila.example').pk}"
    (home / "httpdocs" / "deep").mkdir()
    (home / "httpdocs" / "deep" / "page.html").write_text("Mila's")
    (home / "httpdocs" / "elsewhere").symlink_to("/etc")
    assert node.status("mila-too.example") == 200
    assert Resolver(node).address("blog.mila.example") == "open"
    assert kept(node.top) != before
    removed = world.perform("admin", "customer.remove", world.fresh("mila"))
    assert removed.counts == {"done": 1}
    settle(number, node.client)
    assert node.status("mila.example") == 503
    purged = world.perform("admin", "customer.purge", world.fresh("mila"))
    assert purged.counts == {"done": 1}
    settle(number, node.client)
    assert not Subscription.objects.filter(name="mila.example").exists()
    assert [node.status(name) for name in ("mila.example", "blog.mila.example")] == [404, 404]
    assert node.status("nora.example") == 200
    assert kept(node.top) == before
    with pytest.raises(Neither, match="REFUSED"):
        Resolver(node).address("mila.example")
    assert list((node.top / _ASIDE).iterdir()) == []
    assert mentions(node.top, "mila") == []
    assert mentions(node.top, "nora")

"""Removing a customer leaves nothing behind on the node: before and after are compared."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.worker_provisioning import settle
from tests.hosting.world import HostingWorld
from tests.system.debian import DebianNode, why_not
from tests.system.installation import furnish, installation

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

# What grows by being asked, or is numbered anew with every change.
_ASIDE = "homes/.gone"
_PASSING = ("logs/", "node/agent.sqlite3", "node/web/conf/", "node/web/current", "run/")


def kept(top: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a node's directory: kind, mode, owner, and what is in it."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        about = path.lstat()
        if name == _ASIDE or name.startswith(_PASSING):
            continue
        if stat.S_ISLNK(about.st_mode):
            inside: object = path.readlink()
        elif stat.S_ISREG(about.st_mode):
            inside = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            inside = None
        found[name] = (oct(about.st_mode), about.st_uid, about.st_gid, inside)
    return found


def mentions(top: Path, *needles: str) -> list[str]:
    """Files of the node, its configuration in force included, that still name somebody."""
    sought = [needle.encode() for needle in needles]
    return [
        str(path.relative_to(top))
        for path in top.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not str(path.relative_to(top)).startswith(("logs/", "node/agent.sqlite3"))
        and any(needle in path.read_bytes() for needle in sought)
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
    assert list((node.top / _ASIDE).iterdir()) == []
    assert mentions(node.top, "mila") == []
    assert mentions(node.top, "nora")

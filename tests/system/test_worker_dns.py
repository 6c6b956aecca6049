"""From operations to what a resolver gets, on a node of the debian platform, killed in between."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from hosting import provisioning
from hosting.agent.host import Runner
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.services.dns.models import Zone
from hosting.worker_provisioning import settle
from tests.agent.dns import read
from tests.hosting.dns import zone
from tests.hosting.world import HostingWorld
from tests.system.conftest import wait_until
from tests.system.debian import DebianNode, why_not
from tests.system.installation import installation

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]
NEW = {"host": "new", "type": "A", "value": "203.0.113.9"}


class Installed:
    """People, their zones, and a node whose agent is called when a test wants it."""

    def __init__(self, world: HostingWorld, node: DebianNode):
        self.world, self.node = world, node

    def apply(self) -> None:
        settle(Node.objects.get().pk, self.node.client)

    def said(self, name: str, type_: str = "A", how: Any = dns.query.udp) -> tuple[str, list[str]]:
        asked = dns.message.make_query(name, type_)
        return read(how(asked, "127.0.0.1", port=self.node.dns_port, timeout=30))

    def serial(self, name: str) -> int:
        return int(self.said(name, "SOA")[1][0].split()[2])

    def name_server(self) -> int:
        (pid,) = Runner().processes(self.node.directory / "dns")
        return pid


@pytest.fixture
def installed(tmp_path: Path, empty_database: Path, django_db_blocker: Any) -> Iterator[Installed]:
    with django_db_blocker.unblock(), installation(tmp_path, empty_database) as made:
        found = Installed(*made)
        found.apply()
        assert found.said("www.nora.example")[0] == "NOERROR"
        before = found.said("nora.example")
        yield found
        assert found.said("nora.example") == before


def test_operations_reach_the_resolver_and_followers_stay_in_step(installed: Installed):
    world = installed.world
    world.alias("carl.example", "karl.example")
    installed.apply()
    assert installed.said("karl.example") == installed.said("carl.example")
    before = installed.serial("karl.example")
    world.perform("ada", "zone.add-record", zone("carl.example"), **NEW)
    installed.apply()
    for how in (dns.query.udp, dns.query.tcp):
        for name in ("new.carl.example", "new.karl.example"):
            assert installed.said(name, how=how) == ("NOERROR", ["203.0.113.9"])
    assert installed.serial("karl.example") == zone("karl.example").serial > before
    world.perform("ada", "zone.sign", zone("carl.example"))
    installed.apply()
    code, keys = installed.said("carl.example", "DNSKEY")
    assert (code, [key.replace(" ", "") for key in keys]) == (
        "NOERROR",
        [zone("carl.example").dnskey.replace(" ", "")],
    )
    world.perform("ada", "domain.rename", world.site("carl.example"), name="carla.example")
    installed.apply()
    assert installed.said("new.carla.example") == ("NOERROR", ["203.0.113.9"])
    assert installed.said("new.carl.example")[0] == "REFUSED"


def test_whoever_is_killed_nothing_is_lost_and_nothing_is_half_done(installed: Installed):
    """The agent and the name server, at any moment of a series of changes."""
    world, chance = installed.world, random.Random(4)
    for number in range(1, 7):
        value = f"203.0.113.{number}"
        added = {"host": f"h{number}", "type": "A", "value": value}
        world.perform("ada", "zone.add-record", zone("carl.example"), **added)
        if chance.random() < 0.5:
            os.kill(installed.name_server(), signal.SIGKILL)
        else:
            installed.node.kill()
            # What is served goes on while there is no agent.
            assert installed.said("carl.example")[0] == "NOERROR"
            installed.node.launch()
        wait_until(lambda: _is_applied(installed), "it is applied")
        assert installed.said(f"h{number}.carl.example") == ("NOERROR", [value])
        assert installed.serial("carl.example") == zone("carl.example").serial
    held = installed.said("h1.carl.example")
    assert held == ("NOERROR", ["203.0.113.1"])
    assert Zone.objects.filter(subscription__is_failed=True).count() == 0


def _is_applied(installed: Installed) -> bool:
    """As the worker's loops: what failed is tried again."""
    installed.apply()
    ids = [row.subscription_id for row in Deployment.objects.all() if row.is_behind]
    provisioning.try_again(ids)
    return not ids

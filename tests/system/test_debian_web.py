"""Websites on the debian platform: Debian's nginx with its own user, as root, beside each other."""

import pwd
from pathlib import Path

import pytest

from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site, subscription
from tests.system.debian import debian_node, why_not

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

ANNA, BERT = site(7, "anna.example", "www.anna.example"), site(8, "bert.example")


@pytest.fixture(scope="module")
def node():
    """A node with two tenants."""
    with debian_node() as node:
        node.start()
        node.applied(subscription(42, 1, ANNA), subscription(43, 1, BERT))
        yield node


def test_two_tenants_are_served_and_one_is_shut_while_the_other_runs(node):
    assert (node.status("anna.example"), node.status("bert.example")) == (200, 200)
    node.client.switch([(42, 2, "shut")])
    page = node.get("www.anna.example")
    assert (page.status, MARKER in page.body) == (503, True)
    assert node.status("bert.example") == 200
    node.client.switch([(42, 3, "limited")])
    assert node.status("anna.example") == 503
    node.client.switch([(42, 4, "open")])
    assert (node.status("anna.example"), node.status("bert.example")) == (200, 200)


def test_those_who_serve_are_not_root(node):
    workers = [pid for pid, kind in node.processes().items() if kind == "worker"]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in workers}
    assert owners == {pwd.getpwnam("www-data").pw_uid}

"""Websites on the debian platform: Debian's nginx with its own user, as root, beside each other."""

import os
import pwd
import subprocess
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
        node.applied(subscription(642, 1, ANNA), subscription(643, 1, BERT))
        yield node


def test_two_tenants_are_served_and_one_is_shut_while_the_other_runs(node):
    assert (node.status("anna.example"), node.status("bert.example")) == (200, 200)
    node.client.switch([(642, 2, "shut")])
    page = node.get("www.anna.example")
    assert (page.status, MARKER in page.body) == (503, True)
    assert node.status("bert.example") == 200
    node.client.switch([(642, 3, "limited")])
    assert node.status("anna.example") == 503
    node.client.switch([(642, 4, "open")])
    assert (node.status("anna.example"), node.status("bert.example")) == (200, 200)


def test_a_link_to_a_neighbours_file_is_refused_and_one_to_an_own_file_serves(node):
    documents = {number: node.homes / f"s{number}" / "httpdocs" for number in (642, 643)}
    for number, directory in documents.items():
        (directory / "page.txt").write_text(f"of {number}")
        os.chown(directory / "page.txt", 10_000_000 + number, 10_000_000 + number)
        (directory / "page.txt").chmod(0o644)
    for name, target in (("own", documents[642]), ("stolen", documents[643])):
        (documents[642] / name).symlink_to(target / "page.txt")
        (documents[642] / f"{name}-all").symlink_to(target)
        for link in (name, f"{name}-all"):
            os.lchown(documents[642] / link, 10_000_642, 10_000_642)
    assert node.get("bert.example", "/page.txt").body == "of 643"
    assert node.get("anna.example", "/own").body == "of 642"
    for path in ("/stolen", "/stolen-all/page.txt"):
        page = node.get("anna.example", path)
        assert page.status in (403, 404)
        assert "of 643" not in page.body


def test_a_document_root_that_became_a_link_to_a_neighbours_is_refused(node):
    """Who has a shell may put anything in the place of its own document root."""
    ours, other = (node.homes / f"s{number}" / "httpdocs" for number in (642, 643))
    (other / "secret.txt").write_text("of 643")
    kept = ours.with_name("kept")
    ours.rename(kept)
    try:
        for target in (other, other.parent, "/etc"):
            ours.symlink_to(target)
            os.lchown(ours, 10_000_642, 10_000_642)
            for path in ("/secret.txt", "/httpdocs/secret.txt", "/hostname", "/"):
                page = node.get("anna.example", path)
                assert page.status in (403, 404), (target, path)
                assert "of 643" not in page.body
            ours.unlink()
        assert node.get("bert.example", "/secret.txt").body == "of 643"
    finally:
        kept.rename(ours)
    assert node.status("anna.example") == 200


def test_those_who_serve_are_not_root(node):
    workers = [pid for pid, kind in node.processes().items() if kind == "worker"]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in workers}
    assert owners == {pwd.getpwnam("www-data").pw_uid}


# What a tenant with a shell finds out about each path: whether it may list, read and write there.
_LOOK = """
import os, sys
for path in sys.argv[1:]:
    print(*[int(os.access(path, way)) for way in (os.R_OK, os.W_OK, os.X_OK)], path)
"""


def seen_by(uid, *paths):
    """What a process of this user may do with each path: "rwx", as far as it may."""
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", _LOOK, *map(str, paths)],
        user=uid, group=uid, extra_groups=[], capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    return {
        Path(path).name: "".join(w for w, may in zip("rwx", ways, strict=True) if may == "1")
        for *ways, path in lines
    }


def test_a_tenant_gets_into_its_own_home_and_nowhere_else(node):
    homes = node.homes
    own, other = homes / "s642", homes / "s643"
    assert seen_by(10_000_642, own, own / "httpdocs/index.html") == {
        "s642": "rwx",
        "index.html": "rw",
    }
    assert seen_by(10_000_642, other, other / "httpdocs/index.html") == {
        "s643": "",
        "index.html": "",
    }
    # Whatever mode the neighbour gives to what lies inside.
    (other / "httpdocs/index.html").chmod(0o666)
    assert seen_by(10_000_642, other / "httpdocs/index.html") == {"index.html": ""}
    assert seen_by(10_000_642, homes)["homes"] == "x"
    assert node.status("bert.example") == 200


def test_a_tenant_reads_nothing_that_is_the_agents(node):
    places = node.top / "logs", node.top / "logs/access.log", node.directory / "web"
    records = node.directory / "agent.sqlite3", node.directory / "agent.sqlite3-wal"
    maps = node.directory / "web/current/hosts.map"
    assert maps.exists()
    found = seen_by(10_000_642, *places, *records, maps)
    assert set(found.values()) == {""}
    assert "r" not in seen_by(10_000_642, node.directory)["node"]

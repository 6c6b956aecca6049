"""Directives of a site's own on a real nginx: they work, hold nobody up, and get round nothing."""

import os

import pytest

from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site, subscription
from tests.system.conftest import WebNode
from tests.system.debian import debian_node, why_not

pytestmark = pytest.mark.system

ANNA, BERT = site(7, "anna.example", redirects=["old.example"]), site(8, "bert.example")
TEXT = """
location /hello { return 200 "hi $my_who"; }
set $my_who there;
rewrite ^/from/(.*)$ /to/$1 permanent;
location ^~ / { add_header X-Own yes; }
error_page 404 /index.html;
"""
TOKEN = "/.well-known/acme-challenge/token_1-A"


@pytest.fixture(scope="module")
def node(tmp_path_factory, nginx_program):
    """A node with two tenants: Debian's where that can be, else the one of the requirements."""
    if why_not():
        node = WebNode(tmp_path_factory.mktemp("own") / "node", nginx_program)
        node.start()
        yield node
        node.clean()
        return
    with debian_node() as node:
        node.start()
        yield node


@pytest.fixture
def two(node):
    node.generation = getattr(node, "generation", 0) + 10
    node.applied(
        subscription(42, node.generation, ANNA | {"directives": TEXT}),
        subscription(43, node.generation, BERT),
    )
    return node


def test_directives_work_for_their_site_alone(two):
    assert two.get("anna.example", "/hello").body == "hi there"
    moved = two.get("anna.example", "/from/a?b=c")
    assert (moved.status, moved.location) == (301, "/to/a?b=c")
    assert two.get("anna.example").headers["X-Own"] == "yes"
    assert two.status("bert.example", "/hello") == 404
    assert two.get("bert.example").headers["X-Own"] is None


def test_suspension_redirects_challenges_and_hidden_files_hold_for_it_too(two):
    homes = getattr(two, "homes", two.directory / "homes")
    (homes / "s42" / "httpdocs" / ".env").write_text("secret")
    link = homes / "s42" / "httpdocs" / "link"
    link.symlink_to("/etc/passwd")
    if os.geteuid() == 0:
        os.lchown(link, 10_000_042, 10_000_042)
    assert two.status("anna.example", "/.env") == 403
    assert two.status("anna.example", "/link") in (403, 404)
    (two.directory / "web/acme/.well-known/acme-challenge/token_1-A").write_text("thumb")
    everything = ANNA | {"directives": "return 200 mine; rewrite ^ /x last;"}
    two.applied(subscription(42, two.generation + 1, everything))
    assert two.get("anna.example").body == "mine"
    assert two.get("old.example", "/a").location == f"http://anna.example:{two.port}/a"
    two.client.switch([(42, two.generation + 2, "shut")])
    for name in ("anna.example", "old.example"):
        page = two.get(name, "/hello")
        assert (page.status, MARKER in page.body) == (503, True)
        assert two.get(name, TOKEN).body == "thumb"
    assert two.status("bert.example") == 200


def test_the_one_at_fault_fails_alone_with_nginxs_words_while_a_hundred_are_applied(two):
    # Sound by our list; only nginx itself knows that it is not so.
    bad = ANNA | {"directives": "location / { return 200; }\nlocation / { return 200; }"}
    many = [
        subscription(100 + n, 1, site(1000 + n, f"s{n}.example", **own))
        for n in range(100)
        for own in [{"directives": "expires 1h;"} if n % 50 == 0 else {}]
    ]
    results, done = two.apply(subscription(42, two.generation + 1, bad), *many)
    failed = {number: each for number, each in results.items() if not each.ok}
    assert list(failed) == [42]
    assert (failed[42].kind, "duplicate location" in failed[42].message) == ("check", True)
    assert str(two.directory) not in failed[42].message
    assert done.reloads == 1
    assert {two.status(f"s{n}.example") for n in (0, 1, 50, 99)} == {200}
    assert two.get("anna.example", "/hello").body == "hi there"
    again, _done = two.apply(subscription(42, two.generation + 2, ANNA))
    assert again[42].ok
    two.applied(*(subscription(100 + n, 2, present=False) for n in range(100)))


def test_what_somebody_edits_is_shown_and_put_back(two):
    wanted = [
        subscription(42, two.generation, ANNA | {"directives": TEXT}),
        subscription(43, two.generation, BERT),
    ]
    assert all(not plan["changes"] for plan in two.client.plan(wanted) if plan["service"] == "web")
    own = two.directory / "web" / "current" / "own.conf"
    own.write_text(own.read_text().replace("hi $my_who", "drifted"))
    plans = {
        plan["subscription"]: plan["changes"]
        for plan in two.client.plan(wanted)
        if plan["service"] == "web"
    }
    assert ([change["what"] for change in plans[42]], plans[43]) == (["own.conf"], [])
    two.applied(*wanted)
    assert "drifted" not in own.read_text()
    assert two.get("anna.example", "/hello").body == "hi there"

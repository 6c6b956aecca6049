"""Names that lead elsewhere, at a real nginx: forwarding, preferred names, and the gate above."""

import pytest

from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site, subscription
from tests.system.conftest import ALL, ANNA

pytestmark = pytest.mark.system


def leads(web, name, path="/a/b?c=d&e=%20"):
    answer = web.get(name, path)
    return answer.status, answer.location


@pytest.mark.parametrize("code", [301, 302])
def test_a_domain_that_forwards_leads_all_its_names_elsewhere(two, code):
    """The address of a site keeps path and query; one with a path is where everything leads."""
    away = ANNA | {"forward": {"to": "https://new.example:8443", "code": code}}
    del away["document_root"]
    two.applied(subscription(42, 8, away))
    kept = (code, "https://new.example:8443/a/b?c=d&e=%20")
    assert [leads(two, name) for name in ANNA["names"]] == [kept] * 3
    own = f"http://anna.example:{two.port}/a/b?c=d&e=%20"
    assert leads(two, "old.example") == (301, own)
    page = "https://new.example/shop/?from=anna&x=%24host#top"
    two.applied(subscription(42, 9, away | {"forward": {"to": page, "code": code}}))
    assert [leads(two, name) for name in ANNA["names"]] == [(code, page)] * 3
    two.applied(subscription(42, 10, ANNA))
    assert [two.status(name) for name in ALL] == [200, 200, 200, 301]


def test_what_forwards_or_has_a_preferred_name_is_shut_as_any_other(two):
    """While suspended a forwarding or redirecting name answers 503; challenges still answer."""
    challenges = two.directory / "web" / "acme" / ".well-known" / "acme-challenge"
    (challenges / "token").write_text("token.thumb")
    away = site(9, "away.example", forward={"to": "https://new.example", "code": 302})
    preferring = site(
        7,
        "www.anna.example",
        redirects=["old.example"],
        moves=[["anna.example", "www.anna.example"]],
    )
    two.applied(subscription(42, 8, preferring, away))
    names = ["www.anna.example", "anna.example", "old.example", "away.example"]
    assert [two.status(name) for name in names] == [200, 301, 301, 302]
    assert leads(two, "anna.example", "/x") == (301, f"http://www.anna.example:{two.port}/x")
    assert leads(two, "old.example", "/x") == (301, f"http://www.anna.example:{two.port}/x")
    two.client.switch([(42, 9, "shut")])
    for name in names:
        page = two.get(name, "/deep?x=1")
        assert (page.status, page.location) == (503, None)
        assert MARKER in page.body
        answer = two.get(name, "/.well-known/acme-challenge/token")
        assert (answer.status, answer.body) == (200, "token.thumb")
    assert two.status("bert.example") == 200
    two.client.switch([(42, 10, "open")])
    assert [two.status(name) for name in names] == [200, 301, 301, 302]
    shut = away | {"state": "suspended"}
    two.applied(subscription(42, 11, preferring, shut))
    assert [two.status(name) for name in names] == [200, 301, 301, 503]
    two.applied(subscription(42, 12, preferring, away | {"state": "disabled"}))
    assert [two.status(name) for name in names] == [200, 301, 301, 404]


@pytest.mark.parametrize("path", ["//evil.example/x", "/%0d%0aX:%20y", "/a?u=http://b.example"])
def test_what_a_visitor_asks_for_leads_nowhere_else(two, path):
    away = site(9, "away.example", forward={"to": "https://new.example", "code": 301})
    two.applied(subscription(42, 8, ANNA, away))
    answer = two.get("away.example", path)
    assert answer.location == "https://new.example" + path
    assert "X" not in answer.headers

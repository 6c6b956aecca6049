"""Looking changes nothing; what changes needs a token of the page; no page brings its own code."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client

from tests.access import table
from tests.access.crawl import content, everything, everything_of_the_api
from tests.access.dump import changed, dump
from tests.access.routes import address
from tests.access.secrets import secrets_of
from tests.access.world import PASSWORD, AccessWorld

pytestmark = pytest.mark.census


class Code(HTMLParser):
    """Finds what the content security policy would refuse: inline script, style, handlers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.add(given["href"].partition("#")[0].partition("?")[0])
        for name, value in given.items():
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag} {name}={value}")
            is_address = name in {"href", "src", "action", "formaction"}
            if is_address and value.strip().lower().startswith(("javascript:", "data:")):
                self.found.append(f"{tag} {name}={value}")
            if name in {"src"} and not value.startswith("/"):
                self.found.append(f"{tag} {name}={value}, from elsewhere")


def read(html: str) -> Code:
    parser = Code()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("person", ["admin", "reseller", "customer"])
def test_looking_at_everything_changes_nothing(world: AccessWorld, person: str) -> None:
    """And every answer carries the policy, no page needs an exception from it, no link leads to
    what is refused, and nobody is shown a secret: the administrator neither."""
    client, before, wrong = world.browser(person), dump(but={"sessions.Session"}), []
    secrets = secrets_of(world)
    codes: dict[str, int] = {}
    links: dict[str, str] = {}
    for url, answer in everything(client):
        codes[url] = answer.status_code
        if answer.status_code >= 500:
            wrong.append(f"{url}: {answer.status_code}")
        if answer.headers.get("Content-Security-Policy") != settings.CONTENT_SECURITY_POLICY:
            wrong.append(f"{url}: no policy")
        text = content(answer)
        wrong += [f"{url}: {name}" for secret, name in secrets.items() if secret in text]
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = read(text)
            links |= dict.fromkeys(page.links, url)
            wrong += [f"{url}: {code}" for code in page.found]
            if "no-store" not in answer.headers.get("Cache-Control", ""):
                wrong.append(f"{url}: may be stored")
    assert len(codes) > 100
    # Of a kind that nothing has been fetched of, one is.
    kinds: dict[str, int] = {}
    for to, url in links.items():
        kind = re.sub(r"[0-9]+", "0", to)
        if to not in codes and kind not in kinds:
            kinds[kind] = client.get(to).status_code
        code = codes.get(to) or kinds[kind]
        if code >= 400 and code != 405:
            wrong.append(f"{url} leads to {to}: {code}")
    assert not wrong
    assert not changed(before, dump(but={"sessions.Session"}))


@pytest.mark.parametrize("person", ["admin", "customer"])
def test_reading_through_the_api_changes_nothing(world: AccessWorld, person: str) -> None:
    headers = world.bearer(person)
    before, secrets = dump(but=frozenset()), secrets_of(world)
    for url, answer in everything_of_the_api(headers):
        assert answer.status_code < 500, url
        text = content(answer)
        assert not [name for secret, name in secrets.items() if secret in text], url
    assert not changed(before, dump(but=frozenset()))


def test_the_policy_allows_nothing_inline() -> None:
    assert "unsafe" not in settings.CONTENT_SECURITY_POLICY
    assert settings.CONTENT_SECURITY_POLICY.startswith("default-src 'none'")


def test_errors_carry_the_policy_too(world: AccessWorld) -> None:
    for url in ("/nothing-here/", "/login/", "/api/v1/nothing", "/api/v1/me"):
        answer = Client(raise_request_exception=False).get(url)
        assert answer.headers["Content-Security-Policy"] == settings.CONTENT_SECURITY_POLICY, url


@pytest.mark.parametrize("person", ["anonymous", "admin", "reseller", "customer"])
def test_a_post_without_the_pages_token_is_refused(world: AccessWorld, person: str) -> None:
    """On every address that takes a POST; before anything else is looked at."""
    browser = world.browser(person)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for name, morsel in browser.cookies.items():
        client.cookies[name] = morsel.value
    before, wrong = dump(but={"sessions.Session"}), []
    for line in table.rows("urls.txt"):
        if line["method"] != "POST":
            continue
        url = address(line["route"], line["object"], world.ours)
        status = client.post(url, {"confirmed": "1"}).status_code
        if status != 403:
            wrong.append(f"{url}: {status}")
    assert not wrong
    assert not changed(before, dump(but={"sessions.Session"}))


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.example/", "//evil.example/", "/\\evil.example", "http:evil.example"),
        *("javascript:alert(1)", "https://testserver.evil.example", "\thttps://evil.example"),
    ],
)
def test_nobody_is_led_off_the_site(world: AccessWorld, elsewhere: str) -> None:
    client = world.browser("customer")
    there = client.post("/theme/", {"theme": "dark", "next": elsewhere})
    assert there["Location"] == "/"
    # Whether a code is asked for in between or not.
    for who, status, first in (("cleo", 302, "/"), ("carl", 303, "/login/code/")):
        browser = Client()
        given = {"login": who, "password": PASSWORD, "next": elsewhere}
        login = browser.post(f"/login/?next={elsewhere}", given)
        assert (login.status_code, login["Location"]) == (status, first)
    there = browser.post("/login/code/", {"code": world.second_factors[1]})
    assert (there.status_code, there["Location"]) == (303, "/")
    assert "evil" not in content(Client().get("/login/", {"next": elsewhere}))

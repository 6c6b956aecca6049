"""One running panel for all browser tests, people who are logged in, and a browser that listens."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

from tests.browser.gallery.render import chromium as launched
from tests.browser.running import RunningPanel
from tests.browser.world import ADMINISTRATOR, PASSWORD, PROVIDERS

expect.set_options(timeout=30_000)


@dataclass(eq=False)
class Visitor:
    """A browser of somebody's, and what it complained about."""

    context: BrowserContext
    page: Page
    said: list[str]


@dataclass
class Installation:
    """The running panel, what was made in it, and what its first page looked like."""

    panel: RunningPanel
    made: dict[str, Any] = field(default_factory=dict)
    first_run: dict[str, Any] = field(default_factory=dict)
    sessions: dict[str, Any] = field(default_factory=dict)
    visitors: dict[tuple[str, bool, str], Visitor] = field(default_factory=dict)


def listen(context: BrowserContext) -> list[str]:
    """The list that fills with what the browser complains about in any page of a context."""
    said: list[str] = []

    def console(message: Any) -> None:
        # A page that answers 4xx on purpose is written to the console as well.
        is_answer = "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not is_answer:
            said.append(f"{message.page.url if message.page else ''}: {message.text}")

    def response(answer: Response) -> None:
        is_page = answer.request.is_navigation_request()
        if answer.status >= 500 or (answer.status >= 400 and not is_page):
            said.append(f"{answer.url} answers {answer.status}")

    context.on("console", console)
    context.on("response", response)
    context.on("weberror", lambda error: said.append(f"script: {error.error}"))
    return said


def escaped(text: str) -> str:
    """For a pattern that JavaScript reads as well: it knows no escaped spaces."""
    return re.escape(text).replace("\\ ", " ")


def box(page: Page, label: str) -> Locator:
    """The field of a label, which carries an asterisk where something has to be typed."""
    return page.get_by_label(re.compile(rf"^\s*{escaped(label)}\s*\*?\s*$"))


def come_in_first(browser: Browser, url: str) -> dict[str, Any]:
    """The first page of an installation, as its administrator meets it."""
    context = browser.new_context(base_url=url)
    said = listen(context)
    page = context.new_page()
    page.goto("/")
    met = {"url": page.url, "heading": page.locator("h1").inner_text()}
    box(page, "Contact name").fill("Adam Administrator")
    box(page, "Email address").fill("adam@panel.example")
    box(page, "Username").fill(ADMINISTRATOR)
    box(page, "Password").fill(PASSWORD)
    box(page, "Password again").fill("something else entirely")
    page.get_by_role("button", name="Create the administrator").click()
    met["refused"] = page.locator(".error-summary").inner_text()
    met["kept"] = box(page, "Contact name").input_value()
    box(page, "Password").fill(PASSWORD)
    box(page, "Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create the administrator").click()
    met["then"] = page.locator("h1").inner_text()
    page.goto("/customers/")
    met["empty"] = page.locator(".empty").inner_text()
    met["said"] = said
    context.close()
    return met


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="session")
def installation(browser: Browser) -> Iterator[Installation]:
    """Everything that `make run` starts, set up through its first page, with people in it."""
    data = Path(tempfile.mkdtemp(prefix="freehold-browser-"))
    panel = RunningPanel(data)
    try:
        panel.start()
        found = Installation(panel)
        found.first_run = come_in_first(browser, panel.url)
        found.made = panel.module("tests.browser.world")
        yield found
    finally:
        panel.stop()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def panel(installation: Installation) -> RunningPanel:
    return installation.panel


@pytest.fixture(scope="session")
def made(installation: Installation) -> dict[str, Any]:
    """Numbers of what is there, by provider."""
    return installation.made


def log_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Through the login page."""
    page.goto("/login/")
    box(page, "Username").fill(username)
    box(page, "Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, installation: Installation) -> Iterator[Visit]:
    """`visit(who)` is a page of somebody who is logged in; `visit()` of nobody.

    Sessions and what the browser remembers are shared by the tests, unless `fresh`: for tests after
    which they are others. Whatever the browser complains about fails the test.
    """
    own: list[Visitor] = []

    def opened(who: str = "", *, fresh: bool = False, js: bool = True, **more: Any) -> Page:
        key = (who, js, str(more))
        visitor = None if fresh else installation.visitors.get(key)
        if visitor is None:
            visitor = enter(browser, installation, who, fresh=fresh, js=js, **more)
            if who and not fresh:
                installation.visitors[key] = visitor
        own.append(visitor)
        return visitor.page

    yield opened
    complaints = [text for visitor in own for text in visitor.said]
    kept = list(installation.visitors.values())
    for visitor in own:
        visitor.said.clear()
        if visitor in kept:
            # A new page costs as much as ten of its visits, so it stays; what it polled ends.
            visitor.page.goto("about:blank")
        else:
            visitor.context.close()
    assert not complaints


def enter(
    browser: Browser, installation: Installation, who: str, *, fresh: bool, js: bool, **more: Any
) -> Visitor:
    """A browser of its own, logged in: by the login page the first time, then by its session."""
    sessions = installation.sessions
    context = browser.new_context(
        base_url=installation.panel.url,
        java_script_enabled=js,
        storage_state=None if fresh else sessions.get(who),
        reduced_motion="reduce",
        **{"viewport": {"width": 1440, "height": 900}, **more},
    )
    context.set_default_timeout(30_000)
    visitor = Visitor(context, context.new_page(), listen(context))
    if who and (fresh or who not in sessions):
        log_in(visitor.page, who)
        expect(visitor.page.locator(".who")).to_be_visible()
        if not fresh:
            sessions[who] = context.storage_state()
    return visitor


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """Who does it: the administrator, then a reseller."""
    return str(request.param)


def open_menu(page: Page, label: str) -> None:
    """Open a menu by its button."""
    page.locator("summary", has_text=re.compile(rf"^\s*{escaped(label)}\s*$")).click()


def choose(page: Page, menu: str, label: str) -> None:
    """Menu, then entry: "Change Status ▸ Suspend"."""
    open_menu(page, menu)
    page.get_by_role("button", name=label, exact=True).click()


def own_menu(page: Page, label: str) -> None:
    """Press an entry of the menu under one's own name."""
    page.locator(".who > summary").click()
    page.locator(".who").get_by_role("button", name=label, exact=True).click()


def act(page: Page, label: str) -> None:
    """Press what stands in the sidebar, a button or a link."""
    page.locator(".sidebar").get_by_text(label, exact=True).click()


def box_of(page: Page, name: str) -> Locator:
    """The box of a list's row, which is named by what stands in the row's first cell."""
    here = page.locator("td.main").get_by_text(name, exact=True)
    return page.locator("tbody tr", has=here).get_by_role("checkbox", name=name)


def pick(page: Page, *names: str) -> None:
    """Tick rows of a list."""
    for name in names:
        box_of(page, name).check()


def outcome(page: Page, text: str) -> None:
    """The outcome on top says so."""
    expect(page.locator(".outcome .outcome-head")).to_contain_text(text)

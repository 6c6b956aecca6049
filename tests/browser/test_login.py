"""Coming in and going out: first run, login, forgotten password, theme."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Installation, Visit, box, log_in, own_menu
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser


def test_an_empty_installation_asks_for_its_administrator_first(
    installation: Installation,
) -> None:
    met = installation.first_run
    assert met["url"].endswith("/first-run/")
    assert met["heading"] == "Welcome to Freehold"
    assert "The two passwords are not the same." in met["refused"]
    assert met["kept"] == "Adam Administrator"
    assert met["then"] == "Home"
    assert "No customers yet" in met["empty"]
    assert "Add a Customer" in met["empty"]
    assert not met["said"]


def test_the_first_page_is_gone_once_there_is_an_administrator(visit: Visit) -> None:
    page = visit()
    answer = page.goto("/first-run/")
    assert answer is not None
    assert answer.status == 404


def test_one_is_brought_back_to_where_one_wanted_to_go(visit: Visit) -> None:
    page = visit()
    page.goto("/customers/?status=suspended")
    expect(page.locator("h1")).to_have_text("Log in")
    box(page, "Username").fill("rita")
    box(page, "Password").fill("not the password")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator(".notice-bad")).to_be_visible()
    expect(box(page, "Username")).to_have_value("rita")
    box(page, "Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("h1")).to_have_text("Customers")
    assert page.url.endswith("/customers/?status=suspended")
    own_menu(page, "Log out")
    expect(page.locator("h1")).to_have_text("Log in")
    page.goto("/customers/")
    expect(page.locator("h1")).to_have_text("Log in")


def test_wrong_passwords_and_unknown_names_read_the_same(visit: Visit) -> None:
    page = visit()
    answers = []
    for username in ("rita", "nobody.at.all"):
        log_in(page, username, "not the password")
        answers.append(page.locator(".notice-bad").inner_text())
    assert answers[0] == answers[1]


def test_forgotten_password_answers_the_same_whether_or_not_both_match(visit: Visit) -> None:
    page = visit()
    for email in ("rita@mail.example", "other@mail.example"):
        page.goto("/login/")
        page.get_by_role("link", name="Forgotten your password?").click()
        box(page, "Username").fill("rita")
        box(page, "Email address").fill(email)
        page.get_by_role("button", name="Send the link").click()
        expect(page.locator("h1")).to_have_text("Look into your mailbox")


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_the_theme_is_switched_and_remembered(visit: Visit, theme: str) -> None:
    page = visit("rita")
    page.goto("/customers/?q=inselhof")
    own_menu(page, theme)
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", theme.lower())
    assert page.url.endswith("/customers/?q=inselhof")
    shade = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    channels = [int(part) for part in shade.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (max(channels) < 60) == (theme == "Dark")
    page.goto("/")
    expect(html).to_have_attribute("data-bs-theme", theme.lower())
    own_menu(page, "System")
    expect(html).to_have_attribute("data-bs-theme", "auto")

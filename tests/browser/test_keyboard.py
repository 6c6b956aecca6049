"""The keyboard alone is enough, and one always sees where one is."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, outcome
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser


def tab_to(page: Page, text: str, limit: int = 60) -> None:
    """Press Tab until what has the focus bears this text, and can be seen to have it."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
              const now = document.activeElement;
              const style = getComputedStyle(now);
              const named = document.getElementById(now.getAttribute("aria-labelledby"));
              const label = now.getAttribute("aria-label") || now.labels?.[0]?.textContent
                || named?.firstElementChild.textContent || now.textContent || now.placeholder || "";
              return [label.trim().replace(/\\s+/g, " "), style.outlineStyle !== "none"
                || style.boxShadow !== "none"];
            }"""
        )
        if focus[0].rstrip("*") == text:
            assert focus[1], f"nobody sees that {text} has the focus"
            return
    raise AssertionError(f"{text} is not reached by Tab")


def test_log_in_and_skip_to_the_content(visit: Visit) -> None:
    page = visit()
    page.goto("/login/")
    # The first field gets the focus by itself, though not before the page is first drawn.
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("kira-viewer")
    tab_to(page, "Password", 3)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Websites & Domains")
    tab_to(page, "Skip to the content", 1)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_add_a_customer_by_keyboard(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/customers/")
    tab_to(page, "Add a Customer")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Add a Customer")
    tab_to(page, "Contact name")
    page.keyboard.type(f"Keyboard {provider.title()}")
    tab_to(page, "Email address")
    page.keyboard.type("keys@mail.example")
    tab_to(page, "Username")
    page.keyboard.type(f"keys.{provider}")
    tab_to(page, "Generate")
    page.keyboard.press("Space")
    tab_to(page, "Create a subscription for the customer")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    outcome(page, "Add a Customer: done.")
    expect(page.locator("h1")).to_have_text(f"Keyboard {provider.title()}")


def test_suspend_from_the_list_by_keyboard(visit: Visit, provider: str) -> None:
    name = f"Filler 07 {provider.title()}"
    page = visit(provider)
    page.goto(f"/customers/?q=filler7.{provider}")
    # The menu opens and closes, and gives the focus back.
    tab_to(page, "Change Status")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Suspend", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Suspend", exact=True)).to_be_hidden()
    tab_to(page, name)
    page.keyboard.press("Space")
    expect(page.locator(".selected")).to_have_text("1 selected")
    page.locator(".brand").focus()
    tab_to(page, "Change Status")
    page.keyboard.press("Enter")
    tab_to(page, "Suspend", 2)
    page.keyboard.press("Enter")
    outcome(page, "Suspend: done.")
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    outcome(page, "done.")
    expect(page.locator("tbody tr")).to_contain_text("Active")


def test_the_search_takes_the_focus_by_slash_and_by_control_k(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/customers/add/")
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search for everything")).to_be_focused()
    # Inside a field a slash is a slash.
    page.get_by_label("Company").focus()
    page.keyboard.type("a/b")
    expect(page.get_by_label("Company")).to_have_value("a/b")

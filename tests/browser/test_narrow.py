"""A phone: 390 pixels wide, by finger. (That every page fits is among the tests of axe.)"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, choose, outcome, pick
from tests.browser.gallery.render import sideways

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_customer_is_found_suspended_and_activated_on_a_phone(
    visit: Visit, provider: str
) -> None:
    name = f"Nino {provider.title()}"
    page = visit(provider, **PHONE)
    page.goto("/")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.locator(".nav-toggle summary").tap()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Customers").tap()
    page.get_by_placeholder("Search this list").fill(f"nino.{provider}")
    page.get_by_role("button", name="Search this list").tap()
    pick(page, name)
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: done.")
    expect(page.locator("tbody tr")).to_contain_text("Suspended")
    assert not sideways(page)
    page.get_by_role("link", name=name, exact=True).tap()
    expect(page.get_by_text("Edit Contact Info")).to_be_visible()
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: done.")
    assert not sideways(page)


def test_menus_stay_on_the_screen(visit: Visit) -> None:
    page = visit("admin", **PHONE)
    page.goto("/customers/")
    for menu in (".bulk summary", ".who > summary"):
        page.locator(menu).first.tap()
        shown = page.locator("details[open] .menu-items").first.bounding_box()
        assert shown is not None
        assert shown["x"] >= 0
        assert shown["x"] + shown["width"] <= 390
        page.keyboard.press("Escape")

"""What the administrator does about whose customers somebody has, by the labels on screen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def select(page: Page, label: str, choice: str) -> None:
    """A choice by its words, in the form for all."""
    page.locator(".fields").get_by_label(label).select_option(label=choice)


def press(page: Page, label: str) -> None:
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()


def open_customer(page: Page, name: str) -> None:
    page.goto(f"/customers/?q={name.replace(' ', '+')}")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def test_one_customer_moves_to_another_owner_and_its_site_goes_on(
    visit: Visit, panel: RunningPanel
) -> None:
    """name ▸ Move to another, beside Provider ▸ new owner, plan (Custom plan preselected) ▸ OK."""
    panel.answers(200, "otto-rita.localhost")
    page = visit("admin")
    open_customer(page, "Otto Rita")
    page.get_by_role("link", name="Move to another").click()
    select(page, "New owner", "Rolf Reseller (rolf)")
    press(page, "Next")
    expect(page.locator("#id_all-plan option:checked")).to_have_text("Custom plan")
    expect(page.get_by_role("main")).to_contain_text("1 customer goes to Rolf Reseller")
    press(page, "OK")
    outcome(page, "Move to another: done.")
    expect(page.get_by_role("link", name="Rolf Reseller")).to_be_visible()
    panel.answers(200, "otto-rita.localhost")
    page.goto("/subscriptions/?q=otto-rita")
    expect(page.locator("tbody")).to_contain_text("(Custom)")


def test_many_customers_move_with_a_plan_for_each(visit: Visit) -> None:
    """select ▸ Move to ▸ new owner, a plan for each customer ▸ OK."""
    page = visit("admin")
    page.goto("/customers/?q=ostrand")
    pick(page, "Olga Rita", "Odil Rita")
    press(page, "Move to")
    select(page, "New owner", "Administrator")
    press(page, "Next")
    each = page.get_by_role("group", name="Olga Rita")
    each.get_by_label("Service plan").select_option(label="Basic admin")
    press(page, "OK")
    expect(page.get_by_role("main")).to_contain_text("take the service plan Basic admin")
    press(page, "OK")
    outcome(page, "Move to: 2 of 2 done.")
    assert "q=ostrand" in page.url
    page.goto("/subscriptions/?q=olga-rita")
    expect(page.locator("tbody")).to_contain_text("(Basic admin)")
    page.goto("/subscriptions/?q=odil-rita")
    expect(page.locator("tbody")).to_contain_text("(Custom)")


def test_one_customer_becomes_a_reseller(visit: Visit, panel: RunningPanel) -> None:
    """name ▸ Convert to Reseller (sidebar) ▸ reseller plan, Custom plan preselected ▸ OK."""
    page = visit("admin")
    open_customer(page, "Paul Rita")
    act(page, "Convert to Reseller")
    expect(page.locator("#id_all-plan option:checked")).to_have_text("Custom plan")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "Convert to Reseller: done.")
    assert "/resellers/" in page.url
    expect(page.get_by_role("button", name="Log in as reseller")).to_be_visible()
    panel.answers(200, "paul-rita.localhost")


def test_many_customers_become_resellers(visit: Visit) -> None:
    """select ▸ Convert to Resellers ▸ one page, a plan for each customer ▸ OK."""
    page = visit("admin")
    page.goto("/customers/?q=pfeilhof")
    pick(page, "Pia Admin", "Pola Admin")
    press(page, "Convert to Resellers")
    expect(page.get_by_role("group", name="Pola Admin")).to_be_visible()
    press(page, "Next")
    expect(page.get_by_role("main")).to_contain_text("These have no subscription to sum up")
    press(page, "OK")
    outcome(page, "Convert to Resellers: 2 of 2 done.")
    page.goto("/resellers/?q=pfeilhof")
    expect(page.get_by_role("link", name="Pia Admin", exact=True)).to_be_visible()

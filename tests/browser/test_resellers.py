"""What the administrator does to resellers, one and many, by the labels on screen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, log_in, open_menu, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def open_reseller(page: Page, name: str) -> None:
    """Resellers ▸ name."""
    page.goto(f"/resellers/?q={name.replace(' ', '+')}")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def ask_to_suspend(page: Page) -> None:
    """Change Status ▸ Suspend (sidebar), which leads to a page first."""
    open_menu(page, "Change Status")
    page.get_by_role("link", name="Suspend", exact=True).click()


def press(page: Page, label: str) -> None:
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()


def take_a_plan_and_go(page: Page) -> None:
    """Change Plan from its page and from the list, then Remove: it has no customers."""
    page.goto("/reseller-plans/")
    page.get_by_role("link", name="Add a Plan").first.click()
    box(page, "Name").fill("Fair offer")
    press(page, "OK")
    outcome(page, "done.")
    open_reseller(page, "Rea Reseller")
    act(page, "Change Plan")
    box(page, "Reseller plan").select_option(label="Fair offer")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "Change Plan: done.")
    page.goto("/resellers/?q=Rea+Reseller")
    pick(page, "Rea Reseller")
    press(page, "Change Plan")
    box(page, "Reseller plan").select_option(label="Custom plan")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "Change Plan: done.")
    open_reseller(page, "Rea Reseller")
    act(page, "Remove")
    press(page, "Yes")
    outcome(page, "Remove: done.")
    page.goto("/resellers/")
    expect(page.locator("tbody")).not_to_contain_text("Rea Reseller")
    page.goto("/resellers/?status=removed&q=rea")
    pick(page, "Rea Reseller")
    press(page, "Restore")
    outcome(page, "Restore: done.")
    page.goto("/resellers/?q=rea")
    pick(page, "Rea Reseller")
    press(page, "Remove")
    press(page, "Yes")
    outcome(page, "Remove: done.")


def test_add_a_reseller_then_contact_login_and_description(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/")
    page.get_by_role("link", name="Resellers", exact=True).first.click()
    page.get_by_role("link", name="Add a Reseller").click()
    box(page, "Contact name").fill("Rea Reseller")
    box(page, "Email address").fill("rea@mail.example")
    box(page, "Username").fill("rea")
    box(page, "Password").fill("a long enough password")
    box(page, "Password again").fill("a long enough password")
    expect(box(page, "Reseller plan").locator("option:checked")).to_have_text("Custom plan")
    press(page, "OK")
    outcome(page, "Add a Reseller: done.")
    expect(page.locator("h1")).to_have_text("Rea Reseller")
    act(page, "Edit Contact Info")
    box(page, "Company").fill("Rea Webworks")
    press(page, "OK")
    expect(page.locator(".subtitle")).to_contain_text("Rea Webworks")
    act(page, "[add description]")
    box(page, "Description").fill("Met at the fair")
    press(page, "OK")
    expect(page.locator(".description")).to_have_text("Met at the fair")
    act(page, "[edit]")
    expect(box(page, "Description")).to_have_value("Met at the fair")
    page.get_by_role("link", name="Cancel").click()
    act(page, "Change Login Info")
    box(page, "Username").fill("rea.new")
    box(page, "New password").fill("quite another password")
    box(page, "Password again").fill("quite another password")
    press(page, "OK")
    outcome(page, "Change Login Info: done.")
    reseller = visit()
    log_in(reseller, "rea.new", "quite another password")
    expect(reseller.locator("h1")).to_have_text("Home")
    expect(reseller.get_by_role("link", name="Resellers", exact=True)).to_have_count(0)
    take_a_plan_and_go(page)


def test_suspend_one_with_everything_below_or_the_panel_only(
    visit: Visit, panel: RunningPanel
) -> None:
    page, site = visit("admin"), "rosa-kid.localhost"
    panel.answers(200, site)
    open_reseller(page, "Rosa Reseller")
    ask_to_suspend(page)
    expect(page.locator("main")).to_contain_text("1 customer")
    expect(box(page, "What is suspended").locator("option:checked")).to_have_text(
        "Everything below"
    )
    press(page, "OK")
    outcome(page, "Suspend: done.")
    panel.answers(503, site)
    page.get_by_role("button", name="Undo").click()
    panel.answers(200, site)
    open_reseller(page, "Rosa Reseller")
    ask_to_suspend(page)
    box(page, "What is suspended").select_option(label="Panel only")
    press(page, "OK")
    reseller = visit()
    log_in(reseller, "rosa")
    expect(reseller.locator("h1")).to_have_text("This account is suspended")
    assert panel.site(site)[0] == 200
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: done.")
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Active")


def test_suspend_and_activate_several_from_the_list(visit: Visit, panel: RunningPanel) -> None:
    page = visit("admin")
    page.goto("/resellers/?q=rosenhof")
    pick(page, "Rosa Reseller", "Ralf Reseller")
    choose(page, "Change Status", "Suspend")
    # Whoever hosts others is asked about on a page first.
    expect(page.locator(".targets")).to_contain_text("Applies to 2")
    press(page, "OK")
    outcome(page, "Suspend: 2 of 2 done.")
    panel.answers(503, "rosa-kid.localhost")
    page.locator(".filter-toggle summary").click()
    box(page, "Status").select_option(label="Suspended")
    page.get_by_role("button", name="Apply").click()
    pick(page, "Rosa Reseller", "Ralf Reseller")
    open_menu(page, "Change Status")
    page.get_by_role("button", name="Activate", exact=True).click()
    outcome(page, "Activate: 2 of 2 done.")
    panel.answers(200, "rosa-kid.localhost")


def test_several_are_removed_and_restored(visit: Visit) -> None:
    names = ("Remi Reseller", "Remo Reseller")
    page = visit("admin")
    page.goto("/resellers/?q=randhof")
    pick(page, *names)
    press(page, "Remove")
    expect(page.locator(".targets")).to_contain_text("Applies to 2")
    press(page, "Yes")
    outcome(page, "Remove: 2 of 2 done.")
    page.goto("/resellers/?status=removed&q=randhof")
    pick(page, *names)
    press(page, "Restore")
    outcome(page, "Restore: 2 of 2 done.")
    page.goto("/resellers/?q=randhof")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_with_customers_it_is_neither_removed_nor_converted_until_they_moved(
    visit: Visit, panel: RunningPanel
) -> None:
    """Refused, with names; it offers to move them. Then Convert to Customer."""
    page = visit("admin")
    open_reseller(page, "Ralf Reseller")
    act(page, "Remove")
    expect(page.locator(".problems")).to_contain_text("It still has customers: Ralf Kid")
    expect(page.locator(".problems").get_by_role("link", name="Move the customers")).to_be_visible()
    open_reseller(page, "Ralf Reseller")
    act(page, "Convert to Customer")
    expect(page.locator("#id_all-plan option:checked")).to_have_text("Custom plan")
    press(page, "Next")
    expect(page.locator(".problems")).to_contain_text("It still has customers: Ralf Kid")
    page.locator(".problems").get_by_role("link", name="Move the customers").click()
    pick(page, "Ralf Kid")
    press(page, "Move to")
    page.locator(".fields").get_by_label("New owner").select_option(label="Rosa Reseller (rosa)")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "done.")
    open_reseller(page, "Ralf Reseller")
    act(page, "Convert to Customer")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "Convert to Customer: done.")
    assert "/customers/" in page.url
    expect(page.get_by_role("button", name="Log in as customer")).to_be_visible()


def test_log_in_as_reseller_and_back(visit: Visit) -> None:
    page = visit("admin", fresh=True)
    open_reseller(page, "Rosa Reseller")
    page.get_by_role("button", name="Log in as reseller").click()
    expect(page.locator(".acting")).to_contain_text("You are logged in as Rosa Reseller")
    expect(page.locator("h1")).to_have_text("Home")
    page.get_by_role("link", name="Customers", exact=True).first.click()
    # Not nested: nobody goes on from there to somebody else.
    page.get_by_role("link", name="Rosa Kid", exact=True).click()
    expect(page.get_by_role("button", name="Log in as customer")).to_have_count(0)
    page.get_by_role("button", name="Back to admin").click()
    expect(page.locator("h1")).to_have_text("Rosa Reseller")

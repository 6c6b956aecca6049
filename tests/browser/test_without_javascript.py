"""Everything works without JavaScript: the main ways, for one and for many."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, act, box, choose, outcome, pick
from tests.browser.running import RunningPanel
from tests.browser.test_customers_many import filter_by_status, worker_paused

pytestmark = pytest.mark.browser


def test_add_edit_suspend_and_remove_one(visit: Visit, panel: RunningPanel, provider: str) -> None:
    name, site = f"Plain {provider.title()}", f"plain-{provider}.localhost"
    page = visit(provider, js=False)
    page.goto("/customers/")
    page.get_by_role("link", name="Add a Customer").click()
    # What would need the script is not there.
    expect(page.get_by_role("button", name="Generate")).to_be_hidden()
    box(page, "Contact name").fill(name)
    box(page, "Email address").fill("plain@mail.example")
    box(page, "Username").fill(f"plain.{provider}")
    box(page, "Password").fill("a long enough password")
    box(page, "Password again").fill("a long enough password")
    box(page, "Domain name").fill("no name")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Domain name")
    expect(box(page, "Contact name")).to_have_value(name)
    box(page, "Password").fill("a long enough password")
    box(page, "Password again").fill("a long enough password")
    box(page, "Domain name").fill(site)
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Customer: done.")
    panel.answers(200, site)
    act(page, "Edit Contact Info")
    box(page, "City").fill("Lyon")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Edit Contact Info: done.")
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: done.")
    panel.answers(503, site)
    page.get_by_role("button", name="Undo").click()
    panel.answers(200, site)
    act(page, "Remove")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    panel.answers(503, site)


def test_suspend_and_activate_several(visit: Visit, panel: RunningPanel, provider: str) -> None:
    names = [f"Lena {provider.title()}", f"Loic {provider.title()}"]
    sites = [f"lena-{provider}.localhost", f"loic-{provider}.localhost"]
    page = visit(provider, js=False)
    page.goto("/customers/")
    page.get_by_placeholder("Search this list").fill("lindenhof")
    page.get_by_role("button", name="Search this list").click()
    filter_by_status(page, "Active")
    pick(page, *names)
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: 2 of 2 done.")
    panel.answers(503, *sites)
    filter_by_status(page, "Suspended")
    pick(page, *names)
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: 2 of 2 done.")
    panel.answers(200, *sites)


def test_all_that_match_by_the_box_that_is_always_there(visit: Visit, provider: str) -> None:
    page = visit(provider, js=False)
    page.goto(f"/customers/?q=cargo{provider}&size=25")
    page.get_by_label("Select all 30 that match").check()
    page.get_by_role("button", name="Remove").click()
    typed = page.get_by_label("To go on, type how many it is: 30")
    typed.fill("3")
    page.get_by_role("button", name="Yes").click()
    expect(page.locator(".outcome-bad")).to_contain_text("Type 30 to confirm.")
    page.get_by_label("To go on, type how many it is: 30").fill("30")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 30 of 30 done.")
    page.get_by_role("button", name="Undo").click()
    outcome(page, "30 of 30 done.")


def test_a_long_run_shows_its_progress_and_comes_to_its_end(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider, js=False)
    page.goto("/customers/?q=herd&size=25")
    page.get_by_label("Select all 205 that match").check()
    choose(page, "Change Status", "Suspend with a message…")
    box(page, "Kind").select_option(label="Unpaid")
    with worker_paused(panel):
        page.get_by_role("button", name="OK").click()
        expect(page.locator(".run")).to_contain_text("0 of 205")
    outcome(page, "Suspend: 205 of 205 done.")
    page.get_by_role("button", name="Undo").click()
    outcome(page, "205 of 205 done.")

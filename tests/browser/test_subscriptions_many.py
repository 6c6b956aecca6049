"""Several subscriptions at once, and what is not in sync, by the labels on screen."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def press(page: Page, label: str) -> None:
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()


def names_of(provider: str) -> list[str]:
    return [f"{key}-{provider}.localhost" for key in ("sofi", "sofia")]


def open_list(page: Page) -> None:
    """Subscriptions, narrowed to the two of this test."""
    page.goto("/")
    page.get_by_role("link", name="Subscriptions", exact=True).first.click()
    page.get_by_placeholder("Search this list").fill("sofi")
    page.get_by_placeholder("Search this list").press("Enter")


def set_expiry(page: Page, until: str, *names: str) -> None:
    """select ▸ More ▸ Set expiry ▸ OK."""
    pick(page, *names)
    choose(page, "More", "Set expiry")
    box(page, "Expires on").fill(until)
    press(page, "OK")
    outcome(page, "Set expiry: 2 of 2 done.")


def test_several_change_plan_each_its_own_and_sync(visit: Visit, provider: str) -> None:
    names = names_of(provider)
    page = visit(provider)
    open_list(page)
    pick(page, *names)
    press(page, "Change Plan")
    kept = box(page, "Service plan").first.locator("option:checked")
    expect(kept).to_have_text("The present plan of each")
    box(page, "Service plan").first.select_option(label="Custom plan")
    press(page, "Next")
    expect(page.locator(".notice").first).to_contain_text("2 subscriptions become Custom")
    press(page, "OK")
    outcome(page, "Change Plan: 2 of 2 done.")
    pick(page, *names)
    press(page, "Change Plan")
    # One takes it by itself, the other because it is chosen for all.
    box(page, "Service plan").first.select_option(label=f"Basic {provider}")
    box(page, "Service plan").nth(1).select_option(label=f"Basic {provider}")
    press(page, "Next")
    press(page, "OK")
    outcome(page, "Change Plan: 2 of 2 done.")
    expect(page.locator("tbody")).not_to_contain_text("(Custom)")
    pick(page, *names)
    press(page, "Sync")
    outcome(page, "Sync: 0 of 2 done.")
    expect(page.locator(".problems")).to_contain_text(names[1])
    page.get_by_role("link", name=names[0], exact=True).first.click()
    act(page, "Customize")
    box(page, "Domain aliases").fill("9")
    press(page, "Update & Lock")
    expect(page.locator(".page-title .tags")).to_contain_text("Locked")
    open_list(page)
    pick(page, *names)
    choose(page, "More", "Unlock & Sync")
    # Said before it acts: the other one is not locked.
    expect(page.locator(".problems")).to_contain_text(names[1])
    page.locator(".form-buttons").get_by_role("button").click()
    outcome(page, "Unlock & Sync: 1 of 2 done.")
    expect(page.locator("tbody")).not_to_contain_text("Locked")


def test_several_get_an_expiry_and_are_removed_and_restored(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    names = names_of(provider)
    panel.answers(200, *names)
    page = visit(provider)
    open_list(page)
    set_expiry(page, (datetime.now(UTC) + timedelta(days=9)).date().isoformat(), *names)
    page.locator(".filter-toggle summary").click()
    box(page, "Status").select_option(label="Expires within 14 days")
    page.get_by_role("button", name="Apply").click()
    set_expiry(page, "", *names)
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    open_list(page)
    pick(page, *names)
    press(page, "Remove")
    expect(page.locator("main")).to_contain_text("2 domains with their files")
    press(page, "Yes")
    outcome(page, "Remove: 2 of 2 done.")
    panel.answers(503, *names)
    page.goto("/subscriptions/")
    page.locator(".filter-toggle summary").click()
    box(page, "Status").select_option(label="Removed")
    page.get_by_role("button", name="Apply").click()
    pick(page, *names)
    press(page, "Restore")
    outcome(page, "Restore: 2 of 2 done.")
    panel.answers(200, *names)
    page.goto(f"/subscriptions/?q={names[0]}")
    page.get_by_role("link", name=names[0], exact=True).first.click()
    act(page, "[add description]")
    box(page, "Description").fill("Shop and blog")
    press(page, "OK")
    expect(page.locator(".description")).to_have_text("Shop and blog")
    choose(page, "Change Status", "Suspend")
    panel.answers(503, names[0])
    choose(page, "Change Status", "Activate")
    panel.answers(200, names[0])


@pytest.mark.parametrize("who", ["admin", "rosa"])
def test_what_is_not_in_sync_shows_plan_value_and_available_value(visit: Visit, who: str) -> None:
    """tag Unsynchronised ▸ each property with plan value and available value"""
    page, name = visit(who), "rosa-kid.localhost"
    page.goto("/subscriptions/?q=rosa")
    page.locator(".filter-toggle summary").click()
    box(page, "Status").select_option(label="Unsynchronised")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.locator(".page-title .tags")).to_contain_text("Unsynchronised")
    page.locator(".notice-warn").get_by_role("link", name="Show what").click()
    rows = page.locator(".section", has_text="Not as the plan promises").locator("table")
    for head in ("Property", "Plan value", "Available value"):
        expect(rows.get_by_role("columnheader", name=head)).to_be_visible()
    expect(rows.get_by_role("row").filter(has_text="DNS zone management")).to_have_count(1)
    # What the provider itself has not, Sync cannot give: the same property is named again.
    act(page, "Sync")
    outcome(page, "Sync: ")
    expect(page.locator(".page-title .tags")).to_contain_text("Unsynchronised")

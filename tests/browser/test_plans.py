"""Add-ons, reseller plans, and subscriptions that follow, by the labels on screen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, outcome, pick

pytestmark = pytest.mark.browser


def tab(page: Page, label: str) -> None:
    """Service Plans ▸ tab."""
    page.goto("/")
    page.get_by_role("link", name="Service Plans", exact=True).first.click()
    page.locator("nav.tabs").get_by_role("link", name=label).click()
    expect(page.locator("nav.tabs [aria-current=page]")).to_have_text(label)


def test_add_clone_and_remove_an_add_on(visit: Visit, provider: str) -> None:
    page = visit(provider)
    tab(page, "Add-ons")
    page.get_by_role("link", name="Add a Plan").click()
    box(page, "Name").fill("More domains")
    box(page, "Domains").fill("5")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Plan: done.")
    expect(page.locator(".section").first).to_contain_text("5")
    act(page, "Edit")
    box(page, "Domains").fill("6")
    page.get_by_role("button", name="Update & Sync").click()
    outcome(page, "Edit: done.")
    act(page, "Clone")
    tab(page, "Add-ons")
    pick(page, "More domains (2)")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    expect(page.get_by_role("link", name="More domains", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="More domains (2)", exact=True)).to_have_count(0)


def test_customise_locks_and_unlock_and_sync_brings_back(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto(f"/subscriptions/?q=loic-{provider}")
    page.get_by_role("link", name=f"loic-{provider}.localhost", exact=True).first.click()
    act(page, "Customize")
    box(page, "Domains").fill("9")
    box(page, "Bandwidth of a connection (KiB/s)").fill("512")
    page.get_by_role("button", name="Update & Lock").click()
    expect(page.locator(".page-title .tags")).to_contain_text("Locked")
    page.goto("/subscriptions/?status=locked")
    pick(page, f"loic-{provider}.localhost")
    page.locator("summary", has_text="More").click()
    page.get_by_role("button", name="Unlock & Sync", exact=True).click()
    for words in ("Domains: 9 → 3", "Bandwidth of a connection (KiB/s): 512 → unlimited"):
        expect(page.locator("main")).to_contain_text(words)
    page.get_by_role("button", name="OK").click()
    outcome(page, "Unlock & Sync: done.")
    page.goto(f"/subscriptions/?q=loic-{provider}")
    expect(page.locator("table.list")).not_to_contain_text("Locked")


def test_the_administrator_adds_a_reseller_plan_and_resellers_see_none(visit: Visit) -> None:
    page = visit("admin")
    tab(page, "Reseller Plans")
    page.get_by_role("link", name="Add a Plan").first.click()
    box(page, "Name").fill("Partner")
    box(page, "Customers").fill("40")
    page.get_by_role("checkbox", name="Overselling of disk space and traffic").check()
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Plan: done.")
    expect(page.locator(".section").first).to_contain_text("40")
    act(page, "Edit")
    box(page, "Customers").fill("50")
    page.get_by_role("button", name="Update & Sync").click()
    outcome(page, "Edit: done.")
    act(page, "Clone")
    tab(page, "Reseller Plans")
    pick(page, "Partner (2)")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    rita = visit("rita")
    rita.goto("/plans/")
    tabs = rita.locator("nav.tabs")
    expect(tabs).to_contain_text("Add-ons")
    expect(tabs).not_to_contain_text("Reseller Plans")

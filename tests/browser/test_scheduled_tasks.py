"""Scheduled tasks by their labels: added with the next runs shown, run at once, switched off."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def add(page: Page, subscription: int, words: str, what: str, line: str) -> None:
    page.goto(f"/subscriptions/{subscription}/scheduled-tasks/")
    page.get_by_role("link", name="Add Scheduled Task").click()
    box(page, "Description").fill(words)
    box(page, "What to run").fill(what)
    box(page, "Times").select_option(label="by cron line")
    box(page, "Cron line").fill(line)
    page.get_by_role("button", name="Show the next runs").click()


def test_a_task_is_added_edited_run_and_switched_off(
    visit: Visit, panel: RunningPanel, made: dict[str, Any], provider: str
) -> None:
    """Add Scheduled Task, Edit, Run now, Deactivate and Activate of several, Remove."""
    name = f"kira-{provider}.localhost"
    subscription = made[provider]["subscriptions"][name]
    site = f"http://{name}:{panel.sites_port}/"
    page = visit(provider)
    add(page, subscription, "Warm the shop", site, "61 * * * *")
    expect(page.locator(".invalid-feedback")).to_contain_text("minute")
    # Nothing that was typed is lost.
    expect(box(page, "What to run")).to_have_value(site)
    box(page, "Cron line").fill("0 4 * * *")
    page.get_by_role("button", name="Show the next runs").click()
    expect(page.get_by_text("04:00", exact=False)).to_have_count(5)
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Scheduled Task: done.")
    add(page, subscription, "Clean the shop", site, "@daily")
    page.get_by_role("button", name="OK").click()
    page.get_by_role("link", name="Warm the shop").click()
    expect(page.get_by_text("It has not been run yet.")).to_be_visible()
    act(page, "Run now")
    outcome(page, "Run now: done.")
    # The page looks again by itself until the node has told how the run ended.
    expect(page.get_by_text("by Run now")).to_be_visible()
    expect(page.locator("pre.code")).to_be_visible()
    act(page, "Edit")
    box(page, "Description").fill("Heat the shop")
    page.get_by_role("button", name="Show the next runs").click()
    page.get_by_role("button", name="OK").click()
    expect(page.locator("h1")).to_have_text("Heat the shop")
    page.goto("/scheduled-tasks/")
    pick(page, "Heat the shop", "Clean the shop")
    choose(page, "Change Status", "Deactivate")
    outcome(page, "Deactivate: 2 of 2 done.")
    pick(page, "Heat the shop", "Clean the shop")
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: 2 of 2 done.")
    pick(page, "Heat the shop", "Clean the shop")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 2 of 2 done.")

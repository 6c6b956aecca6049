"""Settings, Activity and Home, by their labels."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, box, choose, outcome, pick
from tests.browser.running import RunningPanel, wait_until

pytestmark = pytest.mark.browser


def test_the_administrator_changes_how_long_removed_objects_are_kept(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/")
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.locator("h1")).to_have_text("Settings")
    days = box(page, "Keep what was removed (days)")
    days.fill("9999")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_contain_text("Keep what was removed (days)")
    expect(days).to_have_value("9999")
    days.fill("21")
    page.get_by_role("button", name="Save").click()
    outcome(page, "Edit Settings: done.")
    expect(days).to_have_value("21")
    page.goto("/customers/?q=juri")
    page.get_by_role("checkbox", name=re.compile("^Juri")).first.check()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("main")).to_contain_text("kept for 21 days")
    page.get_by_role("link", name="Cancel").click()
    page.goto("/settings/removal/")
    box(page, "Keep what was removed (days)").fill("14")
    page.get_by_role("button", name="Save").click()
    outcome(page, "Edit Settings: done.")


def test_the_administrator_has_suspended_accounts_told_in_words_of_its_own(
    visit: Visit, panel: RunningPanel
) -> None:
    """Settings ▸ Notices: who is told, and the text; by email, here into files."""
    page = visit("admin")
    page.goto("/settings/notices/")
    event = page.locator("fieldset", has_text="An account or a subscription was suspended")
    told = event.get_by_label("Who is told")
    expect(told.locator("option:checked")).to_have_text("Nobody")
    told.select_option(label="The account it is about")
    event.get_by_label("Subject").fill("Shut: {nothing_of_the_kind}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_contain_text("{nothing_of_the_kind}")
    event.get_by_label("Subject").fill("Shut: {username}")
    page.get_by_role("button", name="Save").click()
    outcome(page, "Edit Settings: done.")
    page.goto("/customers/?q=filler+21+admin")
    pick(page, "Filler 21 Admin")
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: done.")

    def is_sent() -> bool:
        texts = [file.read_text() for file in (panel.data / "mail").glob("*.log")]
        return any("Subject: Shut: filler21.admin" in text for text in texts)

    wait_until(is_sent, "the notice is written")
    page.get_by_role("button", name="Undo").click()
    page.goto("/settings/notices/")
    told.select_option(label="Nobody")
    event.get_by_label("Subject").fill("")
    page.get_by_role("button", name="Save").click()
    outcome(page, "Edit Settings: done.")


def test_activity_is_filtered_and_exported(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/")
    page.get_by_role("link", name="All activity").click()
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("What", exact=True).select_option(label="Subscription: Add a Subscription")
    page.get_by_label("Who (username)").fill("nobody-at-all")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Nothing matches")
    page.get_by_role("link", name=re.compile("^Who")).click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Add a Subscription")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(StringIO(text)))
    assert rows
    assert {row["Code"] for row in rows} == {"account.add-subscription"}


def test_home_shows_figures_over_time_and_leads_to_the_lists(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/")
    plot = page.get_by_role("img", name="Customers over time")
    expect(plot).to_be_visible()
    bounds = plot.bounding_box()
    assert bounds
    assert bounds["height"] > 40
    page.get_by_role("navigation", name="Period").get_by_role("link", name="30").click()
    expect(page).to_have_url(re.compile(r"\?days=30$"))
    expect(page.locator(".plot-table table")).to_be_hidden()
    page.get_by_text("The figures as a table").click()
    expect(page.locator(".plot-table thead")).to_contain_text("Subscriptions")
    expect(page.locator(".plot-table tbody tr").first).to_be_visible()
    page.get_by_role("link", name=re.compile(r"^Suspended \d")).first.click()
    expect(page).to_have_url(re.compile(r"/customers/\?status=suspended$"))

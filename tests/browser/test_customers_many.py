"""What a provider does to many customers, from the list, by the labels on screen."""

import csv
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, box, choose, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def filter_by_status(page: Page, status: str) -> None:
    """The list filter behind its button."""
    toggle = page.locator(".filter-toggle")
    if toggle.get_attribute("open") is None:
        toggle.locator("summary").click()
    box(page, "Status").select_option(label=status)
    page.get_by_role("button", name="Apply").click()


@contextmanager
def worker_paused(panel: RunningPanel) -> Iterator[None]:
    """Long runs wait meanwhile."""
    pid = panel.worker()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_suspend_and_activate_several_on_every_name_while_the_neighbour_runs(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    who = provider.title()
    sites = [f"{name}-{provider}.localhost" for name in ("ines", "igor")]
    more = [f"{name}-same-{provider}.localhost" for name in ("ines", "igor")]
    redirecting = [f"{name}-redirect-{provider}.localhost" for name in ("ines", "igor")]
    panel.answers(200, *sites, *more)
    page = visit(provider)
    page.goto("/customers/")
    page.get_by_placeholder("Search this list").fill("inselhof")
    page.get_by_placeholder("Search this list").press("Enter")
    filter_by_status(page, "Active")
    pick(page, f"Ines {who}", f"Igor {who}")
    expect(page.locator(".selected")).to_have_text("2 selected")
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: 2 of 2 done.")
    panel.answers(503, *sites, *more, *redirecting)
    assert panel.site(f"juri-{provider}.localhost")[0] == 200
    assert "q=inselhof" in page.url
    assert "status=active" in page.url
    page.get_by_role("button", name="Undo").click()
    outcome(page, "2 of 2 done.")
    panel.answers(200, *sites, *more)
    pick(page, f"Ines {who}", f"Igor {who}")
    choose(page, "Change Status", "Suspend")
    panel.answers(503, *sites)
    filter_by_status(page, "Suspended")
    pick(page, f"Ines {who}", f"Igor {who}")
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: 2 of 2 done.")
    panel.answers(200, *sites, *more)
    panel.answers(301, *redirecting)
    assert panel.site(f"juri-{provider}.localhost")[0] == 200


def test_what_was_refused_stays_selected_with_its_reason(visit: Visit, provider: str) -> None:
    who = provider.title()
    page = visit(provider)
    page.goto("/customers/?q=inselhof&status=suspended")
    pick(page, f"Iris {who}", f"Abel {who}")
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: 1 of 2 done.")
    expect(page.locator(".problems")).to_contain_text("It is suspended for abuse")
    refused = page.locator("tr.is-refused")
    expect(refused).to_have_count(1)
    expect(refused.get_by_role("checkbox")).to_be_checked()
    expect(refused.locator(".why")).to_contain_text("suspended for abuse")
    assert "status=suspended" in page.url
    # The selection is there already: with the options, abuse is lifted by a tick of its own.
    page.locator("summary", has_text="Change Status").click()
    page.get_by_role("button", name="Activate with options…").click()
    box(page, "Lift a suspension for abuse too").check()
    page.get_by_role("button", name="OK").click()
    outcome(page, "Activate: done.")


def test_remove_several_after_typing_how_many_then_restore(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    names = [f"Rem{n} {provider.title()}" for n in range(4)]
    page = visit(provider)
    page.goto("/customers/?size=100&q=rem")
    pick(page, *names)
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("h1")).to_have_text("Remove")
    expect(page.locator(".targets")).to_contain_text("Applies to 4")
    expect(page.locator(".notice").first).to_contain_text("4 domains with their files")
    typed = page.get_by_label("To go on, type how many it is: 12")
    typed.fill("4")
    page.get_by_role("button", name="Yes").click()
    assert typed.evaluate("field => field.validationMessage") == "Type 12."
    typed.fill("12")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 4 of 4 done.")
    panel.answers(503, *(f"rem{n}-{provider}.localhost" for n in range(4)))
    page.goto("/customers/")
    filter_by_status(page, "Removed")
    pick(page, *names)
    page.get_by_role("button", name="Restore").click()
    outcome(page, "Restore: 4 of 4 done.")
    panel.answers(200, *(f"rem{n}-{provider}.localhost" for n in range(4)))


def test_select_the_page_then_all_that_match_across_pages(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto(f"/customers/?q=cargo{provider}&size=25")
    page.get_by_role("checkbox", name="Select this page").check()
    expect(page.locator(".selected")).to_have_text("25 selected")
    page.get_by_label("Select all 30 that match").check()
    expect(page.locator(".selected")).to_have_text("All that match")
    choose(page, "Change Status", "Suspend")
    # More than a page of them: asked first, with counts.
    expect(page.locator(".targets")).to_contain_text("Applies to 30")
    expect(page.locator(".targets")).to_contain_text("and 10 more")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Suspend: 30 of 30 done.")
    page.get_by_role("button", name="Undo").click()
    outcome(page, "30 of 30 done.")
    filter_by_status(page, "Suspended")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="Clear the filter").click()
    expect(page.locator("tbody tr")).not_to_have_count(0)


def test_pages_go_forth_and_back_and_the_size_is_remembered(visit: Visit, provider: str) -> None:
    who = provider.title()
    page = visit(provider)
    page.goto(f"/customers/?q=cargo{provider}&size=25")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(25)
    expect(page.locator(".page-head .count")).to_have_text("30 customers")
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text(f"Filler 25 {who}")
    page.get_by_role("link", name="Previous").click()
    expect(rows).to_have_count(25)
    expect(rows.first).to_contain_text(f"Filler 00 {who}")
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(rows.first).to_contain_text(f"Filler 29 {who}")
    page.get_by_role("link", name="Next").click()
    expect(rows.last).to_contain_text(f"Filler 00 {who}")
    page.get_by_role("link", name="First").click()
    page.get_by_role("columnheader", name="Created").get_by_role("link").click()
    expect(rows.first).to_contain_text(f"Filler 00 {who}")
    page.get_by_role("link", name="50", exact=True).click()
    expect(rows).to_have_count(30)
    page.goto(f"/customers/?q=cargo{provider}")
    expect(rows).to_have_count(30)


def test_export_csv_of_what_the_filter_shows(visit: Visit, provider: str, tmp_path: Path) -> None:
    page = visit(provider)
    page.goto(f"/customers/?q=cargo{provider}&status=active&size=25")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export CSV").click()
    target = tmp_path / "customers.csv"
    downloading.value.save_as(target)
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert {row["Name"] for row in rows} >= {f"Filler 29 {provider.title()}"}


def test_nothing_selected_is_a_message_and_the_list_stays(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/customers/?q=inselhof")
    choose(page, "Change Status", "Suspend")
    expect(page.locator(".messages")).to_contain_text("Nothing is selected.")
    assert "q=inselhof" in page.url
    expect(page.locator("tbody tr")).not_to_have_count(0)


def test_more_than_200_run_in_the_background_and_can_be_stopped(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider)
    page.goto("/customers/?q=herd&size=25")
    page.get_by_role("checkbox", name="Select this page").check()
    page.get_by_label("Select all 205 that match").check()
    choose(page, "Change Status", "Suspend")
    with worker_paused(panel):
        page.get_by_role("button", name="OK").click()
        expect(page.locator(".run")).to_contain_text("0 of 205")
        page.reload()
        expect(page.locator(".run")).to_contain_text("You can leave this page")
    # The page looks by itself.
    outcome(page, "Suspend: 205 of 205 done.")
    page.get_by_role("link", name="Back to the list").click()
    outcome(page, "Suspend: 205 of 205 done.")
    with worker_paused(panel):
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".run")).to_contain_text("0 of 205")
        page.get_by_role("button", name="Stop").click()
        expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    outcome(page, "0 of 205 done.")
    page.goto("/customers/?q=herd&status=suspended")
    expect(page.locator(".page-head .count")).to_have_text("205 customers")


def test_search_for_everything_by_the_slash_key(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/customers/?q=inselhof")
    page.keyboard.press("/")
    expect(page.get_by_label("Search for everything")).to_be_focused()
    page.keyboard.type(f"dora-same-{provider}")
    page.keyboard.press("Enter")
    hits = page.get_by_role("region", name="Domains")
    expect(hits.get_by_role("link", name=f"dora-{provider}.localhost")).to_be_visible()
    page.get_by_placeholder("Search everything").fill(f"kira.{provider}@mail")
    page.get_by_placeholder("Search everything").press("Enter")
    page.get_by_role("region", name="Customers").get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(f"Kira {provider.title()}")

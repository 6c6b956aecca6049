"""Subscriptions and service plans, by the labels on screen."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser


def open_subscription(page: Page, name: str) -> None:
    """Subscriptions ▸ name."""
    page.goto(f"/subscriptions/?q={name}")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.locator("h1")).to_have_text(name)


def test_preview_asks_the_node_what_would_change(visit: Visit, provider: str) -> None:
    page = visit(provider)
    open_subscription(page, f"mona-{provider}.localhost")
    expect(page.locator(".facts-wide")).to_contain_text("Applied")
    page.get_by_role("link", name="Preview").click()
    page.get_by_role("button", name="Ask the node").click()
    expect(page.get_by_text("Nothing: what is there is what should be there")).to_be_visible()


def test_set_expiry_suspends_at_once_and_brings_back(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    name = f"mona2-{provider}.localhost"
    panel.answers(200, name)
    page = visit(provider)
    open_subscription(page, name)
    act(page, "Set expiry")
    yesterday = datetime.now(UTC) - timedelta(days=2)
    box(page, "Expires on").fill(yesterday.date().isoformat())
    page.get_by_role("button", name="OK").click()
    outcome(page, "Set expiry: done.")
    expect(page.locator(".page-title .tags")).to_contain_text("Expired")
    panel.answers(503, name)
    page.goto("/subscriptions/?status=expired")
    pick(page, name)
    choose(page, "Change Status", "Activate")
    expect(page.locator("tr.is-refused .why")).to_contain_text("It has expired: use Set expiry.")
    expect(page.locator("tr.is-refused").get_by_role("checkbox")).to_be_checked()
    page.get_by_role("link", name=name, exact=True).first.click()
    page.locator(".notice-bad").get_by_role("link", name="Set expiry").click()
    box(page, "Expires on").fill((yesterday + timedelta(days=400)).date().isoformat())
    page.get_by_role("button", name="OK").click()
    panel.answers(200, name)


def test_suspend_and_activate_several_subscriptions(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    names = [f"{key}-{provider}.localhost" for key in ("mona", "mona2")]
    page = visit(provider)
    page.goto("/subscriptions/?q=mona&size=100")
    pick(page, *names)
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: 2 of 2 done.")
    panel.answers(503, *names)
    assert panel.site(f"juri-{provider}.localhost")[0] == 200
    pick(page, *names)
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: 2 of 2 done.")
    panel.answers(200, *names)


def test_change_plan_and_customize(visit: Visit, provider: str) -> None:
    page = visit(provider)
    open_subscription(page, f"mona2-{provider}.localhost")
    act(page, "Change Plan")
    box(page, "Service plan").select_option(label="Custom plan")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".notice").first).to_contain_text("1 subscription becomes Custom")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".subtitle")).to_have_text("(Custom)")
    act(page, "Change Plan")
    box(page, "Service plan").select_option(label=f"Basic {provider}")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".subtitle")).to_have_text(f"(Basic {provider})")
    act(page, "Customize")
    box(page, "Domain aliases").fill("many")
    page.get_by_role("button", name="Update & Lock").click()
    expect(page.locator(".error-summary")).to_contain_text("A number from 0, or “unlimited”.")
    box(page, "Domain aliases").fill("unlimited")
    page.get_by_role("button", name="Update & Lock").click()
    expect(page.locator(".page-title .tags")).to_contain_text("Locked")
    page.get_by_role("link", name="Resources").click()
    expect(page.locator(".section").first).to_contain_text("unlimited")


def test_add_a_subscription_for_a_customer(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider)
    page.goto("/subscriptions/")
    page.get_by_role("link", name="Add a Subscription").click()
    box(page, "Subscriber").fill(f"nino.{provider}")
    box(page, "Domain name").fill(f"mona-{provider}.localhost")
    page.get_by_role("button", name="OK").click()
    # The name is taken: said where it is, and nothing that was typed is lost.
    expect(page.locator("main")).to_contain_text(f"mona-{provider}.localhost")
    expect(box(page, "Subscriber")).to_have_value(f"nino.{provider}")
    box(page, "Domain name").fill(f"nino-{provider}.localhost")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Subscription: done.")
    expect(page.locator(".facts-wide")).to_contain_text(f"Nino {provider.title()}")
    panel.answers(200, f"nino-{provider}.localhost")


def test_change_subscriber_of_one_that_is_in_the_way_and_of_several_from_the_list(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    """Adding a name in use leads to Change Subscriber; then Subscriptions ▸ select ▸ Change
    Subscriber ▸ customer ▸ (what changes) ▸ OK, and back."""
    names = [f"{key}-{provider}.localhost" for key in ("mona", "mona2")]
    page = visit(provider)
    page.goto("/subscriptions/")
    page.get_by_role("link", name="Add a Subscription").click()
    box(page, "Subscriber").fill(f"nino.{provider}")
    box(page, "Domain name").fill(names[0])
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".outcome-bad")).to_contain_text(f"Mona {provider.title()}")
    page.locator(".outcome-bad").get_by_role("link", name="Change Subscriber").click()
    box(page, "New subscriber").fill(f"nino.{provider}")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".lead")).to_have_text("Nothing has been changed yet.")
    expect(page.locator(".notice").first).to_contain_text("1 subscription goes to Nino")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Change Subscriber: done.")
    expect(page.locator(".facts-wide")).to_contain_text(f"Nino {provider.title()}")
    panel.answers(200, *names)
    page.goto("/subscriptions/?q=mona&size=100")
    pick(page, *names)
    page.get_by_role("button", name="Change Subscriber").click()
    box(page, "New subscriber").fill(f"mona.{provider}")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".notice").last).to_contain_text("It was so already.")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Change Subscriber: 1 of 2 done.")
    expect(page).to_have_url(re.compile("q=mona"))


def test_add_edit_clone_and_remove_a_plan(
    visit: Visit, provider: str, made: dict[str, Any]
) -> None:
    page = visit(provider)
    page.goto("/plans/")
    page.get_by_role("link", name="Add a Plan").click()
    box(page, "Name").fill("Shop")
    box(page, "Domains").fill("3")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Plan: done.")
    open_subscription(page, f"mona-{provider}.localhost")
    act(page, "Change Plan")
    box(page, "Service plan").select_option(label="Shop")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="OK").click()
    page.get_by_role("link", name="Shop", exact=True).click()
    act(page, "Edit")
    expect(page.locator(".notice")).to_contain_text(
        "1 subscription follows. 0 are locked and stay."
    )
    box(page, "Domains").fill("7")
    page.get_by_role("button", name="Update & Sync").click()
    expect(page.locator("main")).to_contain_text("Domains: 3 → 7")
    page.get_by_role("button", name="Update & Sync").click()
    outcome(page, "Edit: done.")
    act(page, "Clone")
    page.goto("/plans/")
    expect(page.get_by_role("link", name="Shop (2)", exact=True)).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Shop", exact=True))
    row.get_by_role("link", name="1", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("1 / 7")
    page.goto("/plans/")
    pick(page, "Shop", "Shop (2)")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".notice")).to_contain_text("1 subscription becomes Custom")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 2 of 2 done.")
    open_subscription(page, f"mona-{provider}.localhost")
    expect(page.locator(".subtitle")).to_have_text("(Custom)")

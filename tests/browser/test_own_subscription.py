"""A subscription that a provider keeps for itself, from its adding to its restoring."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, act, box, choose, outcome, pick
from tests.browser.running import RunningPanel, wait_until

pytestmark = pytest.mark.browser


def test_a_provider_keeps_one_for_itself(visit: Visit, panel: RunningPanel, provider: str) -> None:
    """Add, [edit] the description, Rename, Change Status, Remove, Restore."""
    name, new = f"self-{provider}.localhost", f"myself-{provider}.localhost"
    page = visit(provider)
    page.goto("/subscriptions/")
    page.get_by_role("link", name="Add a Subscription").click()
    box(page, "Domain name").fill(name)
    box(page, "Description").fill("Own pages")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Subscription: done.")
    panel.answers(200, name)
    # Nobody logs in as oneself, and a reseller does not say when its own ends.
    expect(page.get_by_role("button", name="Log in as subscriber")).to_have_count(0)
    sidebar = page.locator(".sidebar")
    expect(sidebar.get_by_text("Set expiry")).to_have_count(int(provider == "admin"))
    # Of its own a reseller is the subscriber, who sees no description.
    is_told = provider == "admin"
    expect(sidebar.get_by_text("[edit]", exact=True)).to_have_count(int(is_told))
    if is_told:
        expect(page.locator(".description")).to_have_text("Own pages")
        act(page, "[edit]")
        box(page, "Description").fill("Our own pages")
        page.get_by_role("button", name="OK").click()
        expect(page.locator(".description")).to_have_text("Our own pages")
    act(page, "Rename")
    box(page, "New name").fill(new)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="OK").click()
    outcome(page, "Rename: done.")
    expect(page.locator("h1")).to_have_text(new)
    panel.answers(200, new)
    target = f"http://{new}:{panel.sites_port}/"
    wait_until(lambda: panel.site(name) == (301, target), "the old name redirects")
    choose(page, "Change Status", "Suspend")
    panel.answers(503, new)
    choose(page, "Change Status", "Activate")
    panel.answers(200, new)
    act(page, "Remove")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    panel.answers(503, new)
    page.goto("/subscriptions/?status=removed")
    page.get_by_placeholder("Search this list").fill("myself")
    page.get_by_placeholder("Search this list").press("Enter")
    expect(page.get_by_text("Our own pages")).to_have_count(int(is_told))
    pick(page, new)
    page.get_by_role("button", name="Restore").click()
    outcome(page, "Restore: done.")
    panel.answers(200, new)

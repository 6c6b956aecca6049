"""One's own page: contact information, login, sessions, API tokens."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, act, box, log_in, outcome
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser


def test_one_edits_one_s_own_contact_information(visit: Visit) -> None:
    page = visit("filler2.rita")
    page.goto("/account/")
    act(page, "Edit Contact Info")
    box(page, "Phone").fill("+49 30 5550 101")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Edit Contact Info: done.")
    expect(page.locator(".facts-wide")).to_contain_text("+49 30 5550 101")


def test_a_new_password_asks_for_the_present_one_and_ends_other_sessions(visit: Visit) -> None:
    page, elsewhere = visit("filler3.rita", fresh=True), visit("filler3.rita", fresh=True)
    page.goto("/account/")
    act(page, "Change Login Info")
    box(page, "Your present password").fill("not that one")
    box(page, "New password").fill("quite another password")
    box(page, "Password again").fill("quite another password")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("This is not your present password.")
    box(page, "Your present password").fill(PASSWORD)
    box(page, "New password").fill("quite another password")
    box(page, "Password again").fill("quite another password")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Change Login Info: done.")
    elsewhere.goto("/account/")
    expect(elsewhere.locator("h1")).to_have_text("Log in")
    log_in(elsewhere, "filler3.rita", "quite another password")
    expect(elsewhere.locator("h1")).to_have_text("Websites & Domains")


def test_log_out_everywhere_else(visit: Visit) -> None:
    page, elsewhere = visit("filler4.rita", fresh=True), visit("filler4.rita", fresh=True)
    page.goto("/account/")
    act(page, "Log out everywhere else")
    expect(page.locator("h1")).to_have_text("Account")
    elsewhere.goto("/account/")
    expect(elsewhere.locator("h1")).to_have_text("Log in")


def test_a_token_is_shown_once_and_revoked(visit: Visit) -> None:
    page = visit("filler5.rita")
    page.goto("/account/")
    page.get_by_role("link", name="Create an API token").click()
    box(page, "Name").fill("Billing")
    present = box(page, "Your present password")
    if present.count():
        present.fill(PASSWORD)
    page.locator("main form button.btn-primary").click()
    expect(page.locator("h1")).to_have_text("API token created")
    text = page.locator("#id_token").input_value()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("dt", has_text="Billing")).to_be_visible()
    assert text not in page.content()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No API tokens yet.")).to_be_visible()

"""Passkeys in a browser that has a device of its own: made by its labels, let in, removed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, box, log_in, outcome
from tests.browser.gallery.render import COLOURS, axe, sideways, violations
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser


def device(page: Page, *, unlocks: bool = True) -> None:
    """Give the browser a device that keeps passkeys, and whose owner unlocks it, or does not."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": unlocks,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def add(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/account/")
    page.get_by_role("link", name="Add a passkey", exact=True).click()
    box(page, "Name").fill(name)
    box(page, "Your present password").fill(password)
    page.get_by_role("button", name="OK").click()


def log_out(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/account/")
    expect(page.locator("h1")).to_have_text("Log in")


def test_one_adds_a_passkey_logs_in_with_it_and_removes_it(visit: Visit) -> None:
    page = visit("filler13.rita", fresh=True)
    device(page)
    add(page, "My phone", "wrong")
    expect(page.locator(".error-summary")).to_contain_text("This is not your present password.")
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Passkey: done.")
    expect(page.locator("dt", has_text="My phone")).to_be_visible()
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.locator("h1")).to_have_text("Account")
    page.get_by_role("link", name="Remove: My phone").click()
    expect(page.get_by_label("Passkey")).to_have_value(page.url.partition("=")[2])
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="Remove").click()
    outcome(page, "Remove a Passkey: done.")
    expect(page.get_by_text("No passkeys yet.")).to_be_visible()
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_text("This passkey is not known here.")).to_be_visible()
    log_in(page, "filler13.rita")
    expect(page.locator(".who")).to_be_visible()


def test_a_device_that_stays_locked_makes_none_and_says_so(visit: Visit) -> None:
    page = visit("filler14.rita", fresh=True)
    device(page, unlocks=False)
    add(page, "Locked")
    expect(page.get_by_text("Your browser made no passkey. Nothing was added.")).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_text("No passkeys yet.")).to_be_visible()


def test_without_scripts_it_says_what_it_takes(visit: Visit) -> None:
    page = visit("filler15.rita", fresh=True, js=False)
    add(page, "None")
    expect(page.locator(".error-summary")).to_contain_text("Your browser made no passkey.")
    page.context.clear_cookies()
    page.goto("/login/")
    expect(page.get_by_role("button", name="Log in with a passkey")).to_be_hidden()


def faults(page: Page) -> list[str]:
    """What axe finds, light and dark, and what does not fit a phone."""
    page.evaluate(axe())
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += violations(page, COLOURS)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    found += sideways(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_its_pages_are_for_everybody_and_fit_a_phone(visit: Visit) -> None:
    page, wrong = visit("filler16.rita", fresh=True), {}
    device(page)
    page.goto("/account/passkeys/add/")
    wrong["add"] = faults(page)
    add(page, "Phone")
    outcome(page, "Add a Passkey: done.")
    wrong["account"] = faults(page)
    page.goto("/account/passkeys/remove/")
    wrong["remove"] = faults(page)
    log_out(page)
    expect(page.get_by_role("button", name="Log in with a passkey")).to_be_visible()
    wrong["login"] = faults(page)
    assert not {name: found for name, found in wrong.items() if found}

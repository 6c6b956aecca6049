"""Two-factor authentication: set up by its labels, asked for, reset by providers."""

import base64
import hmac
import re
import struct
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, log_in, outcome, pick
from tests.browser.gallery.render import COLOURS, axe, sideways, violations
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser


def code(secret: str, steps: int = 0) -> str:
    """What a phone shows now, or so many half minutes later: RFC 6238 over RFC 4226."""
    counter = int(time.time()) // 30 + steps
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", counter), "sha1")
    start = mac[-1] & 15
    (number,) = struct.unpack(">I", mac[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def set_up(page: Page) -> tuple[str, list[str]]:
    """From one's own page on; the secret and the recovery codes, as they are shown."""
    page.goto("/account/")
    page.get_by_role("link", name="Set up", exact=True).click()
    expect(page.get_by_role("img", name="QR code for the app")).to_be_visible()
    secret = page.get_by_label("Or type this key into the app").inner_text().replace(" ", "")
    box(page, "Code").fill(code(secret))
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="OK").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    codes = page.locator(".codes code").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("On since")).to_be_visible()
    return secret, codes


def second_step(page: Page, typed: str) -> None:
    """Type a code where it is asked for."""
    expect(page.locator("h1")).to_have_text("Two-factor authentication")
    box(page, "Code").fill(typed)
    page.get_by_role("button", name="Log in", exact=True).click()


@pytest.mark.parametrize("js", [True, False])
def test_one_sets_it_up_logs_in_with_it_and_turns_it_off(visit: Visit, js: bool) -> None:
    who = "filler6.rita" if js else "filler12.rita"
    page, elsewhere = visit(who, fresh=True, js=js), visit(who, fresh=True, js=js)
    page.goto("/account/")
    page.get_by_role("link", name="Set up", exact=True).click()
    shown = page.get_by_label("Or type this key into the app").inner_text()
    box(page, "Code").fill("000000")
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("This code is not correct.")
    expect(page.get_by_label("Or type this key into the app")).to_have_text(shown)
    secret, codes = set_up(page)
    assert len(codes) == 10
    # Other sessions have ended: this one comes in again, by the code, then by a recovery code.
    elsewhere.goto("/account/")
    expect(elsewhere.locator("h1")).to_have_text("Log in")
    log_in(elsewhere, who)
    second_step(elsewhere, "123")
    expect(elsewhere.locator(".error-summary")).to_contain_text("This code is not correct")
    second_step(elsewhere, code(secret, 1))
    expect(elsewhere.locator(".who")).to_be_visible()
    other = visit()
    log_in(other, who)
    second_step(other, codes[4].replace("-", ""))
    other.goto("/account/")
    expect(other.locator("dt", has_text="Recovery codes left").locator("+ dd")).to_contain_text("9")
    other.get_by_role("link", name="New recovery codes: Recovery codes left").click()
    box(other, "Your present password").fill(PASSWORD)
    other.get_by_role("button", name="OK").click()
    assert not set(other.locator(".codes code").all_inner_texts()) & set(codes)
    page.goto("/account/")
    page.get_by_role("link", name="Turn off: Status").click()
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="Turn it off").click()
    outcome(page, "Turn Off Two-Factor Authentication: done.")
    expect(page.get_by_text("Off. The password alone lets in.")).to_be_visible()
    other.goto("/account/")
    expect(other.locator("h1")).to_have_text("Log in")
    other.context.clear_cookies()


def test_a_provider_resets_it_and_the_password_alone_lets_in(visit: Visit, provider: str) -> None:
    page, customer = visit(provider), visit(f"filler8.{provider}", fresh=True)
    set_up(customer)
    page.goto(f"/customers/?q=filler8.{provider}")
    page.get_by_role("link", name=f"Filler 08 {provider.title()}", exact=True).click()
    act(page, "Reset Two-Factor Authentication")
    expect(page.locator(".notice-warn")).to_contain_text("Be sure who asked you for it.")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Reset Two-Factor Authentication: done.")
    expect(page.locator(".sidebar")).not_to_contain_text("Reset Two-Factor Authentication")
    log_in(customer, f"filler8.{provider}")
    expect(customer.locator(".who")).to_be_visible()


def test_a_provider_resets_several(visit: Visit, provider: str) -> None:
    page, customer = visit(provider), visit(f"filler9.{provider}", fresh=True)
    set_up(customer)
    page.goto(f"/customers/?q=cargo{provider}")
    pick(page, f"Filler 09 {provider.title()}", f"Filler 10 {provider.title()}")
    choose(page, "More", "Reset Two-Factor Authentication")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Reset Two-Factor Authentication: 1 of 2 done.")
    expect(page.locator(".outcome")).to_contain_text("There is no two-factor authentication")


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
    who, wrong = "filler11.rita", {}
    page, other = visit(who, fresh=True), visit(fresh=True)
    page.goto("/account/two-factor/")
    assert re.fullmatch(
        r"(M\d+ \d+h1v1h-1z)+", page.locator(".qr path").get_attribute("d") or ""
    ), "drawn without a picture's address, which would carry the secret"
    wrong["set up"] = faults(page)
    secret = page.get_by_label("Or type this key into the app").inner_text().replace(" ", "")
    box(page, "Code").fill(code(secret))
    box(page, "Your present password").fill(PASSWORD)
    page.get_by_role("button", name="OK").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    wrong["codes"] = faults(page)
    page.goto("/account/")
    wrong["on"] = faults(page)
    page.goto("/account/two-factor/turn-off/")
    wrong["off"] = faults(page)
    log_in(other, who)
    expect(other.locator("h1")).to_have_text("Two-factor authentication")
    wrong["login"] = faults(other)
    second_step(other, "no code")
    expect(other.locator(".error-summary")).to_be_visible()
    wrong["refused"] = faults(other)
    assert not {name: found for name, found in wrong.items() if found}

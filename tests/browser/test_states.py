"""What goes wrong on a server, what is used too much, what somebody above has said: each is shown
with its reason, and mended by its label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, log_in, outcome, pick
from tests.browser.running import RunningPanel, wait_until
from tests.browser.world import PASSWORD

pytestmark = pytest.mark.browser
# Each is allowed; nginx refuses the two together, in its own words.
REFUSED = "location /a { deny all; }\nlocation /a { autoindex on; }\n"


def open_subscription(page: Page, name: str) -> None:
    """Subscriptions ▸ name."""
    page.goto(f"/subscriptions/?q={name}")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.locator("h1")).to_have_text(name)


def press(page: Page, label: str) -> None:
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()


def directives(page: Page, domain: int, text: str) -> None:
    page.goto(f"/domains/{domain}/directives/")
    box(page, "Additional nginx directives").fill(text)
    press(page, "OK")
    outcome(page, "Additional nginx directives: done.")


def test_what_the_server_refuses_says_why_and_is_tried_again(
    visit: Visit, panel: RunningPanel, made: dict[str, Any], provider: str
) -> None:
    """Failed, with the daemon's words ▸ Try again; and select ▸ More ▸ Try again."""
    name, sound = (f"{key}-{provider}.localhost" for key in ("tara", "ulla"))
    domain = made[provider]["domains"][name]
    page = visit(provider)
    directives(page, domain, REFUSED)
    notice = page.locator(".notice-bad")

    def has_failed() -> bool:
        open_subscription(page, name)
        return 'duplicate location "/a"' in "".join(notice.all_inner_texts())

    wait_until(has_failed, "the page has the daemon's words")
    # What was there before is served all the while.
    panel.answers(200, name)
    notice.get_by_role("button", name="Try again").click()
    outcome(page, "Try again: done.")

    def has_failed_again() -> bool:
        page.goto(f"/subscriptions/?q={provider}.localhost&size=100")
        return "Failed" in page.get_by_role("row").filter(has_text=name).inner_text()

    wait_until(has_failed_again, "the node has refused it again")
    pick(page, name, sound)
    choose(page, "More", "Try again")
    outcome(page, "Try again: 1 of 2 done.")
    directives(page, domain, "")

    def is_applied() -> bool:
        open_subscription(page, name)
        return notice.count() == 0 and "Applied" in page.locator(".facts-wide").inner_text()

    wait_until(is_applied, "it is applied")


def test_what_was_changed_on_the_server_by_hand_is_shown_and_overwritten(
    visit: Visit, panel: RunningPanel, made: dict[str, Any], provider: str
) -> None:
    """Preview ▸ Ask the node ▸ its difference; Overwrite; and select ▸ More ▸ Overwrite."""
    names = [f"{key}-{provider}.localhost" for key in ("tara", "ulla")]
    name, page = names[1], visit(provider)
    panel.answers(200, *names)
    for each in names:
        numbers = made[provider]["subscriptions"][each], made[provider]["domains"][each]
        (panel.data / "node" / "web" / "sites" / "s{}-{}".format(*numbers)).unlink()
        open_subscription(page, each)
        page.get_by_role("link", name="Preview").click()
        press(page, "Ask the node")
        expect(page.locator("main")).to_contain_text("httpdocs")
    panel.answers(404, *names)
    open_subscription(page, name)
    notice = page.locator(".notice-warn", has_text="Changed on the server by hand (web)")
    notice.get_by_role("button", name="Overwrite").click()
    outcome(page, "Overwrite: done.")
    panel.answers(200, name)
    expect(notice).to_have_count(0)
    page.goto(f"/subscriptions/?q={provider}.localhost&size=100")
    pick(page, *names)
    choose(page, "More", "Overwrite")
    outcome(page, "Overwrite: 1 of 2 done.")
    panel.answers(200, *names)


def limit_disk(page: Page, name: str, limit: str) -> None:
    open_subscription(page, name)
    act(page, "Customize")
    box(page, "Disk space").fill(limit)
    box(page, "Overuse policy").select_option(label="Overuse is not allowed")
    press(page, "Update & Lock")
    outcome(page, "Customize: done.")


def test_who_is_shut_for_overuse_logs_in_frees_space_and_runs_again(
    visit: Visit, panel: RunningPanel, made: dict[str, Any], provider: str
) -> None:
    name = f"ulla-{provider}.localhost"
    number = made[provider]["subscriptions"][name]
    file = panel.data / "node" / "homes" / f"s{number}" / "httpdocs" / "film.bin"
    fill(file)
    page = visit(provider)
    limit_disk(page, name, "2 MiB")
    page.goto(f"/subscriptions/?q={provider}.localhost&size=100")
    pick(page, name, f"tara-{provider}.localhost")
    choose(page, "More", "Recalculate")
    outcome(page, "Recalculate: ")
    panel.answers(503, name)
    panel.answers(200, f"tara-{provider}.localhost")
    open_subscription(page, name)
    expect(page.locator(".page-title .tags")).to_contain_text("Overused")
    subscriber = visit()
    log_in(subscriber, f"ulla.{provider}")
    subscriber.get_by_role("link", name="Subscriptions", exact=True).first.click()
    subscriber.get_by_role("link", name=name, exact=True).first.click()
    expect(subscriber.locator(".notice").first).to_contain_text("more is used than allowed")
    file.unlink()
    act(subscriber, "Recalculate")
    panel.answers(200, name)
    subscriber.reload()
    expect(subscriber.locator(".page-title .tags")).not_to_contain_text("Overused")


def fill(file: Path) -> None:
    file.write_bytes(b"x" * 5 * 2**20)


def test_undo_brings_several_subscriptions_back_and_one_that_was_shut_before_stays(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    names = [f"{key}-{provider}.localhost" for key in ("tara", "ulla")]
    page = visit(provider)
    open_subscription(page, names[0])
    choose(page, "Change Status", "Suspend")
    panel.answers(503, names[0])
    page.goto(f"/subscriptions/?q={provider}.localhost&size=100")
    pick(page, *names)
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: 1 of 2 done.")
    panel.answers(503, *names)
    page.get_by_role("button", name="Undo").click()
    panel.answers(200, names[1])
    assert panel.site(names[0])[0] == 503
    open_subscription(page, names[0])
    choose(page, "Change Status", "Activate")
    panel.answers(200, names[0])


def test_several_domains_lead_from_http_to_https_and_back(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    """Domains ▸ select ▸ HTTPS Settings ▸ OK."""
    names = [f"{key}-{provider}.localhost" for key in ("tara", "ulla")]
    page = visit(provider)
    for is_on, status in ((True, 301), (False, 200)):
        page.goto(f"/domains/?q={provider}.localhost&size=100")
        pick(page, *names)
        choose(page, "More", "HTTPS Settings")
        redirect = page.get_by_label("Permanent SEO-safe 301 redirect from HTTP to HTTPS")
        redirect.set_checked(is_on)
        press(page, "OK")
        outcome(page, "HTTPS Settings: 2 of 2 done.")
        panel.answers(status, *names)
    assert panel.site(f"kira-{provider}.localhost")[0] == 200


def test_several_domains_prefer_a_name_and_the_rest_stays_as_it_is(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    """Domains ▸ select ▸ Hosting Settings ▸ OK."""
    names = [f"{key}-{provider}.localhost" for key in ("tara", "ulla")]
    page = visit(provider)
    for label in ("With www", "As asked"):
        page.goto(f"/domains/?q={provider}.localhost&size=100")
        pick(page, *names)
        choose(page, "More", "Hosting Settings")
        kept = box(page, "Hosting type").locator("option:checked")
        expect(kept).to_have_text("As it is")
        box(page, "Preferred name").select_option(label=label)
        press(page, "OK")
        outcome(page, "Hosting Settings: 2 of 2 done.")
        for name in names if label == "With www" else ():
            to = 301, f"http://www.{name}:{panel.sites_port}/"
            wait_until(lambda name=name, to=to: panel.site(name) == to, "it leads to its twin")
    panel.answers(200, *names)


def billing(page: Page, customer: int) -> Callable[..., int]:
    """A token with billing scope, made on the page Account; what a call with it answers."""
    page.goto("/account/")
    page.get_by_role("link", name="Create an API token").click()
    box(page, "Name").fill("Invoices")
    page.get_by_label("Billing: suspend for unpaid invoices, and lift that").check()
    box(page, "Your present password").fill(PASSWORD)
    page.locator("main form button.btn-primary").click()
    headers = {"Authorization": f"Bearer {page.locator('#id_token').input_value()}"}
    page.get_by_role("link", name="I have copied it").click()

    def call(verb: str, **params: str) -> int:
        url = f"/api/v1/customers/{customer}/{verb}"
        return page.request.post(url, data=params, headers=headers).status

    return call


def test_what_the_administrator_set_neither_a_reseller_nor_billing_lifts(
    visit: Visit, panel: RunningPanel, made: dict[str, Any]
) -> None:
    """Nor does the reseller remove what is suspended so, or give it away."""
    name = "tara-rita.localhost"
    page, reseller = visit("admin"), visit("rita")
    bill = billing(reseller, made["rita"]["tara"])
    page.goto("/customers/?q=tara.rita")
    page.get_by_role("link", name="Tara Rita", exact=True).click()
    choose(page, "Change Status", "Suspend")
    panel.answers(503, name)
    assert [bill("suspend", kind="abuse"), bill("suspend"), bill("activate")] == [409, 200, 200]
    assert bill("activate") == 409
    reseller.goto("/customers/?q=tara")
    expect(reseller.locator("tbody")).to_contain_text("Suspended by your provider")
    pick(reseller, "Tara Rita")
    choose(reseller, "Change Status", "Activate")
    expect(reseller.locator("tr.is-refused .why")).to_contain_text("only they can lift that")
    press(reseller, "Remove")
    held = "It carries a suspension by the administrator"
    expect(reseller.locator(".problems")).to_contain_text(held)
    reseller.goto(f"/subscriptions/?q={name}")
    pick(reseller, name)
    press(reseller, "Change Subscriber")
    box(reseller, "New subscriber").fill("nino.rita")
    press(reseller, "Next")
    expect(reseller.locator(".problems")).to_contain_text(held)
    assert panel.site(name)[0] == 503
    choose(page, "Change Status", "Activate")
    panel.answers(200, name)

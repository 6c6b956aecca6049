"""What each role sees and may: reseller, customer, and additional users of a customer."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, log_in, open_menu, outcome, pick
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser

MENUS = {
    "admin": "Home, Customers, Resellers, Domains, Subscriptions, Service Plans, Nodes,"
    " Activity, Settings",
    "rita": "Home, Customers, Domains, Subscriptions, Service Plans, Activity, Account",
    "kira.admin": "Websites & Domains, Subscriptions, Users, Account",
    "kira-viewer": "Websites & Domains, Subscriptions, Users, Account",
}


@pytest.mark.parametrize("who", MENUS)
def test_the_menu_holds_what_there_is_for_the_role(visit: Visit, who: str) -> None:
    page = visit(who)
    page.goto("/")
    entries = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
    expected = MENUS[who].split(", ")
    # Pages that are added later may stand between these.
    assert [entry for entry in entries if entry in expected] == expected
    for entry in entries:
        page.get_by_role("navigation", name="Main").get_by_role("link", name=entry).click()
        expect(page.locator("h1")).to_be_visible()
        assert "is not there" not in page.title()


def test_a_reseller_sees_nothing_of_others(visit: Visit) -> None:
    page = visit("rita")
    page.goto("/customers/?q=inselhof")
    expect(page.get_by_role("link", name="Ines Rita", exact=True)).to_be_visible()
    expect(page.get_by_text("Ines Admin")).to_have_count(0)
    page.goto("/search/?q=kira-admin")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    answer = page.goto("/resellers/")
    assert answer is not None
    assert answer.status == 403


def test_a_customer_switches_its_hosting_off_and_on(visit: Visit, panel: RunningPanel) -> None:
    page = visit("juri.rita")
    page.goto("/")
    page.get_by_role("link", name="juri-rita.localhost", exact=True).first.click()
    act(page, "Switch hosting off")
    outcome(page, "Switch hosting off: done.")
    expect(page.locator(".notice-bad")).to_contain_text("Switched off by the subscriber")
    panel.answers(503, "juri-rita.localhost")
    provider = visit("rita")
    provider.goto("/customers/?q=juri")
    provider.get_by_role("link", name="Juri Rita", exact=True).click()
    provider.get_by_role("link", name="juri-rita.localhost", exact=True).click()
    provider.locator("summary", has_text="Change Status").click()
    provider.get_by_role("button", name="Activate", exact=True).click()
    expect(provider.locator(".problems")).to_contain_text("only the subscriber switches it on")
    assert panel.site("juri-rita.localhost")[0] == 503
    act(page, "Switch hosting on")
    panel.answers(200, "juri-rita.localhost")
    # One site by itself: suspended and disabled by its owner, who lifts it again.
    page.goto("/")
    page.locator("main").get_by_role("link", name="juri-rita.localhost", exact=True).last.click()
    for label, status in (("Suspend", 503), ("Disable", 404), ("Activate", 200)):
        if label == "Disable":
            open_menu(page, "Change Status")
            page.get_by_role("link", name="Disable", exact=True).click()
            page.get_by_role("button", name="OK", exact=True).click()
        else:
            choose(page, "Change Status", label)
        outcome(page, f"{label}: done.")
        panel.answers(status, "juri-rita.localhost")


def test_a_customer_adds_a_user_and_limits_what_it_may(visit: Visit) -> None:
    page = visit("mona.admin")
    page.goto("/users/")
    page.get_by_role("link", name="Add a User").first.click()
    box(page, "Contact name").fill("Olga Office")
    box(page, "Email address").fill("olga@mail.example")
    box(page, "Username").fill("mona-olga")
    box(page, "Password").fill("a long enough password")
    box(page, "Password again").fill("a long enough password")
    page.get_by_label("Webmaster").check()
    page.get_by_label("Only these:").check()
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Choose at least one.")
    expect(box(page, "Contact name")).to_have_value("Olga Office")
    page.get_by_label("mona-admin.localhost").check()
    box(page, "Password").fill("a long enough password")
    box(page, "Password again").fill("a long enough password")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a User: done.")
    user = visit()
    log_in(user, "mona-olga", "a long enough password")
    expect(user.get_by_role("link", name="mona-admin.localhost", exact=True).first).to_be_visible()
    expect(user.get_by_text("mona2-admin.localhost")).to_have_count(0)
    # "User is active": its provider clears that, the customer sets it again and removes the user.
    provider = visit("admin")
    provider.goto("/customers/?q=mona.admin")
    provider.get_by_role("link", name="Mona Admin", exact=True).click()
    provider.get_by_label("Sections").get_by_role("link", name="Users").click()
    provider.get_by_role("link", name="mona-olga", exact=True).click()
    choose(provider, "Change Status", "Deactivate")
    outcome(provider, "Deactivate: done.")
    user.goto("/")
    expect(user.locator("h1")).to_have_text("Log in")
    page.goto("/users/")
    pick(page, "mona-olga")
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: done.")
    pick(page, "mona-olga")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    expect(page.get_by_role("link", name="mona-olga", exact=True)).to_have_count(0)


def buttons(page: Page, path: str) -> str:
    """What stands in the sidebar of an object's page, and above its list."""
    page.goto(path)
    page.locator("td.main").get_by_role("link", name="kira-admin.localhost", exact=True).click()
    # Texts of all are not waited for, so the page is.
    expect(page.locator("h1")).to_have_text("kira-admin.localhost")
    parts = page.locator(".sidebar .actions, .section-head")
    return " ".join(parts.all_inner_texts())


@pytest.mark.parametrize(("role", "may"), [("owner", True), ("webmaster", True), ("viewer", False)])
def test_an_additional_user_finds_only_what_its_role_may(
    visit: Visit, role: str, may: bool
) -> None:
    page = visit(f"kira-{role}")
    shown = buttons(page, "/domains/?q=kira-admin")
    assert ("Add Domain Alias" in shown) == may
    page.goto("/users/")
    expect(page.get_by_role("link", name="Add a User")).to_have_count(int(role == "owner"))


def test_a_customer_without_a_subscription_reads_why_it_is_empty(visit: Visit) -> None:
    page = visit("filler1.rita")
    page.goto("/")
    expect(page.get_by_text("You have no subscription yet.")).to_be_visible()

"""Domains and aliases: what the pages say, and what the websites answer."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, open_menu, outcome, pick
from tests.browser.running import RunningPanel, wait_until

pytestmark = pytest.mark.browser


def open_domain(page: Page, name: str) -> None:
    """Domains ▸ name."""
    page.goto(f"/domains/?q={name}")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.locator("h1")).to_have_text(name)


def test_add_a_domain_to_a_subscription(visit: Visit, panel: RunningPanel, provider: str) -> None:
    name = f"kira-more-{provider}.localhost"
    page = visit(provider)
    page.goto(f"/subscriptions/?q=kira-{provider}.localhost")
    page.get_by_role("link", name=f"kira-{provider}.localhost", exact=True).click()
    page.get_by_role("link", name="Add Domain").click()
    box(page, "Domain name").fill("not a name")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Domain name")
    expect(box(page, "Domain name")).to_have_value("not a name")
    box(page, "Domain name").fill(name)
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Domain: done.")
    panel.answers(200, name)
    page.goto(f"/domains/?q={name}")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row.get_by_role("link", name="View Site")).to_have_attribute(
        "href", f"http://{name}:{panel.sites_port}/"
    )
    page.goto(f"/subscriptions/?q=kira-{provider}.localhost")
    page.get_by_role("link", name=f"kira-{provider}.localhost", exact=True).click()
    page.get_by_role("link", name="Add Domain").click()
    box(page, "Domain name").fill(f"kira-more2-{provider}.localhost")
    page.get_by_role("button", name="OK").click()
    page.goto("/domains/?q=kira-more")
    pick(page, name, f"kira-more2-{provider}.localhost")
    page.get_by_role("main").get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 2 of 2 done.")
    panel.answers(404, name)


def test_an_alias_redirects_or_shows_the_same_site(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    main, alias = f"kira-{provider}.localhost", f"kira-alias-{provider}.localhost"
    page = visit(provider)
    open_domain(page, main)
    page.get_by_role("link", name="Add Domain Alias").click()
    box(page, "Alias name").fill(alias)
    expect(box(page, "Web")).to_have_value("redirect")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Domain Alias: done.")
    panel.answers(301, alias)
    target = f"http://{main}:{panel.sites_port}/a/b?c=d"
    # While the web server changes over, its old half may answer as well.
    wait_until(lambda: panel.site(alias, "/a/b?c=d") == (301, target), "path and query are kept")
    page.get_by_role("link", name=f"Edit {alias}").click()
    box(page, "Web").select_option(label="Same site")
    page.get_by_role("button", name="OK").click()
    panel.answers(200, alias)
    page.get_by_role("link", name=f"Rename {alias}").click()
    box(page, "New name").fill(f"kira-new-{provider}.localhost")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".notice")).to_contain_text("The old name is given up")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Rename: done.")
    panel.answers(404, alias)
    alias = f"kira-new-{provider}.localhost"
    panel.answers(200, alias)
    page.get_by_role("link", name=f"Remove {alias}").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("No aliases yet")).to_be_visible()
    panel.answers(404, alias)
    panel.answers(200, main)


def test_a_website_is_suspended_or_disabled_by_itself_and_several_at_once(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    name, other = (f"{key}-{provider}.localhost" for key in ("carla", "lena"))
    page = visit(provider)
    open_domain(page, name)
    choose(page, "Change Status", "Suspend")
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Suspended")
    panel.answers(503, name)
    open_menu(page, "Change Status")
    page.get_by_role("link", name="Disable", exact=True).click()
    expect(page.locator("main")).to_contain_text("Mail to their addresses is refused")
    page.get_by_role("button", name="OK", exact=True).click()
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Disabled")
    panel.answers(404, name)
    page.goto(f"/domains/?q={provider}.localhost&size=100")
    for label, status in (("Suspend", 503), ("Disable", 404), ("Activate", 200)):
        pick(page, name, other)
        choose(page, "Change Status", label)
        if label == "Disable":
            page.get_by_role("button", name="OK", exact=True).click()
        outcome(page, f"{label}: 2 of 2 done.")
        panel.answers(status, name, other)
    assert panel.site(f"kira-{provider}.localhost")[0] == 200


def test_the_document_root_moves_the_site(visit: Visit, panel: RunningPanel, provider: str) -> None:
    page = visit(provider)
    open_domain(page, f"lena-{provider}.localhost")
    act(page, "Hosting Settings")
    box(page, "Document root").fill("../../etc")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Document root")
    box(page, "Document root").fill("public")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Hosting Settings: done.")
    expect(page.locator(".facts-wide")).to_contain_text("public")
    panel.answers(200, f"lena-{provider}.localhost")


def test_a_subdomain_forwards_prefers_a_name_and_is_renamed(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    main = f"kira-{provider}.localhost"
    name, new = f"blog.{main}", f"journal.{main}"
    page = visit(provider)
    open_domain(page, main)
    page.get_by_role("link", name="Subdomains").click()
    page.get_by_role("link", name="Add Subdomain").click()
    box(page, "Subdomain").fill("blog")
    box(page, "Hosting type").select_option(label="Forwarding")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Forward to")
    box(page, "Forward to").fill("https://elsewhere.example/page")
    box(page, "Kind of forwarding").select_option(label="Moved for now (302)")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Subdomain: done.")
    expect(page.locator(".facts-wide")).to_contain_text("https://elsewhere.example/page (302)")
    elsewhere = (302, "https://elsewhere.example/page")
    # Beside the new workers of a reload the old ones answer for some moments.
    wait_until(lambda: panel.site(name, "/a?b") == elsewhere, "it leads elsewhere")
    act(page, "Hosting Settings")
    box(page, "Hosting type").select_option(label="Website")
    box(page, "Preferred name").select_option(label="With www")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Hosting Settings: done.")
    target = f"http://www.{name}:{panel.sites_port}/a?b"
    wait_until(lambda: panel.site(name, "/a?b") == (301, target), "it leads to its twin")
    act(page, "Rename")
    box(page, "New name").fill("journal")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main")).to_contain_text("These stay as aliases and redirect")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Rename: done.")
    expect(page.locator("h1")).to_have_text(new)
    target = f"http://www.{new}:{panel.sites_port}/a?b"
    wait_until(lambda: panel.site(name, "/a?b") == (301, target), "the old name redirects")
    page.goto(f"/domains/?q={name}")
    row = page.get_by_role("row").filter(has_text=f"{name}: alias of {new}")
    expect(row.get_by_role("link", name="View Site")).to_be_visible()


def test_a_customer_adds_a_subdomain_from_its_first_page(visit: Visit, panel: RunningPanel) -> None:
    page = visit("mona.admin")
    page.goto("/")
    page.get_by_role("link", name="Add Subdomain").click()
    box(page, "Domain").select_option(label="mona-admin.localhost")
    page.get_by_role("button", name="OK").click()
    box(page, "Subdomain").fill("www")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Leave out www")
    box(page, "Subdomain").fill("shop")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Subdomain: done.")
    panel.answers(200, "shop.mona-admin.localhost")
    page.goto("/")
    expect(page.get_by_role("link", name="shop.mona-admin.localhost", exact=True)).to_be_visible()

"""What a provider does to one customer, from its page, by the labels on screen."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box, choose, log_in, open_menu, outcome
from tests.browser.running import RunningPanel, wait_until

pytestmark = pytest.mark.browser


def open_customer(page: Page, name: str) -> None:
    """Customers ▸ name."""
    page.goto(f"/customers/?q={name.replace(' ', '+')}")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def fill_in_contact(page: Page, name: str, username: str) -> None:
    box(page, "Contact name").fill(name)
    box(page, "Company").fill(f"{name} Ltd")
    box(page, "Email address").fill(f"{username}@mail.example")
    box(page, "Description").fill("Met at the fair")
    box(page, "Username").fill(username)


def test_add_a_customer_with_a_subscription_and_a_generated_password(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider)
    page.goto("/")
    page.get_by_role("link", name="Customers", exact=True).first.click()
    page.get_by_role("link", name="Add a Customer").click()
    fill_in_contact(page, f"New {provider.title()}", f"new.{provider}")
    page.get_by_role("button", name="Generate").click()
    password = box(page, "Password")
    expect(password).to_have_attribute("type", "text")
    generated = password.input_value()
    assert len(generated) >= 16
    expect(box(page, "Password again")).to_have_value(generated)
    box(page, "Domain name").fill(f"new-{provider}.localhost")
    box(page, "Service plan").select_option(label=f"Basic {provider}")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Customer: done.")
    expect(page.locator("h1")).to_have_text(f"New {provider.title()}")
    expect(page.locator(".description")).to_have_text("Met at the fair")
    page.get_by_role("link", name=f"new-{provider}.localhost", exact=True).click()
    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    panel.answers(200, f"new-{provider}.localhost")
    customer = visit()
    log_in(customer, f"new.{provider}", generated)
    expect(customer.locator("h1")).to_have_text("Websites & Domains")
    expect(customer.get_by_role("link", name="View Site")).to_be_visible()


def test_errors_stand_at_the_field_and_nothing_that_was_typed_is_lost(
    visit: Visit, provider: str
) -> None:
    page = visit(provider)
    page.goto("/customers/add/")
    fill_in_contact(page, f"Bare {provider.title()}", f"kira.{provider}")
    box(page, "Password").fill("correct horse staple")
    box(page, "Password again").fill("correct horse staple")
    box(page, "City").fill("Göteborg")
    box(page, "Country").select_option(label="Sweden")
    page.get_by_role("button", name="OK").click()
    expect(page).to_have_title(re.compile("^Error: Add a Customer"))
    summary = page.locator(".error-summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(2)
    expect(page.locator("#div_id_username")).to_contain_text("taken")
    expect(page.locator("#div_id_domain")).to_contain_text("A subscription needs a domain name.")
    summary.get_by_role("link", name="Username").click()
    expect(box(page, "Username")).to_be_focused()
    expect(box(page, "Contact name")).to_have_value(f"Bare {provider.title()}")
    expect(box(page, "Country")).to_have_value("SE")
    box(page, "Username").fill(f"bare.{provider}")
    box(page, "Password").fill("correct horse staple")
    box(page, "Password again").fill("correct horse staple")
    box(page, "Create a subscription for the customer").uncheck()
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add a Customer: done.")
    expect(page.locator(".facts-wide")).to_contain_text("Göteborg, Sweden")
    expect(page.get_by_role("link", name="Subscriptions 0")).to_be_visible()


def test_edit_contact_info(visit: Visit, provider: str) -> None:
    page = visit(provider)
    open_customer(page, f"Carla {provider.title()}")
    act(page, "Edit Contact Info")
    box(page, "Company").fill("Carla & Daughters")
    box(page, "Phone").fill("+49 30 5550 100")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Edit Contact Info: done.")
    expect(page.locator(".subtitle")).to_have_text("Carla & Daughters")
    page.goto("/customers/?q=daughters")
    expect(page.get_by_role("link", name=f"Carla {provider.title()}")).to_be_visible()


def test_change_login_info_and_log_in_with_it(visit: Visit, provider: str) -> None:
    page = visit(provider)
    open_customer(page, f"Carla {provider.title()}")
    act(page, "Change Login Info")
    expect(page.get_by_text("the customer needs the username and the email")).to_be_visible()
    box(page, "Username").fill(f"carla.new.{provider}")
    box(page, "New password").fill("quite another password")
    box(page, "Password again").fill("quite another password")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Change Login Info: done.")
    expect(page.locator(".facts-wide")).to_contain_text(f"carla.new.{provider}")
    customer = visit()
    log_in(customer, f"carla.{provider}")
    expect(customer.locator("h1")).not_to_have_text("Websites & Domains")
    log_in(customer, f"carla.new.{provider}", "quite another password")
    expect(customer.locator("h1")).to_have_text("Websites & Domains")


def test_add_and_edit_the_description(visit: Visit, provider: str) -> None:
    page = visit(provider)
    open_customer(page, f"Carla {provider.title()}")
    act(page, "[add description]")
    box(page, "Description").fill("Pays late, but pays")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".description")).to_have_text("Pays late, but pays")
    act(page, "[edit]")
    expect(box(page, "Description")).to_have_value("Pays late, but pays")
    box(page, "Description").fill("Pays in time")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".description")).to_have_text("Pays in time")
    page.goto(f"/customers/?q=carla.{provider}")
    expect(page.locator("td.main .sub")).to_contain_text("Pays in time")


def test_suspend_and_activate_one_on_every_name_while_the_neighbour_runs(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    names = [f"dora{middle}-{provider}.localhost" for middle in ("", "-same", "-redirect")]
    panel.answers(200, names[0], names[1])
    panel.answers(301, names[2])
    # Until the last of the web server's old processes has gone.
    kept = f"{names[0]}:{panel.sites_port}/a?b=1"
    wait_until(lambda: panel.site(names[2], "/a?b=1")[1].endswith(kept), "the alias keeps the path")
    page = visit(provider)
    open_customer(page, f"Dora {provider.title()}")
    choose(page, "Change Status", "Suspend")
    outcome(page, "Suspend: done.")
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Suspended")
    panel.answers(503, *names)
    assert panel.site(f"juri-{provider}.localhost")[0] == 200
    page.get_by_role("button", name="Undo").click()
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Active")
    panel.answers(200, names[0], names[1])
    panel.answers(301, names[2])
    choose(page, "Change Status", "Suspend")
    panel.answers(503, *names)
    choose(page, "Change Status", "Activate")
    outcome(page, "Activate: done.")
    panel.answers(200, names[0], names[1])
    assert panel.site(f"juri-{provider}.localhost")[0] == 200


def test_the_customer_reads_the_message_after_the_right_password_only(
    visit: Visit, provider: str
) -> None:
    page = visit(provider)
    open_customer(page, f"Emil {provider.title()}")
    choose_link(page, "Suspend with a message…")
    box(page, "Kind").select_option(label="Unpaid")
    box(page, "Message for the subscriber").fill("Invoice 1042 is unpaid.")
    box(page, "Internal note").fill("Second time this year")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Suspend: done.")
    expect(page.locator(".notice-bad")).to_contain_text("Invoice 1042 is unpaid.")
    expect(page.locator(".notice-bad")).to_contain_text("Second time this year")
    customer = visit()
    log_in(customer, f"emil.{provider}", "not the password")
    expect(customer.locator("main")).not_to_contain_text("Invoice 1042")
    log_in(customer, f"emil.{provider}")
    expect(customer.locator("h1")).to_have_text("This account is suspended")
    expect(customer.locator("main")).to_contain_text("Invoice 1042 is unpaid.")
    expect(customer.locator("main")).not_to_contain_text("Second time")


def choose_link(page: Page, label: str) -> None:
    open_menu(page, "Change Status")
    page.get_by_role("link", name=label, exact=True).click()


def test_activate_names_what_stays_suspended_and_the_box_activates_it(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider)
    open_customer(page, f"Fanny {provider.title()}")
    choose(page, "Change Status", "Suspend")
    panel.answers(503, f"fanny-{provider}.localhost", f"own-{provider}.localhost")
    choose(page, "Change Status", "Activate")
    panel.answers(200, f"fanny-{provider}.localhost")
    outcome(page, "Activate: done.")
    notes = page.locator(".outcome-note")
    expect(notes.filter(has_text=f"own-{provider}.localhost")).to_contain_text(
        "uspended by themselves"
    )
    late = notes.filter(has_text=f"late-{provider}.localhost")
    expect(late.get_by_role("link", name="Set expiry…")).to_be_visible()
    assert panel.site(f"own-{provider}.localhost")[0] == 503
    notes.get_by_role("link", name="Activate them too…").click()
    page.get_by_label("Also activate the subscription suspended by itself").check()
    page.get_by_role("button", name="OK").click()
    panel.answers(200, f"own-{provider}.localhost")
    assert panel.site(f"late-{provider}.localhost")[0] == 503
    page.locator(".outcome-note").get_by_role("link", name="Set expiry…").click()
    box(page, "Expires on").fill("")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Set expiry: done.")
    panel.answers(200, f"late-{provider}.localhost")


def test_remove_and_restore(visit: Visit, panel: RunningPanel, provider: str) -> None:
    name, site = f"Gil {provider.title()}", f"gil-{provider}.localhost"
    panel.answers(200, site)
    page = visit(provider)
    open_customer(page, name)
    act(page, "Remove")
    expect(page.locator(".notice").first).to_contain_text("1 subscription")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: done.")
    panel.answers(503, site)
    page.goto("/customers/")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    page.locator(".filter-toggle summary").click()
    box(page, "Status").select_option(label="Removed")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name=name, exact=True).click()
    act(page, "Restore")
    outcome(page, "Restore: done.")
    expect(page.locator('.page-title [class^="tag-"]')).to_have_text("Active")
    panel.answers(200, site)


def test_the_administrator_purges_now(visit: Visit, panel: RunningPanel) -> None:
    page = visit("admin")
    open_customer(page, "Hedi Admin")
    act(page, "Remove")
    page.get_by_role("button", name="Yes").click()
    page.goto("/customers/?status=removed")
    page.get_by_role("link", name="Hedi Admin", exact=True).click()
    act(page, "Purge now")
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Purge now: done.")
    page.goto("/customers/?status=removed&q=hedi")
    expect(page.get_by_role("heading", name="No customers")).to_have_count(0)
    expect(page.get_by_role("link", name="Hedi Admin", exact=True)).to_have_count(0)
    panel.answers(404, "hedi-admin.localhost")


def test_log_in_as_customer_and_back(visit: Visit, provider: str) -> None:
    page = visit(provider, fresh=True)
    open_customer(page, f"Kira {provider.title()}")
    page.get_by_role("button", name="Log in as customer").click()
    expect(page.locator(".acting")).to_contain_text(f"You are logged in as Kira {provider.title()}")
    expect(page.locator("h1")).to_have_text("Websites & Domains")
    page.get_by_role("link", name="Account", exact=True).click()
    expect(page.get_by_text("Change Login Info")).to_have_count(0)
    page.get_by_role("button", name=f"Back to {provider}").click()
    expect(page.locator("h1")).to_have_text(f"Kira {provider.title()}")
    page.get_by_role("link", name="Activity", exact=True).last.click()
    expect(page.locator(".list")).to_contain_text(f"{provider} as kira.{provider}")
    page.goto(f"/subscriptions/?q=kira-{provider}.localhost")
    page.get_by_role("link", name=f"kira-{provider}.localhost", exact=True).click()
    page.get_by_role("button", name="Log in as subscriber").click()
    expect(page.locator(".acting")).to_contain_text(f"You are logged in as Kira {provider.title()}")
    page.get_by_role("button", name=f"Back to {provider}").click()


def test_quick_navigation_reaches_the_neighbours_in_one_click(visit: Visit, provider: str) -> None:
    who, site = provider.title(), f"kira-{provider}.localhost"
    page = visit(provider)
    open_customer(page, f"Kira {who}")
    for tab in ("Domains", "Users", "Activity", "Subscriptions"):
        page.get_by_label("Sections").get_by_role("link", name=tab).click()
        selected = page.get_by_label("Sections").locator("[aria-current]")
        expect(selected).to_contain_text(tab)
    page.get_by_role("link", name=site, exact=True).click()
    expect(page.locator("h1")).to_have_text(site)
    page.get_by_role("link", name=f"Basic {provider}").click()
    expect(page.locator("h1")).to_have_text(f"Basic {provider}")
    page.get_by_label("Sections").get_by_role("link", name="Subscriptions").click()
    page.get_by_role("link", name=site, exact=True).click()
    page.locator(".facts-wide").get_by_role("link", name=f"Kira {who}").click()
    page.locator(".switcher summary").click()
    page.locator(".switcher").get_by_role("link", name=f"Lena {who}").click()
    expect(page.locator("h1")).to_have_text(f"Lena {who}")

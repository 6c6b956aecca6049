"""Zones by their labels: a record, the template, an alias's zone, the address of a node."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, box, outcome

pytestmark = pytest.mark.browser


def open_zone(page: Page, name: str) -> None:
    """DNS Zones ▸ name."""
    page.goto(f"/zones/?q={name}")
    page.locator("td.main").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def test_a_record_is_added_edited_and_removed_on_the_domains_page(
    visit: Visit, provider: str
) -> None:
    name = f"kira-{provider}.localhost"
    page = visit(provider)
    page.goto(f"/domains/?q={name}")
    page.locator("td.main").get_by_role("link", name=name, exact=True).click()
    page.get_by_role("link", name="DNS", exact=True).click()
    expect(page.locator("main")).to_contain_text(f"Zone {name}")
    page.get_by_role("link", name="Add Record").click()
    box(page, "Host").fill("api")
    box(page, "Type").select_option(label="MX")
    box(page, "Value").fill("mail.other.example")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".error-summary")).to_contain_text("Priority and mail server")
    box(page, "Value").fill("10 mail.other.example")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Add Record: done.")
    row = page.get_by_role("row").filter(has_text=f"api.{name}")
    expect(row).to_contain_text("10 mail.other.example.")
    row.get_by_role("link", name=f"Edit MX api.{name}").click()
    box(page, "Value").fill("20 mail")
    page.get_by_role("button", name="OK").click()
    expect(row).to_contain_text(f"20 mail.{name}.")
    page.get_by_role("link", name="Add Record").click()
    box(page, "Host").fill("old")
    box(page, "Type").select_option(label="TXT")
    box(page, "Value").fill("gone tomorrow")
    page.get_by_role("button", name="OK").click()
    for record in (f"MX api.{name}", f"TXT old.{name}"):
        page.get_by_role("checkbox", name=f"Select {record}", exact=True).check()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator(".targets")).to_contain_text("Applies to 2")
    page.get_by_role("button", name="Yes").click()
    outcome(page, "Remove: 2 of 2 done.")
    expect(page.locator("h1")).to_have_text(name)
    expect(row).to_have_count(0)
    page.get_by_role("link", name="Zone File").click()
    expect(page.locator("pre")).to_contain_text(f"$ORIGIN {name}.")


def test_the_template_is_edited_and_applied_to_many(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/template-records/")
    page.get_by_role("link", name="Add Record").click()
    box(page, "Host").fill("status")
    box(page, "Type").select_option(label="CNAME")
    box(page, "Value").fill("status.host.example")
    page.get_by_role("button", name="OK").click()
    page.get_by_role("link", name="To the zones").click()
    expect(page.locator("h1")).to_have_text("DNS Zones")
    for checkbox in page.get_by_role("row").get_by_role("checkbox").all()[1:3]:
        checkbox.check()
    page.get_by_role("button", name="Apply DNS Template").click()
    page.get_by_role("button", name="OK").click()
    outcome(page, "Apply DNS Template: 2 of 2 done.")


def test_a_nodes_address_lists_the_records_before_it_replaces_them(visit: Visit) -> None:
    page = visit("admin")
    page.goto("/nodes/")
    page.get_by_role("link", name="local", exact=True).click()
    page.get_by_role("link", name="Change Addresses").click()
    box(page, "IPv4 address").fill("198.51.100.4")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main")).to_contain_text("hold 127.0.0.1; they will hold 198.51.100.4")
    expect(page.locator("main")).to_contain_text(".localhost A 127.0.0.1")
    page.get_by_role("button", name="OK").click()
    outcome(page, "Change Addresses: done.")
    open_zone(page, "kira-admin.localhost")
    expect(page.get_by_role("row").filter(has_text="198.51.100.4").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="127.0.0.1")).to_have_count(0)

"""Import CSV, by the labels on screen."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, act, box
from tests.browser.running import RunningPanel

pytestmark = pytest.mark.browser
HEAD = "contact_name,email,username,domain,subscriber"


def upload(page: Page, *lines: str) -> None:
    """Customers ▸ Import CSV ▸ Upload and check; until the worker has looked at each row."""
    page.goto("/customers/")
    page.get_by_role("link", name="Import CSV").click()
    data = "\n".join([HEAD, *lines]).encode()
    box(page, "CSV file").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": data}
    )
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator(".page-title .tags")).to_contain_text("Checked")


def test_a_file_becomes_customers_with_sites(
    visit: Visit, panel: RunningPanel, provider: str
) -> None:
    page = visit(provider)
    upload(
        page,
        f"Ida Import,ida@mail.example,ida-{provider},ida-{provider}.localhost,",
        f",,,ida2-{provider}.localhost,ida-{provider}",
    )
    expect(page.locator(".notice")).to_have_text("2 of 2 rows are good. Nothing is imported yet.")
    act(page, "Import")
    expect(page.get_by_role("radio", name="All rows, or none")).to_be_checked()
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".notice")).to_have_text("2 of 2 rows are imported.")
    for domain in (f"ida-{provider}.localhost", f"ida2-{provider}.localhost"):
        panel.answers(200, domain)
    page.get_by_role("link", name="Ida Import", exact=True).click()
    expect(page.locator("h1")).to_have_text("Ida Import")
    expect(page.get_by_role("link", name=f"ida2-{provider}.localhost")).to_be_visible()


def test_what_is_refused_is_downloaded_corrected_and_uploaded_again(
    visit: Visit, tmp_path: Path, provider: str
) -> None:
    page = visit(provider)
    good = f"Iva Import,iva@mail.example,iva-{provider},,"
    upload(page, good, f"Ivo Import,,ivo-{provider},,")
    row = page.locator("tr", has_text="Ivo Import")
    expect(row).to_contain_text("Email address: This field is required.")
    act(page, "Import")
    expect(page.get_by_text("1 is refused.")).to_be_visible()
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".notice").first).to_have_text("1 of 2 rows are imported.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused rows").click()
    file = tmp_path / "refused.csv"
    download.value.save_as(file)
    file.write_text(file.read_text("utf-8-sig").replace("Import,,", "Import,ivo@mail.example,"))
    page.goto("/imports/add/")
    box(page, "CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator(".page-title .tags")).to_contain_text("Checked")
    act(page, "Import")
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".notice")).to_have_text("1 of 1 row is imported.")


def test_all_rows_or_none_imports_nothing_while_one_is_refused(visit: Visit, provider: str) -> None:
    page = visit(provider)
    upload(page, f"Ina Import,ina@mail.example,ina-{provider},,", f"Ino Import,,ino-{provider},,")
    act(page, "Import")
    page.get_by_role("radio", name="All rows, or none").check()
    page.get_by_role("button", name="OK").click()
    expect(page.locator(".problems, .error-summary").first).to_contain_text("refused")
    page.goto("/customers/?q=Ina+Import")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_a_file_in_another_encoding_says_so_at_the_field(visit: Visit, provider: str) -> None:
    page = visit(provider)
    page.goto("/imports/add/")
    data = f"{HEAD}\nÄnne Import,aenne@mail.example,aenne-{provider},,\n".encode("windows-1252")
    given = {"name": "alt.csv", "mimeType": "text/csv", "buffer": data}
    box(page, "CSV file").set_input_files(given)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator(".error-summary")).to_contain_text("Line 2 is not written in UTF-8.")
    box(page, "CSV file").set_input_files(given)
    box(page, "Encoding").select_option("Windows-1252 (older spreadsheets)")
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("cell", name="Änne Import")).to_be_visible()

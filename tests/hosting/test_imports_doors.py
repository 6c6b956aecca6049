"""Imports by page, API and command line; files that are too large; what is forgotten in time."""

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import Account, User
from hosting import daily, purge
from hosting.models.imports import Import, ImportRow
from hosting.models.subscriptions import Subscription
from panel.core.csv_files import MAX_BYTES, parsed
from panel.core.work import State
from tests.hosting import importing as files
from tests.hosting.importing import imported, text_of, uploaded, worked
from tests.hosting.world import HostingWorld
from tests.pages import Page
from tests.panel.api_client import Api

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
ONE_BAD = text_of("Anna Berg,anna@berg.example,anna,berg.example,", "No Mail,,nomail,,")


def test_by_the_page(world: HostingWorld) -> None:
    """Customers, Import CSV, Upload and check; Import; OK."""
    client = world.client("ada")
    page = client.get("/customers/").content.decode()
    assert '<a class="btn btn-quiet btn-sm push" href="/imports/add/">Import CSV</a>' in page
    page = client.get("/imports/add/").content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert 'href="/imports/example.csv"' in page
    response = client.post("/imports/add/", {"file": files.file(ONE_BAD)})
    source = Import.objects.get()
    assert response["Location"].startswith(f"/imports/{source.pk}/")
    page = client.get(f"/imports/{source.pk}/").content.decode()
    assert f'data-run="/imports/{source.pk}/state.json"' in page, "under way"
    assert client.get(f"/imports/{source.pk}/state.json").json() == {
        "done": 0,
        "total": 2,
        "percent": 0,
        "label": "Being checked",
        "finished": False,
    }
    worked(source)
    page = client.get(f"/imports/{source.pk}/").content.decode()
    assert "1 of 2 rows are good. Nothing is imported yet." in page
    assert "Email address: This field is required." in page
    assert client.get(f"/imports/{source.pk}/state.json").json()["finished"]
    page = client.get(f"/imports/{source.pk}/refused/").content.decode()
    assert "No Mail" in page
    assert "Anna Berg" not in page
    body = {"mode": "good", "confirmed": "1"}
    assert client.post(f"/imports/{source.pk}/carry-out/", body).status_code == 303
    worked(source)
    page = client.get(f"/imports/{source.pk}/").content.decode()
    made = Account.objects.get(username="anna")
    assert "1 of 2 rows are imported." in page
    assert f"/customers/{made.pk}/" in page
    assert "people.csv" in client.get("/imports/").content.decode()


def test_a_long_file_is_paged(world: HostingWorld) -> None:
    source = uploaded(
        world, "ada", text_of(*(f"P{n},p{n}@mail.example,p{n:02},," for n in range(30)))
    )
    client = world.client("ada")
    first = client.get(f"/imports/{source.pk}/").content.decode()
    assert "P0<" in first
    assert "P29<" not in first
    following = Page.open(client, f"/imports/{source.pk}/").links["Next"]
    assert "P29" in Page.open(client, f"/imports/{source.pk}/{following}").text


def test_by_the_api(world: HostingWorld) -> None:
    api = Api(world, "ada")
    response = api.post("/imports", {"file": ONE_BAD})
    assert response.status_code == 201
    made = response.json()["created"]
    assert api.get(f"/imports/{made}").json()["status"] == "checking"
    worked(Import.objects.get(pk=made))
    told = api.get(f"/imports/{made}").json()
    assert (told["status"], told["counts"]) == ("checked", {"done": 1, "refused": 1})
    (row,) = api.get("/import-rows", source=made, result="refused").json()["items"]
    assert (row["line"], row["code"], row["is_made"]) == (3, "invalid", False)
    assert list(api.get("/import-rows").json()["error"]["fields"]) == ["source"]
    assert api.post(f"/imports/{made}/carry-out", {"mode": "all"}).status_code == 409
    assert api.post(f"/imports/{made}/carry-out", {"mode": "good"}).status_code == 200
    worked(Import.objects.get(pk=made))
    rows = api.get("/import-rows", source=made).json()["items"]
    assert [(row["result"], row["is_made"]) for row in rows] == [("done", True), ("refused", False)]
    assert rows[0]["customer_id"] == Account.objects.get(username="anna").pk
    neighbour = Api(world, "ben")
    assert neighbour.get(f"/imports/{made}").status_code == 404
    assert neighbour.get("/import-rows", source=made).json()["items"] == []
    assert api.post("/imports", {"file": 12}).status_code == 422


def run(*words: str) -> tuple[int, str]:
    """Exit code and what was said."""
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            call_command("import_customers", *words, stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as error:
        return int(str(error.code)), out.getvalue()
    return 0, out.getvalue()


def test_by_the_command(world: HostingWorld, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(ONE_BAD, encoding="utf-8")
    code, said = run(str(file), "--as", "ada")
    assert code == 1
    assert "2 rows: 1 good, 1 refused" in said
    assert "line     3  refused    No Mail: Email address: This field is required." in said
    assert not User.objects.filter(username="anna").exists()
    assert run(str(file), "--as", "ada", "--import", "all")[0] == 1
    assert not User.objects.filter(username="anna").exists()
    code, said = run(str(file), "--as", "ada", "--import", "good")
    assert (code, "2 rows: 1 imported, 1 refused" in said) == (1, True)
    assert Account.objects.get(username="anna").provider == world.ada


def test_the_command_says_what_is_wrong_with_the_file(world: HostingWorld, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("username\nä\n".encode("windows-1252"))
    code, said = run(str(file), "--as", "ada")
    assert (code, said.partition(". ")[0]) == (2, "Line 2 is not written in UTF-8")
    assert run(str(tmp_path / "none.csv"), "--as", "ada")[0] == 2
    file.write_text("shoes\n42\n", encoding="utf-8")
    assert run(str(file), "--as", "ada")[0] == 2
    assert run(str(file), "--as", "carl") == (1, "carl may not import.")


# The refused rows, and the example.


def test_the_refused_rows_are_corrected_and_uploaded_again(world: HostingWorld) -> None:
    head = "contact_name,email,username,company"
    text = text_of("Anna,,anna,=cmd()", "Bert,bert@mail.example,bert,", head=head)
    source = imported(world, "ada", uploaded(world, "ada", text))
    response = world.client("ada").get(f"/imports/{source.pk}/refused.csv")
    got = b"".join(response.streaming_content).decode()
    assert "'=cmd()" in got, "no spreadsheet takes it for a formula"
    table = parsed(got)
    assert table.columns == [*head.split(","), "line", "reason"]
    assert table.rows[0][1][4:] == ["2", "Email address: This field is required."]
    again = uploaded(world, "ada", got.replace("Anna,,", "Anna,anna@mail.example,"))
    assert imported(world, "ada", again).counts == {"done": 1}
    assert Account.objects.get(username="anna").company == "=cmd()"


def test_the_example_is_a_good_file(world: HostingWorld) -> None:
    response = world.client("ada").get("/imports/example.csv")
    source = uploaded(world, "ada", b"".join(response.streaming_content).decode())
    assert source.counts == {"done": 3}


# What is too large, and what goes.


def test_of_a_huge_upload_no_more_is_kept_than_is_read(world: HostingWorld) -> None:
    big = SimpleUploadedFile("big.csv", b"x" * (MAX_BYTES + 50_000), "text/csv")
    request = RequestFactory().post("/", {"file": big})
    assert len(request.FILES["file"].read()) == MAX_BYTES + 1
    response = world.client("ada").post("/imports/add/", {"file": files.file(b"x" * 6_000_000)})
    assert response.status_code == 422
    assert "The file is larger than 5 MiB. Split it." in response.content.decode()


def test_ten_thousand_rows_are_read_and_one_more_is_not(world: HostingWorld) -> None:
    client = world.client("ada")
    text = "username\n" + "a\n" * 10_000
    assert client.post("/imports/add/", {"file": files.file(text)}).status_code == 303
    assert ImportRow.objects.count() == 10_000
    response = client.post("/imports/add/", {"file": files.file(text + "a\n")})
    assert "more than 10,000 rows" in response.content.decode()


def test_a_month_later_the_file_is_forgotten_and_its_customers_stay(world: HostingWorld) -> None:
    source = imported(world, "ada", uploaded(world, "ada", ONE_BAD))
    fresh = uploaded(world, "ada", ONE_BAD)
    Import.objects.filter(pk=source.pk).update(created_at=timezone.now() - timedelta(days=31))
    daily.sweep_imports()
    assert list(Import.objects.all()) == [fresh]
    assert not ImportRow.objects.filter(source_id=source.pk).exists()
    assert Account.objects.filter(username="anna").exists()


def test_a_purged_resellers_imports_go_along(world: HostingWorld) -> None:
    uploaded(world, "ben", ONE_BAD)
    for who in ("nora", "ben"):
        noun = world.noun(who)
        world.perform("admin", f"{noun}.remove", world.fresh(who))
    purge.accounts([world.ben.pk])
    assert not Import.objects.exists()
    assert not Subscription.objects.filter(account_id=world.nora.pk).exists()


def test_the_worker_takes_it_up(world: HostingWorld) -> None:
    """Queued rows of registered kinds are claimed and carried out."""
    made = Api(world, "ada").post("/imports", {"file": ONE_BAD}).json()["created"]
    claimed = Import.claim()
    assert claimed is not None
    assert claimed.pk == made
    claimed.carry_out()
    assert Import.objects.get(pk=made).state == State.DONE
    assert json.dumps(Import.objects.get(pk=made).counts) == '{"done": 1, "refused": 1}'

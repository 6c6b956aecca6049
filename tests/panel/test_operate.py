"""`manage.py operate`: the same operations, from the command line."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from panel.core.bulk import BulkRun
from panel.core.log import Activity
from tests.panel.api_client import ids, roomy
from tests.world import World

PASSWORD = "correct horse battery"


def operate(*words: Any) -> tuple[int, str]:
    """Exit code and output; what goes to standard error is the output of code 2."""
    out = io.StringIO()
    try:
        call_command("operate", *map(str, words), stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as leave:
        return int(leave.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_one_is_suspended(world: World) -> None:
    code, out = operate("customer", "suspend", world.carl.pk, "--as", "ada", "--set", "kind=unpaid")
    assert (code, out) == (0, "Suspend: 1 done\n")
    assert world.fresh("carl").is_suspended
    entry = Activity.objects.get(action="customer.suspend")
    assert (entry.door, entry.actor_name) == ("cli", "ada")
    assert BulkRun.objects.get().door == "cli"


def test_what_is_so_already_is_no_failure(world: World) -> None:
    operate("customer", "suspend", world.carl.pk, "--as", "ada")
    code, out = operate("customer", "suspend", world.carl.pk, "--as", "ada")
    assert code == 0
    assert "1 unchanged" in out


def test_what_is_refused_or_missing_fails_with_the_reason(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    code, out = operate("customer", "activate", world.carl.pk, "--as", "ada")
    assert code == 1
    assert "Somebody above you suspended it" in out
    code, out = operate("customer", "suspend", world.nora.pk, world.cleo.pk, "--as", "ada")
    assert code == 1
    assert "1 done, 1 missing" in out
    assert not world.fresh("nora").is_suspended


def test_targets_are_numbers_usernames_or_external_ids(world: World) -> None:
    Account.objects.filter(pk=world.cleo.pk).update(external_id="C-7")
    code, out = operate("customer", "suspend", "carl", "C-7", "nora", "--as", "ada", "--json")
    assert code == 1
    answer = json.loads(out)
    assert set(ids(answer["done"])) == {world.carl.pk, world.cleo.pk}
    assert ids(answer["missing"]) == ["nora"]


@pytest.mark.parametrize(
    "words",
    [
        ("customer", "suspend", "carl"),
        ("customer", "suspend", "carl", "--as", "nobody"),
        ("customer", "suspend", "carl", "--as", ""),
        ("customer", "fly", "carl", "--as", "ada"),
        ("customer", "lift", "carl", "--as", "ada", "--set", "run=1"),
        ("nothing", "add", "--as", "ada"),
        ("customer", "suspend", "--as", "ada"),
        ("customer", "suspend", "--all", "--as", "ada"),
        ("customer", "suspend", "--filter", "status=active", "--as", "ada"),
        ("customer", "suspend", "carl", "--all", "--filter", "status=active", "--as", "ada"),
        ("customer", "suspend", "--all", "--filter", "status=", "--as", "ada"),
        ("customer", "suspend", "--all", "--filter", "status=odd", "--as", "ada"),
        ("customer", "suspend", "--all", "--filter", "odd=1", "--as", "ada"),
        ("customer", "suspend", "carl", "--as", "ada", "--set", "kind=odd"),
        ("customer", "suspend", "carl", "--as", "ada", "--set", "odd=1"),
        ("customer", "suspend", "carl", "--as", "ada", "--set", "kind"),
        (
            "customer",
            "suspend",
            "carl",
            "--as",
            "ada",
            "--set",
            "kind=abuse",
            "--set",
            "kind=other",
        ),
        ("customer", "suspend", "carl", "--as", "ada", "--item", "carl:kind=abuse"),
        ("customer", "suspend", "carl", "--as", "ada", "--item", "12:kind=abuse"),
        ("customer", "activate", "carl", "--as", "ada", "--set", "own=perhaps"),
        ("customer", "edit-contact-info", "carl", "cleo", "--as", "ada", "--set", "city=Rome"),
        ("customer", "suspend", "carl", "--as", "ada", "--set-file", "message=/nowhere"),
        (),
    ],
)
def test_what_cannot_be_taken_is_exit_code_2(world: World, words: tuple[str, ...]) -> None:
    code, words_told = operate(*words)
    assert code == 2
    assert words_told
    assert not Account.objects.filter(is_suspended=True).exists()


def test_a_role_that_may_not_is_refused(world: World) -> None:
    assert operate("customer", "suspend", "carl", "--as", "carl")[0] == 1
    assert operate("reseller", "suspend", "ben", "--as", "ada")[0] == 1
    world.add_user("ada", "viewer", user_role="viewer")
    assert operate("customer", "suspend", "carl", "--as", "viewer")[0] == 1
    assert not Account.objects.filter(is_suspended=True).exists()


def test_nobody_acts_as_one_who_is_suspended_or_removed(world: World) -> None:
    world.perform("admin", "reseller.suspend", world.ada)
    code, out = operate("customer", "suspend", "carl", "--as", "ada")
    assert code == 2
    assert "suspended" in out
    assert operate("customer", "suspend", "carl", "--as", "ADMIN")[0] == 0


def test_a_dry_run_changes_nothing(world: World) -> None:
    code, out = operate("customer", "suspend", "carl", "--as", "ada", "--dry-run")
    assert code == 0
    assert "nothing was changed" in out
    assert "can no longer log in" in out
    assert not world.fresh("carl").is_suspended


def test_all_that_match_a_filter(world: World) -> None:
    operate("customer", "suspend", "cleo", "--as", "ada")
    words = ("customer", "activate", "--all", "--filter", "status=suspended", "--as", "ada")
    code, out = operate(*words, "--json")
    assert (code, ids(json.loads(out)["done"])) == (0, [world.cleo.pk])
    assert operate(*words)[1] == "Activate: nothing to do\n"
    code, out = operate(*words[:2], "--all", "--filter", "q=nobody", "--as", "ada")
    assert (code, out) == (0, "Activate: nothing to do\n")


def new_customer(tmp_path: Path, *more: str) -> tuple[int, str]:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    words = ["customer", "add", "--as", "ada", "--set-file", f"password={file}"]
    values = ("contact_name=Nina New", "email=nina@mail.example", "create_subscription=no")
    for value in (*values, "username=nina", *more):
        words += ["--set", value]
    return operate(*words)


def test_a_customer_is_made_with_a_password_from_a_file(world: World, tmp_path: Path) -> None:
    roomy(world.ada)
    code, out = new_customer(tmp_path)
    assert code == 0, out
    made = Account.objects.get(username="nina")
    assert str(made.pk) in out
    assert made.provider_id == world.ada.pk
    assert world.user("nina").check_password(PASSWORD)
    assert PASSWORD not in json.dumps(list(BulkRun.objects.values("params")))


def test_the_same_external_id_makes_no_second_one(world: World, tmp_path: Path) -> None:
    roomy(world.ada)
    assert new_customer(tmp_path, "external_id=42")[0] == 0
    code, out = new_customer(tmp_path, "external_id=42")
    assert code == 0
    assert "1 unchanged" in out


def test_a_limit_holds_here_too(world: World, tmp_path: Path) -> None:
    code, out = new_customer(tmp_path)
    assert code == 1
    assert "The administrator can raise it" in out


def test_a_secret_among_the_arguments_is_refused(world: World) -> None:
    code, out = operate(
        "customer", "change-login-info", "carl", "--as", "admin", "--set", f"password={PASSWORD}"
    )
    assert code == 2
    assert "--set-file password=PATH" in out
    assert PASSWORD not in out


def test_a_secret_comes_from_standard_input(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("another good one 77\n"))
    words = ("customer", "change-login-info", "carl", "--as", "admin", "--set", "password=-")
    assert operate(*words)[0] == 0
    assert world.user("carl").check_password("another good one 77")


def test_operations_are_listed_with_their_parameters(world: World) -> None:
    code, out = operate("--list")
    assert code == 0
    assert "customer suspend: Suspend" in out
    assert "unpaid|abuse|other" in out
    assert "lift" not in out
    rows = json.loads(operate("customer", "--list", "--json", "--as", "ada")[1])
    verbs = {row["verb"] for row in rows}
    assert "suspend" in verbs
    assert "add-customer" in verbs
    assert "administrators-note" not in verbs

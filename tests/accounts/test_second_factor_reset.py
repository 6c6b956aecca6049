"""Two-factor login from elsewhere: reset by who is above, entered, removed; what is kept of it."""

import json
import re
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from accounts import second_factor
from accounts.operations_second_factor import ResetSecondFactor
from panel.core import secrets
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from panel.core.mail import Message
from panel.core.operations import Result, operations
from tests.accounts.second_factors import URL, code, have, is_in, log_in, set_up
from tests.world import PASSWORD, World

OFF, CODES = f"{URL}turn-off/", f"{URL}recovery-codes/"


@pytest.mark.parametrize(
    ("who", "operation", "name"),
    [
        ("ada", "customer.reset-two-factor", "carl"),
        ("admin", "customer.reset-two-factor", "carl"),
        ("admin", "reseller.reset-two-factor", "ada"),
    ],
)
def test_who_is_above_resets_it(world: World, who: str, operation: str, name: str) -> None:
    have(world, name, "nora")
    inside, neighbour = world.client(name), world.client("nora")
    assert world.finding(who, operation, world.accounts[name]).result == Result.DONE
    assert not is_in(inside)
    assert is_in(log_in(name))
    message = Message.objects.get()
    assert message.to == f"{name}@mail.example"
    assert f"was reset for your login {name}" in message.body
    entry = Activity.objects.get(action=operation)
    assert (entry.actor_name, entry.new) == (who, {"two_factor": "off"})
    assert is_in(neighbour)
    assert second_factor.is_on(world.user("nora").pk)
    again = world.finding(who, operation, world.accounts[name])
    assert (again.result, again.code) == (Result.UNCHANGED, "no_second_factor")


@pytest.mark.parametrize("who", ["ben", "nora", "carl"])
def test_nobody_else_resets_it(world: World, who: str) -> None:
    have(world, "carl")
    finding = world.finding(who, "customer.reset-two-factor", world.carl)
    assert finding.code in {"missing", "not_allowed"}
    assert second_factor.is_on(world.user("carl").pk)


def test_of_several_those_who_have_one_and_are_below(world: World) -> None:
    have(world, "carl", "nora")
    chosen = [world.carl, world.cleo, world.nora]
    found = world.perform("ada", "customer.reset-two-factor", chosen).findings
    assert {finding.label: finding.result for finding in found} == {
        "Carl Customer": Result.DONE,
        "Cleo Customer": Result.UNCHANGED,
        str(world.nora.pk): Result.MISSING,
    }
    assert second_factor.is_on(world.user("nora").pk)
    assert Message.objects.count() == 1


def test_its_button_stands_where_there_is_one(world: World) -> None:
    have(world, "carl")
    client, words = world.client("ada"), "Reset Two-Factor Authentication"
    assert words in client.get(f"/customers/{world.carl.pk}/").content.decode()
    assert words not in client.get(f"/customers/{world.cleo.pk}/").content.decode()
    url = f"/customers/{world.carl.pk}/reset-two-factor/"
    assert "Be sure who asked you for it." in client.get(url).content.decode()
    assert second_factor.is_on(world.user("carl").pk)
    assert client.post(url, {"confirmed": "1"}).status_code == 303
    assert not second_factor.is_on(world.user("carl").pk)


def test_an_additional_users_is_its_own_and_reset_by_account_and_provider(world: World) -> None:
    for who in ("carl", "ada", "admin"):
        world.add_user("carl", f"vera.{who}")
        have(world, f"vera.{who}")
        if who == "carl":
            assert log_in("vera.carl").get("/login/code/").status_code == 200
            assert is_in(log_in("carl")), "the account's own login has none"
        vera = world.user(f"vera.{who}")
        assert world.finding("nora", "user.reset-two-factor", vera).result == Result.MISSING
        assert world.finding(who, "user.reset-two-factor", vera).result == Result.DONE
        assert not second_factor.is_on(vera.pk)
        assert Message.objects.latest("pk").to == f"vera.{who}@mail.example"


def test_an_additional_user_resets_neither_itself_nor_who_may_more(world: World) -> None:
    world.add_user("carl", "olga", user_role="owner", subscription_ids=[])
    world.add_user("carl", "otto", user_role="owner")
    have(world, "olga", "otto")
    codes = [
        world.finding("olga", "user.reset-two-factor", world.user(name)).code
        for name in ("olga", "otto")
    ]
    assert codes == ["yourself", "reaches_further"]
    assert second_factor.is_on(world.user("otto").pk)


def test_who_logged_in_as_somebody_neither_sees_nor_changes_it(world: World) -> None:
    vera = world.add_user("carl", "vera")
    have(world, "carl", "vera")
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    page = client.get("/account/")
    assert page.status_code == 200, "nor is asked for it"
    assert page.context["page"]["subtitle"] == "Carl Customer"
    assert "wo-factor" not in page.content.decode()
    for url in (URL, OFF, CODES):
        assert client.get(url).status_code == 403
        assert client.post(url, {"current_password": PASSWORD}).status_code == 403
    assert client.post(f"/users/{vera.pk}/reset-two-factor/").status_code == 403
    assert second_factor.having([world.user("carl").pk, vera.pk]) == {
        world.user("carl").pk,
        vera.pk,
    }


def test_a_second_factor_of_ones_own_does_not_end_with_entering_others(
    world: World, clock: SimpleNamespace
) -> None:
    secret = have(world, "ada")["ada"]
    client = log_in("ada")
    client.post("/login/code/", {"code": code(secret)})
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    client.post("/act-as/stop/")
    assert "On since" in client.get("/account/").content.decode()


def test_the_command_line_resets_an_administrators(world: World, capsys) -> None:
    have(world, "admin", "nora")
    inside = world.client("admin")
    call_command("reset_two_factor", "Admin")
    assert "logs in by password alone" in capsys.readouterr().out
    assert not is_in(inside)
    assert is_in(log_in("admin"))
    entry = Activity.objects.get()
    assert (entry.actor_name, entry.door, entry.new) == ("manage.py", "cli", {"two_factor": "off"})
    assert Message.objects.get().to == "admin@mail.example"
    assert second_factor.is_on(world.user("nora").pk)
    for wrong in ("admin", "nobody"):
        with pytest.raises(CommandError):
            call_command("reset_two_factor", wrong)


def test_no_secret_is_written_down_in_the_clear(world: World, clock: SimpleNamespace) -> None:
    answer, secret = set_up(world.client("carl"))
    codes = re.findall(r"<code>([\d-]+)</code>", answer.content.decode())
    rows = list(Authenticator.objects.values_list("data", flat=True))
    written = json.dumps([rows, *BulkRun.objects.values_list("params", "notes")])
    written += json.dumps(list(BulkTarget.objects.values_list("item_params", "reason_params")))
    written += "".join(Activity.objects.values_list("details", flat=True))
    assert not [text for text in (secret, PASSWORD, *codes) if text in written]
    assert not [text for text in codes if text.replace("-", "") in written]


def test_a_secret_copied_to_somebody_elses_row_lets_nobody_in(
    world: World, clock: SimpleNamespace
) -> None:
    known = have(world, "carl", "nora")
    rows = Authenticator.objects.filter(type=Authenticator.Type.TOTP)
    mine = rows.get(user=world.user("carl"))
    rows.filter(user=world.user("nora")).update(data=mine.data)
    assert log_in("nora").post("/login/code/", {"code": code(known["carl"])}).status_code == 422


def test_a_lost_key_leaves_the_recovery_codes(
    world: World, clock: SimpleNamespace, tmp_path, settings
) -> None:
    secret = have(world, "carl")["carl"]
    settings.DATA_DIR = tmp_path
    secrets._key.cache_clear()
    client = log_in("carl")
    assert client.post("/login/code/", {"code": code(secret)}).status_code == 422
    assert client.post("/login/code/", {"code": "1111-2222-3333"}).status_code == 303


def test_what_is_ones_own_is_done_by_the_page_alone() -> None:
    for name in ("set-up-two-factor", "turn-off-two-factor", "new-recovery-codes"):
        assert operations[f"login.{name}"].hidden
    resets = [one for one in operations.values() if isinstance(one, ResetSecondFactor)]
    assert {one.noun for one in resets} == {"customer", "reseller", "user"}
    assert not [one for one in resets if one.impersonated]


def test_it_goes_with_its_user(world: World) -> None:
    vera = world.add_user("carl", "vera")
    have(world, "vera", "nora")
    assert world.finding("carl", "user.remove", vera).result == Result.DONE
    assert {row.user.username for row in Authenticator.objects.all()} == {"nora"}

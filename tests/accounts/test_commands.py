"""create_administrator and reset_password: from the machine itself, whatever else is wrong."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from accounts.models import Account, ApiToken, User
from panel.core.log import Activity
from tests.world import PASSWORD, World

NEW = "a brand new passphrase"


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{NEW}\nsecond line\n")
    return str(path)


def create(**options: str) -> str:
    out = io.StringIO()
    given = {"username": "admin", "email": "adam@host.example", **options}
    call_command("create_administrator", stdout=out, **given)
    return out.getvalue()


@pytest.mark.django_db
def test_the_first_administrator_gets_the_account(password_file: str) -> None:
    assert "the administrator now" in create(password_file=password_file, name="Adam")
    account = Account.objects.get()
    assert (account.role, account.contact_name) == ("administrator", "Adam")
    assert User.objects.get().check_password(NEW)
    assert (Activity.objects.get().actor_name, Activity.objects.get().door) == ("manage.py", "cli")


def test_the_next_one_is_a_user_of_the_same_account(world: World, password_file: str) -> None:
    assert "additional user" in create(username="berta", password_file=password_file)
    user = world.user("berta")
    assert (user.account_id, user.is_own, user.user_role) == (world.admin.pk, False, "owner")
    assert world.actor("berta").is_administrator
    assert Account.objects.filter(role="administrator").count() == 1


@pytest.mark.parametrize(
    "wrong",
    [{"username": "nora"}, {"username": "root"}, {"email": "nowhere"}, {"username": "a b"}],
)
def test_it_refuses_what_is_not_valid(
    world: World, password_file: str, wrong: dict[str, str]
) -> None:
    with pytest.raises(CommandError):
        create(**{"username": "berta", "password_file": password_file, **wrong})
    assert not User.objects.filter(is_own=False).exists()


def test_a_password_is_set_and_sessions_end(world: World, password_file: str) -> None:
    client = world.client("admin")
    call_command("reset_password", "ADMIN", password_file=password_file, stdout=io.StringIO())
    assert world.user("admin").check_password(NEW)
    assert client.get("/account/").status_code == 302
    assert world.user("nora").check_password(PASSWORD)


def test_the_password_comes_from_standard_input(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NEW}\n"))
    call_command("reset_password", "carl", stdout=io.StringIO())
    assert world.user("carl").check_password(NEW)


@pytest.mark.parametrize("typed", ["short\n", "\n", "", "password1234\n"])
def test_a_weak_password_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError):
        call_command("reset_password", "carl", password_file="-")
    assert world.user("carl").check_password(PASSWORD)


def test_an_unknown_login_or_file_is_an_error(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("reset_password", "nobody", password_file=str(tmp_path / "none"))
    with pytest.raises(CommandError):
        call_command("reset_password", "carl", password_file=str(tmp_path / "none"))


def test_tokens_are_revoked_when_asked(world: World, password_file: str) -> None:
    ApiToken.make(world.user("carl"), "x", ["read"])
    ApiToken.make(world.user("nora"), "x", ["read"])
    call_command(
        "reset_password",
        "carl",
        password_file=password_file,
        revoke_tokens=True,
        stdout=io.StringIO(),
    )
    assert [token.user.username for token in ApiToken.objects.all()] == ["nora"]


@pytest.mark.parametrize("name", ["create_administrator", "reset_password"])
def test_they_run_while_something_else_is_wrong(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    assert command.requires_system_checks == []

"""Logging in and out: by username, slowed down by pair, refused while suspended."""

import time
from types import SimpleNamespace

import pytest
from allauth.core.internal import ratelimit
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts import backends
from accounts.models import Account, ApiToken, User
from tests.world import PASSWORD, World


def log_in(client: Client, username: str, password: str = PASSWORD, **more: str):
    return client.post("/login/", {"login": username, "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_the_right_password_lets_in(world: World) -> None:
    client = Client()
    answer = log_in(client, "carl")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_in(client)


@pytest.mark.parametrize("typed", ["CARL", " carl ", "Carl"])
def test_case_and_spaces_around_the_username_do_not_matter(world: World, typed: str) -> None:
    client = Client()
    log_in(client, typed)
    assert is_in(client)


def test_an_email_address_is_no_username(world: World) -> None:
    client = Client()
    log_in(client, "carl@mail.example")
    assert not is_in(client)


def test_wrong_passwords_and_unknown_names_get_the_same_answer(world: World) -> None:
    wrong = log_in(Client(), "carl", "wrong password")
    unknown = log_in(Client(), "nobody-here", "wrong password")
    assert wrong.status_code == unknown.status_code == 200
    texts = [answer.content.decode() for answer in (wrong, unknown)]
    assert "are not correct" in texts[0]
    assert texts[1].replace("nobody-here", "carl").count("are not correct") == texts[0].count(
        "are not correct"
    )


def test_an_unknown_name_costs_a_hash_as_well(
    world: World, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    encode = PBKDF2PasswordHasher.encode

    def counting(self, *args, **kwargs):
        counted.append(1)
        return encode(self, *args, **kwargs)

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    user = world.user("carl")
    user.set_password(PASSWORD)
    user.save()
    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counting)
    log_in(Client(), "carl", "wrong password")
    known = len(counted)
    log_in(Client(), "nobody-here", "wrong password")
    assert known > 0
    assert len(counted) - known == known


def test_the_eleventh_wrong_password_from_an_address_is_not_tried(world: World) -> None:
    for _attempt in range(10):
        log_in(Client(), "carl", "wrong password")
    answer = log_in(Client(), "CARL")
    assert "Too many failed login attempts" in answer.content.decode()
    # The neighbour at the same address, and the owner elsewhere, are not slowed down.
    assert log_in(Client(), "nora").status_code == 302
    assert log_in(Client(REMOTE_ADDR="192.0.2.7"), "carl").status_code == 302


def test_attempts_are_remembered_however_many_others_are_made(world: World) -> None:
    client = Client()
    for _attempt in range(10):
        log_in(client, "carl", "wrong")
    for number in range(600):
        cache.set(f"somebody else's {number}", 1, 300)
    refused = log_in(client, "carl")
    assert "Too many" in refused.content.decode()
    assert not is_in(client)
    assert log_in(client, "nora").status_code == 302


def test_wrong_passwords_never_lock_the_account_for_its_owner(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from however many addresses, and where they came from for some minutes only."""
    for number in range(11):
        log_in(Client(REMOTE_ADDR=f"198.51.100.{number}"), "carl", "wrong password")
    assert log_in(Client(), "carl").status_code == 302
    for _attempt in range(10):
        log_in(Client(), "carl", "wrong password")
    assert "Too many failed login attempts" in log_in(Client(), "carl").content.decode()
    later = SimpleNamespace(**{**vars(time), "time": lambda: time.time() + 301})
    monkeypatch.setattr(ratelimit, "time", later)
    client = Client()
    assert log_in(client, "carl").status_code == 302
    assert is_in(client)


def test_forwarded_addresses_of_strangers_do_not_count(world: World) -> None:
    for number in range(10):
        log_in(Client(HTTP_X_FORWARDED_FOR=f"198.51.100.{number}"), "carl", "wrong password")
    answer = log_in(Client(HTTP_X_FORWARDED_FOR="198.51.100.99"), "carl")
    assert "Too many failed login attempts" in answer.content.decode()


def test_a_suspended_account_is_told_so_after_the_right_password_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=True)
    monkeypatch.setattr(backends, "suspension_message", lambda account: "Invoice 1042 is unpaid.")
    wrong = log_in(Client(), "carl", "wrong password").content.decode()
    assert "suspended" not in wrong
    assert "Invoice" not in wrong
    client = Client()
    right = log_in(client, "carl")
    assert right.status_code == 403
    assert "This account is suspended" in right.content.decode()
    assert "Invoice 1042 is unpaid." in right.content.decode()
    assert not is_in(client)


def test_additional_users_of_a_suspended_account_are_refused_as_well(world: World) -> None:
    helper, session, token = world.add_user("carl", "carl.helper"), Client(), Client()
    _row, secret = ApiToken.make(helper, "t", ["read"])
    log_in(session, "carl.helper")
    assert is_in(session)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert token.get("/api/v1/me", headers=bearer).status_code == 200
    assert world.perform("ada", "customer.suspend", world.carl).is_clean
    assert not is_in(session)
    assert token.get("/api/v1/me", headers=bearer).status_code == 401
    answer = log_in(Client(), "carl.helper")
    assert "This account is suspended" in answer.content.decode()
    assert "suspended" not in log_in(Client(), "carl.helper", "wrong").content.decode()
    assert log_in(Client(), "nora").status_code == 302
    assert world.perform("ada", "customer.activate", world.carl).is_clean
    assert log_in(Client(), "carl.helper").status_code == 302
    assert not is_in(session), "what has ended does not come back"


def test_a_user_that_is_not_active_is_not_let_in(world: World) -> None:
    world.add_user("carl", "vera", is_active=False)
    client = Client()
    assert "This user is not active" in log_in(client, "vera").content.decode()
    assert not is_in(client)


def test_a_removed_account_is_not_let_in(world: World) -> None:
    from django.utils import timezone

    Account.objects.filter(pk=world.carl.pk).update(removing_at=timezone.now())
    client = Client()
    assert "has been removed" in log_in(client, "carl").content.decode()
    assert not is_in(client)


@pytest.mark.parametrize(
    "column", [{"epoch": 1}, {"is_suspended": True}, {"removing_at": "2026-01-01T00:00Z"}]
)
def test_sessions_end_with_what_they_rested_on(world: World, column: dict) -> None:
    client, neighbour = world.client("carl"), world.client("nora")
    assert is_in(client)
    Account.objects.filter(pk=world.carl.pk).update(**column)
    assert not is_in(client)
    assert is_in(neighbour)


def test_a_session_that_ended_does_not_come_back(world: World) -> None:
    client = world.client("carl")
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=True)
    assert not is_in(client)
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=False, epoch=1)
    assert not is_in(client)


def test_a_session_ends_with_the_user(world: World) -> None:
    user = world.add_user("carl", "vera")
    client = world.client("vera")
    assert is_in(client)
    User.objects.filter(pk=user.pk).delete()
    assert not is_in(client)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("/account/", "/account/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("http://testserver/account/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
        ("\tjavascript:alert(1)", "/"),
    ],
)
def test_next_stays_at_home(world: World, asked: str, expected: str) -> None:
    assert log_in(Client(), "carl", next=asked)["Location"] == expected
    assert b"evil.example" not in Client().get("/login/", {"next": asked}).content


def test_logging_out_takes_a_post(world: World) -> None:
    client = world.client("carl")
    assert client.get("/logout/").status_code == 200
    assert is_in(client)
    assert client.post("/logout/")["Location"] == "/login/"
    assert not is_in(client)


def test_a_login_needs_a_csrf_token(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = log_in(client, "carl")
    assert answer.status_code == 403


def test_a_new_session_key_is_given_at_login(world: World) -> None:
    client = Client()
    client.get("/login/")
    client.cookies["freehold_session"] = "chosen-by-somebody-else"
    log_in(client, "carl")
    assert client.cookies["freehold_session"].value != "chosen-by-somebody-else"


@pytest.mark.parametrize(
    "name",
    [
        "account_signup",
        "account_email",
        "account_change_password",
        "account_set_password",
        "account_reauthenticate",
        "account_confirm_email",
        "account_reset_password_from_key",
        "account_inactive",
    ],
)
def test_nothing_else_of_the_login_library_is_mounted(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["/account/", "/users/", "/users/1/", "/theme/", "/act-as/stop/"])
def test_nothing_is_shown_before_the_login(world: World, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")

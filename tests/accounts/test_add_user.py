"""Add a User: an additional login of one's own account, with a role and some subscriptions."""

import pytest

from accounts import forms
from accounts.models import User
from panel.core.operations import Result
from tests.world import PASSWORD, World

GIVEN = {
    "name": "Vera Webmaster",
    "email": "vera@mail.example",
    "username": "vera",
    "password": "a brand new passphrase",
    "password_again": "a brand new passphrase",
    "user_role": "webmaster",
    "access": "all",
    "is_active": "on",
}


@pytest.fixture
def subscriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carl's account has the subscriptions 7 and 8; whoever is cut down sees its own of them."""

    def choices(actor, account_id):
        every = [(7, "carl.example"), (8, "shop.example")]
        own = [
            pair for pair in every if actor.subscriptions is None or pair[0] in actor.subscriptions
        ]
        return own if actor.username != "nora" else []

    monkeypatch.setattr(forms, "subscription_choices", choices)


def test_it_adds_a_user(world: World) -> None:
    finding = world.finding("carl", "account.add-user", world.carl, **GIVEN)
    user = User.objects.get(pk=finding.created_id)
    assert (user.username, user.name, user.user_role) == ("vera", "Vera Webmaster", "webmaster")
    assert (user.account_id, user.reseller_id) == (world.carl.pk, world.ada.pk)
    assert (user.is_own, user.is_active, user.subscription_ids) == (False, True, None)
    assert user.check_password(GIVEN["password"])


def test_it_works_by_its_page(world: World, subscriptions: None) -> None:
    client = world.client("carl")
    assert b"Add a User" in client.get("/users/").content
    assert b"shop.example" in client.get("/users/add/").content
    given = {**GIVEN, "access": "some", "subscriptions": ["8"]}
    answer = client.post("/users/add/", given)
    assert answer.status_code == 303
    user = User.objects.get(username="vera")
    assert answer["Location"].startswith(f"/users/{user.pk}/?run=")
    assert user.subscription_ids == [8]
    page = client.get(answer["Location"])
    assert page.status_code == 200
    assert b"a brand new passphrase" not in page.content


def test_the_same_name_again_is_refused(world: World) -> None:
    world.perform("carl", "account.add-user", world.carl, **GIVEN)
    again = world.finding("carl", "account.add-user", world.carl, **GIVEN)
    assert again.result == Result.REFUSED
    assert User.objects.filter(username="vera").count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "nora"},
        {"username": "admin"},
        {"username": "nora@mail.example"},
        {"email": "nowhere"},
        {"name": ""},
        {"password": "short", "password_again": "short"},
        {"password_again": "something else"},
        {"user_role": "administrator"},
        {"access": "some"},
        {"access": "some", "subscriptions": ["9"]},
        {"access": "some", "subscriptions": ["7'"]},
    ],
)
def test_it_refuses_what_is_not_valid(world: World, subscriptions: None, wrong: dict) -> None:
    finding = world.finding("carl", "account.add-user", world.carl, **{**GIVEN, **wrong})
    assert finding.result == Result.REFUSED
    assert not User.objects.filter(is_own=False).exists()


def test_nobody_adds_to_another_account(world: World) -> None:
    for who in ("ada", "ben", "nora", "admin"):
        finding = world.finding(who, "account.add-user", world.carl, **GIVEN)
        assert finding.result == Result.MISSING, who
    assert not User.objects.filter(is_own=False).exists()


def test_providers_have_users_of_their_own(world: World) -> None:
    finding = world.finding("ada", "account.add-user", world.ada, **GIVEN)
    user = User.objects.get(pk=finding.created_id)
    assert (user.account_id, user.reseller_id) == (world.ada.pk, world.ada.pk)
    assert world.actor("vera").role == "reseller"


@pytest.mark.parametrize("role", ["webmaster", "viewer"])
def test_roles_without_the_area_do_not_add_users(world: World, role: str) -> None:
    world.add_user("carl", "otto", user_role=role)
    finding = world.finding("otto", "account.add-user", world.carl, **GIVEN)
    assert (finding.result, finding.code) == (Result.REFUSED, "not_allowed")
    assert world.client("otto").get("/users/add/").status_code == 403


def test_nobody_gives_more_than_one_has(world: World, subscriptions: None) -> None:
    world.add_user("carl", "otto", user_role="owner", subscription_ids=[7])
    for access in ({"access": "all"}, {"access": "some", "subscriptions": ["7", "8"]}):
        finding = world.finding("otto", "account.add-user", world.carl, **{**GIVEN, **access})
        assert finding.result == Result.REFUSED
    given = {**GIVEN, "access": "some", "subscriptions": ["7"]}
    assert world.finding("otto", "account.add-user", world.carl, **given).result == Result.DONE


def test_the_new_user_logs_in(world: World) -> None:
    world.perform("carl", "account.add-user", world.carl, **GIVEN)
    from django.test import Client

    answer = Client().post("/login/", {"login": "vera", "password": GIVEN["password"]})
    assert answer.status_code == 302
    assert world.user("carl").check_password(PASSWORD)

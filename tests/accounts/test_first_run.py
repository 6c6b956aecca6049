"""The first page of an installation: there only while there is no administrator."""

import pytest
from django.db import IntegrityError
from django.test import Client

from accounts.creation import add_account
from accounts.models import Account, User
from panel.core.access import Role
from panel.core.log import Activity
from tests.world import World

GIVEN = {
    "contact_name": "Adam",
    "email": "adam@host.example",
    "username": "admin",
    "password": "correct horse battery",
    "password_again": "correct horse battery",
}


@pytest.mark.django_db
def test_the_login_page_leads_there() -> None:
    assert Client().get("/login/")["Location"] == "/first-run/"
    assert b"Create the administrator" in Client().get("/first-run/").content


@pytest.mark.django_db
def test_it_creates_the_administrator_and_logs_it_in() -> None:
    client = Client()
    answer = client.post("/first-run/", GIVEN)
    assert (answer.status_code, answer["Location"]) == (303, "/")
    account = Account.objects.get()
    assert (account.role, account.account_id, account.reseller_id) == (
        Role.ADMINISTRATOR,
        account.pk,
        None,
    )
    assert User.objects.get().check_password(GIVEN["password"])
    assert client.get("/account/").status_code == 200
    assert Activity.objects.get().action == "account.first-run"


@pytest.mark.django_db
def test_it_is_gone_afterwards() -> None:
    Client().post("/first-run/", GIVEN)
    assert Client().get("/first-run/").status_code == 404
    assert Client().post("/first-run/", {**GIVEN, "username": "second"}).status_code == 404
    assert Client().get("/login/").status_code == 200
    assert User.objects.count() == 1


def test_the_database_allows_one_administrator(world: World) -> None:
    with pytest.raises(IntegrityError):
        add_account(
            Role.ADMINISTRATOR, None, username="eve", contact_name="Eve", email="e@e.example"
        )


@pytest.mark.django_db
def test_who_comes_second_at_the_same_moment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    add_account(Role.ADMINISTRATOR, None, username="admin", contact_name="A", email="a@a.example")
    # As the second of two saw it, who asked before the first was done.
    monkeypatch.setattr("accounts.views.has_administrator", lambda: False)
    answer = Client().post("/first-run/", {**GIVEN, "username": "second"})
    assert answer.status_code == 404
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"password_again": "something else"},
        {"password": "short", "password_again": "short"},
        {"password": "123456789012", "password_again": "123456789012"},
        {"username": "root"},
        {"username": "1admin"},
        {"email": "nowhere"},
        {"contact_name": ""},
    ],
)
def test_it_refuses_what_is_not_valid(wrong: dict[str, str]) -> None:
    answer = Client().post("/first-run/", {**GIVEN, **wrong})
    assert answer.status_code == 422
    assert not Account.objects.exists()

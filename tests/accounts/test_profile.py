"""One's own page: sessions, API tokens, own activity, theme."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import token_user
from accounts.models import Account, ApiToken, User
from panel.core.bulk import BulkRun
from panel.core.log import Activity
from panel.core.operations import Result, operations
from tests.world import PASSWORD, World

TOKEN = {"name": "billing", "scopes": ["read", "billing"], "current_password": PASSWORD}


def create(client: Client, **changes: object):
    return client.post("/account/tokens/add/", {**TOKEN, **changes})


@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_everybody_has_a_page(world: World, who: str) -> None:
    page = world.client(who).get("/account/")
    text = page.content.decode()
    assert page.status_code == 200
    for words in (f"{who}@mail.example", "Edit Contact Info", "Change Login Info", "API tokens"):
        assert words in text
    assert "Nora" not in text


def test_an_additional_user_sees_its_own(world: World) -> None:
    world.add_user("carl", "vera", user_role="viewer")
    text = world.client("vera").get("/account/").content.decode()
    assert "vera@mail.example" in text
    assert "Viewer" in text
    assert "Change Login Info" in text
    assert "Edit Contact Info" not in text


def test_own_activity_is_one_s_own(world: World) -> None:
    given = {"contact_name": "C", "email": "c@c.example", "locale": "en", "time_zone": "UTC"}
    world.perform("carl", "account.edit-contact-info", world.carl, **given)
    world.perform("nora", "account.edit-contact-info", world.nora, **given)
    text = world.client("carl").get("/account/").content.decode()
    assert text.count('<td data-th="Who">') == 1


def test_logging_out_everywhere_else_keeps_this_session(world: World) -> None:
    here, there, neighbour = world.client("carl"), world.client("carl"), world.client("nora")
    assert here.post("/account/end-sessions/").status_code == 303
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert neighbour.get("/account/").status_code == 200


def test_a_token_is_shown_once(world: World) -> None:
    client = world.client("carl")
    answer = create(client)
    found = re.search(r'value="(fh_[\w-]+)"', answer.content.decode())
    assert found is not None
    text = found.group(1)
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.expires_at) == ("billing", ["read", "billing"], None)
    known = token_user(text)
    assert known is not None
    assert known[0].username == "carl"
    page = client.get("/account/").content.decode()
    assert text not in page
    assert token.hint in page
    stored = [
        *(json.dumps(run.params) for run in BulkRun.objects.all()),
        *Activity.objects.values_list("details", flat=True),
        token.digest,
    ]
    assert not [kept for kept in stored if text in kept or PASSWORD in kept]


@pytest.mark.parametrize(
    "wrong",
    [
        {"current_password": "wrong"},
        {"scopes": []},
        {"scopes": ["root"]},
        {"name": ""},
        {"expires_on": "2020-01-01"},
        {"expires_on": "soon"},
    ],
)
def test_a_token_that_is_not_made(world: World, wrong: dict) -> None:
    answer = create(world.client("carl"), **wrong)
    assert answer.status_code == 422
    assert b"fh_" not in answer.content
    assert not ApiToken.objects.exists()


def test_a_token_expires(world: World) -> None:
    day = timezone.localdate() + timedelta(days=1)
    create(world.client("carl"), expires_on=day.isoformat())
    token = ApiToken.objects.get()
    assert token.expires_at is not None
    assert token.expires_at.date() == day
    text = "fh_known"
    ApiToken.objects.update(digest=ApiToken.digest_of(text))
    assert token_user(text) is not None
    ApiToken.objects.update(expires_at=timezone.now())
    assert token_user(text) is None


def test_a_role_is_offered_scopes_that_it_reaches(world: World) -> None:
    world.add_user("carl", "vera", user_role="viewer")
    client = world.client("vera")
    assert create(client, scopes=["suspension"]).status_code == 422
    assert create(client, scopes=["read"]).status_code == 200


def test_tokens_are_limited_in_number(world: World) -> None:
    user = world.user("carl")
    ApiToken.objects.bulk_create(
        ApiToken(user=user, name="x", digest=f"d{number}") for number in range(50)
    )
    assert create(world.client("carl")).status_code == 409


def test_a_token_is_revoked(world: World) -> None:
    client = world.client("carl")
    token, text = ApiToken.make(world.user("carl"), "billing", ["read"])
    answer = client.post(f"/account/tokens/{token.pk}/revoke/")
    assert client.get(answer["Location"]).status_code == 200
    assert token_user(text) is None
    entry = Activity.objects.get(action="token.revoke")
    assert (entry.target_label, entry.account_id) == ("billing", world.carl.pk)
    again = world.finding("carl", "token.revoke", token)
    assert again.result == Result.MISSING


@pytest.mark.parametrize("who", ["nora", "ada", "admin"])
def test_nobody_revokes_the_tokens_of_others(world: World, who: str) -> None:
    token, text = ApiToken.make(world.user("carl"), "billing", ["read"])
    world.client(who).post(f"/account/tokens/{token.pk}/revoke/")
    assert world.finding(who, "token.revoke", token).result == Result.MISSING
    assert token_user(text) is not None


def test_a_suspended_accounts_token_is_refused_and_works_again_after(world: World) -> None:
    _token, text = ApiToken.make(world.user("carl"), "billing", ["read"])
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=True)
    assert token_user(text) is None
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=False)
    assert token_user(text) is not None


def test_who_logged_in_as_somebody_gets_no_tokens_and_ends_no_sessions(world: World) -> None:
    ApiToken.make(world.user("carl"), "billing", ["read"])
    client, carl = world.client("ada"), world.client("carl")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    text = client.get("/account/").content.decode()
    assert "carl@mail.example" in text
    for words in ("Create an API token", "Change Login Info", "Log out everywhere else", "fh_"):
        assert words not in text
    assert create(client).status_code == 403
    assert client.get("/account/tokens/add/").status_code == 403
    assert client.post("/account/end-sessions/").status_code == 403
    assert carl.get("/account/").status_code == 200


def test_tokens_are_made_by_the_page_alone() -> None:
    assert operations["login.create-token"].hidden


@pytest.mark.parametrize("verb", ["add-user", "add-customer", "create-token", "revoke", "nothing"])
def test_the_account_page_has_its_own_operations_only(world: World, verb: str) -> None:
    assert world.client("carl").get(f"/account/{verb}/").status_code == 404


@pytest.mark.parametrize(("theme", "kept"), [("dark", "dark"), ("auto", "auto"), ("<x>", None)])
def test_the_theme_is_remembered(world: World, theme: str, kept: str | None) -> None:
    client = world.client("carl")
    answer = client.post("/theme/", {"theme": theme, "next": "/account/?run=1"})
    assert answer["Location"] == "/account/?run=1"
    cookie = client.cookies.get("theme")
    assert (cookie.value if cookie else None) == kept


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_the_theme_leads_nowhere_else(world: World, target: str) -> None:
    answer = world.client("carl").post("/theme/", {"theme": "dark", "next": target})
    assert answer["Location"] == "/"


def test_a_get_changes_nothing(world: World) -> None:
    client = world.client("carl")
    token, _text = ApiToken.make(world.user("carl"), "billing", ["read"])
    before = list(User.objects.values_list("pk", "epoch", "version", "password"))
    assert client.get("/theme/").status_code == 405
    assert client.get(f"/account/tokens/{token.pk}/revoke/").status_code == 405
    client.get("/account/end-sessions/")
    assert list(User.objects.values_list("pk", "epoch", "version", "password")) == before
    assert ApiToken.objects.filter(pk=token.pk).exists()

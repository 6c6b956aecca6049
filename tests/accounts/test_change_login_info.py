"""Change Login Info: username, password, or both; of those below, and of oneself."""

import json

import pytest
from django.test import Client

from accounts.models import Account, ApiToken, User
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from panel.core.mail import Message
from panel.core.operations import Result
from panel.core.search import SearchText
from tests.world import PASSWORD, World

NEW = "a brand new passphrase"
OPERATION = "customer.change-login-info"


def both(password: str = NEW) -> dict[str, str]:
    return {"password": password, "password_again": password}


def test_it_changes_username_and_password(world: World) -> None:
    finding = world.finding("ada", OPERATION, world.carl, username="Carl.Berg", **both())
    assert finding.result == Result.DONE
    user = world.user("carl.berg")
    assert user.check_password(NEW)
    assert (user.pk, user.epoch, user.version) == (user.pk, 1, 2)
    assert world.fresh("carl").username == "carl.berg"


def test_a_username_alone_keeps_the_password(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, username="carl2")
    assert world.user("carl2").check_password(PASSWORD)


def test_a_password_alone_keeps_the_username(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, **both())
    assert world.user("carl").check_password(NEW)


def test_it_works_by_its_page(world: World) -> None:
    client = world.client("ada")
    url = f"/customers/{world.carl.pk}/change-login-info/"
    page = client.get(url).content.decode()
    assert "Change Login Info" in page
    assert 'value="carl"' in page
    assert "the customer needs the username and the email address carl@mail.example" in page
    assert "Send the customer an email about this" in page
    given = {"username": "carl2", **both(), "confirmed": "1", "version": "1"}
    assert client.post(url, given).status_code == 303
    assert world.user("carl2").check_password(NEW)


def test_doing_it_twice_changes_nothing(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, username="carl2")
    again = world.finding("ada", OPERATION, world.carl, username="carl2")
    assert again.result == Result.UNCHANGED
    assert world.finding("ada", OPERATION, world.carl).result == Result.UNCHANGED


def test_sessions_end_and_those_of_the_neighbour_go_on(world: World) -> None:
    carl, cleo = world.client("carl"), world.client("cleo")
    world.perform("ada", OPERATION, world.carl, username="carl2")
    assert carl.get("/account/").status_code == 302
    assert cleo.get("/account/").status_code == 200


def test_nobody_is_told_unless_it_is_ticked(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, **both())
    assert not Message.objects.exists()
    world.perform("ada", OPERATION, world.carl, username="carl2", email_customer="on")
    message = Message.objects.get()
    assert message.to == "carl@mail.example"
    assert "carl2" in message.body
    assert PASSWORD not in message.body


def test_the_password_is_nowhere(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, **both("planted secret 4711"), email_customer="on")
    found = [
        *Activity.objects.values_list("details", flat=True),
        *(json.dumps(run.params) for run in BulkRun.objects.all()),
        *(json.dumps(target.reason_params) for target in BulkTarget.objects.all()),
        *Message.objects.values_list("body", flat=True),
        *User.objects.values_list("password", flat=True),
    ]
    assert not [text for text in found if text and "4711" in text]


def test_a_page_with_mistakes_does_not_repeat_the_password(world: World) -> None:
    answer = world.client("ada").post(
        f"/customers/{world.carl.pk}/change-login-info/",
        {"username": "root", **both("planted secret 4711"), "confirmed": "1"},
    )
    assert answer.status_code == 422
    assert b"4711" not in answer.content


@pytest.mark.parametrize(
    "username",
    [
        "nora",
        "NORA",
        "admin",
        "root",
        "www-data",
        "1carl",
        "-carl",
        "_carl",
        "carl berg",
        "carl\n",
        "cärl",
        "dıll",
        "carl/../x",
        "a" * 61,
        "nora@mail.example",
        "Nora@Mail.Example",
        "a@b@c",
    ],
)
def test_usernames_that_are_refused(world: World, username: str) -> None:
    finding = world.finding("ada", OPERATION, world.carl, username=username)
    # Spaces around are no mistake, so "carl\n" is "carl", which it was before.
    assert finding.result in {Result.REFUSED, Result.UNCHANGED}
    assert world.user("carl").epoch == 0


@pytest.mark.parametrize("username", ["c", "carl-1", "carl_1", "carl.b", "carl@mail.example"])
def test_usernames_that_are_taken_on(world: World, username: str) -> None:
    world.finding("ada", OPERATION, world.carl, username=username)
    assert world.user(username).account_id == world.carl.pk


def test_the_name_of_a_removed_account_stays_taken(world: World) -> None:
    from django.utils import timezone

    Account.objects.filter(pk=world.nora.pk).update(removing_at=timezone.now())
    finding = world.finding("ada", OPERATION, world.carl, username="nora")
    assert finding.result == Result.REFUSED


def test_who_has_the_name_is_not_told(world: World) -> None:
    finding = world.finding("ada", OPERATION, world.carl, username="nora")
    assert "Nora" not in json.dumps(finding.params)
    assert "ben" not in json.dumps(finding.params).lower()


@pytest.mark.parametrize(
    "given",
    [
        {"password": "short", "password_again": "short"},
        {"password": "password1234", "password_again": "password1234"},
        {"password": "carl@mail.example", "password_again": "carl@mail.example"},
        {"password": NEW, "password_again": "something else"},
        {"password": NEW},
        {"password_again": NEW},
        {"password": "line\nbreak is long", "password_again": "line\nbreak is long"},
    ],
)
def test_passwords_that_are_refused(world: World, given: dict[str, str]) -> None:
    assert world.finding("ada", OPERATION, world.carl, **given).result == Result.REFUSED
    assert world.user("carl").check_password(PASSWORD)


def test_programs_give_the_password_once(world: World) -> None:
    from panel.core import runs
    from panel.core.operations import operations

    outcome = runs.perform(
        operations[OPERATION],
        world.actor("ada", door="api"),
        [world.carl.pk],
        secrets={"password": NEW},
    )
    assert outcome.is_clean
    assert world.user("carl").check_password(NEW)


def test_the_neighbour_is_not_there(world: World) -> None:
    assert world.finding("ben", OPERATION, world.carl, **both()).result == Result.MISSING
    url = f"/customers/{world.carl.pk}/change-login-info/"
    assert world.client("ben").get(url).status_code == 404
    assert world.user("carl").check_password(PASSWORD)


def test_nobody_changes_a_login_above_or_beside(world: World) -> None:
    for who, operation, target in [
        ("ada", "reseller.change-login-info", world.ada),
        ("ada", "reseller.change-login-info", world.ben),
        ("carl", OPERATION, world.carl),
        ("carl", "account.change-login-info", world.ada),
        ("ada", "account.change-login-info", world.carl),
        ("admin", "account.change-login-info", world.carl),
    ]:
        finding = world.finding(who, operation, target, **both())
        assert finding.result in {Result.MISSING, Result.REFUSED}, (who, operation)
    assert all(world.user(name).check_password(PASSWORD) for name in ("ada", "ben", "carl"))


def test_a_stale_form_is_refused_without_telling_the_password(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, username="carl2", **both())
    finding = world.finding("admin", OPERATION, world.carl, username="carl3", version="1")
    assert finding.code == "changed_meanwhile"
    assert finding.params["fields"] == "Username (now “carl2”), Password"


def test_tokens_go_with_the_password_if_ticked(world: World) -> None:
    ApiToken.make(world.user("carl"), "billing", ["billing"])
    ApiToken.make(world.user("nora"), "billing", ["billing"])
    world.perform("ada", OPERATION, world.carl, username="carl2", revoke_tokens="on")
    assert ApiToken.objects.count() == 2
    world.perform("ada", OPERATION, world.carl, **both())
    assert ApiToken.objects.count() == 2
    world.perform("ada", OPERATION, world.carl, **both("yet another phrase"), revoke_tokens="on")
    assert [token.user.username for token in ApiToken.objects.all()] == ["nora"]


def test_oneself_gives_the_present_password(world: World) -> None:
    url = "/account/change-login-info/"
    client, elsewhere = world.client("carl"), world.client("carl")
    given = {"username": "carl", **both(), "confirmed": "1", "current_password": "wrong"}
    assert client.post(url, given).status_code == 422
    assert client.post(url, {**given, "current_password": PASSWORD}).status_code == 303
    assert world.user("carl").check_password(NEW)
    # Whoever changed it goes on; everybody else is out.
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_the_present_password_is_not_guessed(world: World) -> None:
    client = world.client("carl")
    given = {"username": "carl", **both(), "confirmed": "1"}
    for number in range(10):
        guess = {**given, "current_password": f"guess {number}"}
        assert client.post("/account/change-login-info/", guess).status_code == 422
    right = {**given, "current_password": PASSWORD}
    assert client.post("/account/change-login-info/", right).status_code == 422
    neighbour = world.client("nora").post(
        "/account/change-login-info/", {**right, "username": "nora"}
    )
    assert neighbour.status_code == 303
    assert world.user("carl").check_password(PASSWORD)


def test_an_additional_user_changes_its_own_login_only(world: World) -> None:
    world.add_user("carl", "vera", user_role="viewer")
    client = world.client("vera")
    given = {"username": "vera2", **both(), "confirmed": "1", "current_password": PASSWORD}
    assert client.post("/account/change-login-info/", given).status_code == 303
    assert world.user("vera2").check_password(NEW)
    assert client.get("/account/").status_code == 200
    assert world.user("carl").check_password(PASSWORD)
    assert world.fresh("carl").username == "carl"


def test_an_owner_among_the_users_does_not_change_the_accounts_own_login(world: World) -> None:
    world.add_user("carl", "vera", user_role="owner")
    finding = world.finding("vera", "account.change-login-info", world.carl, **both())
    assert (finding.result, finding.code) == (Result.REFUSED, "not_allowed")


def test_who_logged_in_as_somebody_does_not_change_that_login(world: World) -> None:
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    answer = client.post(
        "/account/change-login-info/",
        {"username": "mine", **both(), "confirmed": "1", "current_password": PASSWORD},
    )
    assert answer.status_code == 403
    assert world.user("carl").check_password(PASSWORD)


def test_the_search_finds_the_new_username(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, username="zebra")
    assert "zebra" in SearchText.objects.get(kind="customer", object_id=world.carl.pk).text


def test_the_new_login_works(world: World) -> None:
    world.perform("ada", OPERATION, world.carl, username="carl2", **both())
    client = Client()
    assert client.post("/login/", {"login": "carl2", "password": NEW}).status_code == 302
    assert Client().post("/login/", {"login": "carl", "password": PASSWORD}).status_code == 200

"""Edit a user: name, email, role, subscriptions, "User is active"; and its login information."""

import pytest

from accounts.models import User
from panel.core.log import Activity
from panel.core.operations import Result
from tests.world import PASSWORD, World

GIVEN = {
    "name": "Vera",
    "email": "vera@mail.example",
    "user_role": "viewer",
    "access": "all",
    "is_active": "on",
}
NEW = {"password": "a brand new passphrase", "password_again": "a brand new passphrase"}


@pytest.fixture
def vera(world: World) -> User:
    """A webmaster of Carl's account."""
    return world.add_user("carl", "vera", user_role="webmaster")


def test_it_changes_name_email_and_role(world: World, vera: User) -> None:
    given = {**GIVEN, "name": "Vera Berg", "email": "vera@berg.example"}
    assert world.finding("carl", "user.edit", vera, **given).result == Result.DONE
    user = world.user("vera")
    assert (user.name, user.email, user.user_role) == ("Vera Berg", "vera@berg.example", "viewer")
    assert user.version == 2


def test_it_works_by_its_page(world: World, vera: User) -> None:
    client = world.client("carl")
    url = f"/users/{vera.pk}/edit/"
    assert b'value="vera@mail.example"' in client.get(url).content
    assert client.post(url, {**GIVEN, "confirmed": "1", "version": "1"}).status_code == 303
    assert world.user("vera").user_role == "viewer"


def test_the_same_again_is_unchanged(world: World, vera: User) -> None:
    world.perform("carl", "user.edit", vera, **GIVEN)
    assert world.finding("carl", "user.edit", vera, **GIVEN).result == Result.UNCHANGED


def test_sessions_end_with_the_role_and_not_with_the_name(world: World, vera: User) -> None:
    client = world.client("vera")
    given = {**GIVEN, "user_role": "webmaster", "name": "Vera Berg"}
    world.perform("carl", "user.edit", vera, **given)
    assert client.get("/account/").status_code == 200
    world.perform("carl", "user.edit", vera, **GIVEN)
    assert client.get("/account/").status_code == 302


def test_a_stale_form_is_refused(world: World, vera: User) -> None:
    world.perform("carl", "user.edit", vera, **GIVEN)
    finding = world.finding(
        "carl", "user.edit", vera, **{**GIVEN, "user_role": "owner", "version": "1"}
    )
    assert finding.code == "changed_meanwhile"
    assert "User role" in finding.params["fields"]


def test_the_neighbour_is_not_there(world: World, vera: User) -> None:
    for who in ("nora", "cleo", "ben"):
        assert world.finding(who, "user.edit", vera, **GIVEN).result == Result.MISSING, who
        assert world.client(who).get(f"/users/{vera.pk}/").status_code == 404, who


def test_providers_look_and_do_not_edit(world: World, vera: User) -> None:
    for who in ("ada", "admin"):
        assert world.client(who).get(f"/users/{vera.pk}/").status_code == 200
        assert world.finding(who, "user.edit", vera, **GIVEN).result == Result.REFUSED
        changed = world.finding(who, "user.change-login-info", vera, **NEW)
        assert changed.result == Result.REFUSED
    assert world.user("vera").check_password(PASSWORD)


def test_nobody_raises_oneself(world: World, vera: User) -> None:
    otto = world.add_user("carl", "otto", user_role="owner")
    finding = world.finding("otto", "user.edit", otto, **GIVEN)
    assert (finding.result, finding.code) == (Result.REFUSED, "yourself")


def test_nobody_edits_who_reaches_further(world: World, vera: User) -> None:
    world.add_user("carl", "otto", user_role="owner", subscription_ids=[7])
    for operation, given in (("user.edit", GIVEN), ("user.change-login-info", NEW)):
        finding = world.finding("otto", operation, vera, **given)
        assert finding.result == Result.REFUSED
    assert world.user("vera").check_password(PASSWORD)


def test_a_webmaster_edits_nobody(world: World, vera: User) -> None:
    otto = world.add_user("carl", "otto", user_role="viewer")
    assert world.finding("vera", "user.edit", otto, **GIVEN).result != Result.DONE
    assert world.client("vera").get(f"/users/{otto.pk}/").status_code == 404


def test_the_own_login_is_no_additional_user(world: World) -> None:
    own = world.user("carl")
    assert world.finding("carl", "user.edit", own, **GIVEN).result == Result.MISSING
    assert world.client("carl").get(f"/users/{own.pk}/").status_code == 404


def test_its_login_is_changed_by_the_account(world: World, vera: User) -> None:
    client = world.client("vera")
    world.perform("carl", "user.change-login-info", vera, username="vera2", **NEW)
    user = world.user("vera2")
    assert user.check_password(NEW["password"])
    assert client.get("/account/").status_code == 302
    assert world.fresh("carl").username == "carl"
    entry = Activity.objects.get(action="user.change-login-info")
    assert NEW["password"] not in (entry.details or "")


def test_its_login_page_says_user_and_not_customer(world: World, vera: User) -> None:
    page = world.client("carl").get(f"/users/{vera.pk}/change-login-info/").content.decode()
    assert "Send the user an email about this" in page


def test_who_logged_in_as_the_customer_does_not_change_its_users_logins(
    world: World, vera: User
) -> None:
    client = world.client("ada")
    client.post(f"/customers/{world.carl.pk}/log-in-as/")
    url = f"/users/{vera.pk}/change-login-info/"
    assert client.post(url, {**NEW, "confirmed": "1"}).status_code == 403
    assert world.user("vera").check_password(PASSWORD)

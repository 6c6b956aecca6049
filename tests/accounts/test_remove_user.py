"""Remove users: at once and for good."""

import pytest

from accounts.models import ApiToken, User
from panel.core.log import Activity
from panel.core.operations import Result
from tests.world import World


@pytest.fixture
def vera(world: World) -> User:
    return world.add_user("carl", "vera")


def test_it_removes_the_user_with_its_tokens(world: World, vera: User) -> None:
    ApiToken.make(vera, "script", ["read"])
    assert world.finding("carl", "user.remove", vera).result == Result.DONE
    assert not User.objects.filter(pk=vera.pk).exists()
    assert not ApiToken.objects.exists()
    assert User.objects.filter(username="carl").exists()


def test_its_page_asks_first(world: World, vera: User) -> None:
    client = world.client("carl")
    url = f"/users/{vera.pk}/remove/"
    assert "This cannot be taken back." in client.get(url).content.decode()
    assert client.post(url).status_code == 200
    assert User.objects.filter(pk=vera.pk).exists()
    answer = client.post(url, {"confirmed": "1"})
    assert answer["Location"].startswith("/users/?run=")
    assert client.get(answer["Location"]).status_code == 200
    assert not User.objects.filter(pk=vera.pk).exists()


def test_many_are_removed_from_the_list(world: World, vera: User) -> None:
    otto = world.add_user("carl", "otto")
    client = world.client("carl")
    asked = client.post("/users/remove/", {"ids": [vera.pk, otto.pk]})
    page = client.get(asked["Location"])
    selection = dict(page.context["page"]["hidden"])["selection"]
    client.post("/users/remove/", {"selection": selection})
    assert not User.objects.filter(is_own=False).exists()


def test_twice_finds_nothing(world: World, vera: User) -> None:
    world.perform("carl", "user.remove", vera)
    assert world.finding("carl", "user.remove", vera).result == Result.MISSING


def test_the_session_ends_and_the_name_is_free(world: World, vera: User) -> None:
    client = world.client("vera")
    world.perform("carl", "user.remove", vera)
    assert client.get("/account/").status_code == 302
    world.add_user("nora", "vera")


def test_the_neighbour_is_not_there(world: World, vera: User) -> None:
    for who in ("nora", "ben", "cleo"):
        assert world.finding(who, "user.remove", vera).result == Result.MISSING
    assert User.objects.filter(pk=vera.pk).exists()


def test_providers_deactivate_and_do_not_remove(world: World, vera: User) -> None:
    for who in ("ada", "admin"):
        assert world.finding(who, "user.remove", vera).result == Result.REFUSED
    assert User.objects.filter(pk=vera.pk).exists()


def test_nobody_removes_oneself_nor_the_own_login(world: World) -> None:
    otto = world.add_user("carl", "otto", user_role="owner")
    assert world.finding("otto", "user.remove", otto).code == "yourself"
    assert world.finding("otto", "user.remove", world.user("carl")).result == Result.MISSING


def test_the_log_keeps_the_name(world: World, vera: User) -> None:
    world.perform("carl", "user.deactivate", vera)
    world.perform("carl", "user.remove", vera)
    assert Activity.objects.get(action="user.remove").old["username"] == "vera"

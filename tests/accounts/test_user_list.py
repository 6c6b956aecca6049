"""The list of additional users: who sees which, filter, search, export."""

import pytest

from accounts.models import User
from panel.core.access import Unscoped, guarded
from tests.world import World


@pytest.fixture
def people(world: World) -> World:
    world.add_user("carl", "vera", name="Vera Canary")
    world.add_user("nora", "nils", user_role="viewer", is_active=False)
    world.add_user("ada", "uwe")
    return world


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("admin", ["nils", "uwe", "vera"]),
        ("ada", ["uwe", "vera"]),
        ("ben", ["nils"]),
        ("carl", ["vera"]),
        ("nora", ["nils"]),
        ("dora", []),
        ("cleo", []),
    ],
)
def test_everybody_sees_the_users_of_accounts_one_may_see(
    people: World, who: str, seen: list[str]
) -> None:
    text = people.client(who).get("/users/").content.decode()
    export = b"".join(people.client(who).get("/users/export.csv")).decode()
    for name in ("nils", "uwe", "vera"):
        assert (f">{name}</a>" in text) == (name in seen), name
        assert (f",{name}," in export) == (name in seen), name


def test_a_role_without_the_area_sees_oneself_only(people: World) -> None:
    people.add_user("carl", "otto", user_role="viewer")
    text = people.client("otto").get("/users/").content.decode()
    assert ">otto</a>" in text
    assert ">vera</a>" not in text
    assert "Vera Canary" not in text


def test_status_and_role_filter(people: World) -> None:
    client = people.client("admin")
    inactive = client.get("/users/?status=inactive").content.decode()
    assert ">nils</a>" in inactive
    assert ">vera</a>" not in inactive
    viewers = client.get("/users/?role=viewer").content.decode()
    assert ">vera</a>" not in viewers
    nonsense = client.get("/users/?status=nonsense")
    assert nonsense.context["page"]["is_empty"]
    assert ">vera</a>" not in nonsense.content.decode()


def test_search_finds_by_name_username_and_email(people: World) -> None:
    client = people.client("admin")
    for words in ("vera", "canary", "vera@mail"):
        text = client.get("/users/", {"q": words}).content.decode()
        assert ">vera</a>" in text, words
        assert ">nils</a>" not in text, words


def test_the_search_for_everything_tells_nothing_of_colleagues(people: World) -> None:
    people.add_user("carl", "otto", user_role="viewer")
    text = people.client("otto").get("/search/?q=canary").content.decode()
    assert "Vera Canary" not in text


def test_ten_users_and_a_hundred_cost_the_same(
    people: World, django_assert_max_num_queries
) -> None:
    client = people.client("carl")
    client.get("/users/?size=100")
    for count in (10, 90):
        for number in range(count):
            people.add_user("carl", f"user{count}-{number}")
        with django_assert_max_num_queries(9):
            client.get("/users/?size=100")


def test_users_are_not_read_in_a_request_without_saying_for_whom(people: World) -> None:
    with guarded(), pytest.raises(Unscoped):
        list(User.objects.all())


def test_owner_columns_follow_the_account(people: World) -> None:
    from accounts import tree
    from accounts.models import Account

    Account.objects.filter(pk=people.carl.pk).update(provider=people.ben)
    tree.rehome([people.carl.pk])
    assert people.user("vera").reseller_id == people.ben.pk
    assert not tree.wrong_owner_columns()
    assert ">vera</a>" not in people.client("ada").get("/users/").content.decode()

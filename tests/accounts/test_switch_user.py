"""Activate and deactivate users: by the account, and by providers."""

import pytest

from accounts.models import ApiToken, User
from panel.core.operations import Result
from tests.world import World


@pytest.fixture
def vera(world: World) -> User:
    return world.add_user("carl", "vera")


@pytest.mark.parametrize("who", ["carl", "ada", "admin"])
def test_it_is_deactivated_and_activated(world: World, vera: User, who: str) -> None:
    assert world.finding(who, "user.deactivate", vera).result == Result.DONE
    assert not world.user("vera").is_active
    assert world.finding(who, "user.activate", vera).result == Result.DONE
    assert world.user("vera").is_active


def test_it_works_from_the_page_and_from_the_list(world: World, vera: User) -> None:
    client = world.client("ada")
    answer = client.post(f"/users/{vera.pk}/deactivate/")
    assert answer.status_code == 303
    assert not world.user("vera").is_active
    otto = world.add_user("cleo", "otto")
    nils = world.add_user("nora", "nils")
    answer = client.post("/users/deactivate/", {"ids": [vera.pk, otto.pk, nils.pk]})
    outcome = client.get(answer["Location"]).context["page"]["outcome"]
    counts = {line["status"]: line["count"] for line in outcome["lines"]}
    assert counts == {"done": 1, "unchanged": 1, "missing": 1}
    assert (world.user("otto").is_active, world.user("nils").is_active) == (False, True)


def test_twice_is_unchanged(world: World, vera: User) -> None:
    world.perform("carl", "user.deactivate", vera)
    assert world.finding("carl", "user.deactivate", vera).result == Result.UNCHANGED


def test_sessions_and_tokens_end_with_it(world: World, vera: User) -> None:
    client = world.client("vera")
    _token, text = ApiToken.make(vera, "script", ["read"])
    world.perform("carl", "user.deactivate", vera)
    assert client.get("/account/").status_code == 302
    from accounts.actors import token_user

    assert token_user(text) is None
    world.perform("carl", "user.activate", vera)
    # The token comes back; a session does not.
    assert token_user(text) is not None
    assert client.get("/account/").status_code == 302


def test_undo_takes_it_back(world: World, vera: User) -> None:
    client = world.client("carl")
    answer = client.post("/users/deactivate/", {"ids": [vera.pk]})
    run = answer["Location"].split("run=")[1]
    client.post(f"/runs/{run}/undo/")
    assert world.user("vera").is_active


def test_the_neighbour_is_not_there(world: World, vera: User) -> None:
    for who in ("nora", "ben", "cleo"):
        assert world.finding(who, "user.deactivate", vera).result == Result.MISSING
    assert world.user("vera").is_active


def test_nobody_deactivates_oneself(world: World) -> None:
    otto = world.add_user("carl", "otto", user_role="owner")
    finding = world.finding("otto", "user.deactivate", otto)
    assert (finding.result, finding.code) == (Result.REFUSED, "yourself")


def test_a_viewer_does_not(world: World, vera: User) -> None:
    world.add_user("carl", "otto", user_role="viewer")
    assert world.finding("otto", "user.deactivate", vera).code == "not_allowed"

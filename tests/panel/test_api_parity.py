"""One operation, three doors: the page, the API and the command line agree on what came of it."""

import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from tests.panel.api_client import Api
from tests.world import World

Door = Callable[[World, str, str, str, Account, dict[str, Any]], None]


def by_page(world: World, who: str, plural: str, verb: str, target: Account, params: Any) -> None:
    body = {"confirmed": "1", **{key: value for key, value in params.items() if value is not False}}
    world.client(who).post(f"/{plural}/{target.pk}/{verb}/", body)


def by_bulk(world: World, who: str, plural: str, verb: str, target: Account, params: Any) -> None:
    client = world.client(who)
    body = {"ids": [target.pk], "query": ""}
    response = client.post(f"/{plural}/{verb}/?ask=1", body)
    selection = response["Location"].rpartition("selection=")[2]
    client.post(f"/{plural}/{verb}/", {"selection": selection, **params})


def by_api(world: World, who: str, plural: str, verb: str, target: Account, params: Any) -> None:
    Api(world, who).post(f"/{plural}/{target.pk}/{verb}", params)


def by_api_many(
    world: World, who: str, plural: str, verb: str, target: Account, params: Any
) -> None:
    Api(world, who).post(f"/{plural}/{verb}", {"ids": [target.pk], **params})


def by_command(
    world: World, who: str, plural: str, verb: str, target: Account, params: Any
) -> None:
    words = [word for key, value in params.items() for word in ("--set", f"{key}={value}")]
    noun = plural.removesuffix("s")
    with contextlib.suppress(SystemExit, CommandError):
        call_command(
            "operate", noun, verb, str(target.pk), "--as", who, *words, stdout=io.StringIO()
        )


DOORS = [by_page, by_bulk, by_api, by_api_many, by_command]


def outcome() -> list[tuple[Any, ...]]:
    """What the last run wrote down of its targets."""
    run = BulkRun.objects.order_by("pk").last()
    if run is None:
        return []
    rows = BulkTarget.objects.filter(run=run)
    return [(run.operation, row.target_id, row.result, row.code) for row in rows]


def logged() -> list[tuple[Any, ...]]:
    rows = Activity.objects.order_by("pk")
    return [(row.action, row.target_id, row.actor_name, json.dumps(row.new)) for row in rows]


@pytest.mark.parametrize("door", DOORS)
def test_suspending(world: World, door: Door) -> None:
    door(world, "ada", "customers", "suspend", world.carl, {"kind": "unpaid", "message": "1042"})
    assert outcome() == [("customer.suspend", world.carl.pk, "done", "")]
    new = json.dumps({"kind": "unpaid", "message": "1042", "suspended": True})
    assert logged() == [("customer.suspend", world.carl.pk, "ada", new)]
    assert world.fresh("carl").is_suspended


@pytest.mark.parametrize("door", DOORS)
def test_suspending_twice(world: World, door: Door) -> None:
    for _time in range(2):
        door(world, "ada", "customers", "suspend", world.carl, {"kind": "unpaid"})
    assert outcome() == [("customer.suspend", world.carl.pk, "unchanged", "suspended_already")]
    assert len(logged()) == 1


@pytest.mark.parametrize("door", DOORS)
def test_activating_what_somebody_above_suspended(world: World, door: Door) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    door(world, "ada", "customers", "activate", world.carl, {})
    assert outcome() == [("customer.activate", world.carl.pk, "refused", "level_above")]
    assert world.fresh("carl").is_suspended


@pytest.mark.parametrize("door", DOORS)
def test_a_value_that_is_not_valid(world: World, door: Door) -> None:
    door(world, "ada", "customers", "suspend", world.carl, {"kind": "odd"})
    assert logged() == []
    assert not world.fresh("carl").is_suspended


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours(world: World, door: Door) -> None:
    door(world, "ada", "customers", "suspend", world.nora, {"kind": "unpaid"})
    assert logged() == []
    assert not world.fresh("nora").is_suspended


@pytest.mark.parametrize("door", DOORS)
def test_a_role_that_may_not(world: World, door: Door) -> None:
    if door is by_bulk:
        assert world.client("carl").post("/customers/suspend/", {"ids": [1]}).status_code == 403
        return
    door(world, "carl", "customers", "suspend", world.carl, {"kind": "unpaid"})
    assert logged() == []
    assert not world.fresh("carl").is_suspended

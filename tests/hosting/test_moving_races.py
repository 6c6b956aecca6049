"""Moving while somebody else changes what it rests on: the second of two waits, and looks again."""

import threading
import time

import pytest
from django.db import connection

from hosting import locks, usage
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.test_suspension_races import do, meanwhile
from tests.hosting.world import HostingWorld, make_hosting_world, room

pytestmark = [pytest.mark.postgres(only=True), pytest.mark.django_db(transaction=True)]
_customers = usage.customers_of_resellers


def slowly(ids: list[int]) -> dict[int, int]:
    """The count, and then some time in which somebody else may count the same."""
    counted = _customers(ids)
    time.sleep(0.1)
    return counted


def both_to_ben(world: HostingWorld) -> list[str]:
    """Carl comes from Ada and Dora from the administrator, at the same moment; what became."""
    room(world, "ben", customers=2)
    actor, start = world.actor("admin"), threading.Barrier(2)
    found: list[str] = []

    def move(pk: int) -> None:
        try:
            start.wait(20)
            params = {"owner": "ben"}
            outcome = runs.perform(operations["customer.move"], actor, [pk], params=params)
            found.append(str(outcome.findings[0].result))
        finally:
            connection.close()

    threads = [threading.Thread(target=move, args=[world.accounts[n].pk]) for n in ("carl", "dora")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(found)


def test_two_at_once_into_room_for_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage, "customers_of_resellers", slowly)
    world = make_hosting_world()
    assert both_to_ben(world) == ["done", "refused"]
    assert _customers([world.ben.pk]) == {world.ben.pk: 2}


def test_without_the_lock_both_would_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage, "customers_of_resellers", slowly)
    monkeypatch.setattr(locks, "_lock", lambda rows: None)
    world = make_hosting_world()
    assert both_to_ben(world) == ["done", "done"]


def move_while_the_new_owner_is_suspended() -> HostingWorld:
    world = make_hosting_world()
    meanwhile(
        do(world, "admin", "customer.move", world.carl.pk, owner="ben"),
        do(world, "admin", "reseller.suspend", world.ben.pk),
    )
    assert SuspensionEntry.objects.filter(account=world.ben).exists()
    assert world.fresh("carl").provider == world.ben
    return world


def test_moved_while_the_new_owner_is_suspended_it_is_shut():
    world = move_while_the_new_owner_is_suspended()
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")


def test_without_the_lock_it_would_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "_lock", lambda rows: None)
    assert move_while_the_new_owner_is_suspended().runs_("carl")

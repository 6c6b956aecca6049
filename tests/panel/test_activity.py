"""The activity log: who is named to whom, and that what was written stays."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from panel.core import log
from panel.core.log import Activity
from tests.world import PASSWORD, World


@pytest.fixture
def world(db: None) -> World:
    from tests.world import make_world

    return make_world()


def page(username: str, address: str) -> str:
    client = Client()
    assert client.login(username=username, password=PASSWORD)
    return client.get(address).content.decode()


def test_nobody_learns_the_logins_of_those_above(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl, message="seen from below")
    world.perform("admin", "customer.activate", world.carl)
    address = f"/customers/{world.carl.pk}/activity/"

    assert ">admin<" in page("admin", address)
    to_reseller = page("ada", address)
    assert "seen from below" in to_reseller
    assert ">admin<" not in to_reseller
    assert "The administrator" in to_reseller
    to_subscriber = page("carl", "/account/")
    assert ">admin<" not in to_subscriber
    # The neighbour meets nothing of it.
    assert "seen from below" not in page("ben", "/activity/")


@pytest.mark.parametrize("column", ["actor_name", "account_id", "run_id", "action"])
def test_an_entry_cannot_be_changed(world: World, column: str) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    value = 4711 if column.endswith("_id") else "nobody"
    with pytest.raises(DatabaseError), transaction.atomic():
        Activity.objects.filter(target_id=world.carl.pk).update(**{column: value})


def test_an_entry_cannot_be_removed(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    with pytest.raises(DatabaseError), transaction.atomic():
        Activity.objects.all().delete()


def test_the_chain_verifies_and_still_does_after_values_were_erased(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl, message="for Carl only")
    world.perform("ben", "customer.suspend", world.nora)
    assert log.seal() == Activity.objects.count()
    assert log.verify() == []

    Activity.objects.filter(target_id=world.carl.pk).update(details=None)
    assert log.verify() == []
    assert log.seal() == 0


def test_a_change_behind_the_triggers_is_noticed(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    log.seal()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER core_activity_no_update")
        else:
            cursor.execute("ALTER TABLE core_activity DISABLE TRIGGER core_activity_guard")
        cursor.execute("UPDATE core_activity SET actor_name = 'somebody else'")
    assert any("was changed" in problem for problem in log.verify())

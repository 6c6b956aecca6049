"""Suspending above while something happens below: the second of two waits, then looks again."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from hosting import locks, suspension
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.world import HostingWorld, make_hosting_world

pytestmark = [pytest.mark.postgres(only=True), pytest.mark.django_db(transaction=True)]


def meanwhile(below: Callable[[], object], above: Callable[[], object]) -> None:
    """`below` has written and not committed while `above` has its time to be done."""
    began = threading.Event()
    recompute = suspension.recompute

    def late(**which: object) -> None:
        recompute(**which)
        if threading.current_thread().name == "below":
            began.set()
            # With the locks `above` cannot be done now: it waits for what is written here.
            finished.wait(1)

    finished = threading.Event()

    def run_below() -> None:
        try:
            below()
        finally:
            connection.close()

    def run_above() -> None:
        try:
            began.wait(10)
            above()
            finished.set()
        finally:
            connection.close()

    suspension.recompute = late
    try:
        threads = [
            threading.Thread(target=run_below, name="below"),
            threading.Thread(target=run_above, name="above"),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        suspension.recompute = recompute


def do(world: HostingWorld, who: str, operation: str, pk: int, **params: object) -> Callable:
    actor = world.actor(who)
    return lambda: runs.perform(operations[operation], actor, [pk], params=params)


def activate_while_the_reseller_is_suspended() -> HostingWorld:
    world = make_hosting_world()
    world.suspend("ada", "carl")
    meanwhile(
        do(world, "ada", "customer.activate", world.carl.pk),
        do(world, "admin", "reseller.suspend", world.ada.pk),
    )
    assert SuspensionEntry.objects.filter(account=world.ada).exists()
    return world


def test_a_customer_activated_while_its_reseller_is_suspended_is_shut():
    world = activate_while_the_reseller_is_suspended()
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")


def test_without_the_lock_above_it_would_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "_lock", lambda rows: None)
    assert activate_while_the_reseller_is_suspended().runs_("carl")


def create_while_the_customer_is_suspended() -> HostingWorld:
    world = make_hosting_world()
    meanwhile(
        do(world, "ada", "account.add-subscription", world.carl.pk, domain="new.example"),
        do(world, "admin", "customer.suspend", world.carl.pk),
    )
    assert SuspensionEntry.objects.filter(account=world.carl).exists()
    return world


def test_a_subscription_added_while_its_customer_is_suspended_is_shut():
    assert not create_while_the_customer_is_suspended().runs_("new.example")


def switch_on_while_the_customer_is_suspended() -> HostingWorld:
    world = make_hosting_world()
    row = world.sub("carl.example")
    world.perform("carl", "subscription.switch-off", row)
    meanwhile(
        do(world, "carl", "subscription.switch-on", row.pk),
        do(world, "ada", "customer.suspend", world.carl.pk),
    )
    return world


def test_a_site_switched_on_while_its_customer_is_suspended_is_shut():
    assert not switch_on_while_the_customer_is_suspended().runs_("carl.example")


def test_without_the_lock_above_it_would_be_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "_lock", lambda rows: None)
    assert switch_on_while_the_customer_is_suspended().runs_("carl.example")


def test_what_is_locked_above_is_the_row_itself():
    """The order: reseller, customer, plan, subscription. Another one waits at the first of them."""
    world = make_hosting_world()
    found: list[str] = []

    def second() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '300ms'")
                locks.accounts([world.cleo.pk])
                found.append("locked")
        except Exception as error:
            found.append(type(error).__name__)
        finally:
            connection.close()

    with transaction.atomic():
        locks.subscriptions([world.sub("carl.example").pk])
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(10)
    assert found == ["OperationalError"]

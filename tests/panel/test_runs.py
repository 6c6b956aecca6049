"""Runs: what a dead process leaves behind is carried on."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Account
from panel.core import runs
from panel.core.bulk import BulkRun
from panel.core.operations import operations
from panel.core.work import State
from tests.world import World


def test_a_run_whose_process_died_is_carried_on_by_a_worker(world: World) -> None:
    actor = world.actor("ada")
    suspend = operations["customer.suspend"]
    run = runs.start(suspend, actor, [world.carl.pk, world.cleo.pk])
    runs.begin(run)
    assert BulkRun.claim() is None, "the process that began it still has its lease"

    BulkRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    claimed = BulkRun.claim()
    assert claimed is not None
    runs.carry_out(claimed)

    assert BulkRun.objects.get(pk=run.pk).state == State.DONE
    suspended = Account.objects.filter(is_suspended=True)
    assert set(suspended.values_list("username", flat=True)) == {"carl", "cleo"}


def test_select_all_of_a_search_that_hits_nothing_changes_nothing(world: World) -> None:
    rows = operations["customer.suspend"].visible(world.actor("ada")).filter(pk__in=[])
    run = runs.start_matching(operations["customer.suspend"], world.actor("ada"), rows)
    assert run.total == 0


def test_an_operation_that_takes_a_secret_is_for_one_target() -> None:
    for operation in operations.values():
        secrets = operation.form_class.secret_fields if operation.form_class else ()
        assert not (operation.bulk and secrets), operation.name

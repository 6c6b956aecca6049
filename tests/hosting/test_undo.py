"""Undo lifts exactly the entries that one run set, and nobody else's."""

import pytest

from hosting.models.suspension import Level, SuspensionEntry
from panel.core import outcomes, setting
from panel.core.bulk import BulkRun
from panel.core.operations import operations
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def test_undo_lifts_what_the_run_set(world: HostingWorld):
    outcome = world.perform("ada", "customer.suspend", [world.carl, world.cleo])
    assert world.undo("ada", outcome).counts == {"done": 2}
    assert world.runs_("carl.example")
    assert world.runs_("cleo.example")
    assert not SuspensionEntry.objects.exists()


def test_undo_leaves_what_was_there_before(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid")
    world.suspend("admin", "cleo")
    outcome = world.perform("ada", "customer.suspend", [world.carl, world.cleo])
    world.undo("ada", outcome)
    assert world.entries("carl") == {("reseller", "unpaid")}
    assert world.entries("cleo") == {("administrator", "other")}


def test_undo_leaves_what_was_suspended_already(world: HostingWorld):
    world.suspend("ada", "carl")
    outcome = world.perform("ada", "customer.suspend", [world.carl, world.cleo])
    assert world.undo("ada", outcome).counts == {"done": 1}
    assert not world.runs_("carl")
    assert world.runs_("cleo")


def test_undo_lifts_abuse_that_the_person_set_by_mistake(world: HostingWorld):
    outcome = world.suspend("ada", "carl", kind="abuse")
    world.undo("ada", outcome)
    assert world.runs_("carl")


def test_a_program_undoes_no_abuse(world: HostingWorld):
    outcome = world.suspend("ada", "carl", kind="abuse")
    assert world.undo("ada", outcome, door="api").counts == {"unchanged": 1}
    assert not world.runs_("carl")


def test_billing_undoes_unpaid_only(world: HostingWorld):
    unpaid = world.suspend("ada", "carl", kind="unpaid")
    other = world.suspend("ada", "cleo", kind="other")
    for outcome in (unpaid, other):
        world.undo("ada", outcome, door="api", scopes=frozenset({"billing"}))
    assert world.runs_("carl")
    assert not world.runs_("cleo")


def test_undo_does_not_lift_what_meanwhile_is_the_administrators(world: HostingWorld):
    outcome = world.suspend("ada", "carl")
    SuspensionEntry.objects.update(level=Level.ADMINISTRATOR)
    assert world.undo("ada", outcome).counts == {"unchanged": 1}
    assert not world.runs_("carl")


def test_undo_is_offered_once(world: HostingWorld):
    outcome = world.suspend("ada", "carl")
    run = BulkRun.objects.get(pk=outcome.run.pk)
    assert outcomes.can_undo(run, world.actor("ada"))
    world.undo("ada", outcome)
    assert not outcomes.can_undo(run, world.actor("ada"))


def test_the_button_undoes(world: HostingWorld):
    outcome = world.suspend("ada", "carl")
    response = world.client("ada").post(f"/runs/{outcome.run.pk}/undo/")
    assert response.status_code in {302, 303}
    assert world.runs_("carl")


def test_somebody_elses_run_is_not_found(world: HostingWorld):
    outcome = world.suspend("ada", "carl")
    assert world.client("ben").post(f"/runs/{outcome.run.pk}/undo/").status_code == 404
    assert not world.runs_("carl")


def test_undo_of_subscriptions(world: HostingWorld):
    rows = [world.sub("carl.example"), world.sub("cleo.example")]
    outcome = world.perform("ada", "subscription.suspend", rows)
    world.undo("ada", outcome)
    assert world.runs_("carl.example")
    assert world.runs_("cleo.example")


def test_undo_of_remove_restores(world: HostingWorld):
    outcome = world.perform("ada", "customer.remove", [world.carl, world.cleo])
    assert world.undo("ada", outcome).counts == {"done": 2}
    assert world.fresh("carl").removing_at is None
    assert world.sub("carl.example").removing_at is None


def test_what_is_kept_for_no_day_is_not_undone(world: HostingWorld):
    outcome = world.perform("ada", "customer.remove", world.carl)
    assert outcomes.can_undo(outcome.run, world.actor("ada"))
    setting.store(keep_removed_days=0)
    assert not outcomes.can_undo(outcome.run, world.actor("ada"))
    for noun in ("customer", "reseller", "subscription"):
        assert not operations[f"{noun}.remove"].can_undo()

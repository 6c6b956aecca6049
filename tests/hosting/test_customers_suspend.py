"""Suspend on customers: what it shuts, twice, by every door, for whom, and what it leaves alone."""

import pytest

from accounts.actors import may_log_in
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.log import Activity
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = pytest.mark.django_db


def test_suspending_shuts_the_customer_and_its_subscriptions(world: HostingWorld):
    before = world.generation("carl.example")
    outcome = world.suspend("ada", "carl")
    assert outcome.counts == {"done": 1}
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")
    assert world.generation("carl.example") > before
    assert not may_log_in(world.user("carl"))


def test_because_of_the_parent_is_never_stored(world: HostingWorld):
    world.suspend("ada", "carl")
    assert world.entries("carl") == {("reseller", "other")}
    assert world.entries("carl.example") == set()


@pytest.mark.parametrize("door", DOORS)
def test_it_works_by_every_door(world: HostingWorld, door: str):
    assert world.through(door, "ada", "customer.suspend", world.carl).result == "done"
    assert not world.runs_("carl.example")


def test_suspending_twice_changes_nothing(world: HostingWorld):
    world.suspend("ada", "carl", message="Please call us")
    epoch, generation = world.fresh("carl").epoch, world.generation("carl.example")
    outcome = world.suspend("ada", "carl", message="Something else")
    assert outcome.counts == {"unchanged": 1}
    assert why(outcome) == "It is suspended for this reason already."
    assert SuspensionEntry.objects.get().message == "Please call us"
    assert (world.fresh("carl").epoch, world.generation("carl.example")) == (epoch, generation)


def test_another_kind_adds_an_entry(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid")
    assert world.suspend("ada", "carl", kind="abuse").counts == {"done": 1}
    assert world.entries("carl") == {("reseller", "unpaid"), ("reseller", "abuse")}


def test_another_level_adds_an_entry(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid")
    world.suspend("admin", "carl", kind="unpaid")
    assert world.entries("carl") == {("reseller", "unpaid"), ("administrator", "unpaid")}


def test_the_neighbour_goes_on(world: HostingWorld):
    before = world.generation("cleo.example")
    world.suspend("ada", "carl")
    assert world.runs_("cleo")
    assert world.runs_("cleo.example")
    assert world.generation("cleo.example") == before


def test_many_at_once_tell_of_each(world: HostingWorld):
    world.suspend("ada", "cleo")
    outcome = world.perform("ada", "customer.suspend", [world.carl, world.cleo, world.nora])
    told = {finding.target_id: str(finding.result) for finding in outcome.findings}
    assert told == {world.carl.pk: "done", world.cleo.pk: "unchanged", world.nora.pk: "missing"}
    assert world.runs_("nora")


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_of_somebody_else_is_not_found(world: HostingWorld, door: str):
    assert world.through(door, "ben", "customer.suspend", world.carl).result == "missing"
    assert world.runs_("carl")


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_suspends_nobody(world: HostingWorld, door: str):
    answer = world.through(door, "carl", "customer.suspend", world.cleo)
    assert answer.result in {"not allowed", "missing"}
    assert world.runs_("cleo")


def test_nobody_suspends_itself(world: HostingWorld):
    found = world.finding("carl", "customer.suspend", world.carl)
    assert (found.result, found.code) == ("refused", "not_allowed")
    found = world.finding("ada", "reseller.suspend", world.ada)
    assert (found.result, found.code) == ("refused", "not_allowed")


def test_the_administrator_is_never_suspended(world: HostingWorld):
    for operation in ("customer.suspend", "reseller.suspend"):
        assert world.finding("admin", operation, world.admin).result == "missing"


def test_sessions_end_for_good(world: HostingWorld):
    client = world.client("carl")
    assert client.get("/").status_code == 200
    world.suspend("ada", "carl")
    world.activate("ada", "carl")
    assert client.get("/").status_code == 302


def test_the_log_says_who_and_what(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid", note="third reminder")
    entry = Activity.objects.get(action="customer.suspend")
    assert (entry.actor_name, entry.target_id) == ("ada", world.carl.pk)
    assert entry.new["kind"] == "unpaid"
    assert "third reminder" not in entry.details


def billing(world: HostingWorld, who: str):
    return world.actor(who, door="api", scopes=frozenset({"read", "billing"}))


def test_billing_sets_unpaid_unless_told_otherwise(world: HostingWorld):
    runs.perform(operations["customer.suspend"], billing(world, "ada"), [world.carl.pk])
    assert world.entries("carl") == {("reseller", "unpaid")}


@pytest.mark.parametrize("kind", ["abuse", "other"])
def test_billing_sets_no_other_kind(world: HostingWorld, kind: str):
    outcome = runs.perform(
        operations["customer.suspend"],
        billing(world, "ada"),
        [world.carl.pk],
        params={"kind": kind},
    )
    assert outcome.findings[0].code == "billing_only_unpaid"
    assert world.runs_("carl")


def test_a_billing_token_reaches_no_further_than_its_users_role(world: HostingWorld):
    world.add_user("ada", "ada.viewer", user_role="viewer")
    actor = billing(world, "ada.viewer")
    assert not operations["customer.suspend"].may(actor)
    assert not operations["customer.activate"].may(actor)

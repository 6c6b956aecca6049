"""Suspend, Activate and the subscriber's own switch, on subscriptions."""

import pytest

from hosting import status
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, noted, why

pytestmark = pytest.mark.django_db


def test_only_the_subscription_is_shut(world: HostingWorld):
    world.space("carl", "shop.example")
    world.suspend("ada", "carl.example")
    assert not world.runs_("carl.example")
    assert world.runs_("shop.example")
    assert world.runs_("carl")


@pytest.mark.parametrize("door", DOORS)
def test_it_works_by_every_door(world: HostingWorld, door: str):
    row = world.sub("carl.example")
    assert world.through(door, "ada", "subscription.suspend", row).result == "done"
    assert not world.runs_("carl.example")
    assert world.through(door, "ada", "subscription.activate", row).result == "done"
    assert world.runs_("carl.example")


def test_suspending_twice_changes_nothing(world: HostingWorld):
    world.suspend("ada", "carl.example")
    generation = world.generation("carl.example")
    assert world.suspend("ada", "carl.example").counts == {"unchanged": 1}
    assert world.generation("carl.example") == generation


def test_another_kind_and_another_level_add_entries(world: HostingWorld):
    for who, kind in (("ada", "unpaid"), ("ada", "other"), ("admin", "unpaid")):
        world.suspend(who, "carl.example", kind=kind)
    assert world.entries("carl.example") == {
        ("reseller", "unpaid"),
        ("reseller", "other"),
        ("administrator", "unpaid"),
    }


def test_a_reseller_acts_as_the_subscriber_of_its_own(world: HostingWorld):
    world.suspend("ada", "ada.example")
    assert world.entries("ada.example") == {("customer", "other")}
    world.suspend("admin", "ada.example")
    assert world.activate("ada", "ada.example").counts == {"done": 1}
    assert world.entries("ada.example") == {("administrator", "other")}
    assert why(world.activate("ada", "ada.example")) == (
        "Somebody above you suspended it; only they can lift that."
    )


@pytest.mark.parametrize("who", ["ada", "admin"])
def test_a_provider_has_one_switch_for_its_own_and_no_second_one_beside_it(
    world: HostingWorld, who: str
):
    """Suspend and Activate; "Switch hosting off" is what a customer has in their place."""
    path = f"/subscriptions/{world.sub('ada.example').pk}/"
    for address in (path, "/subscriptions/"):
        page = world.client(who).get(address).text
        assert "Switch hosting" not in page
        assert "Suspend" in page
    row = world.sub("ada.example")
    assert world.finding(who, "subscription.switch-off", row).code == "not_allowed"
    assert world.runs_("ada.example")
    assert "Switch hosting off" in world.client("carl").get("/subscriptions/").text


@pytest.mark.parametrize(
    ("owner", "who", "name"),
    [
        ("carl", "ada", "carl.example"),
        ("dora", "admin", "dora.example"),
    ],
)
def test_what_a_customer_switched_off_its_provider_switches_on_once_it_is_its_own(
    world: HostingWorld, owner: str, who: str, name: str
):
    row = world.sub(name)
    world.perform(owner, "subscription.switch-off", row)
    assert world.activate(who, name).counts == {"refused": 1}
    outcome = world.perform(who, "subscription.change-subscriber", row, subscriber=who)
    assert outcome.counts == {"done": 1}
    assert not world.runs_(name)
    assert world.activate(who, name).counts == {"done": 1}
    assert world.runs_(name)


def test_below_a_suspended_customer_activate_names_it(world: HostingWorld):
    world.suspend("ada", "carl")
    world.suspend("ada", "carl.example")
    outcome = world.activate("ada", "carl.example")
    assert outcome.counts == {"done": 1}
    assert noted(outcome) == {
        "remain_above": "Still suspended, because Carl Customer is: carl.example."
    }
    assert world.activate("ada", "carl.example").findings[0].code == "above_suspended"


def test_many_are_told_of_each(world: HostingWorld):
    world.suspend("ada", "cleo.example")
    world.suspend("admin", "ada.example")
    rows = [world.sub(name) for name in ("carl.example", "cleo.example", "ada.example")]
    outcome = world.perform("ada", "subscription.activate", rows)
    assert [str(one.result) for one in outcome.findings] == ["unchanged", "done", "refused"]


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_is_not_found(world: HostingWorld, door: str):
    row = world.sub("carl.example")
    assert world.through(door, "ben", "subscription.suspend", row).result == "missing"
    assert world.runs_("carl.example")


def test_a_customer_has_its_switch_and_nothing_else(world: HostingWorld):
    found = world.finding("carl", "subscription.suspend", world.sub("carl.example"))
    assert found.code == "not_allowed"
    found = world.finding("carl", "subscription.activate", world.sub("carl.example"))
    assert found.code == "not_allowed"


@pytest.mark.parametrize("door", DOORS)
def test_the_subscriber_switches_off_and_on(world: HostingWorld, door: str):
    row = world.sub("carl.example")
    assert world.through(door, "carl", "subscription.switch-off", row).result == "done"
    assert not world.runs_("carl.example")
    assert world.through(door, "carl", "subscription.switch-on", row).result == "done"
    assert world.runs_("carl.example")


def test_switching_off_twice_changes_nothing(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("carl", "subscription.switch-off", row)
    assert world.perform("carl", "subscription.switch-off", row).counts == {"unchanged": 1}
    assert SuspensionEntry.objects.count() == 1


def test_switching_on_lifts_nothing_of_the_providers(world: HostingWorld):
    world.suspend("ada", "carl.example")
    row = world.sub("carl.example")
    world.perform("carl", "subscription.switch-off", row)
    world.perform("carl", "subscription.switch-on", row)
    assert world.entries("carl.example") == {("reseller", "other")}
    assert not world.runs_("carl.example")


def test_another_customer_cannot_switch_it(world: HostingWorld):
    assert world.finding("cleo", "subscription.switch-off", world.sub("carl.example")).result == (
        "missing"
    )


def test_a_user_given_other_subscriptions_cannot_switch_this_one(world: HostingWorld):
    other = world.space("carl", "shop.example")
    world.add_user("carl", "carl.web", user_role="webmaster", subscription_ids=[other.pk])
    found = world.finding("carl.web", "subscription.switch-off", world.sub("carl.example"))
    assert found.result == "missing"
    assert world.finding("carl.web", "subscription.switch-off", other).result == "done"


def reason(world: HostingWorld, who: str, name: str) -> str:
    row = world.sub(name)
    found = status.causes([row], subscriptions=[row.pk])
    return status.reason(row, found, world.actor(who), is_account=False)


def test_the_tag_says_why_to_who_may_know(world: HostingWorld):
    world.suspend("admin", "carl.example", kind="unpaid", message="invoice 1042", note="dunning 3")
    assert reason(world, "admin", "carl.example").startswith("Suspended by the administrator, ")
    assert reason(world, "admin", "carl.example").endswith(": invoice 1042")
    for who in ("ada", "carl"):
        assert reason(world, who, "carl.example") == "Suspended by your provider: invoice 1042"


def test_what_was_written_to_a_reseller_is_not_shown_below_it(world: HostingWorld):
    carl = world.actor("carl")
    world.suspend("admin", "ada", message="You owe us 900")
    row = world.sub("carl.example")
    found = status.causes([row], subscriptions=[row.pk])
    assert status.reason(row, found, carl, is_account=False) == "Suspended by your provider"


def test_billing_lifts_only_unpaid(world: HostingWorld):
    world.suspend("ada", "carl.example", kind="unpaid")
    world.suspend("ada", "carl.example", kind="abuse")
    actor = world.actor("ada", door="api", scopes=frozenset({"billing"}))
    runs.perform(operations["subscription.activate"], actor, [world.sub("carl.example").pk])
    assert world.entries("carl.example") == {("reseller", "abuse")}


def test_a_suspended_subscription_is_read_only_to_its_customer(world: HostingWorld):
    site, alias = world.site("carl.example"), world.alias("carl.example", "al.example")
    world.suspend("ada", "carl.example")
    for operation, row, params in (
        ("subscription.add-domain", world.sub("carl.example"), {"name": "x.example"}),
        ("domain.add-alias", site, {"name": "x.example"}),
        ("domain.hosting-settings", site, {"document_root": "other"}),
        ("domain.suspend", site, {}),
        ("alias.remove", alias, {}),
        ("alias.edit", alias, {"mode": "same"}),
    ):
        assert world.finding("carl", operation, row, **params).code == "read_only", operation
    params = {"name": "x.example"}
    found = world.finding("ada", "subscription.add-domain", world.sub("carl.example"), **params)
    assert found.result == "done"


def test_a_subscriber_switches_many_off_and_on_from_the_list(world: HostingWorld):
    """Each by itself, and none that is somebody else's."""
    world.space("carl", "carl2.example")
    ids = [world.sub(name).pk for name in ("carl.example", "carl2.example")]
    listed = world.client("carl").get("/subscriptions/").content.decode()
    assert "Switch hosting off" in listed
    assert "Switch hosting on" in listed
    off = world.client("carl").post("/subscriptions/switch-off/", {"ids": ids})
    assert off.status_code == 303
    assert not world.runs_("carl.example")
    assert not world.runs_("carl2.example")
    rows = [world.sub(name) for name in ("carl.example", "carl2.example", "cleo.example")]
    told = world.perform("carl", "subscription.switch-on", rows)
    assert told.counts == {"done": 2, "missing": 1}
    assert world.runs_("carl2.example")
    told = world.perform("carl", "subscription.switch-on", rows[:1])
    assert told.counts == {"unchanged": 1}
    told = world.perform("ada", "subscription.switch-off", rows)
    assert told.counts == {"refused": 3}

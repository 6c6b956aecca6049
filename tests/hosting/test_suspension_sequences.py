"""The sequences that every change must survive.

A and B are the resellers Ada and Ben, C is Carl, S is carl.example, adm the administrator.
"""

from typing import Any

import pytest

from accounts.models import Account
from hosting import conditions
from hosting.models.plans import OverusePolicy
from hosting.models.suspension import SuspensionEntry
from panel.core import door, runs
from panel.core.operations import operations
from tests.hosting.disk import fill
from tests.hosting.world import HostingWorld, noted, why

pytestmark = pytest.mark.django_db


def do(world: HostingWorld, operation: str, row: Any, **params: Any) -> None:
    """By the administrator, with what is chosen for each as the page would show it."""
    found, actor = operations[operation], world.actor("admin", door="api")
    given = door.read(found, actor, [row], params)
    outcome = runs.perform(found, actor, [row.pk], params=given.params, items=given.items)
    assert outcome.counts == {"done": 1}, outcome.findings


def move(world: HostingWorld, name: str, to: str, **params: Any) -> None:
    do(world, "customer.move", world.fresh(name), owner=to, **params)


def convert(world: HostingWorld, name: str) -> None:
    do(world, "customer.convert-to-reseller", world.fresh(name))
    world.accounts[name] = world.fresh(name)


def test_a_suspends_c_and_c_moves_to_b_and_b_activates_it_runs(world: HostingWorld):
    world.suspend("ada", "carl")
    move(world, "carl", "ben")
    assert not world.runs_("carl.example")
    assert world.activate("ben", "carl").counts == {"done": 1}
    assert world.runs_("carl.example")


def test_adm_suspends_a_and_c_moves_to_adm_c_runs(world: HostingWorld):
    world.suspend("admin", "ada")
    assert not world.runs_("carl.example")
    move(world, "carl", "admin")
    assert world.runs_("carl")
    assert world.runs_("carl.example")
    assert not world.runs_("cleo.example")


def test_c_moves_to_suspended_b_it_is_shut(world: HostingWorld):
    world.suspend("admin", "ben")
    move(world, "carl", "ben", below_suspended=True)
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")


def test_what_a_suspended_becomes_the_administrators_and_keeps_who_and_why(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid", message="Invoice 7")
    move(world, "carl", "admin")
    entry = SuspensionEntry.objects.get()
    assert (entry.level, entry.kind) == ("administrator", "unpaid")
    assert (entry.by_name, entry.message) == ("ada", "Invoice 7")


def test_a_suspends_s_and_c_is_converted_c_cannot_lift_it(world: HostingWorld):
    world.suspend("ada", "carl.example")
    convert(world, "carl")
    outcome = world.activate("carl", "carl.example")
    assert outcome.findings[0].code == "level_above"
    assert not world.runs_("carl.example")
    assert world.activate("admin", "carl.example").counts == {"done": 1}


def test_a_suspended_then_c_then_a_activated_c_is_shut_and_s_says_c(world: HostingWorld):
    world.suspend("admin", "ada")
    world.suspend("admin", "carl")
    outcome = world.activate("admin", "ada")
    assert world.runs_("cleo.example")
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")
    assert noted(outcome) == {
        "remain_accounts": "Customers still suspended by themselves (1): Carl Customer."
    }
    assert why(world.activate("admin", "carl.example")) == (
        "Carl Customer is suspended, and with it everything below."
    )


def test_a_suspends_c_unpaid_and_adm_suspends_and_activates_a_c_is_still_shut(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid")
    world.suspend("admin", "ada")
    world.activate("admin", "ada")
    assert world.runs_("ada.example")
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")
    assert world.entries("carl") == {("reseller", "unpaid")}


def test_s_expired_and_c_suspended_then_activated_s_is_shut_with_set_expiry(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("ada", "subscription.set-expiry", row, expires_on="2020-01-01")
    world.suspend("ada", "carl")
    (note,) = world.activate("ada", "carl").notes
    assert (note["code"], note["params"]["names"]) == ("remain_expired", ["carl.example"])
    assert note["params"]["action"] == f"/subscriptions/{row.pk}/set-expiry/"
    assert not world.runs_("carl.example")
    world.perform("ada", "subscription.set-expiry", row, expires_on="")
    assert world.runs_("carl.example")


def test_s_overused_and_its_plan_raised_runs_at_once(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, OverusePolicy.FORBIDDEN)
    row = world.sub("carl.example")
    assert (row.is_suspended, row.is_overuse_only, row.is_overused) == (True, True, True)
    bigger = world.plan("ada", "Bigger", limits={"domains": 5, "aliases": 5, "disk": 20})
    bigger.overuse_policy = OverusePolicy.FORBIDDEN
    bigger.save()
    # She may promise as much disk space as she likes.
    Account.objects.filter(pk=world.ada.pk).update(limits={**world.ada.limits, "disk": None})
    world.perform("ada", "subscription.change-plan", row, plan=str(bigger.pk))
    assert world.runs_("carl.example")
    assert not world.sub("carl.example").is_overused


def test_s_overused_and_its_policy_changed_runs_at_once(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, OverusePolicy.FORBIDDEN)
    params = {
        "limit_domains": "5",
        "limit_subdomains": "5",
        "limit_scheduled_tasks": "10",
        "limit_aliases": "5",
        "limit_disk": "10 B",
    }
    row = world.sub("carl.example")
    world.perform("ada", "subscription.customize", row, overuse_policy="space", **params)
    assert world.runs_("carl.example")
    assert world.sub("carl.example").is_overused


def test_overuse_is_named_with_change_plan_when_c_is_activated(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, OverusePolicy.FORBIDDEN)
    world.suspend("ada", "carl")
    row = world.sub("carl.example")
    assert (row.is_suspended, row.is_overuse_only) == (True, False)
    (note,) = world.activate("ada", "carl", own=True).notes
    assert note["code"] == "remain_overused"
    assert note["params"]["action"] == f"/subscriptions/{row.pk}/change-plan/"
    assert world.sub("carl.example").is_overuse_only


def test_unknown_usage_changes_nothing(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, OverusePolicy.FORBIDDEN)
    disk.clear()
    conditions.judge([world.sub("carl.example").pk])
    assert not world.runs_("carl.example")
    assert world.sub("carl.example").usage["disk"] == 11
    conditions.judge([world.sub("cleo.example").pk])
    assert world.runs_("cleo.example")
    assert "disk" not in world.sub("cleo.example").usage


def test_adm_suspends_s_for_abuse_and_billing_unpaid_and_activates_it_is_shut(world: HostingWorld):
    world.suspend("admin", "carl.example", kind="abuse")
    actor = world.actor("admin", door="api", scopes=frozenset({"billing"}))
    ids = [world.sub("carl.example").pk]
    for verb in ("suspend", "activate"):
        outcome = runs.perform(operations[f"subscription.{verb}"], actor, ids)
        assert outcome.counts == {"done": 1}
    assert world.entries("carl.example") == {("administrator", "abuse")}
    assert not world.runs_("carl.example")


def test_adm_and_a_both_suspend_s_and_adm_activates_first_as_stays(world: HostingWorld):
    world.suspend("ada", "carl.example")
    world.suspend("admin", "carl.example")
    world.activate("admin", "carl.example")
    assert world.entries("carl.example") == {("reseller", "other")}
    assert not world.runs_("carl.example")


def test_the_subscriber_switched_s_off_and_the_box_is_ticked_s_stays_off(world: HostingWorld):
    world.perform("carl", "subscription.switch-off", world.sub("carl.example"))
    world.suspend("ada", "carl")
    for who in ("ada", "admin"):
        outcome = world.activate(who, "carl", own=True)
    assert outcome.counts == {"unchanged": 1}
    assert world.entries("carl.example") == {("customer", "other")}
    assert not world.runs_("carl.example")


@pytest.mark.parametrize("who", ["ada", "admin"])
def test_nobody_undoes_the_subscribers_own_switch(world: HostingWorld, who: str):
    world.perform("carl", "subscription.switch-off", world.sub("carl.example"))
    outcome = world.activate(who, "carl.example", abuse=True)
    assert outcome.findings[0].code == "switched_off"
    assert not world.runs_("carl.example")
    found = world.finding(who, "subscription.switch-on", world.sub("carl.example"))
    assert found.result == "refused"
    world.perform("carl", "subscription.switch-on", world.sub("carl.example"))
    assert world.runs_("carl.example")


def test_c_suspended_and_s2_created_below_it_is_shut(world: HostingWorld):
    world.suspend("ada", "carl")
    params = {"domain": "second.example"}
    assert world.finding("ada", "account.add-subscription", world.carl, **params).result == "done"
    assert not world.runs_("second.example")
    world.activate("ada", "carl")
    assert world.runs_("second.example")


def test_a_suspended_and_c2_added_below_it_is_shut(world: HostingWorld):
    world.suspend("admin", "ada")
    made = world.space("carl", "second.example")
    assert made.is_suspended
    world.suspend("admin", "carl.example")
    made = world.domain("carl.example", "third.example")
    assert made.subscription.is_suspended


def change_subscriber(world: HostingWorld, name: str, to: str) -> None:
    outcome = world.perform(
        "admin", "subscription.change-subscriber", world.sub(name), subscriber=to
    )
    assert outcome.counts == {"done": 1}


def test_s_goes_from_suspended_c_to_active_c2_it_runs(world: HostingWorld):
    world.suspend("ada", "carl")
    change_subscriber(world, "carl.example", "cleo")
    assert world.runs_("carl.example")


def test_s_goes_from_active_c2_to_suspended_c_it_is_shut(world: HostingWorld):
    world.suspend("ada", "carl")
    change_subscriber(world, "cleo.example", "carl")
    assert not world.runs_("cleo.example")

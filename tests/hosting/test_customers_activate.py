"""Activate on customers: what it lifts, what it leaves and names, and who may lift what."""

import pytest

from accounts.actors import may_log_in
from hosting.forms import ActivateForm
from panel.core import runs
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, noted, why

pytestmark = pytest.mark.django_db


def test_activating_starts_the_customer_and_all_its_subscriptions(world: HostingWorld):
    world.space("carl", "shop.example")
    world.suspend("ada", "carl")
    assert not world.runs_("shop.example")
    outcome = world.activate("ada", "carl")
    assert outcome.counts == {"done": 1}
    assert outcome.notes == []
    assert all(world.runs_(name) for name in ("carl", "carl.example", "shop.example"))
    assert may_log_in(world.user("carl"))


@pytest.mark.parametrize("door", DOORS)
def test_it_works_by_every_door(world: HostingWorld, door: str):
    world.suspend("ada", "carl")
    assert world.through(door, "ada", "customer.activate", world.carl).result == "done"
    assert world.runs_("carl.example")


def test_activating_twice_changes_nothing(world: HostingWorld):
    world.suspend("ada", "carl")
    world.activate("ada", "carl")
    generation = world.generation("carl.example")
    outcome = world.activate("ada", "carl")
    assert outcome.counts == {"unchanged": 1}
    assert why(outcome) == "It is active."
    assert world.generation("carl.example") == generation


def test_nobody_lifts_what_a_level_above_set(world: HostingWorld):
    world.suspend("admin", "carl")
    outcome = world.activate("ada", "carl")
    assert outcome.findings[0].code == "level_above"
    assert not world.runs_("carl")


def test_the_highest_level_goes_first_and_what_remains_is_named_with_a_button(world: HostingWorld):
    world.suspend("ada", "carl")
    world.suspend("admin", "carl")
    outcome = world.activate("admin", "carl")
    assert world.entries("carl") == {("reseller", "other")}
    (note,) = outcome.notes
    assert (note["code"], note["params"]["names"]) == ("remain_entries", ["Carl Customer"])
    assert note["params"]["action"] == f"/customers/{world.carl.pk}/activate/"
    assert world.activate("admin", "carl").notes == []
    assert world.runs_("carl")


def test_a_reseller_lifts_its_own_and_is_told_that_somebody_above_remains(world: HostingWorld):
    world.suspend("ada", "carl")
    world.suspend("admin", "carl")
    outcome = world.activate("ada", "carl")
    assert outcome.counts == {"done": 1}
    assert noted(outcome) == {
        "remain_level": "Still suspended by somebody above you: Carl Customer."
    }


def test_all_kinds_of_one_level_are_lifted_together_but_abuse(world: HostingWorld):
    for kind in ("unpaid", "other", "abuse"):
        world.suspend("ada", "carl", kind=kind)
    outcome = world.activate("ada", "carl")
    assert world.entries("carl") == {("reseller", "abuse")}
    assert list(noted(outcome)) == ["remain_abuse"]


def test_abuse_is_lifted_by_a_person_who_ticks_it(world: HostingWorld):
    world.suspend("ada", "carl", kind="abuse")
    assert world.activate("ada", "carl").findings[0].code == "abuse_needs_tick"
    assert not world.runs_("carl")
    assert world.activate("ada", "carl", abuse=True).counts == {"done": 1}
    assert world.runs_("carl")


def test_a_program_lifts_no_abuse_whatever_it_ticks(world: HostingWorld):
    world.suspend("ada", "carl", kind="abuse")
    answer = world.through("api", "ada", "customer.activate", world.carl, abuse=True)
    assert answer.result == "refused"
    assert not world.runs_("carl")


def test_what_was_suspended_by_itself_stays_and_is_counted(world: HostingWorld):
    world.space("carl", "shop.example")
    world.suspend("ada", "shop.example")
    world.suspend("ada", "carl")
    outcome = world.activate("ada", "carl")
    assert world.runs_("carl.example")
    assert not world.runs_("shop.example")
    assert noted(outcome) == {"remain_own": "Still suspended by themselves (1): shop.example."}
    assert outcome.notes[0]["params"]["action"] == f"/customers/{world.carl.pk}/activate/"


def test_the_box_activates_what_was_suspended_by_itself_too(world: HostingWorld):
    world.suspend("ada", "carl.example")
    world.suspend("ada", "carl")
    assert world.activate("ada", "carl", own=True).notes == []
    assert world.runs_("carl.example")


def test_the_api_says_own(world: HostingWorld):
    world.suspend("ada", "carl.example")
    world.suspend("ada", "carl")
    answer = world.through("api", "ada", "customer.activate", world.carl, own=True)
    assert answer.result == "done"
    assert world.runs_("carl.example")


def test_the_box_works_on_a_customer_that_is_active_itself(world: HostingWorld):
    world.suspend("ada", "carl.example")
    assert world.activate("ada", "carl", own=True).counts == {"done": 1}
    assert world.runs_("carl.example")


def test_the_box_counts_only_what_the_actor_may_lift(world: HostingWorld):
    for name in ("one.example", "two.example", "three.example", "four.example"):
        world.space("carl", name)
    world.suspend("ada", "one.example")
    world.suspend("admin", "two.example")
    world.perform("carl", "subscription.switch-off", world.sub("three.example"))
    world.suspend("ada", "four.example", kind="abuse")
    label = ActivateForm(actor=world.actor("ada"), targets=[world.carl]).fields["own"].label
    assert str(label) == "Also activate the subscription suspended by itself"
    label = ActivateForm(actor=world.actor("admin"), targets=[world.carl]).fields["own"].label
    assert str(label) == "Also activate the 2 subscriptions suspended by themselves"
    world.suspend("ada", "carl")
    outcome = world.activate("ada", "carl", own=True)
    assert world.runs_("one.example")
    assert noted(outcome) == {
        "remain_level": "Still suspended by somebody above you: two.example.",
        "remain_switched_off": "Switched off by the subscriber, and stays so: three.example.",
        "remain_abuse": (
            "Still suspended for abuse, which is lifted by a tick of its own: four.example."
        ),
    }


def test_what_expired_stays_and_leads_to_set_expiry(world: HostingWorld):
    world.perform(
        "ada", "subscription.set-expiry", world.sub("carl.example"), expires_on="2020-01-01"
    )
    world.suspend("ada", "carl")
    outcome = world.activate("ada", "carl", own=True)
    (note,) = outcome.notes
    assert note["code"] == "remain_expired"
    pk = world.sub("carl.example").pk
    assert note["params"]["action"] == f"/subscriptions/{pk}/set-expiry/"


def test_a_suspended_reseller_above_is_named_to_the_administrator(world: HostingWorld):
    world.suspend("admin", "ada")
    outcome = world.activate("admin", "carl")
    assert why(outcome) == "Ada Reseller is suspended, and with it everything below."
    world.suspend("admin", "carl")
    outcome = world.activate("admin", "carl")
    assert outcome.counts == {"done": 1}
    assert noted(outcome) == {
        "remain_above": "Still suspended, because Ada Reseller is: Carl Customer."
    }


def billing(world: HostingWorld, who: str, **params: object) -> runs.Outcome:
    actor = world.actor(who, door="api", scopes=frozenset({"read", "billing"}))
    return runs.perform(operations["customer.activate"], actor, [world.carl.pk], params=params)


def test_billing_lifts_unpaid_and_never_abuse(world: HostingWorld):
    world.suspend("ada", "carl", kind="unpaid")
    world.suspend("ada", "carl", kind="abuse")
    outcome = billing(world, "ada", abuse=True)
    assert outcome.counts == {"done": 1}
    assert world.entries("carl") == {("reseller", "abuse")}
    assert list(noted(outcome)) == ["remain_billing"]


def test_billing_lifts_nothing_but_unpaid(world: HostingWorld):
    world.suspend("ada", "carl", kind="other")
    assert billing(world, "ada").findings[0].code == "billing_only_unpaid"
    assert not world.runs_("carl")


def test_billing_lifts_only_unpaid_along(world: HostingWorld):
    world.space("carl", "shop.example")
    world.suspend("ada", "carl.example", kind="unpaid")
    world.suspend("ada", "shop.example", kind="other")
    world.suspend("ada", "carl", kind="unpaid")
    billing(world, "ada", own=True)
    assert world.runs_("carl.example")
    assert not world.runs_("shop.example")


def test_the_neighbour_stays_suspended(world: HostingWorld):
    for name in ("carl", "cleo"):
        world.suspend("ada", name)
    world.activate("ada", "carl")
    assert not world.runs_("cleo.example")


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_of_somebody_else_is_not_found(world: HostingWorld, door: str):
    world.suspend("ada", "carl")
    assert world.through(door, "ben", "customer.activate", world.carl).result == "missing"
    assert not world.runs_("carl")


def test_passwords_and_website_states_are_as_before(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", "domain.suspend", site)
    user = world.user("carl")
    world.suspend("ada", "carl")
    world.activate("ada", "carl")
    assert world.site("carl.example").site_state == "suspended"
    assert (world.user("carl").password, world.user("carl").is_active) == (user.password, True)

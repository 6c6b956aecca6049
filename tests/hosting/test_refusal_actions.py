"""A refusal carries a button where something can be done about it, for who may do it."""

import pytest

from hosting.models.subscriptions import Subscription
from tests.hosting.world import HostingWorld
from tests.pages import Page

pytestmark = pytest.mark.django_db


def add(world: HostingWorld, who: str, for_whom: str, domain: str) -> Page:
    """Add a Subscription for somebody, on its page."""
    url = f"/subscriptions/add/?parent={world.accounts[for_whom].pk}"
    return Page.open(world.client(who), url).press("OK", domain=domain)


def test_adding_a_name_that_the_same_customer_has_leads_to_its_subscription(world: HostingWorld):
    page = add(world, "ada", "carl", "carl.example")
    assert page.status == 409
    assert "carl.example is taken: it belongs to the subscription carl.example." in page.text
    row = world.sub("carl.example")
    assert page.links["Open carl.example"] == f"/subscriptions/{row.pk}/"


def test_adding_a_name_in_the_trash_offers_to_restore_it(world: HostingWorld):
    """Names stay taken, and adding one offers the restore."""
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    page = add(world, "ada", "cleo", "carl.example")
    assert page.status == 409
    assert page.press("Restore").status == 200
    assert world.sub("carl.example").removing_at is None
    assert world.sub("carl.example").account == world.carl


def test_what_went_with_its_customer_is_restored_with_the_customer(world: HostingWorld):
    world.perform("ada", "customer.remove", world.carl)
    add(world, "ada", "cleo", "carl.example").press("Restore")
    assert world.fresh("carl").removing_at is None
    assert world.sub("carl.example").removing_at is None


def test_a_neighbour_gets_neither_reason_nor_button(world: HostingWorld):
    page = add(world, "ben", "nora", "carl.example")
    assert "carl.example is taken." in page.text
    assert not page.has("Open carl.example")
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    assert not add(world, "ben", "nora", "carl.example").has("Restore")


def activate(world: HostingWorld, who: str, name: str) -> Page:
    """Subscriptions ▸ select ▸ Activate."""
    client = world.client(who)
    data = {"ids": [str(world.sub(name).pk)], "query": ""}
    return Page(client, client.post("/subscriptions/activate/", data, follow=True))


def test_activating_what_has_expired_leads_to_set_expiry(world: HostingWorld):
    """Activate names what remains, with Set expiry for `expired`."""
    Subscription.objects.filter(name="carl.example").update(expires_on="2020-01-01")
    row = world.sub("carl.example")
    world.perform("ada", "subscription.set-expiry", row, expires_on="2020-01-02")
    page = activate(world, "ada", "carl.example")
    assert "It has expired: use Set expiry." in page.text
    page = page.follow("Set expiry").press("OK", expires_on="")
    assert "Set expiry: done." in page.text
    assert world.runs_("carl.example")


def test_activating_what_is_shut_for_abuse_leads_to_the_box(world: HostingWorld):
    """`abuse` is lifted only by a person who ticks it."""
    world.suspend("ada", "carl.example", kind="abuse")
    page = activate(world, "ada", "carl.example").follow("Activate with options…")
    page.press("OK", abuse="on")
    assert world.runs_("carl.example")


def test_who_may_not_lift_it_gets_no_button(world: HostingWorld):
    world.suspend("admin", "carl.example", kind="abuse")
    page = activate(world, "ada", "carl.example")
    assert "Somebody above you suspended it; only they can lift that." in page.text
    assert "Activate with options…" not in page.links

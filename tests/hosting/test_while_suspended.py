"""What nobody does while something is suspended, asked of every operation that there is, and so of
one that somebody adds."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Account
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Kind
from hosting.provisioning_queue import desired
from hosting.services import base
from hosting.services.dns.models import Record, Zone
from panel.core.access import Actor, Role
from panel.core.operations import Operation, Step, operations
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db

# What ends a suspension, or looks again at what is so.
WAYS_OUT = {"switch-off", "switch-on", "recalculate", "try-again"}
HELD = {"remove", "move", "rename", "restore", "change-subscriber"}
NOUNS = ("subscription", "domain", "alias", "zone", "record")
ALL = [one for _name, one in sorted(operations.items()) if one.noun in NOUNS and not one.hidden]
OF_CUSTOMERS = [one for one in ALL if Role.CUSTOMER in one.roles and one.verb not in WAYS_OUT]
HOLDABLE = [one for one in ALL if one.verb in HELD and not one.in_trash]


def allow_everything() -> None:
    """What is refused then is refused for the suspension."""
    Subscription.objects.update(permissions=sorted(base.permissions()))
    Account.objects.update(permissions=sorted(base.permissions("reseller") | base.permissions()))


def row_of(world: HostingWorld, noun: str, name: str) -> Any:
    """A row of each kind in one subscription."""
    subscription = world.sub(name)
    if noun == "subscription":
        return subscription
    if noun == "domain":
        return world.domain(name, f"more.{name.partition('.')[0]}.test")
    if noun == "alias":
        return world.alias(name, f"{name.partition('.')[0]}.test")
    zone = Zone.objects.get(ascii=name)
    values = {"host": "x", "type": "TXT", "value": '"x"', "account_id": subscription.account_id}
    values |= {"reseller_id": subscription.reseller_id, "subscription": subscription}
    return zone if noun == "zone" else Record.objects.create(zone=zone, **values)


def against(operation: Operation, actor: Actor, row: Any) -> str:
    """What stands against it first, whatever its parameters would be."""
    given = {"subscriber": Account.objects.get(username="cleo")}
    step = Step(operation, actor, given, {})
    with transaction.atomic():
        step.targets = {row.pk: operation.visible(actor).get(pk=row.pk)}
        # It may go on to look at what was not given.
        with suppress(KeyError):
            operation.check(step)
        transaction.set_rollback(True)
    return step.results.get(row.pk, ("", "", {}))[1]


def rows_of(world: HostingWorld, name: str) -> dict[str, Any]:
    return {noun: row_of(world, noun, name) for noun in NOUNS}


def against_each(some: list[Operation], actor: Actor, rows: dict[str, Any]) -> dict[str, str]:
    return {one.name: against(one, actor, rows[one.noun]) for one in some}


def test_the_customer_panel_of_a_suspended_subscription_is_read_only(world: HostingWorld):
    allow_everything()
    mine, theirs = rows_of(world, "carl.example"), rows_of(world, "cleo.example")
    carl, cleo = world.actor("carl"), world.actor("cleo")
    assert "read_only" not in against_each(OF_CUSTOMERS, carl, mine).values()
    world.suspend("ada", "carl.example")
    told = against_each(OF_CUSTOMERS, carl, mine)
    assert told == dict.fromkeys(told, "read_only")
    assert "read_only" not in against_each(OF_CUSTOMERS, cleo, theirs).values()


@pytest.mark.parametrize("on", ["carl.example", "carl", "ada"])
def test_what_the_administrator_suspended_nobody_below_removes_renames_or_gives_away(
    world: HostingWorld, on: str
):
    """Nor anything in it; on itself, on its customer, or on the reseller above."""
    allow_everything()
    ada, rows, theirs = (
        world.actor("ada"),
        rows_of(world, "carl.example"),
        rows_of(world, "nora.example"),
    )
    assert "held" not in against_each(HOLDABLE, ada, rows).values()
    world.suspend("admin", on)
    told = against_each(HOLDABLE, ada, rows)
    assert told == dict.fromkeys(told, "held")
    assert "held" not in against_each(HOLDABLE, world.actor("admin"), rows).values()
    assert "held" not in against_each(HOLDABLE, world.actor("ben"), theirs).values()


@pytest.mark.parametrize("kind", Kind.values)
def test_the_node_is_told_no_cause_so_that_no_page_can_tell_it(world: HostingWorld, kind: str):
    """The 503 page never tells a cause."""
    Node.objects.update(services={"web": {}, "dns": {}})
    pk = world.sub("carl.example").pk

    def told() -> dict:
        [frame] = desired([pk])
        return {name: value for name, value in frame.items() if name != "generation"}

    before = told()
    assert (before.pop("state"), bool(before["web"])) == ("open", True)
    world.suspend("admin", "carl.example", kind=kind, message="Invoice 1042", note="Case 3318")
    assert told() == before | {"state": "shut"}

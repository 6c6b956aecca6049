"""Hard quotas on disk space: what plans set, what nodes are told, where they are not in force."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from hosting.models.nodes import Node
from hosting.models.plans import Plan
from hosting.services.system.desired import desired
from tests.hosting.test_hosting_parameters import values
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
NO_QUOTA = "/ (ext4), where /srv/freehold is, is mounted without the option usrquota"


def told(world: HostingWorld, name: str) -> int | None:
    """What the node is told."""
    pk = world.sub(name).pk
    return desired([pk])[pk].get("quota")


def edit(world: HostingWorld, quota: str, door: str = "api") -> Any:
    plan = Plan.objects.get(name="Ada Basic")
    return world.through(door, "ada", "plan.edit", plan, **values(set_hard_quota=quota))


def keeps(quotas: bool) -> None:
    """Whether nodes keep them."""
    offered = {"port": 22, "no_quota": "" if quotas else NO_QUOTA}
    Node.objects.update(services={"web": {}, "system": offered})


def page(world: HostingWorld, who: str, name: str) -> str:
    address = f"/subscriptions/{world.sub(name).pk}/resources/"
    page: str = world.client(who).get(address).content.decode()
    return page


@pytest.mark.parametrize("door", DOORS)
def test_a_plan_sets_it_for_its_own_and_is_without_one_at_first(world: HostingWorld, door: str):
    assert told(world, "carl.example") is None
    assert edit(world, "250", door).result == "done"
    assert (told(world, "carl.example"), told(world, "nora.example")) == (250, None)
    assert edit(world, "unlimited", door).result == "done"
    assert told(world, "carl.example") is None


@pytest.mark.parametrize("wrong", ["0", "-5", "many", "1.5", str(2**30 + 1)])
def test_what_it_cannot_be_is_an_error_at_its_field(world: HostingWorld, wrong: str):
    answer = edit(world, wrong, "page")
    assert (answer.result, list(answer.errors)) == ("invalid", ["set_hard_quota"])
    assert told(world, "carl.example") is None


def test_where_the_node_keeps_none_the_page_and_the_doctor_say_so(world: HostingWorld):
    edit(world, "250")
    keeps(quotas=False)
    for who in ("carl", "ada", "admin"):
        said = page(world, who, "carl.example")
        assert "250 (not in force: the server keeps no quotas)" in said
        # Which disks a machine has is nothing for its tenants.
        assert "usrquota" not in said
    assert "not in force" not in page(world, "nora", "nora.example")
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "advice: " in out.getvalue()
    assert NO_QUOTA in out.getvalue()
    keeps(quotas=True)
    assert "not in force" not in page(world, "carl", "carl.example")
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "Nothing is wrong." in out.getvalue()


def test_a_node_without_system_users_is_never_said_to_keep_them(world: HostingWorld):
    edit(world, "250")
    Node.objects.update(services={"web": {}})
    assert "not in force: the server has no users of its own" in page(world, "carl", "carl.example")

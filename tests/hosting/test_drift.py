"""Drift: what somebody changed on a node is found without writing, shown, and overwritten."""

import pytest

from hosting import drift
from hosting.models.deployments import Deployment
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
CHANGE = {"what": "hosts.map", "before": ["edited by hand;"], "after": ["carl.example s1-1;"]}


class Planner:
    """An agent that finds the same differences as long as they are there."""

    def __init__(self, drifted: set[int]) -> None:
        self.drifted = drifted
        self.frames: list[list[int]] = []

    def plan(self, subscriptions: list[dict]) -> list[dict]:
        ids = [each["id"] for each in subscriptions]
        self.frames.append(ids)
        return [
            {
                "subscription": number,
                "service": service,
                "changes": [CHANGE] if service == "web" and number in self.drifted else [],
            }
            for number in ids
            for service in ("web", "dns")
        ]


def applied() -> int:
    rows = list(Deployment.objects.all())
    for row in rows:
        row.applied = row.generation
        row.save()
    return rows[0].node_id


def found(world: HostingWorld, name: str) -> dict:
    return Deployment.objects.get(subscription_id=world.sub(name).pk).drift


def test_what_differs_is_kept_by_service_and_goes_when_it_is_gone(world, monkeypatch):
    node_id, carl = applied(), world.sub("carl.example").pk
    monkeypatch.setattr(drift, "FRAME", 2)
    agent = Planner({carl})
    assert drift.look(node_id, agent) == 1
    assert [len(frame) for frame in agent.frames] == [2, 2, 1]
    assert found(world, "carl.example") == {"web": [CHANGE]}
    assert found(world, "cleo.example") == {}
    first = Deployment.objects.get(subscription_id=carl).drift_at
    assert drift.look(node_id, agent) == 1
    assert Deployment.objects.get(subscription_id=carl).drift_at == first
    assert drift.look(node_id, Planner(set())) == 0
    assert found(world, "carl.example") == {}


def test_looking_where_nothing_differs_writes_nothing(world):
    node_id = applied()
    agent = Planner(set())
    drift.look(node_id, agent)
    before = list(Deployment.objects.values())
    drift.look(node_id, agent)
    assert list(Deployment.objects.values()) == before


def test_what_is_on_its_way_is_no_drift(world):
    node_id, carl = applied(), world.sub("carl.example").pk
    Deployment.objects.filter(subscription_id=carl).update(generation=99)
    drift.look(node_id, Planner({carl}))
    assert found(world, "carl.example") == {}
    drift.record(node_id, [carl], Planner({carl}).plan([{"id": carl}]))
    assert found(world, "carl.example") == {}


@pytest.mark.parametrize("who", ["admin", "ada"])
def test_it_is_shown_with_its_difference_and_overwritten(world, who):
    node_id, row = applied(), world.sub("carl.example")
    drift.look(node_id, Planner({row.pk}))
    page = world.client(who).get(f"/subscriptions/{row.pk}/").text
    assert "Changed on the server by hand (web)" in page
    preview = world.client(who).get(f"/subscriptions/{row.pk}/preview/").text
    assert "edited by hand;" in preview
    assert "carl.example s1-1;" in preview
    before = world.generation("carl.example")
    assert world.through("page", who, "subscription.overwrite", row).result == "done"
    assert world.generation("carl.example") == before + 1
    assert found(world, "carl.example") == {}
    assert world.finding(who, "subscription.overwrite", row).result == "unchanged"


def test_the_subscriber_and_a_neighbour_do_not_overwrite(world):
    node_id, row = applied(), world.sub("carl.example")
    drift.look(node_id, Planner({row.pk}))
    assert "by hand (web)" not in world.client("carl").get(f"/subscriptions/{row.pk}/").text
    assert world.client("ben").get(f"/subscriptions/{row.pk}/preview/").status_code == 404
    assert world.finding("ben", "subscription.overwrite", row).result == "missing"
    assert found(world, "carl.example")

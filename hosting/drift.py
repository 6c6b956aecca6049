"""What somebody changed on a node by hand: looked for each night, shown, and overwritten on demand.

Looking is `plan` over all: what the node would change if it was sent everything again. Nothing is
written on the node, and here only where a finding is new or gone. There is no "Adopt": what lies on
a node is made from rows, and no row says what somebody wrote into a generated file.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from hosting import conditions
from hosting import provisioning_queue as queue
from hosting.agent.client import AgentAway
from hosting.models.deployments import Deployment

FRAME = 500
_NIGHT = 3
_LOOK = 300.0
# So much of one finding is kept; it is for people to read.
_MOST_CHANGES, _MOST_LINES = 50, 20


class Planner(Protocol):
    """What is needed of `hosting.agent.client.Client`."""

    def plan(self, subscriptions: list[dict]) -> list[dict]: ...


def look(node_id: int, agent: Planner, proceed: Callable[[], bool] = lambda: True) -> int:
    """Compare everything that a node has applied with what it should be; how many differ."""
    settled = Deployment.objects.filter(
        node_id=node_id, is_present=True, generation=F("applied")
    ).order_by("pk")
    last = drifted = 0
    while proceed():
        frame = list(settled.filter(pk__gt=last).values_list("pk", "subscription_id")[:FRAME])
        if not frame:
            return drifted
        last = frame[-1][0]
        ids = [number for _pk, number in frame]
        drifted += record(node_id, ids, agent.plan(queue.desired(ids, node_id)))
        # A node serves visitors and changes meanwhile.
        time.sleep(0)
    return drifted


def record(node_id: int, ids: Sequence[int], plans: Iterable[dict[str, Any]]) -> int:
    """Keep what was found of these subscriptions, by service; how many differ."""
    found: dict[int, dict[str, list[dict[str, Any]]]] = {number: {} for number in ids}
    for plan in plans:
        if plan["changes"] and plan["subscription"] in found:
            shown = [_short(change) for change in plan["changes"][:_MOST_CHANGES]]
            found[plan["subscription"]][plan["service"]] = shown
    rows = Deployment.objects.filter(node_id=node_id, subscription_id__in=list(ids))
    for row in rows.only("pk", "subscription_id", "drift", "generation", "applied"):
        now = found[row.subscription_id]
        # What is on its way meanwhile is no drift.
        if row.drift != now and row.generation == row.applied:
            same = rows.filter(pk=row.pk, generation=row.generation)
            same.update(drift=now, drift_at=timezone.now() if now else None)
    return sum(1 for now in found.values() if now)


def _short(change: dict[str, Any]) -> dict[str, Any]:
    return {
        "what": change["what"],
        "before": change["before"][:_MOST_LINES],
        "after": change["after"][:_MOST_LINES],
    }


def clear(subscription_ids: Iterable[int]) -> None:
    """These are sent once more: what was found is overwritten."""
    Deployment.objects.filter(subscription_id__in=list(subscription_ids)).exclude(drift={}).update(
        drift={}, drift_at=None
    )


class Nightly:
    """Looks for drift once a night, on the node of this worker."""

    def __init__(self, node_id: int, agent: Planner, stopping: threading.Event) -> None:
        self._node_id = node_id
        self._agent = agent
        self._stopping = stopping

    def step(self) -> float:
        done = f"drift-{self._node_id}-{conditions.today()}"
        hour = timezone.localtime(timezone=timezone.get_default_timezone()).hour
        if hour < _NIGHT or cache.get(done):
            return _LOOK
        try:
            look(self._node_id, self._agent, lambda: not self._stopping.is_set())
        except AgentAway:
            return _LOOK
        cache.set(done, True, timeout=timedelta(days=2).total_seconds())
        return _LOOK

"""Disk space and traffic of subscriptions: asked of the node, written down, and judged.

Each hour, a few at a time; and one at once, where somebody asks for it. What a node does not say
is not known, and changes nothing.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol

from django.db import transaction

from accounts.models import Account
from hosting import conditions, counters, daily
from hosting.agent.client import AgentAway
from hosting.models.subscriptions import Subscription
from hosting.models.usage import UsageDay
from hosting.services import base
from panel.core.access import Role

logger = logging.getLogger(__name__)

_EVERY = 3600.0
_PAUSE = 0.2
FRAME = 50
# So far back a node is asked once in a while; else since yesterday.
_FAR = timedelta(days=35)
_TRAFFIC = "traffic "
_WHY = "figures are written down for whoever they are"

Figures = Mapping[str, Mapping[int, int]]


class Measurer(Protocol):
    """What is needed of `hosting.agent.client.Client`."""

    def measure(
        self, subscriptions: list[int], since: str | None = None
    ) -> dict[str, dict[int, int]]: ...


def since(days: timedelta = timedelta(days=1)) -> str:
    """From which day on traffic is asked for."""
    return (conditions.today() - days).isoformat()


def record(ids: Sequence[int], figures: Figures) -> list[int]:
    """Write down what a node said of these; return those of which something is new."""
    today = conditions.today()
    said: dict[tuple[int, date], int] = {}
    for name, amounts in figures.items():
        if name.startswith(_TRAFFIC):
            day = date.fromisoformat(name.removeprefix(_TRAFFIC))
            said |= {(pk, day): amount for pk, amount in amounts.items()}
    disk = figures.get("disk", {})
    present = Subscription.objects.unscoped(_WHY).filter(pk__in=list(ids), removing_at=None)
    wanted = set(present.values_list("pk", flat=True))
    days = {day for _pk, day in said} | {today}
    rows = UsageDay.objects.filter(subscription_id__in=wanted, day__in=days)
    known = {(row.subscription_id, row.day): row for row in rows}
    fresh, changed = [], []
    for pk, day in sorted(said.keys() | {(pk, today) for pk in disk}):
        if pk not in wanted:
            continue
        row = known.get((pk, day))
        # What was counted of a day stays, whatever became of the node that counted it.
        traffic = max(said.get((pk, day), 0), row.traffic if row else 0)
        space = row.disk if row else None
        if day == today:
            space = disk.get(pk, space)
        if row is None:
            fresh.append(UsageDay(subscription_id=pk, day=day, disk=space, traffic=traffic))
        elif (row.disk, row.traffic) != (space, traffic):
            row.disk, row.traffic = space, traffic
            changed.append(row)
    UsageDay.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["subscription", "day"],
        update_fields=["disk", "traffic"],
    )
    UsageDay.objects.bulk_update(changed, ["disk", "traffic"])
    return sorted({row.subscription_id for row in [*fresh, *changed]})


def note(ids: Sequence[int], figures: Figures, allowed: int | None = None) -> int:
    """Write down what was measured, and judge those of which something is new; how many are shut.

    `allowed`: of more than so many that would be shut none is judged. They wait for the daily run,
    which tells the administrator.
    """
    with transaction.atomic():
        base.measured(ids, figures)
        news = record(ids, figures)
        shut = len(conditions.newly_overused(news)) if news else 0
        if not news or (allowed is not None and shut > allowed):
            return shut
        daily.judge_usage(news)
    return shut


def recount_above(ids: Sequence[int]) -> None:
    """The sums of the resellers above these, once their usage has been judged."""
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids, reseller_id__isnull=False)
    with transaction.atomic():
        counters.recount_accounts(rows.order_by().values_list("reseller_id", flat=True).distinct())


class Hourly:
    """Measures everything on the node of this worker, round after round."""

    def __init__(self, node_id: int, agent: Measurer, stopping: threading.Event) -> None:
        self._node_id = node_id
        self._agent = agent
        self._stopping = stopping
        self._last = 0
        self._shut = 0
        self._begun = time.monotonic()
        self._asked_far = ""

    def step(self) -> float:
        """Measure some; seconds until the next."""
        rows = Subscription.objects.unscoped(_WHY).filter(
            node_id=self._node_id, pk__gt=self._last, removing_at=None
        )
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:FRAME])
        if not ids:
            return self._rest()
        if self._last == 0:
            self._begun, self._shut = time.monotonic(), 0
        today = conditions.today().isoformat()
        far = self._asked_far != today
        try:
            figures = self._agent.measure(ids, since(_FAR) if far else since())
        except AgentAway as error:
            # One home too large to be measured in time keeps no other one from it.
            logger.warning("Not measured, from subscription %s on: %s", ids[0], error)
            self._last = ids[-1]
            return 10.0
        self._shut += note(ids, figures, conditions.brake() - self._shut)
        self._last = ids[-1]
        return _PAUSE

    def _rest(self) -> float:
        """The round is done; the next one begins an hour after this one did."""
        if self._last:
            self._asked_far = conditions.today().isoformat()
            resellers = Account.objects.unscoped(_WHY).filter(role=Role.RESELLER)
            counters.recount_accounts(resellers.values_list("pk", flat=True))
        self._last = 0
        return max(60.0, self._begun + _EVERY - time.monotonic())

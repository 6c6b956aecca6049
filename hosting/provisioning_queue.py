"""The worker's side of provisioning: what is behind, how it should be, and what came of it.

Everything is fenced by generations: nothing is recorded for one that was not sent, and what was
raised meanwhile stays behind.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When, Window
from django.db.models.functions import Greatest
from django.utils import timezone

from hosting.agent import protocol
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.provisioning import lock
from hosting.services.base import services

_WHY = "the worker provisions everybody's subscriptions"
_FIRST_RETRY = timedelta(seconds=5)
_LAST_RETRY = timedelta(hours=1)
_LONGEST_MESSAGE = 2000
# A node that has seen a later generation may have seen more than it tells: leave a gap.
_OVERTAKE = 1000
_AT_ONCE = 5_000
# What a node may serve of a subscription now. What was removed is shut until the purge.
STATE = Case(
    When(removing_at__isnull=False, then=Value(protocol.SHUT)),
    When(is_suspended=False, then=Value(protocol.OPEN)),
    When(is_overuse_only=True, then=Value(protocol.LIMITED)),
    default=Value(protocol.SHUT),
)


@dataclass(frozen=True)
class Behind:
    """A deployment that is behind, as it was when it was read."""

    pk: int
    subscription_id: int
    generation: int
    is_present: bool = True
    attempts: int = 0
    node_id: int = 0


@dataclass(frozen=True)
class Switch:
    """A deployment whose node may not know yet whether the subscription is open.

    `state` is one of `hosting.agent.protocol.STATES`.
    """

    pk: int
    subscription_id: int
    generation: int
    state: str


@dataclass(frozen=True)
class Result:
    """What came of a generation that was sent: {service: {"kind", "message"}}, or nothing wrong."""

    sent: Behind
    errors: dict[str, dict[str, str]] = field(default_factory=dict)


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed before this one."""
    return min(_FIRST_RETRY * 2 ** min(attempts, 20), _LAST_RETRY)


# Reading.


def unswitched(node_id: int, limit: int) -> list[Switch]:
    """What was raised and not yet switched. One statement: all of it is of one moment."""
    stated = Subscription.objects.unscoped(_WHY).filter(pk=OuterRef("subscription_id"))
    rows = (
        Deployment.objects.filter(node_id=node_id, generation__gt=F("switched"))
        .order_by("pk")
        .annotate(state=Subquery(stated.values_list(STATE)[:1]))
        .values_list("pk", "subscription_id", "generation", "state", "is_present")
    )
    return [
        Switch(pk, subscription_id, generation, (is_present and state) or protocol.SHUT)
        for pk, subscription_id, generation, state, is_present in rows[:limit]
    ]


def behind(node_id: int, limit: int) -> list[Behind]:
    """What is behind and never failed at this generation.

    Where more was raised than one frame holds, what was raised with few others goes first: a
    single change does not wait for a run of thousands, which is no later for it.
    """
    healthy = _behind(node_id).filter(attempts=0)
    rows = _read(healthy.order_by("pk")[:limit])
    if len(rows) == limit:
        company = Window(Count("pk"), partition_by="raised_at")
        rows = _read(healthy.order_by(company, "raised_at", "pk")[:limit])
    return rows


def overdue(node_id: int, limit: int) -> list[Behind]:
    """What failed before and is due for another attempt."""
    now = timezone.now()
    failed = _behind(node_id).filter(attempts__gt=0)
    return _read(failed.filter(Q(retry_at=None) | Q(retry_at__lte=now)).order_by("pk")[:limit])


def _behind(node_id: int) -> models.QuerySet:
    return Deployment.objects.filter(node_id=node_id, generation__gt=F("applied"))


def _read(rows: models.QuerySet) -> list[Behind]:
    columns = ("pk", "subscription_id", "generation", "is_present", "attempts", "node_id")
    return [Behind(*row) for row in rows.values_list(*columns)]


def desired(subscription_ids: Iterable[int], node_id: int | None = None) -> list[dict[str, Any]]:
    """What nodes (or one) should have of these, as the agent takes it: behind or not."""
    rows = Deployment.objects.filter(subscription_id__in=list(subscription_ids))
    if node_id is not None:
        rows = rows.filter(node_id=node_id)
    return frames(_read(rows.order_by("pk")))


def frames(deployments: Sequence[Behind]) -> list[dict[str, Any]]:
    """The same for deployments that were read. As many queries for one as for 500.

    The generations were read before the rows: a change between the two is sent early, under the
    older number, and once more under its own.
    """
    ids = [each.subscription_id for each in deployments if each.is_present]
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
    found = dict(rows.values_list("pk", STATE))
    provided = dict(
        Node.objects.filter(pk__in={each.node_id for each in deployments}).values_list(
            "pk", "services"
        )
    )
    wanted = {service for services_of in provided.values() for service in services_of}
    parts = {
        config.service: config.desired(list(found))
        for config in services()
        if config.service in wanted and config.desired_source and found
    }
    return [
        _frame(each, found.get(each.subscription_id), parts, provided.get(each.node_id, {}))
        for each in deployments
    ]


def _frame(
    each: Behind,
    state: str | None,
    parts: Mapping[str, Mapping[int, Any]],
    provided: Collection[str],
) -> dict[str, Any]:
    """One subscription, with what its node provides; `state` is None where its row is gone."""
    is_present = each.is_present and state is not None
    frame = {
        "id": each.subscription_id,
        "generation": each.generation,
        "present": is_present,
        "state": state if is_present else protocol.SHUT,
    }
    if is_present:
        for service, by_subscription in parts.items():
            if service in provided and each.subscription_id in by_subscription:
                frame[service] = by_subscription[each.subscription_id]
    return frame


# Recording.


def record_switched(told: Mapping[int, int]) -> None:
    """These deployments' nodes know whether they are open, as of these generations."""
    for generation, pks in _by(told.items(), lambda pair: pair[1]).items():
        for start in range(0, len(pks), _AT_ONCE):
            some = [pk for pk, _generation in pks[start : start + _AT_ONCE]]
            Deployment.objects.filter(
                pk__in=some, switched__lt=generation, generation__gte=generation
            ).update(switched=generation)


def record(results: Iterable[Result]) -> None:
    """Write down what came of what was sent."""
    every = list(results)
    good = [result.sent for result in every if not result.errors]
    bad = [result for result in every if result.errors]
    with transaction.atomic():
        judged = _judged(good, bad)
        lock(Deployment.objects.filter(pk__in=[result.sent.pk for result in every]))
        for generation, sent in _by(good, lambda each: each.generation).items():
            _record_applied(generation, [each.pk for each in sent])
        for (generation, attempts, errors), same in _by(bad, _kind_of_failure).items():
            _record_failed(generation, attempts, errors, [result.sent.pk for result in same])
        _drop_removed([each.pk for each in good])
        _judge(judged)


def _record_applied(generation: int, pks: list[int]) -> None:
    Deployment.objects.filter(
        pk__in=pks, applied__lte=generation, generation__gte=generation
    ).update(
        applied=generation,
        switched=Greatest(F("switched"), generation),
        errors={},
        attempts=0,
        retry_at=None,
        applied_at=timezone.now(),
    )


def _record_failed(generation: int, attempts: int, errors: str, pks: list[int]) -> None:
    # Only where that generation is still the wanted one: a later one has its own first attempt.
    Deployment.objects.filter(pk__in=pks, generation=generation, applied__lt=generation).update(
        errors=json.loads(errors),
        attempts=attempts + 1,
        retry_at=timezone.now() + retry_delay(attempts),
    )


def _kind_of_failure(result: Result) -> tuple[int, int, str]:
    errors = {
        service: {"kind": error["kind"], "message": error["message"][:_LONGEST_MESSAGE]}
        for service, error in result.errors.items()
    }
    return result.sent.generation, result.sent.attempts, json.dumps(errors, sort_keys=True)


def _judged(good: Sequence[Behind], bad: Sequence[Result]) -> list[int]:
    """The subscriptions whose `is_failed` may change, locked before their deployments are."""
    subscriptions = Subscription.objects.unscoped(_WHY)
    mended = subscriptions.filter(
        pk__in=[each.subscription_id for each in good], is_failed=True
    ).values_list("pk", flat=True)
    ids = [*mended, *(result.sent.subscription_id for result in bad)]
    if ids:
        lock(subscriptions.filter(pk__in=ids))
    return ids


def _judge(subscription_ids: Sequence[int]) -> None:
    if not subscription_ids:
        return
    failing = Deployment.objects.filter(
        subscription_id=OuterRef("pk"), attempts__gt=0, generation__gt=F("applied")
    )
    Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids).update(
        is_failed=Exists(failing)
    )


def _drop_removed(pks: Sequence[int]) -> None:
    """The row of a removed subscription's deployment goes when the agent says that it is gone."""
    drop(Deployment.objects.filter(pk__in=pks))


def drop(rows: models.QuerySet) -> int:
    """Delete deployments, among these, of what is gone from both node and panel."""
    subscription = Subscription.objects.unscoped(_WHY).filter(pk=OuterRef("subscription_id"))
    gone = rows.filter(~Exists(subscription), is_present=False, applied__gte=F("generation"))
    return gone.delete()[0]


def overtake(sent: Iterable[Behind | Switch]) -> None:
    """The node knows something newer than what was sent: so be it, if the rows have not moved on.

    Where they have, what was sent came late and the newer one is on its way. Where they have not,
    the database is older than the node (restored from a backup): go past what the node has seen.
    """
    for generation, rows in _by(sent, lambda each: each.generation).items():
        Deployment.objects.filter(pk__in=[each.pk for each in rows], generation=generation).update(
            generation=F("generation") + _OVERTAKE, attempts=0, retry_at=None
        )


def reconcile(node_id: int, applied: Mapping[int, int]) -> int:
    """Put behind what the node has lost. `applied` is what its agent has, by subscription."""
    rows = Deployment.objects.filter(node_id=node_id, applied__gt=0)
    lost = [
        (pk, applied.get(subscription_id, 0))
        for pk, subscription_id, here in rows.values_list("pk", "subscription_id", "applied")
        if applied.get(subscription_id, 0) < here
    ]
    for there, pairs in _by(lost, lambda pair: pair[1]).items():
        for start in range(0, len(pairs), _AT_ONCE):
            some = [pk for pk, _there in pairs[start : start + _AT_ONCE]]
            Deployment.objects.filter(pk__in=some, applied__gt=there).update(
                applied=there, switched=there
            )
    return len(lost)


def _by(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    grouped: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        grouped[key(item)].append(item)
    return grouped

"""Expiry and overuse: conditions, judged when what they rest on changes and by the daily run."""

from collections.abc import Iterable, Iterator
from datetime import date

from django.db import models
from django.utils import timezone

from hosting import limits, suspension
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Kind, Level, SuspensionEntry
from hosting.services import base

_WHY = "conditions are judged for whoever they hold"
BATCH = 500


def today() -> date:
    """The date in the installation's zone: an expiry holds through the end of that day."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def judge(subscription_ids: Iterable[int]) -> None:
    """Recount usage, and set or lift what follows: overused, expired. Inside a transaction."""
    ids = list(subscription_ids)
    if not ids:
        return
    _judge_usage(ids)
    _judge_expiry(ids)


def _judge_usage(ids: list[int]) -> None:
    changed, shut = [], set()
    for row, usage, is_overused, is_shut in _measured(ids):
        if is_shut:
            shut.add(row.pk)
        if (row.usage, row.is_overused) != (usage, is_overused):
            row.usage, row.is_overused = usage, is_overused
            changed.append(row)
    Subscription.objects.unscoped(_WHY).bulk_update(
        changed, ["usage", "is_overused"], batch_size=BATCH
    )
    _shut_overused(ids, shut)


def _measured(ids: list[int]) -> Iterator[tuple[Subscription, dict[str, int], bool, bool]]:
    """Each subscription with what it uses, whether that is too much, and whether that shuts it."""
    declared = base.resources()
    counted = {name: resource.usage(ids) for name, resource in declared.items()}
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
    for row in rows.only("limits", "usage", "is_overused", "overuse_policy"):
        usage = {}
        for name, by_id in counted.items():
            # What is measured and was left out is unknown: the last figure stands.
            unstated = row.usage.get(name) if declared[name].unit == "bytes" else 0
            if (used := by_id.get(row.pk, unstated)) is not None:
                usage[name] = used
        over = limits.overused(row.limits, usage)
        is_shut = row.overuse_policy == OverusePolicy.FORBIDDEN and any(
            declared[name].unit == "bytes" for name in over
        )
        yield row, usage, bool(over), is_shut


def newly_overused(subscription_ids: Iterable[int]) -> set[int]:
    """Which of these would be shut for overuse if they were judged now."""
    ids = list(subscription_ids)
    shut = {row.pk for row, _usage, _is_overused, is_shut in _measured(ids) if is_shut}
    entries = SuspensionEntry.objects.filter(subscription_id__in=ids, level=Level.OVERUSE)
    return shut - set(entries.values_list("subscription_id", flat=True))


def _shut_overused(ids: list[int], shut: set[int]) -> None:
    """Of these subscriptions, those of `shut` carry an overuse entry, and no others."""
    entries = SuspensionEntry.objects.filter(subscription_id__in=ids, level=Level.OVERUSE)
    present = set(entries.values_list("subscription_id", flat=True))
    if shut == present:
        return
    SuspensionEntry.objects.bulk_create(
        [
            SuspensionEntry(subscription_id=pk, level=Level.OVERUSE, kind=Kind.OTHER)
            for pk in sorted(shut - present)
        ],
        ignore_conflicts=True,
    )
    entries.filter(subscription_id__in=present - shut).delete()
    suspension.recompute(subscriptions=shut ^ present)


def _judge_expiry(ids: list[int]) -> None:
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
    now_expired = list(
        rows.filter(expires_on__lt=today(), is_expired=False).values_list("pk", flat=True)
    )
    no_longer = list(
        rows.filter(is_expired=True)
        .filter(models.Q(expires_on__gte=today()) | models.Q(expires_on=None))
        .values_list("pk", flat=True)
    )
    if now_expired:
        SuspensionEntry.objects.bulk_create(
            [
                SuspensionEntry(subscription_id=pk, level=Level.EXPIRED, kind=Kind.OTHER)
                for pk in now_expired
            ],
            ignore_conflicts=True,
        )
        rows.filter(pk__in=now_expired).update(is_expired=True)
    if no_longer:
        SuspensionEntry.objects.filter(subscription_id__in=no_longer, level=Level.EXPIRED).delete()
        rows.filter(pk__in=no_longer).update(is_expired=False)
    if now_expired or no_longer:
        suspension.recompute(subscriptions=[*now_expired, *no_longer])


def newly_expired() -> models.QuerySet:
    """Subscriptions whose last day is over and that nobody judged yet."""
    return Subscription.objects.unscoped(_WHY).filter(
        expires_on__lt=today(), is_expired=False, removing_at=None
    )


def brake() -> int:
    """How many a daily run may suspend: more than that looks like a wrong clock, not like a day."""
    active = (
        Subscription.objects.unscoped(_WHY).filter(removing_at=None, is_suspended=False).count()
    )
    return max(10, active // 20)

"""What becomes a reseller's, and what remains when it is none any more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.models import Account
from hosting import limits, permissions
from hosting.models.subscriptions import Subscription
from hosting.services import base

_WHY = "values of resellers, whoever acts"


def sums(account_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What each of these accounts has in all subscriptions together, as a reseller gets it.

    Any unlimited makes a resource unlimited; of limits on each single item the largest counts.
    Permissions are those in force of any of them, applications those of all of them together.
    """
    rows = Subscription.objects.unscoped(_WHY).filter(account_id__in=account_ids, removing_at=None)
    below: dict[int, list[Subscription]] = defaultdict(list)
    for row in rows:
        below[row.account_id].append(row)
    granted = permissions.in_force(rows)
    return {pk: _sum(below[pk], granted) for pk in account_ids}


def _sum(rows: Sequence[Subscription], granted: Mapping[int, Iterable[str]]) -> dict[str, Any]:
    allowed: set[str] = set()
    applications: set[str] | None = set()
    for row in rows:
        allowed |= set(granted[row.pk])
        if row.applications is None or applications is None:
            applications = None
        else:
            applications |= set(row.applications)
    return {
        "limits": limits.total([row.limits for row in rows], base.resources()),
        "permissions": sorted(allowed),
        "applications": sorted(applications) if applications is not None else None,
    }


def bounded(reseller: Account, rows: Sequence[Subscription]) -> dict[int, dict[str, Any]]:
    """What a reseller's own subscriptions keep when it is none any more, by subscription.

    Its limits held over them: what is unlimited in one of them becomes the unused rest of the
    reseller's limit, in parts where there are several. Of permissions, those in force stay.
    """
    kept = {row.pk: dict(row.limits) for row in rows}
    for name, resource in base.resources().items():
        limit = limits.limit_of(reseller.limits, name)
        if limit is None:
            continue
        unlimited = [row for row in rows if limits.limit_of(row.limits, name) is None]
        if resource.is_each:
            kept |= {row.pk: kept[row.pk] | {name: limit} for row in unlimited}
            continue
        promised = sum(limits.limit_of(row.limits, name) or 0 for row in rows)
        used = [row.usage.get(name, 0) for row in unlimited]
        rest = max(0, limit - promised - sum(used))
        for position, row in enumerate(unlimited):
            part = rest // len(unlimited) + (1 if position < rest % len(unlimited) else 0)
            kept[row.pk][name] = used[position] + part
    granted = permissions.in_force(rows)
    return {
        row.pk: {"limits": kept[row.pk], "permissions": sorted(granted[row.pk])} for row in rows
    }

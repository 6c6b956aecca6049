"""What resellers use and have promised over everything below them, and who uses too much."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from accounts.models import Account
from hosting import limits
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core.access import Role

_WHY = "a reseller's limits hold over everything below it, whoever acts"
# Subscriptions that services are asked about at once: they give each number as a parameter, and
# SQLite takes 32,766 of them or 250,000, as whoever compiled it chose.
AT_ONCE = 10_000


def usage(reseller_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How much of each resource is used below these resellers. Counted from rows, not cached."""
    ids = list(reseller_ids)
    found: dict[int, dict[str, int]] = {pk: {} for pk in ids}
    below: list[tuple[int, int, dict[str, int]]] | None = None
    for name, resource in base.resources("reseller").items():
        if resource.is_each:
            continue
        if resource.of == "reseller":
            counted = resource.usage(ids)
        elif resource.total:
            counted = resource.usage_of_resellers(ids)
        else:
            below = _below(ids, "usage") if below is None else below
            counted = _added_up(resource, below)
        for pk in ids:
            found[pk][name] = counted.get(pk, 0)
    return found


def _below(reseller_ids: Sequence[int], column: str) -> list[tuple[int, int, dict[str, Any]]]:
    """Present subscriptions below resellers: number, reseller, and one column of theirs."""
    rows = Subscription.objects.unscoped(_WHY).filter(
        reseller_id__in=reseller_ids, removing_at=None
    )
    return list(rows.values_list("pk", "reseller_id", column))


def _added_up(resource: base.Resource, below: list[tuple[int, int, Any]]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for start in range(0, len(below), AT_ONCE):
        some = below[start : start + AT_ONCE]
        counted |= resource.usage([pk for pk, _reseller, _usage in some])
    found: dict[int, int] = defaultdict(int)
    for pk, reseller_id, stored in below:
        # What is measured and was left out is unknown: the last figure stands.
        unstated = stored.get(resource.name, 0) if resource.unit == "bytes" else 0
        found[reseller_id] += counted.get(pk, unstated)
    return found


def allotted(reseller_id: int) -> dict[str, int | None]:
    """How much of each finite resource its subscriptions' limits promise; None is unlimited."""
    names = [name for name, res in base.resources().items() if res.is_allotted]
    if not names:
        return {}
    return limits.total((given for _pk, _reseller, given in _below([reseller_id], "limits")), names)


def judge(account_ids: Iterable[int]) -> None:
    """Write the usage of those among these accounts that are resellers, and whether it is over
    their limits. Nothing is suspended for it: they are refused more, and what is below goes on."""
    rows = Account.objects.unscoped(_WHY).filter(pk__in=list(account_ids), role=Role.RESELLER)
    resellers = list(rows.only("limits", "usage", "is_overused"))
    used = usage([row.pk for row in resellers])
    changed = []
    for row in resellers:
        is_over = bool(limits.overused(row.limits, used[row.pk]))
        if (row.usage, row.is_overused) != (used[row.pk], is_over):
            row.usage, row.is_overused = used[row.pk], is_over
            changed.append(row)
    Account.objects.unscoped(_WHY).bulk_update(changed, ["usage", "is_overused"], batch_size=500)

"""What plans promise, and subscriptions that follow: values, synchronising, and what is amiss.

A subscription on a plan follows it, add-ons included, unless it is locked. What it has is stored
with it. `is_unsynced` says that something of what its plan promises is not in force.
"""

import json
from collections.abc import Container, Iterable, Sequence
from typing import Any

from django.db.models import F

from accounts.models import Account
from hosting import conditions, demand, limits, permissions, provisioning, totals
from hosting.models.plans import Plan, PlanKind
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.services import base
from panel.core.rows import among

_WHY = "what follows a plan does not depend on who asks"
# What a subscription takes over from its plan.
FIELDS = ("limits", "permissions", "settings", "applications", "overuse_policy", "overuse_notice")
# What a reseller takes over from its plan.
RESELLER_FIELDS = ("limits", "permissions", "applications")
Values = dict[str, Any]


def values_of(plan: Plan, addons: Sequence[Plan] = ()) -> Values:
    """What a plan gives together with add-ons, as columns of a subscription.

    Limits add up and unlimited wins; permissions and applications are what any of them has; of
    parameters of hosting the most counts, of those that an add-on states.
    """
    if plan.kind == PlanKind.RESELLER:
        return {name: getattr(plan, name) for name in RESELLER_FIELDS}
    every = [plan, *addons]
    several = [one.applications for one in every]
    open_to_all = any(names is None for names in several)
    return {
        "limits": limits.total(
            [plan.limits, *(limits.of_addon(one.limits) for one in addons)], base.resources()
        ),
        "permissions": sorted({name for one in every for name in one.permissions}),
        "settings": _joined_settings(every),
        "applications": None if open_to_all else sorted({n for names in several for n in names}),
        "overuse_policy": plan.overuse_policy,
        "overuse_notice": plan.overuse_notice,
    }


def _joined_settings(every: Sequence[Plan]) -> Values:
    """The plan's parameters, raised by what add-ons state."""
    plan, *addons = every
    found = {}
    for name, setting in base.plan_settings().items():
        stated = [one.settings[name] for one in addons if name in one.settings]
        found[name] = setting.joined([plan.settings.get(name, setting.default), *stated])
    return found


def settings_of(row: Any) -> Values:
    """All parameters of hosting of a plan or a subscription; what is not stated is the default."""
    return {
        name: row.settings.get(name, setting.default)
        for name, setting in base.plan_settings().items()
    }


def own_settings(granted: Container[str]) -> list[str]:
    """Which parameters of hosting a subscriber with these permissions sets itself."""
    return [name for name, found in base.plan_settings().items() if found.permission in granted]


def addons_of(subscription_ids: Iterable[int]) -> dict[int, list[Plan]]:
    """The add-ons that each of these has."""
    links = SubscriptionAddOn.objects.filter(subscription_id__in=among(subscription_ids))
    pairs = list(links.order_by("plan_id").values_list("subscription_id", "plan_id"))
    plans = Plan.objects.unscoped(_WHY).in_bulk({plan_id for _pk, plan_id in pairs})
    found: dict[int, list[Plan]] = {}
    for pk, plan_id in pairs:
        found.setdefault(pk, []).append(plans[plan_id])
    return found


def promises(rows: Sequence[Subscription]) -> dict[int, Values]:
    """What the plans of these promise with their add-ons, by subscription; on none: left out.

    The values are shared between those of the same plan and add-ons: not to be written into.
    """
    plans = Plan.objects.unscoped(_WHY).in_bulk({row.plan_id for row in rows if row.plan_id})
    on_top = addons_of(row.pk for row in rows)
    made: dict[tuple, Values] = {}
    found = {}
    for row in rows:
        if row.plan_id is None:
            continue
        extra = on_top.get(row.pk, [])
        key = (row.plan_id, *(plan.pk for plan in extra))
        if key not in made:
            made[key] = values_of(plans[row.plan_id], extra)
        found[row.pk] = made[key]
    return found


def _followers(subscription_ids: Iterable[int]) -> list[Subscription]:
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=among(subscription_ids))
    return list(rows.filter(is_locked=False, plan__isnull=False).order_by("pk"))


def due(row: Subscription, promise: Values, mask: frozenset[str] | None) -> Values:
    """What a subscription gets: what is promised, but for what its subscriber may set itself, had
    the right to set, and so may have set."""
    kept = {}
    for name, setting in base.plan_settings().items():
        needed = setting.permission
        may = needed in row.permissions and needed in promise["permissions"]
        if needed and may and (mask is None or needed in mask):
            kept[name] = row.settings.get(name, setting.default)
    return {**promise, "settings": {**promise["settings"], **kept}} if kept else promise


def differing(row: Any, values: Values) -> list[str]:
    """Which columns of a plan or a subscription mean something else than these values."""
    found = []
    for name, value in values.items():
        if _meaning(name, getattr(row, name)) != _meaning(name, value):
            found.append(name)
    return found


def _meaning(name: str, value: Any) -> Any:
    """A column's value with what it leaves unsaid: no limit stated is none given."""
    if name == "limits":
        declared = base.resources("reseller")
        return {one: limits.limit_of(value, one) for one in declared}
    if name == "settings":
        return {one: value.get(one, given.default) for one, given in base.plan_settings().items()}
    return set(value) if isinstance(value, list) else value


class _Shares:
    """What resellers without the permission to oversell have left to promise, drawn down in the
    order of the rows: who comes too late gets what is left."""

    def __init__(self, reseller_ids: Iterable[int | None]) -> None:
        self.left: dict[int, dict[str, int | None]] = {}
        wanted = {pk for pk in reseller_ids if pk is not None}
        for reseller in Account.objects.unscoped(_WHY).filter(pk__in=wanted):
            if demand.OVERSELL in reseller.permissions:
                continue
            limited = {}
            for name, promised in totals.allotted(reseller.pk).items():
                limit = limits.limit_of(reseller.limits, name)
                if limit is not None:
                    limited[name] = None if promised is None else limit - promised
            self.left[reseller.pk] = limited

    def fitted(self, row: Subscription, values: Values) -> Values:
        """The values, with no more of what is finite than there is."""
        left, given = self.left.get(row.reseller_id or 0, {}), {}
        for name, rest in left.items():
            now, then = (limits.limit_of(one, name) for one in (row.limits, values["limits"]))
            if now is None or (then is not None and then <= now):
                # Somebody has it without limit already; or it becomes less.
                back = 0 if now is None or then is None else now - then
            else:
                more = max(0, rest or 0)
                given[name] = now + more if then is None else min(then, now + more)
                back = now - given[name]
            left[name] = None if rest is None else rest + back
        if all(given[name] == values["limits"].get(name, 0) for name in given):
            return values
        return {**values, "limits": {**values["limits"], **given}}


def reaches_nodes(old: Values, new: Values) -> bool:
    """Whether what changed is something that nodes hold: settings, and limits on each item."""
    if "settings" in old:
        return True
    before, after = old.get("limits") or {}, new.get("limits") or {}
    each = (name for name, resource in base.resources().items() if resource.is_each)
    return any(before.get(name) != after.get(name) for name in each)


def follow(subscription_ids: Iterable[int]) -> dict[int, tuple[Values, Values]]:
    """Bring these to what their plans promise, as far as that can be; gives the old and new values
    of those that changed.

    Locked ones and those on no plan are left alone. Inside a transaction, with the rows locked.
    """
    rows = _followers(subscription_ids)
    promised = promises(rows)
    masks = permissions.of_resellers(row.reseller_id for row in rows)
    shares = _Shares(row.reseller_id for row in rows)
    groups: dict[str, tuple[Values, list[int]]] = {}
    changed: dict[int, tuple[Values, Values]] = {}
    for row in rows:
        values = due(row, promised[row.pk], masks.get(row.reseller_id or 0))
        values = shares.fitted(row, values)
        names = differing(row, values)
        if names:
            old = {name: getattr(row, name) for name in names}
            changed[row.pk] = old, {name: values[name] for name in names}
            key = json.dumps(values, sort_keys=True)
            groups.setdefault(key, (values, []))[1].append(row.pk)
    for values, ids in groups.values():
        found = Subscription.objects.unscoped(_WHY).filter(pk__in=among(ids))
        found.update(**values, version=F("version") + 1)
    conditions.judge(changed)
    if to_nodes := [pk for pk, (old, new) in changed.items() if reaches_nodes(old, new)]:
        provisioning.touch(to_nodes)
    judge(row.pk for row in rows)
    return changed


def resellers_follow(reseller_ids: Iterable[int]) -> dict[int, tuple[Values, Values]]:
    """Bring resellers to what their plans promise, and judge what is below them."""
    rows = Account.objects.unscoped(_WHY).filter(pk__in=list(reseller_ids), is_locked=False)
    found = list(rows.filter(plan_id__isnull=False))
    plans = Plan.objects.unscoped(_WHY).in_bulk({row.plan_id for row in found})
    changed: dict[int, tuple[Values, Values]] = {}
    for row in found:
        values = values_of(plans[row.plan_id])
        if names := differing(row, values):
            old = {name: getattr(row, name) for name in names}
            changed[row.pk] = old, {name: values[name] for name in names}
            one = Account.objects.unscoped(_WHY).filter(pk=row.pk)
            one.update(**values, version=F("version") + 1)
    judge_below(changed)
    touch_below(pk for pk, (old, new) in changed.items() if reaches_nodes(old, new))
    totals.judge(changed)
    return changed


def touch_below(reseller_ids: Iterable[int]) -> None:
    """Nodes hold what is below these to another limit on each item from now on."""
    if ids := list(reseller_ids):
        rows = Subscription.objects.unscoped(_WHY).filter(reseller_id__in=ids, removing_at=None)
        provisioning.touch(list(rows.order_by("pk").values_list("pk", flat=True)))


def judge(subscription_ids: Iterable[int]) -> None:
    """Write again of these whether what their plans promise is in force."""
    ids = list(subscription_ids)
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=among(ids))
    found = list(rows)
    amiss = {pk for pk, is_amiss in _amiss(found).items() if is_amiss}
    for is_unsynced in (True, False):
        wrong = [
            row.pk
            for row in found
            if (row.pk in amiss) == is_unsynced and row.is_unsynced != is_unsynced
        ]
        if wrong:
            some = Subscription.objects.unscoped(_WHY).filter(pk__in=among(wrong))
            some.update(is_unsynced=is_unsynced)


def judge_below(reseller_ids: Iterable[int]) -> None:
    """The same for everything below these resellers, whose own rights changed."""
    rows = Subscription.objects.unscoped(_WHY).filter(reseller_id__in=list(reseller_ids))
    judge(rows.filter(plan__isnull=False).values_list("pk", flat=True))


def _amiss(rows: Sequence[Subscription]) -> dict[int, bool]:
    promised = promises(rows)
    masks = permissions.of_resellers(row.reseller_id for row in rows)
    grants = permissions.applications_of_resellers(row.reseller_id for row in rows)
    found = {}
    for row in rows:
        promise = promised.get(row.pk)
        if promise is None or row.is_locked:
            found[row.pk] = False
            continue
        mask = masks.get(row.reseller_id or 0)
        is_stale = bool(differing(row, due(row, promise, mask)))
        is_masked = mask is not None and not mask.issuperset(promise["permissions"])
        found[row.pk] = is_stale or is_masked or bool(not_granted(row, promise, grants))
    return found


def not_granted(row: Subscription, promise: Values, grants: dict[int, Any]) -> list[str]:
    """Applications that the plan promises and the reseller may not grant."""
    may = grants.get(row.reseller_id or 0)
    if may is None:
        return []
    wanted = base.applications() if promise["applications"] is None else promise["applications"]
    return sorted(set(wanted) - may)

"""Values of plans and subscriptions side by side, in words: what would change, what is amiss."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import limits, permissions, sync
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from hosting.services import base


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same on both sides."""

    label: base.Text
    one: base.Text
    other: base.Text


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """What two sets of values (columns of a plan, a subscription or an account) do not share."""
    pairs = _pairs(one, other)
    return [Difference(label, *words) for label, values, words in pairs if values[0] != values[1]]


_Pair = tuple[base.Text, tuple[Any, Any], tuple[base.Text, base.Text]]


def _pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[_Pair]:
    """Everything there is to compare: its label, both values, both in words."""

    def both(name: str) -> tuple[Any, Any]:
        return one[name], other[name]

    given, then = both("limits")
    for name, resource in base.resources("reseller").items():
        pair = limits.limit_of(given, name), limits.limit_of(then, name)
        yield resource.label, pair, tuple(limits.shown(resource, value) for value in pair)
    for name, permission in base.permissions("reseller").items():
        yield permission.label, *_yes_or_no(*(name in names for names in both("permissions")))
    for name, setting in base.plan_settings().items() if "settings" in one else ():
        pair = tuple(values.get(name, setting.default) for values in both("settings"))
        yield setting.label, pair, tuple(setting.words(value) for value in pair)
    for name, found in base.applications().items():
        may = (names is None or name in names for names in both("applications"))
        yield found.label, *_yes_or_no(*may)
    if "overuse_policy" in one:
        pair = both("overuse_policy")
        yield _("Overuse policy"), pair, tuple(OverusePolicy(value).label for value in pair)
        yield _("Notice of overuse"), *_yes_or_no(*both("overuse_notice"))


def _yes_or_no(one: bool, other: bool) -> tuple[tuple[bool, bool], tuple[base.Text, base.Text]]:
    pair = one, other
    return pair, tuple(_("yes") if value else _("no") for value in pair)


def shortfalls(row: Subscription) -> list[Difference]:
    """What the plan of a subscription promises (one) and what there is of it (other)."""
    promise = sync.promises([row]).get(row.pk)
    if promise is None or row.is_locked:
        return []
    mask = permissions.of_resellers([row.reseller_id]).get(row.reseller_id or 0)
    there: dict[str, Any] = {name: getattr(row, name) for name in sync.FIELDS}
    there["permissions"] = permissions.in_force([row])[row.pk]
    grants = permissions.applications_of_resellers([row.reseller_id])
    gone = set(sync.not_granted(row, promise, grants))
    if gone:
        have = set(base.applications() if row.applications is None else row.applications)
        there["applications"] = sorted(have - gone)
    return differences(sync.due(row, promise, mask), there)


def told(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changes from old to new values, a line each."""
    return [
        str(_("%(what)s: %(old)s → %(new)s"))
        % {"what": found.label, "old": found.one, "new": found.other}
        for found in differences(old, new)
    ]

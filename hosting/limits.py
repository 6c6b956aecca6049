"""Limits: a number or unlimited (None) for each declared resource. Mostly pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services import base
from panel.core.markup import size

Limits = Mapping[str, int | None]
HIGHEST = 2**53 - 1


def limit_of(limits: Limits, resource: str) -> int | None:
    """The limit on a resource; None is unlimited. What is not stated is 0, but for a limit on each
    item, which is unlimited: these came later, and what was there went on."""
    if resource in limits:
        return limits[resource]
    declared = base.resources().get(resource)
    return None if declared is not None and declared.is_each else 0


def of_addon(limits: Limits) -> Limits:
    """What an add-on adds: of what it does not state, nothing."""
    return {name: limits.get(name, 0) for name in base.resources()}


def fits(limit: int | None, used: int) -> bool:
    return limit is None or used <= limit


def shown(resource: base.Resource, amount: int | None) -> str:
    """A limit or a usage in words: a number, a size in binary units, or unlimited."""
    if amount is None:
        return str(_("unlimited"))
    return size(amount) if resource.unit == "bytes" else f"{amount:,}"


def total(several: Iterable[Limits], resources: Iterable[str]) -> dict[str, int | None]:
    """The sum of limits, resource by resource; any unlimited makes the sum unlimited. Of limits on
    each of something (the size of a mailbox) the largest counts."""
    given = list(several)
    each = {name for name, resource in base.resources().items() if resource.is_each}
    result: dict[str, int | None] = {}
    for name in resources:
        values = [limit_of(limits, name) for limits in given]
        numbers = [value for value in values if value is not None]
        joined = max(numbers, default=0) if name in each else sum(numbers)
        result[name] = None if None in values else min(joined, HIGHEST)
    return result


def overused(limits: Limits, usage: Mapping[str, int]) -> list[str]:
    """The resources of which more is used than allowed, in the order of `usage`."""
    return [name for name, used in usage.items() if not fits(limit_of(limits, name), used)]


def clean(limits: Mapping[str, Any], of: str = "subscription") -> dict[str, int | None]:
    """Limits checked against the services' declarations; ValidationError for anything else."""
    declared = base.resources(of)
    result: dict[str, int | None] = {}
    for name, value in limits.items():
        if name not in declared:
            raise ValidationError(_("Unknown resource %(name)s."), params={"name": name})
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 <= value <= HIGHEST):
            raise ValidationError(
                _("%(name)s: a number from 0, or unlimited."), params={"name": name}
            )
        result[name] = value
    return result


def clean_permissions(names: Iterable[str], of: str = "subscription") -> list[str]:
    """Permissions checked against the services' declarations, sorted."""
    declared = base.permissions(of)
    given = set(names)
    if unknown := sorted(given - set(declared)):
        raise ValidationError(_("Unknown permission %(name)s."), params={"name": unknown[0]})
    return sorted(given)


def grant(limit: int | None, used: int, demands: Iterable[tuple[int, int]]) -> set[int]:
    """Who gets what they ask for, in the order given: ids whose demand still fits."""
    granted = set()
    for identifier, amount in demands:
        if limit is None or used + amount <= limit:
            granted.add(identifier)
            used += amount
    return granted

"""Which tools show: the one place that decides."""

from collections.abc import Iterable, Mapping
from typing import Any

from hosting import limits, permissions
from hosting.models.subscriptions import Subscription


def shows(row: Subscription, actor: Any, resource: str, permission: str) -> bool:
    """With a limit above zero, to whoever has its permission (the administrator always)."""
    if limits.limit_of(row.limits, resource) == 0:
        return False
    return not permissions.lacking([row], actor, permission)


def of_subscriber(rows: Iterable[Subscription], tools: Mapping[str, str]) -> set[str]:
    """Of these tools (resource -> permission), those that show to the subscriber in any of its
    subscriptions; permissions are asked for once."""
    every = list(rows)
    granted = permissions.in_force(every)
    return {
        resource
        for resource, permission in tools.items()
        for row in every
        if limits.limit_of(row.limits, resource) != 0 and permission in granted[row.pk]
    }

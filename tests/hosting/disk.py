"""A resource that is measured, as a service declares it, with figures that a test sets."""

from collections.abc import Iterable

from hosting import conditions
from hosting.services import base
from tests.hosting.world import HostingWorld

# How much disk space subscriptions use; of those left out it is not known.
DISK: dict[int, int] = {}


def measured(ids: Iterable[int]) -> dict[int, int]:
    return {pk: DISK[pk] for pk in ids if pk in DISK}


RESOURCE = base.Resource("disk", "Disk space", unit="bytes", count=f"{__name__}.measured")


def fill(world: HostingWorld, name: str, used: int, limit: int | None, policy: str) -> None:
    """So much is used of so much, under an overuse policy."""
    row = world.sub(name)
    row.limits["disk"], row.overuse_policy = limit, policy
    row.save()
    DISK[row.pk] = used
    conditions.judge([row.pk])

"""What the daily run has held back, until somebody looks: known on Home, and to who lets it go on.

Kept where all programs of the panel see it. Lost, it is known again with the next run.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

EXPIRY, OVERUSE = "expiry", "overuse"
_KEPT = timedelta(days=2)


@dataclass(frozen=True)
class Held:
    """So many would have been suspended at once, or by a clock that was set."""

    count: int
    is_clock_off: bool
    since: datetime


def _key(what: str) -> str:
    return f"held-back-{what}"


def keep(what: str, count: int, *, is_clock_off: bool) -> None:
    """The daily run stopped before these."""
    before = found().get(what)
    since = before.since if before else timezone.now()
    cache.set(_key(what), (count, is_clock_off, since), timeout=int(_KEPT.total_seconds()))


def drop(what: str) -> None:
    """Nothing waits any more."""
    cache.delete(_key(what))


def found() -> dict[str, Held]:
    """What waits now."""
    known = cache.get_many([_key(what) for what in (EXPIRY, OVERUSE)])
    return {what: Held(*known[_key(what)]) for what in (EXPIRY, OVERUSE) if _key(what) in known}

"""How many recipients may be sent to within an hour: by the server's setting, the plan, and the
reseller above, of which the least holds."""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.models import Account
from hosting import limits
from hosting.models.subscriptions import Subscription
from hosting.services.mail.settings import PER_MAILBOX, PER_SUBSCRIPTION

EACH, TOGETHER = "mailbox_hourly", "mail_hourly"
_WHY = "a reseller's limits hold over everything below it"
# What a node reads as none at all, since 0 is without limit there as in settings.
NOTHING = -1


def of(rows: Iterable[Subscription], stored: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    """What nodes are told of these, by subscription; `stored` are the settings. One query."""
    found = list(rows)
    above = {row.reseller_id for row in found if row.reseller_id is not None}
    accounts = Account.objects.unscoped(_WHY).filter(pk__in=above)
    held = dict(accounts.values_list("pk", "limits"))
    settings = ((EACH, "mailbox", PER_MAILBOX), (TOGETHER, "subscription", PER_SUBSCRIPTION))
    return {
        row.pk: {
            key: _least(name, declared.of(stored), row.limits, held.get(row.reseller_id, {}))
            for name, key, declared in settings
        }
        for row in found
    }


def _least(name: str, everybodys: int, *several: Mapping[str, Any]) -> int:
    stated = [limits.limit_of(each, name) for each in several]
    numbers = [each for each in (everybodys or None, *stated) if each is not None]
    return (min(numbers) or NOTHING) if numbers else 0

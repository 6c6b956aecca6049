"""A past for example data: samples and traffic of days on which nobody has looked. Never for real
ones."""

import random
from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction

from accounts.models import Account
from hosting import conditions, daily, measuring, samples
from hosting.models.subscriptions import Subscription
from hosting.models.usage import UsageDay
from panel.core.access import Role

_WHY = "example data"
DAYS = 400
_GIB = 1024**3


def write(days: int = DAYS, seed: int = 1) -> None:
    """Samples of the last days that lead, with a few steps back, to what there is today."""
    dice = random.Random(seed)
    today = conditions.today()
    samples.take(today)
    accounts = Account.objects.unscoped(_WHY).filter(role__in=[Role.ADMINISTRATOR, Role.RESELLER])
    now = {
        pk: (reseller_id, samples.everything() if role == Role.ADMINISTRATOR else usage)
        for pk, reseller_id, role, usage in accounts.filter(removing_at=None).values_list(
            "pk", "reseller_id", "role", "usage"
        )
    }
    shares = {
        pk: {name: _past(dice, days) for name in figures} for pk, (_over, figures) in now.items()
    }
    for back in range(1, days):
        found = [
            (pk, over, {name: round(shares[pk][name][back] * figures[name]) for name in figures})
            for pk, (over, figures) in now.items()
        ]
        samples.write(today - timedelta(days=back), found)


def traffic(this_month: Mapping[str, int], seed: int = 1) -> None:
    """Traffic of subscriptions, by name: so many GiB since the month began, over its days until
    yesterday, and before that a little less each day. Then they are judged."""
    dice, today = random.Random(seed), conditions.today()
    names = Subscription.objects.unscoped(_WHY).filter(name__in=list(this_month))
    rows = []
    for pk, name in names.values_list("pk", "name"):
        # On the first of a month that is one busy day.
        days = max(1, today.day - 1)
        weights = [dice.uniform(0.4, 1.0) for _day in range(days)]
        by_day = [this_month[name] * weight / sum(weights) for weight in weights]
        mean = this_month[name] / max(days, 20)
        by_day += [mean * dice.uniform(0.3, 0.9) for _day in range(60)]
        last = today - timedelta(days=min(1, today.day - 1))
        rows += [
            UsageDay(
                subscription_id=pk,
                day=last - timedelta(days=back),
                traffic=round(amount * _GIB),
            )
            for back, amount in enumerate(by_day)
        ]
    UsageDay.objects.bulk_create(rows)
    ids = sorted({row.subscription_id for row in rows})
    with transaction.atomic():
        daily.judge_usage(ids)
    measuring.recount_above(ids)


def _past(dice: random.Random, days: int) -> list[float]:
    """What part of today's number there was so many days ago: 1 today, less and less before."""
    share, found = 1.0, [1.0]
    for _day in range(days):
        step = dice.choice([0, 0, 0, 0, 0.012, 0.016, 0.02, -0.01])
        share = min(1.15, max(0.2, share - step))
        found.append(share)
    return found

"""A past for example data: samples of days on which nobody has looked. Never for real ones."""

import random
from datetime import timedelta

from accounts.models import Account
from hosting import conditions, samples
from panel.core.access import Role

_WHY = "example data"
DAYS = 400


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


def _past(dice: random.Random, days: int) -> list[float]:
    """What part of today's number there was so many days ago: 1 today, less and less before."""
    share, found = 1.0, [1.0]
    for _day in range(days):
        step = dice.choice([0, 0, 0, 0, 0.012, 0.016, 0.02, -0.01])
        share = min(1.15, max(0.2, share - step))
        found.append(share)
    return found

"""Daily samples of how much there is below each provider, taken by the daily run."""

from datetime import date, timedelta
from typing import Any

from django.db.models import BigIntegerField, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from accounts.models import Account
from hosting import conditions
from hosting.models.samples import Sample
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import rows
from panel.core.access import Actor, Role

_WHY = "samples count everything below a provider"
# Two years and the days of a plot that begins in the first of them.
KEPT = timedelta(days=800)


def take(day: date | None = None) -> int:
    """Write the samples of a day, once; returns how many. What is too old goes.

    Set-based, and for resellers from the usage that is kept beside their limits: a thousand of
    them cost as much as one.
    """
    day = day or conditions.today()
    accounts = Account.objects.unscoped(_WHY).filter(removing_at=None)
    above = accounts.filter(role=Role.ADMINISTRATOR).first()
    if above is None or Sample.objects.unscoped(_WHY).filter(account=above, day=day).exists():
        return 0
    resellers = accounts.filter(role=Role.RESELLER).values_list("pk", "usage")
    found: list[tuple[int, int | None, Any]] = [(above.pk, None, everything())]
    found += [(pk, pk, usage) for pk, usage in resellers]
    write(day, found)
    Sample.objects.unscoped(_WHY).filter(day__lt=day - KEPT).delete()
    return len(found)


def write(day: date, figures: list[tuple[int, int | None, dict[str, int]]]) -> None:
    """Samples as (account, reseller, figures), by one statement."""
    stored = ((pk, over, str(day), rows.stored_json(given)) for pk, over, given in figures)
    rows.insert(Sample, "account_id reseller_id day figures", stored)


def everything() -> dict[str, int]:
    """How much there is in the whole installation."""
    accounts = Account.objects.unscoped(_WHY).filter(removing_at=None)
    present = Subscription.objects.unscoped(_WHY).filter(removing_at=None)
    return {
        "customers": accounts.filter(role=Role.CUSTOMER).count(),
        "resellers": accounts.filter(role=Role.RESELLER).count(),
        "subscriptions": present.count(),
        **_added_up(present),
    }


def _added_up(present: Any) -> dict[str, int]:
    """The usage of all subscriptions, resource by resource, by one statement."""
    sums = {
        f"sum_{name}": Sum(Cast(KeyTextTransform(name, "usage"), BigIntegerField()))
        for name, resource in base.resources().items()
        if not resource.is_each
    }
    found = present.aggregate(**sums) if sums else {}
    return {name.removeprefix("sum_"): value or 0 for name, value in found.items()}


def history(actor: Actor, days: int) -> list[tuple[date, dict[str, int]]]:
    """The samples of a provider's last days, oldest first.

    SECURITY: they count everything below the account; who was given some subscriptions of it only
    is not told the sum of all.
    """
    if actor.subscriptions is not None:
        return []
    found = Sample.objects.visible_to(actor).filter(
        account_id=actor.account_id, day__gte=conditions.today() - timedelta(days=days)
    )
    return list(found.order_by("day").values_list("day", "figures"))

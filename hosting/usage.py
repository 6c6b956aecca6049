"""How much is used: counted from rows, for many subscriptions or resellers at once.

Disk space and traffic are what nodes measured (`hosting.measuring`). Of resellers they are the sum
of what was judged last, which stands beside the limits of each subscription.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import BigIntegerField, Count, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from accounts.models import Account
from hosting import conditions
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.models.usage import UsageDay
from panel.core.access import Role
from panel.core.rows import among

_WHY = "usage counts everything below, whoever asks"


def _by(rows: object, column: str) -> dict[int, int]:
    return dict(rows.values_list(column).annotate(n=Count("pk")).order_by())


def domains(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Domains of each subscription, its main domain included; subdomains are counted apart."""
    rows = Domain.objects.unscoped(_WHY).filter(
        subscription_id__in=subscription_ids, parent=None, removing_at=None
    )
    return _by(rows, "subscription_id")


def subdomains(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Subdomains of each subscription's domains."""
    rows = Domain.objects.unscoped(_WHY).filter(
        subscription_id__in=subscription_ids, parent__isnull=False, removing_at=None
    )
    return _by(rows, "subscription_id")


def aliases(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Aliases of each subscription's domains."""
    return _by(
        Alias.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids),
        "subscription_id",
    )


def customers_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Customers of each reseller; those that were removed stop counting at once."""
    rows = Account.objects.unscoped(_WHY).filter(
        reseller_id__in=reseller_ids, role=Role.CUSTOMER, removing_at=None
    )
    return _by(rows, "reseller_id")


def subscriptions_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Subscriptions below each reseller, its own included."""
    rows = Subscription.objects.unscoped(_WHY).filter(
        reseller_id__in=reseller_ids, removing_at=None
    )
    return _by(rows, "reseller_id")


def domains_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Domains of all subscriptions below each reseller; subdomains are counted apart."""
    rows = Domain.objects.unscoped(_WHY).filter(reseller_id__in=reseller_ids, removing_at=None)
    return _by(rows.filter(parent=None), "reseller_id")


def subdomains_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Subdomains of those domains."""
    rows = Domain.objects.unscoped(_WHY).filter(reseller_id__in=reseller_ids, removing_at=None)
    return _by(rows.filter(parent__isnull=False), "reseller_id")


def aliases_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Aliases of those domains."""
    rows = Alias.objects.unscoped(_WHY).filter(reseller_id__in=reseller_ids)
    return _by(rows.filter(subscription__removing_at=None), "reseller_id")


def disk(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Bytes that each takes; of those that nobody measured since yesterday it is not known."""
    rows = UsageDay.objects.filter(
        subscription_id__in=among(subscription_ids),
        day__gte=conditions.today() - timedelta(days=1),
        disk__isnull=False,
    )
    # The later day overwrites the earlier one.
    return dict(rows.order_by("day").values_list("subscription_id", "disk"))


def traffic(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Bytes in and out of each in this calendar month; unknown where none was counted for long."""
    first = conditions.today().replace(day=1)
    # What was counted in the month before only has none of this one, which is known.
    rows = UsageDay.objects.filter(
        subscription_id__in=among(subscription_ids), day__gte=first - timedelta(days=31)
    )
    counted = Sum("traffic", filter=Q(day__gte=first), default=0)
    return dict(rows.values_list("subscription_id").annotate(n=counted).order_by())


def disk_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Bytes that everything below each reseller takes."""
    return _judged("disk", reseller_ids)


def traffic_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Bytes in and out of everything below each reseller in this month."""
    return _judged("traffic", reseller_ids)


def _judged(name: str, reseller_ids: Sequence[int]) -> dict[int, int]:
    rows = Subscription.objects.unscoped(_WHY).filter(
        reseller_id__in=among(reseller_ids), removing_at=None
    )
    amount = Sum(Cast(KeyTextTransform(name, "usage"), BigIntegerField()), default=0)
    return dict(rows.values_list("reseller_id").annotate(n=amount).order_by())

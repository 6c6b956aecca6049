"""How much is used: counted from rows, for many subscriptions or resellers at once."""

from collections.abc import Sequence

from django.db.models import Count

from accounts.models import Account
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from panel.core.access import Role

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

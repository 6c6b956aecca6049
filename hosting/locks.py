"""Locks in the one order of all operations: accounts top-down, plans, subscriptions, domains."""

from collections.abc import Iterable

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Account
from hosting.models.domains import Domain
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from panel.core.rows import among

_WHY = "locks"


def _lock(rows: QuerySet) -> None:
    """SELECT … FOR UPDATE by id. Evaluated here: a queryset that nobody reads locks nothing."""
    if connection.vendor == "sqlite":
        # One writer at a time: this transaction has had all of it since it began.
        return
    list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))


def accounts(ids: Iterable[int]) -> None:
    """Resellers above first, then the accounts themselves."""
    rows = Account.objects.unscoped(_WHY)
    own = rows.filter(pk__in=among(ids))
    _lock(rows.filter(pk__in=own.values("reseller_id")))
    _lock(own)


def plan(pk: int) -> Plan | None:
    """One plan, locked and as it is now; None if it is gone."""
    return Plan.objects.unscoped(_WHY).select_for_update(of=("self",)).filter(pk=pk).first()


def subscriptions(ids: Iterable[int], plans: Iterable[int] = ()) -> None:
    """The accounts of these subscriptions, their plans and add-ons (and those that they are about
    to get), then they themselves."""
    wanted = list(ids)
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=among(wanted))
    accounts(rows.values_list("account_id", flat=True))
    added = SubscriptionAddOn.objects.filter(subscription_id__in=among(wanted))
    present = {*rows.values_list("plan_id", flat=True), *added.values_list("plan_id", flat=True)}
    _lock(Plan.objects.unscoped(_WHY).filter(pk__in={*plans, *present} - {None}))
    _lock(rows)


def domains(ids: Iterable[int]) -> None:
    """The subscriptions of these domains with what is above, then they themselves."""
    rows = Domain.objects.unscoped(_WHY).filter(pk__in=among(ids))
    subscriptions(rows.values_list("subscription_id", flat=True))
    _lock(rows)

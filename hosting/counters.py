"""Counts shown in lists: a cache beside the rows, recounted set-based. No counter ever refuses."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from hosting import totals
from hosting.models.domains import Alias, Domain
from hosting.models.plans import Plan, PlanKind
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from panel.core.access import Role
from panel.core.rows import among

_WHY = "counts of lists"
# What is to be recounted when `at_once` ends: numbers by the function that counts.
_later: ContextVar[dict[Callable[[Iterable[Any]], None], set[int]] | None] = ContextVar(
    "recounted_later", default=None
)


@contextmanager
def at_once() -> Iterator[None]:
    """What is recounted inside is counted once at the end, in the caller's transaction: counting a
    plan of fifty thousand subscriptions for each of a thousand rows takes longer than the rows."""
    token = _later.set({})
    try:
        yield
        wanted = _later.get() or {}
    finally:
        _later.reset(token)
    for recount in (recount_subscriptions, recount_plans, recount_accounts):
        recount(wanted.get(recount, ()))


def _is_later(recount: Callable[[Iterable[Any]], None], wanted: Iterable[int]) -> bool:
    later = _later.get()
    if later is not None:
        later.setdefault(recount, set()).update(wanted)
    return later is not None


def _count(rows: Any, column: str, outer: str = "pk") -> Coalesce:
    counted = (
        rows.filter(**{column: OuterRef(outer)})
        .order_by()
        .values(column)
        .annotate(n=Count("pk"))
        .values("n")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def recount_accounts(ids: Iterable[int]) -> None:
    """Subscriptions and domains of accounts; for resellers everything below, and customers, and
    their usage against their limits."""
    wanted = [pk for pk in set(ids) if pk is not None]
    if not wanted or _is_later(recount_accounts, wanted):
        return
    rows = Account.objects.unscoped(_WHY).filter(pk__in=wanted)
    subscriptions = Subscription.objects.unscoped(_WHY).filter(removing_at=None)
    domains = Domain.objects.unscoped(_WHY).filter(removing_at=None)
    customers = Account.objects.unscoped(_WHY).filter(role=Role.CUSTOMER, removing_at=None)
    rows.exclude(role=Role.RESELLER).update(
        subscriptions_count=_count(subscriptions, "account_id"),
        domains_count=_count(domains, "account_id"),
    )
    rows.filter(role=Role.RESELLER).update(
        subscriptions_count=_count(subscriptions, "reseller_id"),
        domains_count=_count(domains, "reseller_id"),
        customers_count=_count(customers, "reseller_id"),
    )
    totals.judge(wanted)


def recount_plans(ids: Iterable[int | None]) -> None:
    """Subscriptions on each plan; of add-ons, those that have them."""
    wanted = [pk for pk in set(ids) if pk is not None]
    if not wanted or _is_later(recount_plans, wanted):
        return
    rows = Subscription.objects.unscoped(_WHY).filter(removing_at=None)
    links = SubscriptionAddOn.objects.filter(subscription__removing_at=None)
    plans = Plan.objects.unscoped(_WHY).filter(pk__in=among(wanted))
    plans.exclude(kind=PlanKind.ADDON).update(subscriptions_count=_count(rows, "plan_id"))
    plans.filter(kind=PlanKind.ADDON).update(subscriptions_count=_count(links, "plan_id"))


def recount_plans_of(subscription_ids: Iterable[int]) -> None:
    """The plans and add-ons of these subscriptions."""
    ids = list(subscription_ids)
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=among(ids))
    links = SubscriptionAddOn.objects.filter(subscription_id__in=among(ids))
    recount_plans(
        {*rows.values_list("plan_id", flat=True), *links.values_list("plan_id", flat=True)}
    )


def recount_subscriptions(ids: Iterable[int]) -> None:
    """Domains of subscriptions, and aliases of those domains."""
    wanted = list(set(ids))
    if not wanted or _is_later(recount_subscriptions, wanted):
        return
    domains = Domain.objects.unscoped(_WHY)
    Subscription.objects.unscoped(_WHY).filter(pk__in=wanted).update(
        domains_count=_count(domains.filter(removing_at=None), "subscription_id")
    )
    domains.filter(subscription_id__in=wanted).update(
        aliases_count=_count(Alias.objects.unscoped(_WHY), "domain_id")
    )


def recount_all() -> None:
    """Every cached count again, from nothing: nightly, and after a bulk load."""
    recount_subscriptions(Subscription.objects.unscoped(_WHY).values_list("pk", flat=True))
    recount_plans(Plan.objects.unscoped(_WHY).values_list("pk", flat=True))
    recount_accounts(Account.objects.unscoped(_WHY).values_list("pk", flat=True))

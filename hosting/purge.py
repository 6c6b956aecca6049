"""What goes for good: bottom-up, set-based, never by the ORM's cascade."""

from collections.abc import Iterable

from django.utils import timezone

from accounts.models import Account, ApiToken, User
from hosting import counters, names, provisioning
from hosting.models.domains import Alias, Domain
from hosting.models.imports import Import, ImportRow
from hosting.models.plans import Plan
from hosting.models.questions import Question
from hosting.models.samples import Sample
from hosting.models.subscriptions import (
    RETIRED_FOR,
    RetiredSystemUser,
    Subscription,
    SubscriptionAddOn,
)
from hosting.models.suspension import SuspensionEntry
from hosting.services import base
from panel.core import search

_WHY = "purging what was removed"


def subscriptions(ids: Iterable[int]) -> None:
    """Subscriptions with their sites, names and system users; the nodes are told to forget them."""
    wanted = list(ids)
    if not wanted:
        return
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=wanted)
    accounts = set(rows.values_list("account_id", flat=True))
    accounts |= set(rows.values_list("reseller_id", flat=True))
    links = SubscriptionAddOn.objects.filter(subscription_id__in=wanted)
    plans = {*rows.values_list("plan_id", flat=True), *links.values_list("plan_id", flat=True)}
    users = list(rows.values_list("system_user", flat=True))
    domains = list(
        Domain.objects.unscoped(_WHY)
        .filter(subscription_id__in=wanted)
        .values_list("pk", flat=True)
    )
    provisioning.forget(wanted)
    base.purge(wanted)
    names.release(subscription_id__in=wanted)
    Alias.objects.unscoped(_WHY).filter(subscription_id__in=wanted).delete()
    # In one statement: the ORM takes a subdomain, which goes too, for a row that protects another.
    sites = Domain.objects.unscoped(_WHY).filter(subscription_id__in=wanted)
    sites._raw_delete(sites.db)
    Question.objects.unscoped(_WHY).filter(subscription_id__in=wanted).delete()
    SuspensionEntry.objects.filter(subscription_id__in=wanted).delete()
    rows.delete()
    RetiredSystemUser.objects.bulk_create(
        [RetiredSystemUser(name=name) for name in users],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["retired_at"],
    )
    search.refresh("subscription", wanted)
    search.refresh("domain", domains)
    counters.recount_plans(plans)
    counters.recount_accounts(pk for pk in accounts if pk)


def accounts(ids: Iterable[int]) -> None:
    """Accounts with their users, tokens and plans, after their subscriptions and, of resellers,
    the customers that wait in the trash below them."""
    wanted = list(ids)
    if not wanted:
        return
    customers = Account.objects.unscoped(_WHY).filter(provider_id__in=wanted).removed()
    accounts(customers.exclude(pk__in=wanted).values_list("pk", flat=True))
    below = Subscription.objects.unscoped(_WHY).filter(account_id__in=wanted)
    subscriptions(below.values_list("pk", flat=True))
    rows = Account.objects.unscoped(_WHY).filter(pk__in=wanted)
    resellers = set(rows.values_list("reseller_id", flat=True))
    users = User._base_manager.filter(account_id__in=wanted)
    user_ids = list(users.values_list("pk", flat=True))
    ApiToken.objects.filter(user_id__in=user_ids).delete()
    users.delete()
    own_plans = Plan.objects.unscoped(_WHY).filter(account_id__in=wanted)
    plans = list(own_plans.values_list("pk", flat=True))
    own_plans.delete()
    SuspensionEntry.objects.filter(account_id__in=wanted).delete()
    for model in (ImportRow, Import, Sample):
        model.objects.unscoped(_WHY).filter(account_id__in=wanted).delete()
    # An account owns itself, which the ORM takes for a row that protects another.
    rows._raw_delete(rows.db)
    for noun, gone in (
        ("customer", wanted),
        ("reseller", wanted),
        ("plan", plans),
        ("addon", plans),
        ("user", user_ids),
    ):
        search.refresh(noun, gone)
    counters.recount_accounts(pk for pk in resellers if pk and pk not in wanted)


def forget_system_users() -> None:
    """Names of system users that were given back long enough ago may be used again."""
    RetiredSystemUser.objects.filter(retired_at__lt=timezone.now() - RETIRED_FOR).delete()

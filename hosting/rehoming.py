"""What follows for accounts, and for all that hangs on them, when somebody else is above them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import tree
from accounts.models import Account
from hosting import conditions, counters, creating, provisioning, suspension, sync
from hosting.models.domains import Domain
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.models.suspension import Level, SuspensionEntry
from panel.core import reasons
from panel.core.operations import Step

reasons.declare(
    external_id_there=_("%(who)s has an account with the external id %(external_id)s already."),
)
_WHY = "what hangs on the targets, which the actor sees"


def subscriptions_of(account_ids: Iterable[int]) -> Any:
    """All of them, those that wait in the trash as well: they go where their account goes."""
    return Subscription.objects.unscoped(_WHY).filter(account_id__in=list(account_ids))


def refuse_taken_external_ids(step: Step, provider: Account) -> None:
    """An external id is unique within the provider, and among those that come at once."""
    given = {row.pk: row.external_id for row in step.open if row.external_id}
    rows = Account.objects.unscoped(_WHY).filter(provider=provider)
    there = rows.filter(external_id__in=given.values()).exclude(pk__in=given)
    taken = set(there.values_list("external_id", flat=True))
    for pk, external_id in given.items():
        if external_id in taken:
            step.refuse(pk, "external_id_there", who=str(provider), external_id=external_id)
        taken.add(external_id)


def take_plan(rows: QuerySet, plan: Plan | None) -> None:
    """A plan of the new provider with its values; or Custom, which keeps the values as they are."""
    values = {"plan": None} if plan is None else creating.values_of(plan)
    rows.update(**values, is_locked=False, is_unsynced=False)


def take_plans(account_ids: Sequence[int], plans: Mapping[int, Plan | None]) -> set[int]:
    """Cut the links to the old owner's plans and add-ons, and take others: `plans` by account.

    Returns the numbers of all plans whose subscriptions have to be recounted.
    """
    rows = subscriptions_of(account_ids)
    links = SubscriptionAddOn.objects.filter(subscription__account_id__in=account_ids)
    recount = set(rows.exclude(plan=None).values_list("plan_id", flat=True))
    recount |= set(links.values_list("plan_id", flat=True))
    links.delete()
    custom = [pk for pk in account_ids if plans.get(pk) is None]
    take_plan(subscriptions_of(custom), None)
    chosen = {plan.pk: plan for plan in plans.values() if plan is not None}
    for number, plan in chosen.items():
        takers = [pk for pk in account_ids if (taken := plans.get(pk)) and taken.pk == number]
        take_plan(subscriptions_of(takers), plan)
    rows.update(version=F("version") + 1)
    return recount | set(chosen)


def pass_on_levels(account_ids: Sequence[int]) -> None:
    """What the old provider set is the administrator's from now on: the new provider is that, or
    there is none between. Who, when and why stay."""
    entries = SuspensionEntry.objects
    suspension.pass_on(entries.filter(account_id__in=account_ids), Level.ADMINISTRATOR)
    below = entries.filter(subscription__account_id__in=account_ids)
    suspension.pass_on(below, Level.ADMINISTRATOR)
    sites = Domain.objects.unscoped(_WHY).filter(account_id__in=account_ids)
    sites.filter(site_state_level=Level.RESELLER).update(site_state_level=Level.ADMINISTRATOR)


def settle(
    step: Step, account_ids: Sequence[int], others: Iterable[int | None], plans: Iterable[int]
) -> None:
    """Owner columns and all that rests on them, after provider and role were written.

    `others` are the accounts that lost or gained something by it, `plans` those to recount.
    """
    tree.rehome(account_ids)
    rows = subscriptions_of(account_ids)
    ids = list(rows.filter(removing_at=None).values_list("pk", flat=True))
    conditions.judge(ids)
    sync.judge(ids)
    suspension.recompute(accounts=account_ids)
    counters.recount_plans(plans)
    counters.recount_accounts(pk for pk in {*account_ids, *others} if pk)
    provisioning.touch(ids)
    sites = Domain.objects.unscoped(_WHY).filter(account_id__in=account_ids)
    for noun in ("customer", "reseller"):
        step.index(noun, account_ids)
    step.index("subscription", rows.values_list("pk", flat=True))
    step.index("domain", sites.values_list("pk", flat=True))

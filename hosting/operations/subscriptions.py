"""Operations on subscriptions."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import counters, creating, demand, drift, locks, provisioning, purge
from hosting.forms_subscriptions import AddSubscriptionForm
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.operations.activating import Activate
from hosting.operations.base import OnSubscriptions
from hosting.operations.removing import (
    Purge,
    index_below,
    kept_until,
    refuse_below_removed,
    refuse_held,
    remove_subscriptions,
    restore_subscriptions,
    what_goes,
)
from hosting.operations.suspending import Lift, Suspend
from hosting.settings import KEEP_REMOVED_DAYS
from panel.core.access import Actor
from panel.core.operations import (
    ANY_ROLE,
    MORE,
    Consequence,
    Operation,
    Refused,
    Step,
    register,
)

_WHY = "rows of the targets, which the actor sees"
# What suspending and activating read of a subscription.
SHUT_BY = "account_id reseller_id name is_suspended removing_at"


@register
class SuspendSubscription(Suspend):
    noun = "subscription"
    column = "subscription_id"
    reads = SHUT_BY
    undo = "subscription.lift"


@register
class LiftSubscription(Lift):
    noun = "subscription"
    column = "subscription_id"
    reads = SHUT_BY


@register
class ActivateSubscription(Activate):
    noun = "subscription"
    column = "subscription_id"
    reads = SHUT_BY


@register
class AddSubscription(Operation):
    """An operation on the subscriber: a customer, or a provider for itself."""

    noun = "account"
    verb = "add-subscription"
    creates = "subscription"
    label = _("Add a Subscription")
    area = "sites"
    form_class = AddSubscriptionForm
    bulk = False

    def parent_of(self, actor: Actor, params: dict[str, Any]) -> int:
        return params.get("subscriber") or actor.account_id

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)

    def perform(self, step: Step) -> None:
        for account in step.open:
            try:
                made = creating.subscription(step, account, step.params)
            except Refused as refused:
                step.refuse(account.pk, refused.code, **refused.params)
                continue
            step.created[account.pk] = made
            plan = str(made.plan) if made.plan_id else str(_("Custom plan"))
            addons = [str(one) for one in step.params.get("addons") or ()]
            extra = {"addons": addons} if addons else {}
            step.changed(account.pk, {}, {"domain": made.name, "plan": plan, **extra})


def refuse_stale(step: Step) -> None:
    """A form carries the version it was made from; an older one is refused, whatever was changed.

    For rows that mostly one person edits; others tell who and what (accounts.versions).
    """
    version = step.params.get("version")
    if version is None:
        return
    for row in step.open:
        if row.version != version:
            step.refuse(row.pk, "edited")


@register
class TryAgain(OnSubscriptions):
    """Ask the node to apply it once more, now."""

    verb = "try-again"
    label = _("Try again")
    bulk_group = MORE
    roles = ANY_ROLE
    order = 70

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_failed

    def is_done(self, target: Any) -> bool:
        return not target.is_failed

    def perform(self, step: Step) -> None:
        provisioning.try_again(step.open_ids)


@register
class Overwrite(OnSubscriptions):
    """Send it to the node once more, over what somebody changed there by hand."""

    verb = "overwrite"
    label = _("Overwrite")
    bulk_group = _("More")
    order = 71

    def offered(self, target: Any, actor: Actor) -> bool:
        return Deployment.objects.filter(subscription_id=target.pk).exclude(drift={}).exists()

    def check(self, step: Step) -> None:
        super().check(step)
        drifted = Deployment.objects.filter(subscription_id__in=step.open_ids).exclude(drift={})
        found = set(drifted.values_list("subscription_id", flat=True))
        for row in step.open:
            if row.pk not in found:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        drift.clear(step.open_ids)
        provisioning.touch(step.open_ids)


@register
class RemoveSubscription(OnSubscriptions):
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    undo = "subscription.restore"

    def can_undo(self) -> bool:
        """What is kept for no day at all cannot be brought back."""
        return KEEP_REMOVED_DAYS.get() > 0

    def check(self, step: Step) -> None:
        refuse_held(step)

    def _counts(self, actor: Actor, rows: Any) -> dict[str, int]:
        ids = rows.values("pk")
        return {
            "domains": Domain.objects.visible_to(actor).filter(subscription_id__in=ids).count(),
            "aliases": Alias.objects.visible_to(actor).filter(subscription_id__in=ids).count(),
        }

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        days = KEEP_REMOVED_DAYS.get()
        goes = what_goes(self._counts(actor, rows))
        kept = ngettext(
            "Shut at once and kept for %(n)s day; until then it can be restored from the list"
            " filter Removed.",
            "Shut at once and kept for %(n)s days; until then it can be restored from the list"
            " filter Removed.",
            days,
        )
        gone = _("It is removed for good at once.")
        return [
            Consequence(_("These go along:"), "warn", goes),
            Consequence(kept % {"n": days} if days else gone, "warn" if days else "bad"),
        ]

    def number_to_type(self, actor: Actor, rows: Any, count: int) -> int | None:
        total = count + sum(self._counts(actor, rows).values())
        return total if total > 10 else None

    def perform(self, step: Step) -> None:
        at, until, ids = timezone.now(), kept_until(), step.open_ids
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
        remove_subscriptions(rows, at, until)
        counters.recount_plans_of(ids)
        owners = {owner for row in step.open for owner in (row.account_id, row.reseller_id)}
        counters.recount_accounts(pk for pk in owners if pk)
        index_below(step, ids)
        for pk in ids:
            step.changed(pk, {}, {"kept_until": until.date().isoformat()})
        if not KEEP_REMOVED_DAYS.get():
            purge.subscriptions(ids)


@register
class RestoreSubscription(OnSubscriptions):
    verb = "restore"
    label = _("Restore")
    in_trash = True
    order = 10

    def check(self, step: Step) -> None:
        refuse_held(step)
        refuse_below_removed(step)
        demand.refuse_beyond(step, demand.of_subscriptions(step.open_ids))

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        restore_subscriptions(Subscription.objects.unscoped(_WHY).filter(pk__in=ids))
        counters.recount_plans_of(ids)
        owners = {owner for row in step.open for owner in (row.account_id, row.reseller_id)}
        counters.recount_accounts(pk for pk in owners if pk)
        index_below(step, ids)


@register
class PurgeSubscription(Purge):
    noun = "subscription"
    area = "sites"

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_("This cannot be undone. It goes for good, with all files."), "bad")]

    def number_to_type(self, actor: Actor, rows: Any, count: int) -> int | None:
        return count if count > 10 else None

    def perform(self, step: Step) -> None:
        purge.subscriptions(step.open_ids)

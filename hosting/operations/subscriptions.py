"""Operations on subscriptions."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import conditions, counters, creating, demand, locks, provisioning, purge, sync
from hosting.forms_plans import CustomizeForm, initial_of
from hosting.forms_subscriptions import AddSubscriptionForm, ChangePlanForm, SetExpiryForm
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.operations.activating import Activate
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
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import (
    ANY_ROLE,
    PROVIDERS,
    Consequence,
    Operation,
    Refused,
    Step,
    register,
)

reasons.declare(
    own_expiry=_("Nobody sets the expiry of an own subscription."),
    edited=_("Somebody changed this meanwhile. Check the values and save again."),
)
_WHY = "rows of the targets, which the actor sees"


@register
class SuspendSubscription(Suspend):
    noun = "subscription"
    column = "subscription_id"
    undo = "subscription.lift"


@register
class LiftSubscription(Lift):
    noun = "subscription"
    column = "subscription_id"


@register
class ActivateSubscription(Activate):
    noun = "subscription"
    column = "subscription_id"


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
            step.changed(account.pk, {}, {"domain": made.name, "plan": plan})


class _OnSubscriptions(Operation):
    noun = "subscription"
    area = "sites"
    roles = PROVIDERS

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.subscriptions(ids)


@register
class ChangePlan(_OnSubscriptions):
    """Another plan of the provider with its values and validity; Custom plan keeps the values."""

    verb = "change-plan"
    label = _("Change Plan")
    form_class = ChangePlanForm
    order = 40

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"plan": targets[0].plan_id} if len(targets) == 1 else {}

    def check(self, step: Step) -> None:
        try:
            plan = step.params["plan"] = creating.plan_now(step.params["plan"])
        except Refused as refused:
            for row in step.open:
                step.refuse(row.pk, refused.code)
            return
        for row in step.open:
            if row.plan_id == (plan.pk if plan else None):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        plan = step.params["plan"]
        ids, before = step.open_ids, {row.plan_id for row in step.open}
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
        values: dict[str, Any] = {"plan": plan, "is_locked": False}
        if plan is not None:
            values |= creating.values_of(plan)
        rows.update(**values, version=F("version") + 1)
        if plan is not None and not step.actor.is_administrator:
            self._keep_own_expiry(step, values["expires_on"])
        counters.recount_plans([*before, plan.pk if plan else None])
        conditions.judge(ids)
        sync.judge(ids)
        for row in step.open:
            step.changed(row.pk, {"plan": row.plan_id}, {"plan": plan.pk if plan else None})

    def _keep_own_expiry(self, step: Step, expires_on: date | None) -> None:
        """Nobody prolongs an own subscription, by way of another plan neither."""
        for row in step.open:
            is_own = row.account_id == step.actor.account_id
            if is_own and row.expires_on and (expires_on is None or row.expires_on < expires_on):
                Subscription.objects.unscoped(_WHY).filter(pk=row.pk).update(
                    expires_on=row.expires_on
                )


@register
class Customize(_OnSubscriptions):
    """Values of its own; locks it, so that the plan's changes no longer reach it."""

    verb = "customize"
    label = _("Customize")
    submit_label = _("Update & Lock")
    form_class = CustomizeForm
    bulk = False
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        row = targets[0]
        return initial_of(row, CustomizeForm) | {"version": row.version}

    def check(self, step: Step) -> None:
        refuse_stale(step)

    def perform(self, step: Step) -> None:
        values = {name: step.params[name] for name in sync.FIELDS}
        for row in step.open:
            old = {name: getattr(row, name) for name in sync.differing(row, values)}
            for name, value in values.items():
                setattr(row, name, value)
            row.is_locked = row.plan_id is not None
            row.version += 1
            row.save()
            step.changed(row.pk, old, {name: values[name] for name in old})
            if "settings" in old:
                provisioning.touch([row.pk])
        conditions.judge(step.open_ids)
        sync.judge(step.open_ids)


def refuse_stale(step: Step) -> None:
    """A form carries the version it was made from; an older one is refused."""
    version = step.params.get("version")
    if version is None:
        return
    for row in step.open:
        if row.version != version:
            step.refuse(row.pk, "edited")


@register
class SetExpiry(_OnSubscriptions):
    """The last day; judged at once. Set from above, never by the subscriber for itself."""

    verb = "set-expiry"
    label = _("Set expiry")
    form_class = SetExpiryForm
    order = 50

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"expires_on": targets[0].expires_on} if targets else {}

    def check(self, step: Step) -> None:
        for row in step.open:
            if not step.actor.is_administrator and row.account_id == step.actor.account_id:
                step.refuse(row.pk, "own_expiry")
            elif row.expires_on == step.params["expires_on"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        day = step.params["expires_on"]
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(expires_on=day, version=F("version") + 1)
        conditions.judge(step.open_ids)
        for row in step.open:
            step.changed(row.pk, {"expires_on": row.expires_on}, {"expires_on": day})


@register
class TryAgain(_OnSubscriptions):
    """Ask the node to apply it once more, now."""

    verb = "try-again"
    label = _("Try again")
    bulk = False
    roles = ANY_ROLE
    order = 70

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_failed

    def perform(self, step: Step) -> None:
        provisioning.try_again(step.open_ids)


@register
class RemoveSubscription(_OnSubscriptions):
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
        refuse_held(step, "subscription")

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
class RestoreSubscription(_OnSubscriptions):
    verb = "restore"
    label = _("Restore")
    in_trash = True
    order = 10

    def check(self, step: Step) -> None:
        refuse_held(step, "subscription")
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

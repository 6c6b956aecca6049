"""Change Subscriber: subscriptions go to another account, with what that brings along."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import tree
from accounts.models import Account, User
from hosting import (
    conditions,
    counters,
    creating,
    demand,
    locks,
    provisioning,
    rehoming,
    suspension,
    sync,
)
from hosting.forms import provider_of
from hosting.forms_subscriptions import ChangeSubscriberForm, find_subscriber
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.models.suspension import Level, Scope, SuspensionEntry
from hosting.operations.base import OnSubscriptions
from hosting.operations.planning import named
from hosting.operations.removing import index_below, refuse_held
from hosting.services import base
from panel.core.access import Actor, Role
from panel.core.operations import Consequence, Refused, Step, register

_WHY = "what hangs on the targets, which the actor sees"


@register
class ChangeSubscriber(OnSubscriptions):
    """The subscription keeps everything that it is made of; what follows from whose it is changes.

    Below the same provider the plan stays; else it becomes Custom or takes one of the new provider.
    """

    area = "accounts"
    verb = "change-subscriber"
    label = _("Change Subscriber")
    form_class = ChangeSubscriberForm
    review = True
    order = 45
    # SECURITY: it is about two accounts, and no part of one.
    reaches_beyond_subscriptions = True

    def lock_for(self, actor: Actor, ids: Sequence[int], given: dict[str, Any]) -> None:
        new = find_subscriber(given.get("subscriber"), actor)
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
        owners = list(rows.values_list("account_id", flat=True).distinct())
        locks.accounts([*owners, *([new.pk] if new else [])])
        self.lock(actor, ids)

    def check(self, step: Step) -> None:
        new: Account = step.params["subscriber"]
        for row in step.open:
            if row.account_id == new.pk:
                step.leave(row.pk)
        refuse_held(step)
        try:
            step.params["plan"] = creating.plan_now(step.params.get("plan"))
        except Refused as refused:
            for row in _moving(step.open, new):
                step.refuse(row.pk, refused.code)
        for pk, against in demand.judge(
            new, _asked(step, new), step.actor, may_be_suspended=True
        ).items():
            step.refuse(pk, against.code, **against.params)

    def foresee(self, step: Step) -> list[Consequence]:
        rows, new = step.open, step.params["subscriber"]
        goes = ngettext(
            "%(n)s subscription goes to %(who)s (%(username)s), with its sites, files and system"
            " user.",
            "%(n)s subscriptions go to %(who)s (%(username)s), with their sites, files and system"
            " users.",
            len(rows),
        )
        words = {"n": f"{len(rows):,}", "who": new, "username": new.username}
        return [
            Consequence(goes % words, "info", named(rows)),
            *_plans_foreseen(step, rows, new),
            *demand.foresee_lacking(new, _asked(step, new)),
            *_suspension_foreseen(rows, new),
            *_losses_foreseen(step, rows, new),
        ]

    def perform(self, step: Step) -> None:
        rows, ids, new = step.open, step.open_ids, step.params["subscriber"]
        moving = [row.pk for row in _moving(rows, new)]
        before = _owners(rows)
        links = SubscriptionAddOn.objects.filter(subscription_id__in=moving)
        plans = {row.plan_id for row in rows} | set(links.values_list("plan_id", flat=True))
        self._write_down(step, rows, new, set(moving))
        tree.hand_over(ids, new)
        _pass_entries_on(rows, new)
        _take_from_users(rows, ids)
        base.handed_over(ids)
        stored = Subscription.objects.unscoped(_WHY).filter(pk__in=ids)
        # What ends for oneself ends for whom one gives it to: given back, it would go on.
        own = [row.pk for row in rows if row.account_id == step.actor.account_id]
        if not step.actor.is_administrator:
            stored.filter(pk__in=own, expires_on__isnull=False).update(is_expiry_held=True)
        if not step.params.get("hand_over_description"):
            left = [row.pk for row in rows if row.reseller_id != tree.reseller_of(new)]
            stored.filter(pk__in=left).update(description="")
        links.delete()
        rehoming.take_plan(stored.filter(pk__in=moving), step.params["plan"])
        stored.update(version=F("version") + 1)
        counters.recount_plans([*plans, getattr(step.params["plan"], "pk", None)])
        counters.recount_accounts(
            [*before, new.pk, *([new.reseller_id] if new.reseller_id else [])]
        )
        conditions.judge(moving)
        sync.judge(ids)
        suspension.recompute(subscriptions=ids)
        provisioning.touch(moving)
        index_below(step, ids)

    def _write_down(self, step: Step, rows: Sequence[Any], new: Account, moving: set[int]) -> None:
        """One entry for who had it and one for who has it: neither learns of the other by it."""
        accounts = _accounts(rows)
        plan = step.params["plan"]
        for row in rows:
            step.changed(row.pk, {"subscriber": str(accounts[row.account_id])}, {})
            theirs = copy(row)
            theirs.account_id, theirs.reseller_id = new.pk, tree.reseller_of(new)
            values = {"subscriber": str(new)}
            if row.pk in moving:
                values["plan"] = str(plan or _("Custom plan"))
            step.log(self.name, theirs, {}, values)


def _accounts(rows: Iterable[Any]) -> dict[int, Account]:
    """Whose the subscriptions are now."""
    return Account.objects.unscoped(_WHY).in_bulk({row.account_id for row in rows})


def _owners(rows: Iterable[Any]) -> set[int]:
    return {owner for row in rows for owner in (row.account_id, row.reseller_id) if owner}


def _moving(rows: Sequence[Any], new: Account) -> list[Any]:
    """Those whose provider changes, so that their plan cannot stay."""
    accounts = _accounts(rows)
    return [row for row in rows if provider_of(accounts[row.account_id]) != provider_of(new)]


def _asked(step: Step, new: Account) -> dict[int, demand.Demand]:
    """What comes newly below the reseller at or above the new subscriber, as it will be there."""
    above = tree.reseller_of(new)
    coming = [row.pk for row in step.open if row.reseller_id != above]
    return demand.of_subscriptions(coming, dict.fromkeys(coming, step.params.get("plan")))


def _pass_entries_on(rows: Sequence[Any], new: Account) -> None:
    """`reseller` means the present provider, of the subscription and of its websites. To whom it
    goes that provides for itself, what it set as the provider is its own switch now; what another
    set is the administrator's."""
    above = tree.reseller_of(new)
    if new.role == Role.CUSTOMER and above is not None:
        return
    own = [row.pk for row in rows if row.reseller_id == new.pk]
    others = [row.pk for row in rows if row.reseller_id not in {new.pk, None}]
    for ids, level in ((own, Level.CUSTOMER), (others, Level.ADMINISTRATOR)):
        suspension.pass_on(SuspensionEntry.objects.filter(subscription_id__in=ids), level)
        sites = Domain.objects.unscoped(_WHY).filter(subscription_id__in=ids)
        sites.filter(site_state_level=Level.RESELLER).update(site_state_level=level)


def _take_from_users(rows: Sequence[Any], ids: Sequence[int]) -> None:
    """Additional users of the old subscribers no longer have these among what they were given."""
    gone = set(ids)
    users = User.objects.unscoped(_WHY).filter(
        account_id__in={row.account_id for row in rows}, subscription_ids__isnull=False
    )
    changed = [user for user in users if gone & set(user.subscription_ids)]
    for user in changed:
        # An empty list is "none of them"; only NULL is "all".
        user.subscription_ids = [pk for pk in user.subscription_ids if pk not in gone]
    User.objects.unscoped(_WHY).bulk_update(changed, ["subscription_ids"], batch_size=500)


def _plans_foreseen(step: Step, rows: Sequence[Any], new: Account) -> list[Consequence]:
    moving = _moving(rows, new)
    plan = step.params.get("plan")
    if not moving:
        return [Consequence(_("Service plans and add-ons stay as they are."))]
    if plan is not None:
        text = ngettext(
            "%(n)s takes the service plan %(plan)s with its values and validity, as its provider"
            " changes.",
            "%(n)s take the service plan %(plan)s with its values and validity, as their provider"
            " changes.",
            len(moving),
        )
        return [Consequence(text % {"n": f"{len(moving):,}", "plan": plan}, "warn", named(moving))]
    text = ngettext(
        "%(n)s becomes Custom, as its provider changes: resources and permissions stay, the plan's"
        " changes no longer reach it.",
        "%(n)s become Custom, as their provider changes: resources and permissions stay, the plans'"
        " changes no longer reach them.",
        len(moving),
    )
    return [Consequence(text % {"n": f"{len(moving):,}"}, "warn", named(moving))]


def _suspension_foreseen(rows: Sequence[Any], new: Account) -> list[Consequence]:
    """What stops and what starts because somebody else is above it."""
    entries = SuspensionEntry.objects
    above = {owner for owner in (new.pk, tree.reseller_of(new)) if owner}
    is_shut = entries.filter(account_id__in=above, scope=Scope.EVERYTHING).exists()
    by_itself = set(
        entries.filter(subscription_id__in=[row.pk for row in rows]).values_list(
            "subscription_id", flat=True
        )
    )
    stops = [row for row in rows if is_shut and not row.is_suspended]
    starts = [r for r in rows if not is_shut and r.is_suspended and r.pk not in by_itself]
    found = []
    if stops:
        text = _("%(who)s is suspended, and these are shut with it:")
        found.append(Consequence(text % {"who": new}, "bad", named(stops)))
    if starts:
        text = _("These were shut with their subscriber, and start again:")
        found.append(Consequence(text, "warn", named(starts)))
    return found


def _losses_foreseen(step: Step, rows: Sequence[Any], new: Account) -> list[Consequence]:
    """Who no longer reaches it, and what is left behind."""
    out = _("Password and SSH keys of the system user stop working: set new ones afterwards.")
    found = [Consequence(out, "warn")]
    users = User.objects.visible_to(step.actor).filter(
        account_id__in={row.account_id for row in rows}, is_own=False
    )
    if users.exists():
        text = _("Additional users of the present subscriber no longer reach what goes.")
        found.append(Consequence(text, "warn"))
    left = [row for row in rows if row.description and row.reseller_id != tree.reseller_of(new)]
    if left and not step.params.get("hand_over_description"):
        found.append(Consequence(_("The description is left behind."), "warn", named(left)))
    return found

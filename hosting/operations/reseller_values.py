"""What resellers have: their plan, values of their own, and where their subscribers buy more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from accounts.versions import refuse_stale
from hosting import creating, limits, locks, sync, told, totals
from hosting.forms_plans import initial_of
from hosting.forms_resellers import BuyMoreForm, ChangeResellerPlanForm, ResellerValuesForm
from hosting.models.plans import Plan
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor, OwnedQuerySet
from panel.core.operations import (
    ADMINISTRATOR,
    PROVIDERS,
    Consequence,
    Operation,
    Refused,
    Step,
    register,
)

_WHY = "the targets, which the administrator sees"

reasons.declare(
    follows_already=_("It follows its plan already."),
    no_reseller_plan=_("It is on no reseller plan: there is nothing to go back to."),
)


def over_words(given: limits.Limits, used: Mapping[str, int] | Counter[str]) -> list[str]:
    """By how much more is used than allowed, resource by resource, in words."""
    declared = base.resources("reseller")
    words = []
    for name in limits.overused(given, used):
        if name not in declared:
            continue
        resource = declared[name]
        words.append(
            _("%(resource)s: %(used)s of %(limit)s")
            % {
                "resource": resource.label,
                "used": limits.shown(resource, used[name]),
                "limit": limits.shown(resource, limits.limit_of(given, name)),
            }
        )
    return words


def foresee_values(changes: Mapping[Account, Mapping[str, Any]]) -> list[Consequence]:
    """What new values mean to resellers: who will be overused by how much, and what nobody below
    them may do any more."""
    used = totals.usage(row.pk for row in changes)
    over = {row: over_words(given["limits"], used[row.pk]) for row, given in changes.items()}
    found = []
    if lines := [f"{row}: {'; '.join(words)}" for row, words in over.items() if words]:
        text = _("These will be overused: nothing stops, but they cannot add:")
        found.append(Consequence(text, "warn", lines))
    declared = base.permissions("reseller")
    lost = []
    for row, given in changes.items():
        names = sorted(set(row.permissions) - set(given["permissions"]))
        if words := [str(declared[name].label) for name in names if name in declared]:
            lost.append(f"{row}: {', '.join(words)}")
    if lost:
        text = _("Nobody below these may do any more:")
        found.append(Consequence(text, "warn", lost))
    return found


class _OfResellers(Operation):
    noun = "reseller"
    roles = ADMINISTRATOR

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)

    def settle(self, step: Step, ids: Sequence[int]) -> None:
        """Who uses too much now, and which plans below are no longer in force."""
        totals.judge(ids)
        sync.judge_below(ids)


@register
class ChangeResellerPlan(_OfResellers):
    """Another reseller plan with its values; Custom plan keeps the values. Never refused: more use
    than the plan allows shows as overused."""

    verb = "change-plan"
    label = _("Change Plan")
    form_class = ChangeResellerPlanForm
    review = True
    order = 40

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"plan": targets[0].plan_id} if len(targets) == 1 else {}

    def check(self, step: Step) -> None:
        try:
            plan: Plan | None = creating.plan_now(step.params["plan"])
        except Refused as refused:
            for row in step.open:
                step.refuse(row.pk, refused.code)
            return
        step.params["plan"] = plan
        for row in step.open:
            if row.plan_id == (plan.pk if plan else None) and not row.is_locked:
                step.leave(row.pk)

    def foresee(self, step: Step) -> list[Consequence]:
        plan = step.params["plan"]
        if plan is None:
            return [Consequence(_("It keeps its values; the plan's changes no longer reach it."))]
        text = ngettext(
            "%(n)s reseller takes the plan %(plan)s with its limits and permissions.",
            "%(n)s resellers take the plan %(plan)s with its limits and permissions.",
            len(step.open),
        )
        takes = Consequence(text % {"n": f"{len(step.open):,}", "plan": plan})
        return [takes, *foresee_values(dict.fromkeys(step.open, sync.values_of(plan)))]

    def perform(self, step: Step) -> None:
        plan, ids = step.params["plan"], step.open_ids
        values: dict[str, Any] = {"plan_id": plan.pk if plan else None, "is_locked": False}
        if plan is not None:
            values |= sync.values_of(plan)
        rows = Account.objects.unscoped(_WHY).filter(pk__in=ids)
        names = {
            plan.pk: plan.name
            for plan in Plan.objects.unscoped(_WHY).filter(
                pk__in=[row.plan_id for row in step.open if row.plan_id]
            )
        }
        rows.update(**values, version=F("version") + 1)
        new = {"limits": plan.limits} if plan else {}
        sync.touch_below(
            row.pk for row in step.open if new and sync.reaches_nodes({"limits": row.limits}, new)
        )
        custom = str(_("Custom plan"))
        for row in step.open:
            step.changed(
                row.pk,
                {"plan": names.get(row.plan_id, custom)},
                {"plan": plan.name if plan else custom, "version": row.version + 1},
            )
        self.settle(step, ids)


@register
class CustomizeReseller(_OfResellers):
    """Values of its own; locks it, so that its plan's changes no longer reach it."""

    verb = "customize"
    label = _("Customize")
    submit_label = _("Update & Lock")
    form_class = ResellerValuesForm
    bulk = False
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return initial_of(targets[0], ResellerValuesForm) | {"version": targets[0].version}

    def check(self, step: Step) -> None:
        refuse_stale(step, [self.noun], told.fields())
        for row in step.open:
            values = {name: step.params[name] for name in sync.RESELLER_FIELDS}
            if not sync.differing(row, values):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        for row in step.open:
            values = {name: step.params[name] for name in sync.RESELLER_FIELDS}
            old = {name: getattr(row, name) for name in sync.differing(row, values)}
            for name, value in values.items():
                setattr(row, name, value)
            row.is_locked = row.plan_id is not None
            row.version += 1
            row.save(update_fields=[*values, "is_locked", "version"])
            new = {name: values[name] for name in old}
            if sync.reaches_nodes(old, new):
                sync.touch_below([row.pk])
            step.changed(row.pk, old, {**new, "version": row.version})
        self.settle(step, step.open_ids)


@register
class UnlockAndSyncReseller(_OfResellers):
    """Give up the values of its own and follow the reseller plan again."""

    verb = "unlock-and-sync"
    label = _("Unlock & Sync")
    confirm = "always"
    order = 42

    def offered(self, target: Any, actor: Actor) -> bool:
        return bool(target.is_locked)

    def check(self, step: Step) -> None:
        for row in step.open:
            if row.plan_id is None:
                step.refuse(row.pk, "no_reseller_plan")
            elif not row.is_locked:
                step.leave(row.pk, "follows_already")

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        found = list(rows.filter(is_locked=True, plan_id__isnull=False)[:100])
        plans = Plan.objects.visible_to(actor).in_bulk({row.plan_id for row in found})
        changes = {row: sync.values_of(plans[row.plan_id]) for row in found}
        text = _("The values of the plan are taken again.")
        return [Consequence(text), *foresee_values(changes)]

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        Account.objects.unscoped(_WHY).filter(pk__in=ids).update(
            is_locked=False, version=F("version") + 1
        )
        changed = sync.resellers_follow(ids)
        for pk in ids:
            old, new = changed.get(pk, ({}, {}))
            step.changed(pk, {**old, "locked": True}, {**new, "locked": False})
        self.settle(step, ids)


@register
class BuyMoreLink(Operation):
    """Where the subscribers of a provider buy more; refusals for a limit name it."""

    noun = "account"
    verb = "buy-more-link"
    label = _("Link for buying more")
    roles = PROVIDERS
    form_class = BuyMoreForm
    bulk = False
    order = 60

    def visible(self, actor: Actor) -> OwnedQuerySet:
        """One's own account only."""
        return super().visible(actor).filter(pk=actor.account_id)

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"buy_more_url": targets[0].buy_more_url} if targets else {}

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)

    def check(self, step: Step) -> None:
        for row in step.open:
            if row.buy_more_url == step.params["buy_more_url"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        url = step.params["buy_more_url"]
        rows = Account.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(buy_more_url=url, version=F("version") + 1)
        for row in step.open:
            step.changed(row.pk, {"buy_more_url": row.buy_more_url}, {"buy_more_url": url})

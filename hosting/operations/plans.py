"""Operations on hosting plans."""

import itertools
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import sort_key
from hosting import conditions
from hosting.forms import PlanForm, limits_initial
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription
from hosting.operations.subscriptions import refuse_stale
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Consequence, Operation, Step, register

reasons.declare(plan_name=_("There is a plan of this name already."))
_WHY = "rows of the targets, which the actor sees"
_FIELDS = ("name", "description", "limits", "permissions", "overuse_policy", "validity_days")


def _values(params: dict[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _FIELDS}


@register
class AddPlan(Operation):
    """A hosting plan of the actor's own: an operation on the account it belongs to."""

    noun = "account"
    verb = "add-plan"
    creates = "plan"
    label = _("Add a Plan")
    form_class = PlanForm
    bulk = False

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        defaults = {name: resource.default for name, resource in base.resources().items()}
        granted = [p.name for p in base.permissions().values() if p.default]
        return limits_initial(defaults, granted, OverusePolicy.SPACE)

    def check(self, step: Step) -> None:
        key = sort_key(step.params["name"])
        for account in step.open:
            if account.pk != step.actor.account_id:
                step.refuse(account.pk, "not_applicable")
            elif Plan.objects.unscoped(_WHY).filter(account=account, name_key=key).exists():
                step.refuse(account.pk, "plan_name")

    def perform(self, step: Step) -> None:
        for account in step.open:
            plan = Plan(
                account_id=account.pk, reseller_id=account.reseller_id, **_values(step.params)
            )
            plan.save()
            step.created[account.pk] = plan
            step.changed(account.pk, {}, _values(step.params))
            step.index("plan", [plan.pk])


@register
class EditPlan(Operation):
    """Changes the plan, and with it all subscriptions on it that are not locked."""

    noun = "plan"
    verb = "edit"
    label = _("Edit")
    submit_label = _("Update & Sync")
    form_class = PlanForm
    bulk = False
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        plan = targets[0]
        initial = limits_initial(plan.limits, plan.permissions, plan.overuse_policy)
        return initial | {
            "name": plan.name,
            "description": plan.description,
            "validity_days": plan.validity_days,
            "version": plan.version,
        }

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        below = (
            Subscription.objects.visible_to(actor).present().filter(plan_id__in=rows.values("pk"))
        )
        follow, locked = below.filter(is_locked=False).count(), below.filter(is_locked=True).count()
        text = ngettext("%(n)s subscription follows.", "%(n)s subscriptions follow.", follow)
        held = ngettext("%(n)s is locked and stays.", "%(n)s are locked and stay.", locked)
        return [Consequence(f"{text % {'n': follow}} {held % {'n': locked}}", "info")]

    def check(self, step: Step) -> None:
        refuse_stale(step)
        key = sort_key(step.params["name"])
        for plan in step.open:
            same = Plan.objects.unscoped(_WHY).filter(account_id=plan.account_id, name_key=key)
            if same.exclude(pk=plan.pk).exists():
                step.refuse(plan.pk, "plan_name")

    def perform(self, step: Step) -> None:
        for plan in step.open:
            old = {name: getattr(plan, name) for name in _FIELDS}
            for name, value in _values(step.params).items():
                setattr(plan, name, value)
            plan.version += 1
            plan.save()
            sync(plan)
            step.changed(plan.pk, old, _values(step.params))
            step.index("plan", [plan.pk])


def sync(plan: Plan) -> None:
    """Give the plan's values to all its subscriptions that are not locked."""
    rows = Subscription.objects.unscoped(_WHY).filter(plan=plan, is_locked=False)
    rows.update(
        limits=plan.limits,
        permissions=plan.permissions,
        overuse_policy=plan.overuse_policy,
        version=F("version") + 1,
    )
    conditions.judge(rows.values_list("pk", flat=True))


@register
class ClonePlan(Operation):
    noun = "plan"
    verb = "clone"
    label = _("Clone")
    order = 30

    def perform(self, step: Step) -> None:
        for plan in step.open:
            copy = Plan(account_id=plan.account_id, reseller_id=plan.reseller_id)
            for name in _FIELDS:
                setattr(copy, name, getattr(plan, name))
            for number in itertools.count(2):
                copy.name = f"{plan.name[:90]} ({number})"
                try:
                    with transaction.atomic():
                        copy.save()
                    break
                except IntegrityError:
                    # The name is taken: the next number, with a row that was not saved.
                    copy.pk = None
            step.log("plan.add-plan", copy, {}, {"cloned_from": plan.name})
            step.index("plan", [copy.pk])


@register
class RemovePlan(Operation):
    """Its subscriptions become Custom and keep their values."""

    noun = "plan"
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        count = Subscription.objects.visible_to(actor).filter(plan_id__in=rows.values("pk")).count()
        text = ngettext(
            "%(n)s subscription becomes Custom and keeps its values.",
            "%(n)s subscriptions become Custom and keep their values.",
            count,
        )
        return [Consequence(text % {"n": count}, "warn")]

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        Subscription.objects.unscoped(_WHY).filter(plan_id__in=ids).update(
            plan=None, is_locked=False, version=F("version") + 1
        )
        Plan.objects.unscoped(_WHY).filter(pk__in=ids).delete()
        step.index("plan", ids)

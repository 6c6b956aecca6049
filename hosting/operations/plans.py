"""Operations on service plans: hosting plans, add-ons, reseller plans."""

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account, sort_key
from accounts.versions import refuse_stale
from hosting import counters, locks, sync, sync_words, told
from hosting.forms_plans import AddOnForm, LimitsForm, PlanForm, ResellerPlanForm, initial_of
from hosting.models.plans import Plan, PlanKind
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.services import base
from panel.core import reasons, runs
from panel.core.access import Actor, Role
from panel.core.operations import (
    ADMINISTRATOR,
    PROVIDERS,
    Consequence,
    Operation,
    Step,
    operations,
    register,
)
from panel.core.work import State

reasons.declare(
    plan_name=_("There is a plan of this name already."),
    sync_queued=_("%(count)s subscriptions are brought to it in the background."),
    sync_queued_action=_("Show progress"),
)
_WHY = "rows of the targets, which the actor sees"
_FIELDS = ("name", "description", *sync.FIELDS, "validity_days")


class _OfHosting:
    """What hosting plans are called, who has them, and who follows them."""

    noun = "plan"
    kind = PlanKind.HOSTING
    roles = PROVIDERS
    plan_form: ClassVar[type[PlanForm]] = PlanForm

    def followers(self, plans: Any) -> Any:
        """Subscriptions on these plans (a queryset, or numbers)."""
        rows = Subscription.objects.unscoped(_WHY).filter(removing_at=None)
        return rows.filter(plan_id__in=plans)


class _OfAddOns(_OfHosting):
    noun = "addon"
    kind = PlanKind.ADDON
    plan_form = AddOnForm

    def followers(self, plans: Any) -> Any:
        links = SubscriptionAddOn.objects.filter(plan_id__in=plans)
        rows = Subscription.objects.unscoped(_WHY).filter(removing_at=None)
        return rows.filter(pk__in=links.values("subscription_id"))


class _OfResellers(_OfHosting):
    noun = "reseller-plan"
    kind = PlanKind.RESELLER
    roles = ADMINISTRATOR
    plan_form = ResellerPlanForm

    def followers(self, plans: Any) -> Any:
        rows = Account.objects.unscoped(_WHY).filter(role=Role.RESELLER, removing_at=None)
        return rows.filter(plan_id__in=plans)


class _Start:
    """What a new plan starts with: the services' own defaults."""

    def __init__(self, form: type[LimitsForm]) -> None:
        of_reseller = form.of == "reseller"
        self.limits = {
            name: found.reseller_default if of_reseller else found.default
            for name, found in base.resources(form.of).items()
            if not form.adds
        }
        self.permissions = [
            name
            for name, found in base.permissions(form.of).items()
            if (of_reseller and found.of == "subscription") or (found.default and not form.adds)
        ]
        self.settings: dict[str, Any] = {}
        self.applications: list[str] | None = [] if form.adds else None


class _Add(Operation):
    """A plan of the actor's own: an operation on the account it belongs to."""

    noun = "account"
    label = _("Add a Plan")
    bulk = False
    of: ClassVar[Any]

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return initial_of(_Start(self.of.plan_form), self.of.plan_form)

    def check(self, step: Step) -> None:
        for account in step.open:
            if account.pk != step.actor.account_id:
                step.refuse(account.pk, "not_applicable")
            elif _same_name(account.pk, self.of.kind, step.params["name"]).exists():
                step.refuse(account.pk, "plan_name")

    def perform(self, step: Step) -> None:
        for account in step.open:
            values = _values(step.params)
            plan = Plan(
                account_id=account.pk,
                reseller_id=account.reseller_id,
                kind=self.of.kind,
                **values,
            )
            plan.save()
            step.created[account.pk] = plan
            step.changed(account.pk, {}, values)
            step.index(self.of.noun, [plan.pk])


def _values(params: dict[str, Any]) -> dict[str, Any]:
    """The columns that a form of this kind of plan has something to say about."""
    return {name: params[name] for name in _FIELDS if name in params}


def _same_name(account_id: int, kind: str, name: str) -> Any:
    return Plan.objects.unscoped(_WHY).filter(
        account_id=account_id, kind=kind, name_key=sort_key(name)
    )


class _Edit(_OfHosting, Operation):
    """Changes the plan, and with it all that follow it and are not locked."""

    verb = "edit"
    label = _("Edit")
    submit_label = review_label = _("Update & Sync")
    review = True
    bulk = False
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        plan = targets[0]
        names = ("name", "description", "validity_days", "version")
        own = {name: getattr(plan, name) for name in names}
        return initial_of(plan, self.plan_form) | own

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        below = self.followers(rows.values("pk"))
        follow, locked = below.filter(is_locked=False).count(), below.filter(is_locked=True).count()
        return [Consequence(self.numbers(follow, locked), "info")]

    def numbers(self, follow: int, locked: int) -> str:
        text = ngettext("%(n)s subscription follows.", "%(n)s subscriptions follow.", follow)
        held = ngettext("%(n)s is locked and stays.", "%(n)s are locked and stay.", locked)
        return f"{text % {'n': f'{follow:,}'}} {held % {'n': f'{locked:,}'}}"

    def foresee(self, step: Step) -> list[Consequence]:
        """What changes for those who follow; nothing, if there are none."""
        (plan,) = step.open
        values = _values(step.params)
        columns = [name for name in sync.FIELDS if name in values]
        if not self.followers([plan.pk]).filter(is_locked=False).exists():
            return []
        lines = sync_words.told({name: getattr(plan, name) for name in columns}, values)
        return [Consequence(_("This changes for those who follow:"), "warn", lines)] * bool(lines)

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        # What is above plans is locked before them.
        rows = self.followers(ids).filter(is_locked=False).values_list("pk", flat=True)
        if len(below := list(rows[: runs.IN_REQUEST + 1])) <= runs.IN_REQUEST:
            self.lock_followers(below)
        super().lock(actor, ids)

    def lock_followers(self, ids: list[int]) -> None:
        locks.subscriptions(ids)

    def check(self, step: Step) -> None:
        refuse_stale(step, [self.noun], told.of_plans())
        for plan in step.open:
            same = _same_name(plan.account_id, plan.kind, step.params["name"])
            if same.exclude(pk=plan.pk).exists():
                step.refuse(plan.pk, "plan_name")

    def perform(self, step: Step) -> None:
        values = _values(step.params)
        for plan in step.open:
            old = {name: getattr(plan, name) for name in values}
            for name, value in values.items():
                setattr(plan, name, value)
            plan.version += 1
            plan.save()
            self.carry_on(step, plan)
            versions = {"version": plan.version - 1}, {"version": plan.version}
            step.changed(plan.pk, {**old, **versions[0]}, {**values, **versions[1]})
            step.index(self.noun, [plan.pk])

    def carry_on(self, step: Step, plan: Plan) -> None:
        """Bring to it what follows."""
        rows = self.followers([plan.pk]).filter(is_locked=False)
        if rows.count() <= runs.IN_REQUEST:
            sync.follow(rows.values_list("pk", flat=True))
            return
        # Until they have it they say so; the worker takes them up, with progress.
        rows.update(is_unsynced=True)
        run = runs.start_matching(
            operations["subscription.sync"],
            step.actor,
            rows,
            back=f"plan={plan.pk}",
            state=State.QUEUED,
        )
        url = reverse("run_detail", args=[run.pk])
        step.note("sync_queued", count=run.total, action=url)


class _Clone(_OfHosting, Operation):
    verb = "clone"
    label = _("Clone")
    order = 30

    def perform(self, step: Step) -> None:
        for plan in step.open:
            copy = Plan(account_id=plan.account_id, reseller_id=plan.reseller_id, kind=plan.kind)
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
            step.log(f"{self.noun}.add", copy, {}, {"cloned_from": plan.name})
            step.index(self.noun, [copy.pk])


class _Remove(_OfHosting, Operation):
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        count = self.followers(rows.values("pk")).count()
        return [Consequence(self.what_becomes(count) % {"n": f"{count:,}"}, "warn")]

    def what_becomes(self, count: int) -> str:
        """What the removal makes of those that follow."""
        return ngettext(
            "%(n)s subscription becomes Custom and keeps its values.",
            "%(n)s subscriptions become Custom and keep their values.",
            count,
        )

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        self.let_go(ids)
        Plan.objects.unscoped(_WHY).filter(pk__in=ids).delete()
        step.index(self.noun, ids)

    def let_go(self, ids: list[int]) -> None:
        """Take the plans from what follows them; values stay as they are, add-ons included."""
        rows = Subscription.objects.unscoped(_WHY).filter(plan_id__in=ids)
        links = SubscriptionAddOn.objects.filter(subscription__in=rows.values("pk"))
        addons = set(links.values_list("plan_id", flat=True))
        links.delete()
        rows.update(plan=None, is_locked=False, is_unsynced=False, version=F("version") + 1)
        counters.recount_plans(addons)


@register
class AddPlan(_Add):
    verb = "add-plan"
    creates = "plan"
    form_class = PlanForm
    of = _OfHosting


@register
class EditPlan(_Edit):
    """A hosting plan, with all subscriptions on it."""

    form_class = PlanForm


@register
class ClonePlan(_Clone):
    """The values, under a name of its own; nobody is on it yet."""


@register
class RemovePlan(_Remove):
    """Its subscriptions become Custom and keep their values."""


@register
class AddAddOn(_Add):
    verb = "add-addon"
    creates = "addon"
    title = _("Add an Add-on")
    form_class = AddOnForm
    of = _OfAddOns


@register
class EditAddOn(_OfAddOns, _Edit):
    """An add-on, with all subscriptions that have it."""

    form_class = AddOnForm


@register
class CloneAddOn(_OfAddOns, _Clone):
    """The values, under a name of its own; nobody has it yet."""


@register
class RemoveAddOn(_OfAddOns, _Remove):
    """Nobody loses by it: what has it keeps its values, and no longer follows its plan."""

    def what_becomes(self, count: int) -> str:
        return ngettext(
            "%(n)s subscription has it: that is locked and keeps its values. Unlock & Sync brings"
            " it to its plan without the add-on.",
            "%(n)s subscriptions have it: they are locked and keep their values. Unlock & Sync"
            " brings them to their plans without the add-on.",
            count,
        )

    def let_go(self, ids: list[int]) -> None:
        links = SubscriptionAddOn.objects.filter(plan_id__in=ids)
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=links.values("subscription_id"))
        rows.update(is_locked=True, is_unsynced=False, version=F("version") + 1)
        links.delete()


@register
class AddResellerPlan(_Add):
    verb = "add-reseller-plan"
    creates = "reseller-plan"
    title = _("Add a Reseller Plan")
    roles = ADMINISTRATOR
    form_class = ResellerPlanForm
    of = _OfResellers


@register
class EditResellerPlan(_OfResellers, _Edit):
    """A reseller plan, with all resellers on it."""

    form_class = ResellerPlanForm

    def numbers(self, follow: int, locked: int) -> str:
        text = ngettext("%(n)s reseller follows.", "%(n)s resellers follow.", follow)
        held = ngettext("%(n)s is locked and stays.", "%(n)s are locked and stay.", locked)
        return f"{text % {'n': f'{follow:,}'}} {held % {'n': f'{locked:,}'}}"

    def carry_on(self, step: Step, plan: Plan) -> None:
        rows = self.followers([plan.pk]).filter(is_locked=False)
        sync.resellers_follow(rows.values_list("pk", flat=True))

    def lock_followers(self, ids: list[int]) -> None:
        locks.accounts(ids)


@register
class CloneResellerPlan(_OfResellers, _Clone):
    """The values, under a name of its own; nobody is on it yet."""


@register
class RemoveResellerPlan(_OfResellers, _Remove):
    """Its resellers stand by themselves, with their values."""

    def what_becomes(self, count: int) -> str:
        return ngettext(
            "%(n)s reseller becomes Custom and keeps its values.",
            "%(n)s resellers become Custom and keep their values.",
            count,
        )

    def let_go(self, ids: list[int]) -> None:
        rows = Account.objects.unscoped(_WHY).filter(plan_id__in=ids)
        rows.update(plan_id=None, is_locked=False, version=F("version") + 1)

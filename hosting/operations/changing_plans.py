"""Change Plan: another plan for each, with its values and validity, and add-ons on top of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import (
    conditions,
    counters,
    creating,
    limits,
    locks,
    permissions,
    sync,
    sync_words,
)
from hosting.forms import ChangedPlanField
from hosting.forms_subscriptions import ChangedPlanForm, ChangePlanForm
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.operations.base import OnSubscriptions
from hosting.operations.planning import is_prolonging_own, named, refuse_allotments
from hosting.services import base
from panel.core import chunks, reasons
from panel.core.access import Actor
from panel.core.markup import day
from panel.core.operations import Consequence, Refused, Step, register
from panel.core.rows import among

reasons.declare(
    stays_locked=_("Locked, and keeps its own values until Unlock & Sync: %(names)s."),
    custom_no_addons=_("A subscription on no plan has no add-ons. Choose a service plan."),
)
_WHY = "rows of the targets, which the actor sees"
_NAMED = 5


@dataclass
class _Choice:
    """What was chosen for some of the targets, and what each of them has now."""

    plan: Plan | None
    addons: list[Plan]
    present: dict[int, list[Plan]]
    # What these plans promise, and what the resellers above may grant.
    promise: dict[str, Any] = field(default_factory=dict)
    masks: dict[int, frozenset[str]] = field(default_factory=dict)

    def is_so(self, row: Any) -> bool:
        """Whether a subscription has just that already."""
        return not self.takes_plan(row) and self.keeps_addons(row)

    def takes_plan(self, row: Any) -> bool:
        return row.plan_id != (self.plan.pk if self.plan else None)

    def keeps_addons(self, row: Any) -> bool:
        return {one.pk for one in self.present.get(row.pk, [])} == {one.pk for one in self.addons}

    def leaves_values(self, row: Any) -> bool:
        """On no plan the values stay; so do those of a locked one that only gets other add-ons."""
        return self.plan is None or (row.is_locked and not self.takes_plan(row))

    def values(self, row: Any) -> dict[str, Any]:
        """The values that a subscription has then."""
        if self.plan is None or self.leaves_values(row):
            return {name: getattr(row, name) for name in sync.FIELDS}
        return sync.due(row, self.promise, self.masks.get(row.reseller_id or 0))


@register
class ChangePlan(OnSubscriptions):
    """Another plan of the provider with its values and validity, and add-ons on top of it; Custom
    plan keeps the values. The same plan for all, and others where one says so."""

    verb = "change-plan"
    label = _("Change Plan")
    form_class = ChangePlanForm
    item_form_class = ChangedPlanForm
    review = True
    order = 40

    def lock_for(self, actor: Actor, ids: Sequence[int], given: dict[str, Any]) -> None:
        each = [given.get(chunks.FOR_ALL) or {}, *(given.get(chunks.EACH) or {}).values()]
        chosen = [*(one.get("plan") for one in each), *(given.get("addons") or [])]
        locks.subscriptions(ids, plans=[int(text) for text in chosen if str(text or "").isdigit()])

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        addons = sync.addons_of([targets[0].pk]).get(targets[0].pk, [])
        return {"addons": [one.pk for one in addons]}

    def item_initial(self, actor: Actor, target: Any) -> dict[str, Any]:
        return {"plan": target.plan_id}

    def items_initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        """Of several none loses its plan by nobody having looked."""
        if len(targets) == 1:
            return self.item_initial(actor, targets[0])
        return {"plan": ChangedPlanField.KEEP}

    def choices(self, step: Step) -> dict[int, _Choice]:
        """What was chosen for each, as it is now; refuses those whose plan is gone, and raises
        Refused where an add-on is."""
        wanted = {row.pk: step.items.get(row.pk, {}).get("plan") for row in step.open}
        addons = [creating.plan_now(one) for one in step.params.get("addons") or ()]
        present = sync.addons_of(step.targets)
        masks = permissions.of_resellers(row.reseller_id for row in step.open)
        by_plan: dict[int | None, _Choice | None] = {None: _Choice(None, [], present)}
        for plan in wanted.values():
            if plan is None or plan.pk in by_plan:
                continue
            try:
                now = creating.plan_now(plan)
            except Refused:
                now = None
            if now is None:
                by_plan[plan.pk] = None
                continue
            kept = [one for one in addons if one is not None]
            promise = sync.values_of(now, kept)
            by_plan[plan.pk] = _Choice(now, kept, present, promise, masks)
        found = {}
        for pk, plan in wanted.items():
            choice = by_plan[plan.pk if plan is not None else None]
            if choice is None:
                step.refuse(pk, "plan_gone")
            else:
                found[pk] = choice
        return found

    def check(self, step: Step) -> None:
        try:
            choices = step.params["choices"] = self.choices(step)
        except Refused as refused:
            for row in step.open:
                step.refuse(row.pk, refused.code)
            return
        for row in step.open:
            choice = choices[row.pk]
            if choice.plan is None and self._asks_addons(step, choice, row):
                step.refuse(row.pk, "custom_no_addons")
            elif choice.is_so(row):
                step.leave(row.pk)
        refuse_allotments(
            step, {row.pk: choices[row.pk].values(row)["limits"] for row in step.open}
        )

    def _asks_addons(self, step: Step, choice: _Choice, row: Any) -> bool:
        """Whether add-ons are wanted on no plan; those that it has go with its plan."""
        asked = {one.pk for one in step.params.get("addons") or ()}
        return bool(asked - {one.pk for one in choice.present.get(row.pk, [])})

    def perform(self, step: Step) -> None:
        ids, rows = step.open_ids, step.open
        choices: dict[int, _Choice] = {row.pk: step.params["choices"][row.pk] for row in rows}
        followers = [row.pk for row in rows if not choices[row.pk].leaves_values(row)]
        counted = {row.plan_id for row in rows}
        counted |= {one.pk for pk in ids for one in choices[pk].present.get(pk, [])}
        for choice, group in _groups(rows, choices):
            self._write(step, choice, group)
            counted |= {one.pk for one in [choice.plan, *choice.addons] if one}
        changed = sync.follow(followers)
        conditions.judge(ids)
        sync.judge(ids)
        counters.recount_plans(counted)
        plans = Plan.objects.unscoped(_WHY).in_bulk({row.plan_id for row in rows if row.plan_id})
        for row in rows:
            choice = choices[row.pk]
            old, new = changed.get(row.pk, ({}, {}))
            before = [str(one) for one in choice.present.get(row.pk, [])]
            was = {"plan": _name(plans.get(row.plan_id)), "addons": before}
            now = {"plan": _name(choice.plan), "addons": [str(one) for one in choice.addons]}
            versions = {"version": row.version}, {"version": row.version + 1 + bool(new)}
            step.changed(row.pk, {**was, **old, **versions[0]}, {**now, **new, **versions[1]})
        locked = [row for row in rows if row.is_locked and not choices[row.pk].takes_plan(row)]
        if locked:
            step.note("stays_locked", names=[str(row) for row in locked[:_NAMED]])

    def _write(self, step: Step, choice: _Choice, rows: Sequence[Any]) -> None:
        """Plan, add-ons, validity; the values follow."""
        ids = [row.pk for row in rows]
        links = SubscriptionAddOn.objects
        links.filter(subscription_id__in=among(ids)).delete()
        links.bulk_create(
            SubscriptionAddOn(subscription_id=pk, plan=one) for pk in ids for one in choice.addons
        )
        stored = Subscription.objects.unscoped(_WHY)
        stored.filter(pk__in=among(ids)).update(plan=choice.plan, version=F("version") + 1)
        taking = [row for row in rows if choice.takes_plan(row)]
        values: dict[str, Any] = {"is_locked": False}
        if choice.plan is not None:
            values["expires_on"] = creating.expires_with(choice.plan)
        stored.filter(pk__in=among([row.pk for row in taking])).update(**values)
        for row in taking if choice.plan is not None else ():
            if is_prolonging_own(step.actor, row, values["expires_on"]):
                stored.filter(pk=row.pk).update(expires_on=row.expires_on)

    def foresee(self, step: Step) -> list[Consequence]:
        choices, rows = step.params.get("choices"), step.open
        if choices is None:
            return []
        given = {row.pk: choices[row.pk].values(row) for row in rows}
        found = [
            one for choice, group in _groups(rows, choices) for one in _what_is_taken(choice, group)
        ]
        return [
            *found,
            *_what_changes(step, choices, rows, given),
            *_what_is_too_much(rows, given),
        ]


def _groups(rows: Sequence[Any], choices: dict[int, _Choice]) -> list[tuple[_Choice, list[Any]]]:
    """The rows by what was chosen for them, in their order."""
    found: dict[int | None, tuple[_Choice, list[Any]]] = {}
    for row in rows:
        choice = choices[row.pk]
        key = choice.plan.pk if choice.plan else None
        found.setdefault(key, (choice, []))[1].append(row)
    return list(found.values())


def _name(plan: Plan | None) -> str:
    return str(plan or _("Custom plan"))


def _what_is_taken(choice: _Choice, rows: Sequence[Any]) -> list[Consequence]:
    n = f"{len(rows):,}"
    if choice.plan is None:
        text = ngettext(
            "%(n)s subscription becomes Custom: its values stay, changes of plans and add-ons no"
            " longer reach it.",
            "%(n)s subscriptions become Custom: their values stay, changes of plans and add-ons no"
            " longer reach them.",
            len(rows),
        )
        return [Consequence(text % {"n": n}, "info", named(rows))]
    text = ngettext(
        "%(n)s subscription has the service plan %(plan)s then.",
        "%(n)s subscriptions have the service plan %(plan)s then.",
        len(rows),
    )
    found = [Consequence(text % {"n": n, "plan": choice.plan}, "info", named(rows))]
    kept = {one.pk for one in choice.addons}
    losing = [row for row in rows if {one.pk for one in choice.present.get(row.pk, [])} - kept]
    if losing:
        found.append(Consequence(_("Add-ons are taken away from:"), "warn", named(losing)))
    if choice.addons:
        names = [str(one) for one in choice.addons]
        found.append(Consequence(_("Add-ons on top of it:"), "info", names))
    return found


def _what_changes(
    step: Step, choices: dict[int, _Choice], rows: Sequence[Any], given: dict[int, Any]
) -> list[Consequence]:
    """Of one, value by value; of many, what would be lost."""
    found = []
    if len(rows) == 1:
        (row,) = rows
        choice = choices[row.pk]
        before = {name: getattr(row, name) for name in sync.FIELDS}
        lines = sync_words.told(before, given[row.pk])
        if choice.plan is not None and choice.takes_plan(row):
            until = creating.expires_with(choice.plan)
            if until != row.expires_on and not is_prolonging_own(step.actor, row, until):
                old, new = (day(one) or _("never") for one in (row.expires_on, until))
                lines.append(str(_("Expires: %(old)s → %(new)s")) % {"old": old, "new": new})
        found.append(Consequence(_("These change:"), "info", lines) if lines else _NO_CHANGE)
    locked = [(row, choices[row.pk]) for row in rows if row.is_locked]
    replaced = [row for row, choice in locked if not choice.leaves_values(row)]
    if replaced:
        text = _("Locked until now: values of their own are replaced.")
        found.append(Consequence(text, "warn", named(replaced)))
    kept = [row for row, choice in locked if choice.leaves_values(row) and choice.plan]
    if kept:
        text = _("Locked: the values stay as they are until Unlock & Sync.")
        found.append(Consequence(text, "warn", named(kept)))
    return found


_NO_CHANGE = Consequence(_("No value changes by that."))


def _what_is_too_much(rows: Sequence[Any], given: dict[int, Any]) -> list[Consequence]:
    """Lowering is never refused: it shows as overused, or shuts where the policy says so."""
    over: list[Any] = []
    shut: list[Any] = []
    for row in rows:
        values = given[row.pk]
        names = limits.overused(values["limits"], row.usage)
        if not names or (row.is_overused and values["limits"] == row.limits):
            continue
        measured = [name for name in names if base.resources()[name].unit == "bytes"]
        is_shut = values["overuse_policy"] == OverusePolicy.FORBIDDEN and measured
        (shut if is_shut else over).append(row)
    found = []
    if over:
        text = _("These use more than they may then, and show as overused:")
        found.append(Consequence(text, "warn", named(over)))
    if shut:
        text = _("These use more than they may then, and are suspended for it:")
        found.append(Consequence(text, "bad", named(shut)))
    return found

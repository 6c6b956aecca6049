"""What a subscription has: Change Plan with add-ons, Customize, and until when it has it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.versions import refuse_stale
from hosting import (
    conditions,
    counters,
    creating,
    demand,
    limits,
    locks,
    permissions,
    provisioning,
    sync,
    sync_words,
    told,
)
from hosting.forms_plans import CustomizeForm, initial_of
from hosting.forms_subscriptions import ChangePlanForm, SetExpiryForm
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.operations.base import OnSubscriptions
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor
from panel.core.markup import day
from panel.core.operations import MORE, Consequence, Refused, Step, register
from panel.core.rows import among

reasons.declare(
    own_expiry=_("Nobody sets the expiry of an own subscription."),
    stays_locked=_("Locked, and keeps its own values until Unlock & Sync: %(names)s."),
    custom_no_addons=_("A subscription on no plan has no add-ons. Choose a service plan."),
)
_WHY = "rows of the targets, which the actor sees"
_NAMED = 5


@dataclass
class _Choice:
    """What was chosen, and what each has now."""

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
    plan keeps the values."""

    verb = "change-plan"
    label = _("Change Plan")
    form_class = ChangePlanForm
    review = True
    order = 40

    def lock_for(self, actor: Actor, ids: Sequence[int], given: dict[str, Any]) -> None:
        chosen = [given.get("plan"), *(given.get("addons") or [])]
        locks.subscriptions(ids, plans=[int(text) for text in chosen if str(text or "").isdigit()])

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        addons = sync.addons_of([targets[0].pk]).get(targets[0].pk, [])
        return {"plan": targets[0].plan_id, "addons": [one.pk for one in addons]}

    def choice(self, step: Step) -> _Choice:
        """What was chosen, as it is now; Refused if it is gone."""
        plan = creating.plan_now(step.params.get("plan"))
        addons = [creating.plan_now(one) for one in step.params.get("addons") or ()]
        kept = [one for one in addons if one is not None] if plan is not None else []
        choice = _Choice(plan, kept, sync.addons_of(step.targets))
        if plan is not None:
            choice.promise = sync.values_of(plan, kept)
            choice.masks = permissions.of_resellers(row.reseller_id for row in step.open)
        return choice

    def check(self, step: Step) -> None:
        try:
            choice = step.params["choice"] = self.choice(step)
        except Refused as refused:
            for row in step.open:
                step.refuse(row.pk, refused.code)
            return
        for row in step.open:
            if choice.plan is None and self._asks_addons(step, choice, row):
                step.refuse(row.pk, "custom_no_addons")
            elif choice.is_so(row):
                step.leave(row.pk)
        refuse_allotments(step, {row.pk: choice.values(row)["limits"] for row in step.open})

    def _asks_addons(self, step: Step, choice: _Choice, row: Any) -> bool:
        """Whether add-ons are wanted on no plan; those that it has go with its plan."""
        asked = {one.pk for one in step.params.get("addons") or ()}
        return bool(asked - {one.pk for one in choice.present.get(row.pk, [])})

    def perform(self, step: Step) -> None:
        choice: _Choice = step.params["choice"]
        ids, rows = step.open_ids, step.open
        followers = [row.pk for row in rows if not choice.leaves_values(row)]
        counters_before = {row.plan_id for row in rows}
        counters_before |= {one.pk for pk in ids for one in choice.present.get(pk, [])}
        self._write(step, choice)
        changed = sync.follow(followers)
        conditions.judge(ids)
        sync.judge(ids)
        now = [choice.plan, *choice.addons]
        counters.recount_plans([*counters_before, *(one.pk for one in now if one)])
        names = {"plan": _name(choice.plan), "addons": [str(one) for one in choice.addons]}
        plans = Plan.objects.unscoped(_WHY).in_bulk({row.plan_id for row in rows if row.plan_id})
        locked = [row for row in rows if row.is_locked and not choice.takes_plan(row)]
        for row in rows:
            old, new = changed.get(row.pk, ({}, {}))
            before = [str(one) for one in choice.present.get(row.pk, [])]
            was = {"plan": _name(plans.get(row.plan_id)), "addons": before}
            versions = {"version": row.version}, {"version": row.version + 1 + bool(new)}
            step.changed(row.pk, {**was, **old, **versions[0]}, {**names, **new, **versions[1]})
        if locked:
            step.note("stays_locked", names=[str(row) for row in locked[:_NAMED]])

    def _write(self, step: Step, choice: _Choice) -> None:
        """Plan, add-ons, validity; the values follow."""
        rows, ids = step.open, step.open_ids
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
        choice, rows = step.params.get("choice"), step.open
        if choice is None:
            return []
        given = {row.pk: choice.values(row) for row in rows}
        return [
            *_what_is_taken(choice, rows),
            *_what_changes(step, choice, rows, given),
            *_what_is_too_much(rows, given),
        ]


def _name(plan: Plan | None) -> str:
    return str(plan or _("Custom plan"))


def is_prolonging_own(actor: Actor, row: Any, expires_on: date | None) -> bool:
    """Nobody prolongs an own subscription, by way of another plan neither."""
    if actor.is_administrator or row.account_id != actor.account_id or not row.expires_on:
        return False
    return expires_on is None or row.expires_on < expires_on


def refuse_allotments(step: Step, given: dict[int, Any]) -> None:
    """Refuse those for whose new limits the reseller above has nothing left to promise. `given`
    are the limits to come, by target."""
    asked = {
        row.pk: demand.of_change(row.limits, given[row.pk]) for row in step.open if row.pk in given
    }
    demand.refuse_beyond(step, asked)


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
        return [Consequence(text % {"n": n})]
    text = ngettext(
        "%(n)s subscription has the service plan %(plan)s then.",
        "%(n)s subscriptions have the service plan %(plan)s then.",
        len(rows),
    )
    found = [Consequence(text % {"n": n, "plan": choice.plan})]
    kept = {one.pk for one in choice.addons}
    losing = [row for row in rows if {one.pk for one in choice.present.get(row.pk, [])} - kept]
    if losing:
        found.append(Consequence(_("Add-ons are taken away from:"), "warn", named(losing)))
    if choice.addons:
        names = [str(one) for one in choice.addons]
        found.append(Consequence(_("Add-ons on top of it:"), "info", names))
    return found


def _what_changes(
    step: Step, choice: _Choice, rows: Sequence[Any], given: dict[int, Any]
) -> list[Consequence]:
    """Of one, value by value; of many, what would be lost."""
    found = []
    if len(rows) == 1:
        (row,) = rows
        before = {name: getattr(row, name) for name in sync.FIELDS}
        lines = sync_words.told(before, given[row.pk])
        if choice.plan is not None and choice.takes_plan(row):
            until = creating.expires_with(choice.plan)
            if until != row.expires_on and not is_prolonging_own(step.actor, row, until):
                old, new = (day(one) or _("never") for one in (row.expires_on, until))
                lines.append(str(_("Expires: %(old)s → %(new)s")) % {"old": old, "new": new})
        found.append(Consequence(_("These change:"), "info", lines) if lines else _NO_CHANGE)
    replaced = [row for row in rows if row.is_locked and not choice.leaves_values(row)]
    if replaced:
        text = _("Locked until now: values of their own are replaced.")
        found.append(Consequence(text, "warn", named(replaced)))
    kept = [row for row in rows if row.is_locked and choice.leaves_values(row) and choice.plan]
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


def named(rows: Sequence[Any]) -> list[str]:
    """The first names, and how many more there are."""
    shown = [str(row) for row in rows[:_NAMED]]
    more = len(rows) - len(shown)
    words = ngettext("and %(n)s more", "and %(n)s more", more)
    return [*shown, words % {"n": f"{more:,}"}] if more > 0 else shown


@register
class Customize(OnSubscriptions):
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
        # A plan brings its values without an entry for each that follows.
        refuse_stale(step, [self.noun], told.fields(), is_whole=True)
        refuse_allotments(step, {row.pk: step.params["limits"] for row in step.open})

    def perform(self, step: Step) -> None:
        values = {name: step.params[name] for name in sync.FIELDS}
        for row in step.open:
            version = row.version
            old = {name: getattr(row, name) for name in sync.differing(row, values)}
            for name, value in values.items():
                setattr(row, name, value)
            row.is_locked = row.plan_id is not None
            row.version += 1
            row.save()
            new = {name: values[name] for name in old}
            step.changed(row.pk, {**old, "version": version}, {**new, "version": version + 1})
            if "settings" in old:
                provisioning.touch([row.pk])
        conditions.judge(step.open_ids)
        sync.judge(step.open_ids)


@register
class SetExpiry(OnSubscriptions):
    """The last day; judged at once. Set from above, never by the subscriber for itself."""

    verb = "set-expiry"
    label = _("Set expiry")
    bulk_group = MORE
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
        until = step.params["expires_on"]
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(expires_on=until, version=F("version") + 1)
        conditions.judge(step.open_ids)
        for row in step.open:
            old = {"expires_on": row.expires_on, "version": row.version}
            step.changed(row.pk, old, {"expires_on": until, "version": row.version + 1})

"""What a subscription has of its own: Customize, and until when it has it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.versions import refuse_stale
from hosting import (
    conditions,
    demand,
    provisioning,
    sync,
    told,
)
from hosting.forms_plans import CustomizeForm, initial_of
from hosting.forms_subscriptions import SetExpiryForm
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Step, register

reasons.declare(
    own_expiry=_("Nobody sets the expiry of an own subscription."),
    held_expiry=_(
        "It had this expiry when its provider gave it away, so that the administrator alone can"
        " set another."
    ),
)
_WHY = "rows of the targets, which the actor sees"
_NAMED = 5


def is_prolonging_own(actor: Actor, row: Any, expires_on: date | None) -> bool:
    """Nobody prolongs an own subscription, by way of another plan neither; nor one that it gave
    away, to have it back afterwards."""
    is_own = row.account_id == actor.account_id or row.is_expiry_held
    if actor.is_administrator or not is_own or not row.expires_on:
        return False
    return expires_on is None or row.expires_on < expires_on


def _is_own(row: Any, actor: Actor) -> bool:
    """Whether it belongs to who acts, with somebody above who says when it ends."""
    return not actor.is_administrator and row.account_id == actor.account_id


def refuse_allotments(step: Step, given: dict[int, Any]) -> None:
    """Refuse those for whose new limits the reseller above has nothing left to promise. `given`
    are the limits to come, by target."""
    asked = {
        row.pk: demand.of_change(row.limits, given[row.pk]) for row in step.open if row.pk in given
    }
    demand.refuse_beyond(step, asked)


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
            if sync.reaches_nodes(old, new):
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

    def offered(self, target: Any, actor: Actor) -> bool:
        return super().offered(target, actor) and not _is_own(target, actor)

    def check(self, step: Step) -> None:
        for row in step.open:
            if _is_own(row, step.actor):
                step.refuse(row.pk, "own_expiry")
            elif not step.actor.is_administrator and row.is_expiry_held:
                step.refuse(row.pk, "held_expiry")
            elif row.expires_on == step.params["expires_on"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        until = step.params["expires_on"]
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(expires_on=until, is_expiry_held=False, version=F("version") + 1)
        conditions.judge(step.open_ids)
        for row in step.open:
            old = {"expires_on": row.expires_on, "version": row.version}
            step.changed(row.pk, old, {"expires_on": until, "version": row.version + 1})

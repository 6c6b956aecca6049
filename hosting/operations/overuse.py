"""Recalculate: how much is used, measured anew, with what follows from that."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import conditions, counters, limits, questions
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, MORE, Step, register

reasons.declare(
    still_overused=_("%(names)s: still more than allowed (%(what)s)."),
    measured_soon=_(
        "%(names)s: being measured anew. What was freed counts as soon as the server has answered."
    ),
    runs_again=_("%(names)s: no longer over its limits, and active again."),
)
_WHY = "rows of the targets, which the actor sees"


@register
class Recalculate(OnSubscriptions):
    """Measures and judges at once, for whoever has just made room; who is shut for nothing but
    overuse runs again without waiting for anybody."""

    verb = "recalculate"
    label = _("Recalculate")
    bulk_group = MORE
    roles = ANY_ROLE
    order = 65

    def offered(self, target: Any, actor: Actor) -> bool:
        return bool(target.is_overused)

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        conditions.judge(ids)
        # What the node has to say comes a moment later, and is judged then.
        questions.measure(step.open)
        counters.recount_accounts(row.reseller_id for row in step.open if row.reseller_id)
        now = Subscription.objects.unscoped(_WHY).in_bulk(ids)
        for before in step.open:
            row = now[before.pk]
            if row.is_overused:
                step.note("still_overused", names=[str(row)], what=over_words(row))
                if _is_measured(row):
                    step.note("measured_soon", names=[str(row)])
            elif before.is_overuse_only and not row.is_suspended:
                step.note("runs_again", names=[str(row)])
            if (row.usage, row.is_overused) == (before.usage, before.is_overused):
                step.leave(row.pk)
            else:
                step.changed(row.pk, {"usage": before.usage}, {"usage": row.usage})


def _is_measured(row: Any) -> bool:
    declared = base.resources()
    over = [declared[name] for name in limits.overused(row.limits, row.usage) if name in declared]
    return any(resource.unit == "bytes" for resource in over)


def over_words(row: Any) -> str:
    """Of what more is used than allowed: "Domains 7 of 5"."""
    declared = base.resources()
    told = []
    for name in limits.overused(row.limits, row.usage):
        if name in declared:
            figures = {
                "used": limits.shown(declared[name], row.usage[name]),
                "limit": limits.shown(declared[name], limits.limit_of(row.limits, name)),
            }
            told.append(f"{declared[name].label} {_('%(used)s of %(limit)s') % figures}")
    return ", ".join(told)

"""Operations that bring subscriptions to their plans: Sync, and Unlock & Sync."""

from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import sync, sync_words
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Consequence, Step, register

reasons.declare(
    no_plan=_("It is on no plan: there is nothing to synchronise it with."),
    locked=_("It has values of its own. Unlock & Sync brings it back to its plan."),
    still_unsynced=_(
        "Not everything that the plan promises can be in force: %(names)s. The page of the"
        " subscription shows what."
    ),
)
_WHY = "rows of the targets, which the actor sees"


class _Synchronising(OnSubscriptions):
    def perform(self, step: Step) -> None:
        ids = step.open_ids
        changed = sync.follow(ids)
        for pk in ids:
            if pk in changed:
                step.changed(pk, *changed[pk])
        amiss = Subscription.objects.unscoped(_WHY).filter(pk__in=ids, is_unsynced=True)
        names = list(amiss.order_by("name_key").values_list("name", flat=True))
        if names:
            step.note("still_unsynced", count=len(names), names=names[:5])
        self.done(step, set(changed))

    def done(self, step: Step, changed: set[int]) -> None:
        """What became of each, where it is not the same for all."""


@register
class Sync(_Synchronising):
    """Try again to give what the plan promises."""

    verb = "sync"
    label = _("Sync")
    order = 45

    def offered(self, target: Any, actor: Actor) -> bool:
        return target.plan_id is not None and target.is_unsynced and not target.is_locked

    def check(self, step: Step) -> None:
        for row in step.open:
            if row.plan_id is None:
                step.refuse(row.pk, "no_plan")
            elif row.is_locked:
                step.refuse(row.pk, "locked")

    def done(self, step: Step, changed: set[int]) -> None:
        for pk in step.open_ids:
            if pk not in changed:
                step.leave(pk)


@register
class UnlockAndSync(_Synchronising):
    """Give up the values of its own and follow the plan again."""

    verb = "unlock-and-sync"
    label = _("Unlock & Sync")
    bulk_group = MORE
    confirm = "always"
    order = 46

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_locked

    def is_done(self, target: Any) -> bool:
        return not target.is_locked

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        found = list(rows[:2])
        if len(found) == 1:
            return [Consequence(_("It follows its plan again:"), "warn", changes_of(found[0]))]
        count = rows.filter(is_locked=True).count()
        text = ngettext(
            "%(n)s subscription gives up its own values and follows its plan again.",
            "%(n)s subscriptions give up their own values and follow their plans again.",
            count,
        )
        return [Consequence(text % {"n": f"{count:,}"}, "warn")]

    def perform(self, step: Step) -> None:
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=step.open_ids)
        rows.update(is_locked=False, version=F("version") + 1)
        super().perform(step)


def changes_of(row: Subscription) -> list[str]:
    """What changes when a locked subscription follows its plan again."""
    row.is_locked = False
    found = [
        str(_("%(what)s: %(old)s → %(new)s"))
        % {"what": one.label, "old": one.other, "new": one.one}
        for one in sync_words.shortfalls(row)
    ]
    return found or [str(_("Its values are those of the plan; nothing changes."))]

"""Operations on when tasks run: switched off, switched on, now."""

from typing import Any, ClassVar

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting import suspension
from hosting.models.nodes import Node
from hosting.models.suspension import PERSONAL
from hosting.services.cron.operations import OnTasks
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Step, register

reasons.declare(
    task_off_above=_("%(name)s was switched off by your provider, who can switch it on again."),
    task_suspended=_("%(name)s is suspended, and so are its scheduled tasks."),
    no_cron=_("The server of %(name)s runs no scheduled tasks."),
)


class _SetActive(OnTasks):
    """The task's own state; the subscription's suspension stands beside it."""

    group = _("Change Status")
    wanted: ClassVar[bool]

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return bool(target.is_active != self.wanted)

    def is_done(self, target: Any) -> bool:
        return bool(target.is_active == self.wanted)

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            own = PERSONAL.index(suspension.level_of(step.actor, row.subscription))
            if row.is_active == self.wanted:
                step.leave(row.pk)
            elif row.off_level and PERSONAL.index(row.off_level) < own:
                step.refuse(row.pk, "task_off_above", name=str(row))

    def perform(self, step: Step) -> None:
        by_level: dict[str, list[int]] = {}
        for row in step.open:
            level = "" if self.wanted else str(suspension.level_of(step.actor, row.subscription))
            by_level.setdefault(level, []).append(row.pk)
            step.changed(row.pk, {"is_active": row.is_active}, {"is_active": self.wanted})
        for level, ids in by_level.items():
            self.rows(step).filter(pk__in=ids).update(
                is_active=self.wanted, off_level=level, version=F("version") + 1
            )
        self.touch(step)


@register
class ActivateTask(_SetActive):
    verb = "activate"
    label = _("Activate")
    wanted = True
    order = 20


@register
class DeactivateTask(_SetActive):
    """It is not run any more; one that runs is ended."""

    verb = "deactivate"
    label = _("Deactivate")
    wanted = False
    order = 21


@register
class RunTask(OnTasks):
    """Begun as soon as the node hears of it, whatever the times say; what came of it is shown."""

    verb = "run-now"
    label = _("Run now")
    bulk = False
    order = 5

    def check(self, step: Step) -> None:
        super().check(step)
        nodes = Node.objects.in_bulk({row.subscription.node_id for row in step.open})
        for row in step.open:
            if row.subscription.is_suspended:
                step.refuse(row.pk, "task_suspended", name=str(row.subscription))
            elif not nodes[row.subscription.node_id].has("cron"):
                step.refuse(row.pk, "no_cron", name=str(row.subscription))

    def perform(self, step: Step) -> None:
        self.rows(step).update(asked_at=timezone.now())
        self.touch(step)

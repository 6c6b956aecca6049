"""Operations on scheduled tasks: adding, editing, removing."""

from collections.abc import Sequence
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.versions import refuse_stale
from hosting import creating, locks, permissions, provisioning
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from hosting.services.cron import driver_schedule as schedule
from hosting.services.cron.driver_desired import MOST_TASKS
from hosting.services.cron.forms import LINE, EditTaskForm, TaskForm
from hosting.services.cron.models import Kind, ScheduledTask
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Refused, Step, register

WHY = "rows of the targets, which the actor sees"
SAFE, ANY = "manage_cron", "manage_cron_commands"
FIELDS = ("description", "kind", "what", "line", "zone", "seconds", "memory", "mail_to")

reasons.declare(
    tasks_many=_("%(name)s has %(n)s scheduled tasks, and that is the most. Remove one first."),
)


def permission_for(kind: str) -> str:
    """A command is as good as a shell; to ask for an address or run a site's code is less."""
    return ANY if kind == Kind.COMMAND else SAFE


def told(row: ScheduledTask) -> dict[str, Any]:
    """A task, for the log."""
    return {name: getattr(row, name) for name in FIELDS}


def next_times(line: str, zone: str) -> list[str]:
    """The next five times, in the zone of the task."""
    where = ZoneInfo(zone)
    found = schedule.next_runs(schedule.parse(line), where, timezone.now().timestamp(), 5)
    shown = (timezone.datetime.fromtimestamp(at, where) for at in found)
    return [at.strftime("%a %Y-%m-%d %H:%M %Z") for at in shown]


def foreseen(params: dict[str, Any]) -> list[Consequence]:
    """What the page says before a task is kept."""
    return [
        Consequence(_("The next five runs:"), "info", next_times(params["line"], params["zone"]))
    ]


@register
class AddTask(OnSubscriptions):
    """One more task."""

    verb = "add-scheduled-task"
    creates = "scheduled-task"
    label = _("Add Scheduled Task")
    roles = ANY_ROLE
    form_class = TaskForm
    bulk = False
    sidebar = False
    review = True
    review_label = _("Show the next runs")
    order = 28

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if not targets:
            return {}
        account = Account.objects.unscoped(WHY).filter(pk=targets[0].account_id).first()
        return {"zone": account.time_zone if account else "UTC"}

    def check(self, step: Step) -> None:
        # What stands against it whatever its kind comes first, as with everything else.
        kind = step.params.get("kind", "")
        refuse_without(step, permission_for(kind), {row.pk: row for row in step.open})

    def foresee(self, step: Step) -> list[Consequence]:
        return foreseen(step.params)

    def perform(self, step: Step) -> None:
        given = {name: step.params[name] for name in FIELDS}
        for row in step.open:
            try:
                creating.refuse_full(step, row, "scheduled_tasks")
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            rows = ScheduledTask.objects.unscoped(WHY).filter(subscription=row)
            if rows.count() >= MOST_TASKS:
                step.refuse(row.pk, "tasks_many", name=str(row), n=MOST_TASKS)
                continue
            made = ScheduledTask.objects.create(
                account_id=row.account_id, reseller_id=row.reseller_id, subscription=row, **given
            )
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"scheduled_task": told(made)})
        provisioning.touch(step.open_ids)
        creating.settle(step, step.open, [])

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/scheduled-tasks/"


class OnTasks(Operation):
    """Tasks are locked behind their subscriptions."""

    noun = "scheduled-task"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = ScheduledTask.objects.unscoped(WHY).filter(pk__in=ids)
        locks.subscriptions(list(rows.values_list("subscription_id", flat=True)))
        super().lock(actor, ids)

    def offered(self, target: Any, actor: Actor) -> bool:
        rows = Subscription.objects.unscoped(WHY).filter(pk=target.subscription_id)
        return not permissions.lacking(rows, actor, permission_for(target.kind))

    def check(self, step: Step) -> None:
        rows = step.open
        found = Subscription.objects.unscoped(WHY).in_bulk({row.subscription_id for row in rows})
        for row in rows:
            row.subscription = found[row.subscription_id]
        subscriptions = {row.pk: row.subscription for row in rows}
        refuse_without(step, SAFE, subscriptions)
        lacking = permissions.lacking(set(subscriptions.values()), step.actor, ANY)
        for row in step.open:
            is_command = row.kind == Kind.COMMAND and not step.actor.is_administrator
            if is_command and row.subscription_id in lacking:
                step.refuse(row.pk, "no_permission", name=str(row.subscription))

    def touch(self, step: Step) -> None:
        provisioning.touch(sorted({row.subscription_id for row in step.open}))

    def rows(self, step: Step) -> Any:
        return ScheduledTask.objects.unscoped(WHY).filter(pk__in=step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        row = ScheduledTask.objects.visible_to(actor).filter(pk=target_id).first()
        return f"/scheduled-tasks/{row.pk}/" if row else ""


@register
class EditTask(OnTasks):
    verb = "edit"
    label = _("Edit")
    form_class = EditTaskForm
    bulk = False
    review = True
    review_label = _("Show the next runs")
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if not targets:
            return {}
        row = targets[0]
        given = {name: getattr(row, name) for name in (*FIELDS, "version")}
        return given | {"times": LINE, "at": time(0, 0)}

    def check(self, step: Step) -> None:
        super().check(step)
        if step.params["kind"] == Kind.COMMAND:
            refuse_without(step, ANY, {row.pk: row.subscription for row in step.open})
        refuse_stale(step, [self.noun], {name: _label(name) for name in FIELDS})
        for row in step.open:
            if all(getattr(row, name) == step.params[name] for name in FIELDS):
                step.leave(row.pk)

    def foresee(self, step: Step) -> list[Consequence]:
        return foreseen(step.params)

    def perform(self, step: Step) -> None:
        given = {name: step.params[name] for name in FIELDS}
        self.rows(step).update(**given, version=F("version") + 1)
        self.touch(step)
        for row in step.open:
            old = {n: getattr(row, n) for n in FIELDS if getattr(row, n) != given[n]}
            new = {name: given[name] for name in old}
            step.changed(row.pk, old | {"version": row.version}, new | {"version": row.version + 1})


def _label(name: str) -> Any:
    return ScheduledTask._meta.get_field(name).verbose_name


@register
class RemoveTask(OnTasks):
    """Tasks with what is kept of their runs; one that runs is ended."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [Consequence(_t("What is kept of their runs goes along."), "warn")]

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, told(row), {})
        above = {row.subscription_id: row.subscription for row in step.open}
        self.touch(step)
        self.rows(step).delete()
        creating.settle(step, list(above.values()), [])

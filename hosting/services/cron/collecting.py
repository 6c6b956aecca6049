"""What nodes tell of runs, into rows; and mail to who wants to hear of failures."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.services.cron.models import ScheduledTask, TaskRun
from panel.core.mail import Message

KEPT = 20
_WHY = "the worker collects everybody's runs"
# Of one task no more than a message an hour: a task that fails each minute would fill a mailbox.
_SELDOM = timedelta(hours=1)
_MAILED = 4000


def collect(node_id: int, ask: Callable[[int], Sequence[dict[str, Any]]], after: int | None) -> int:
    """Take in what ended since; return up to where it was read. `after` None: as the rows say."""
    if after is None:
        here = TaskRun.objects.filter(task__subscription__node_id=node_id)
        after = here.aggregate(last=Max("end"))["last"] or 0
    while news := ask(after):
        with transaction.atomic():
            take_in(node_id, news)
        after = max(each["end"] for each in news)
    return after


def take_in(node_id: int, news: Sequence[dict[str, Any]]) -> None:
    """Keep these runs of tasks that are still there, and the last of each only."""
    tasks = (
        ScheduledTask.objects.unscoped(_WHY)
        .filter(subscription__node_id=node_id)
        .select_related("subscription")
        .in_bulk({each["task"] for each in news})
    )
    there = [each for each in news if each["task"] in tasks]
    known = set(
        TaskRun.objects.filter(
            task_id__in=tasks, number__in=[each["id"] for each in there]
        ).values_list("task_id", "number")
    )
    made = [
        TaskRun(
            task=tasks[each["task"]],
            number=each["id"],
            end=each["end"],
            was_asked=bool(each["asked"]),
            started_at=datetime.fromtimestamp(each["started"], UTC),
            ended_at=datetime.fromtimestamp(each["ended"], UTC),
            code=each["code"],
            cause=str(each["cause"])[:20],
            # A NUL ends text in PostgreSQL.
            output=str(each["output"]).replace("\0", "\ufffd"),
        )
        for each in there
        if (each["task"], each["id"]) not in known
    ]
    TaskRun.objects.bulk_create(made, batch_size=100)
    _forget_old({run.task_id for run in made})
    _tell(made)


def _forget_old(task_ids: set[int]) -> None:
    place = Window(RowNumber(), partition_by=F("task_id"), order_by=F("number").desc())
    ranked = TaskRun.objects.filter(task_id__in=task_ids).annotate(place=place)
    old = [pk for pk, at in ranked.values_list("pk", "place") if at > KEPT]
    if old:
        TaskRun.objects.filter(pk__in=old).delete()


def _tell(made: Sequence[TaskRun]) -> None:
    now, told = timezone.now(), set()
    for run in made:
        task = run.task
        is_soon = task.mailed_at is not None and now - task.mailed_at < _SELDOM
        if run.is_good or run.cause == "stopped" or not task.mail_to or is_soon:
            continue
        task.mailed_at = now
        told.add(task.pk)
        Message.put(
            task.mail_to,
            _("Scheduled task failed: %(task)s") % {"task": str(task)},
            _body(task, run),
        )
    if told:
        ScheduledTask.objects.unscoped(_WHY).filter(pk__in=told).update(mailed_at=now)


def _body(task: ScheduledTask, run: TaskRun) -> str:
    lines = [
        _("Subscription: %(name)s") % {"name": task.subscription.name},
        _("Task: %(what)s") % {"what": task.what},
        _("Started: %(when)s UTC") % {"when": run.started_at.strftime("%Y-%m-%d %H:%M:%S")},
        _("Result: %(result)s") % {"result": words(run)},
        "",
        run.output[-_MAILED:],
    ]
    return "\n".join(lines)


def words(run: TaskRun) -> str:
    """How a run ended, as people read it."""
    causes = {
        "time": _("stopped: it ran longer than allowed"),
        "cpu": _("stopped: it used more processor time than allowed"),
        "stopped": _("stopped: suspended, switched off or removed meanwhile"),
        "lost": _("unknown: the server was interrupted meanwhile"),
        "failed": _("could not be started"),
    }
    if run.cause:
        return causes.get(run.cause, run.cause)
    if run.code == 0:
        return _("done")
    if run.code is not None and run.code < 0:
        return _("ended by signal %(n)s") % {"n": -run.code}
    return _("failed with exit status %(n)s") % {"n": run.code}

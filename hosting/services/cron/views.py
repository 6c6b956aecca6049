"""Pages of scheduled tasks: the list, the tab of a subscription, one task with its runs."""

from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.cron.collecting import words
from hosting.services.cron.filters import TaskFilter
from hosting.services.cron.models import Kind, ScheduledTask, TaskRun
from hosting.services.cron.operations import ANY, SAFE, next_times
from hosting.views.columns import SUBSCRIPTION
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.lists import Column, Listing, ListPage, Sort
from panel.core.markup import link, main_cell, moment, tag
from panel.core.operations import PROVIDERS, nouns, operations
from panel.core.views import DetailPage

ONE_UID = _(
    "On this server all subscriptions are one user: tasks are run, and nothing keeps them apart."
)
NOT_HERE = _("The server of this subscription runs no scheduled tasks.")
# As long as it may take until a task that was asked for has begun and is seen here.
_ON_ITS_WAY = timedelta(minutes=15)


def state(row: Any) -> SafeString:
    """Whether it is run at its times."""
    return tag(_("Active"), "ok") if row.is_active else tag(_("Switched off"), "mute")


def result(run: TaskRun | None) -> Any:
    """How the last run ended."""
    if run is None:
        return tag(_("not run yet"), "mute")
    return tag(words(run), "ok" if run.is_good else "bad")


def last_runs(task_ids: list[int]) -> dict[int, TaskRun]:
    """The last run of each, in one statement."""
    newest = TaskRun.objects.filter(task_id=OuterRef("task_id")).order_by("-number")
    rows = TaskRun.objects.filter(
        task_id__in=task_ids, number=Subquery(newest.values("number")[:1])
    )
    return {run.task_id: run for run in rows.defer("output")}


class TaskList(ListPage):
    noun = "scheduled-task"
    title = tab_label = _("Scheduled Tasks")
    url_name = "scheduled_task"
    beside = ("subscription", "mailbox", "database", "ftp-account", "scheduled-task")
    beside_roles = PROVIDERS
    filterset_class = TaskFilter
    empty_title = _("No scheduled tasks yet")
    empty_text = _("A subscription's tab Scheduled Tasks adds one.")
    sorts = (Sort("created", "created_at"),)
    default_sort = "created"
    columns = (
        Column(
            _("Task"),
            lambda row, ls: main_cell(ls.url(row.pk), str(row), f"{row.line} {row.zone}"),
            csv=lambda row, ls: str(row),
            css="main",
        ),
        Column(_("State"), lambda row, ls: state(row), csv=lambda row, ls: row.is_active),
        Column(_("Kind"), lambda row, ls: Kind(row.kind).label),
        SUBSCRIPTION,
        Column(
            _("Last run"),
            lambda row, ls: result(ls.extra["runs"].get(row.pk)),
            csv=lambda row, ls: _words(ls.extra["runs"].get(row.pk)),
        ),
    )

    def acts(self, actor: Actor) -> bool:
        return any(permissions.anywhere(actor, each) for each in (SAFE, ANY))

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(Q(description=text) | Q(what=text))

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        """For a customer with one subscription, straight to the form."""
        if not actor.is_customer or not operations["subscription.add-scheduled-task"].may(actor):
            return []
        rows = Subscription.objects.visible_to(actor).present().order_by("pk")
        return [
            {
                "label": _t("Add Scheduled Task: %(name)s") % {"name": row.name},
                "url": reverse("subscription_operation", args=[row.pk, "add-scheduled-task"]),
            }
            for row in rows[:5]
        ]

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        return {
            "subscriptions": dict(above.values_list("pk", "name")),
            "runs": last_runs([row.pk for row in rows]),
        }


def _words(run: TaskRun | None) -> str:
    return words(run) if run else ""


class TaskDetail(DetailPage):
    noun = "scheduled-task"
    tabs = (("runs", _("Runs")), ("activity", _("Activity")))

    def queryset(self, actor: Actor) -> Any:
        return super().queryset(actor).present().select_related("subscription")

    def context(self, request: HttpRequest, target: ScheduledTask, tab: str) -> dict[str, Any]:
        url = nouns["subscription"].url(target.subscription_id)
        times = format_html_join(SafeString("<br>"), "{}", ((t,) for t in _next(target)))
        return {
            "title": str(target),
            "subtitle": _("Scheduled task"),
            "description": "",
            "tags": [
                {"text": _("Active"), "tone": "ok", "title": ""}
                if target.is_active
                else {"text": _("Switched off"), "tone": "mute", "title": ""}
            ],
            "notices": notices(target.subscription),
            "facts": [
                fact(Kind(target.kind).label, format_html("<code>{}</code>", target.what)),
                fact(_("Times"), format_html("<code>{}</code> {}", target.line, target.zone)),
                fact(_("Next runs"), times),
                fact(_("Subscription"), link(url, target.subscription.name)),
            ],
            "sidebar_facts": [
                fact(_("Longest run (seconds)"), f"{target.seconds:,}"),
                fact(_("Memory of a process (MiB)"), f"{target.memory:,}"),
                fact(_("Mail on failure to"), target.mail_to or _("nobody")),
                fact(_("Created"), moment(target.created_at)),
            ],
            "panel_sections": self.panel(request, target, tab),
        }

    def panel(self, request: HttpRequest, task: ScheduledTask, tab: str) -> list[dict[str, Any]]:
        if tab == "activity":
            of_task = {"target_kind": "scheduled-task", "target_id": task.pk}
            return [{"title": "", "table": entries_table(request, **of_task)}]
        runs = list(task.runs.order_by("-number"))
        found = [_run(run) for run in runs]
        if _is_waited_for(task, runs):
            text = _("The node has been asked to run it; its output appears here.")
            return [{"title": _("Run now"), "text": text, "waiting": True}, *found]
        return found or [{"title": "", "text": _("It has not been run yet.")}]


def _next(task: ScheduledTask) -> list[str]:
    return next_times(task.line, task.zone) if task.is_active else [_t("none while switched off")]


def _is_waited_for(task: ScheduledTask, runs: list[TaskRun]) -> bool:
    if task.asked_at is None or timezone.now() - task.asked_at > _ON_ITS_WAY:
        return False
    asked = task.asked_at.replace(microsecond=0)
    return not any(run.was_asked and run.started_at >= asked for run in runs)


def _run(run: TaskRun) -> dict[str, Any]:
    why = _t("by Run now") if run.was_asked else _t("by its times")
    seconds = (run.ended_at - run.started_at).total_seconds()
    return {
        "title": moment(run.started_at),
        "note": format_html("{} {}, {} s", result(run), why, f"{seconds:.1f}"),
        "table": format_html(
            '<pre class="code" tabindex="0">{}</pre>', run.output or _t("(no output)")
        ),
    }


def notices(subscription: Subscription) -> list[dict[str, Any]]:
    """What the node does not do, and that nothing is run while suspended."""
    node = Node.objects.get(pk=subscription.node_id)
    found = []
    if not node.has("cron"):
        found.append({"tone": "info", "text": NOT_HERE, "action": None})
    elif not node.isolates:
        found.append({"tone": "info", "text": ONE_UID, "action": None})
    if subscription.is_suspended:
        text = _("The subscription is suspended: nothing is run until it is activated.")
        found.append({"tone": "warn", "text": text, "action": None})
    return found


def shows_tab(actor: Actor, row: Subscription) -> bool:
    """To its provider, and to a customer who may have tasks at all."""
    if row.removing_at is not None or actor.is_administrator:
        return row.removing_at is None
    # One question for both permissions.
    own = permissions.of_actor(actor)
    granted = permissions.in_force([row])[row.pk] if own is None else own
    return bool({SAFE, ANY} & granted)


def sections(request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
    """The tasks of a subscription, and the way to one more."""
    add, operation = None, operations["subscription.add-scheduled-task"]
    if operation.may(request.actor):
        url = reverse("subscription_operation", args=[row.pk, operation.verb])
        add = {"label": operation.label, "url": url}
    said = [{"title": "", "text": each["text"]} for each in notices(row)]
    tasks = ScheduledTask.objects.visible_to(request.actor).filter(subscription=row).order_by("pk")
    section: dict[str, Any] = {"title": _("Scheduled Tasks"), "add": add}
    found = list(tasks)
    if not found:
        return [*said, section | {"text": _("No scheduled tasks yet.")}]
    runs = last_runs([task.pk for task in found])
    return [*said, section | {"table": _table(found, runs)}]


def _table(tasks: list[ScheduledTask], runs: dict[int, TaskRun]) -> SafeString:
    heads = (_t("Task"), _t("State"), _t("Times"), _t("Last run"))
    rows = []
    for task in tasks:
        name = link(nouns["scheduled-task"].url(task.pk), str(task))
        cells = (name, state(task), f"{task.line} {task.zone}", result(runs.get(task.pk)))
        rows.append(tuple(part for pair in zip(heads, cells, strict=True) for part in pair))
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td></tr>',
        rows,
    )
    head = format_html_join("", '<th scope="col">{}</th>', ((word,) for word in heads))
    return format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )

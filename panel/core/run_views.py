"""A run's page: progress while it lasts, the outcome after; cancel and Undo."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views import View
from django.views.decorators.http import require_POST, require_safe

from panel.core import outcomes, runs
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.http import PanelRequest
from panel.core.markup import moment
from panel.core.operations import Result, nouns, operations
from panel.core.path_bar import crumbs
from panel.core.views import go
from panel.core.work import State


def _run(request: PanelRequest, pk: int) -> BulkRun:
    run = BulkRun.objects.visible_to(request.actor).exclude(state=State.DRAFT).filter(pk=pk).first()
    if run is None:
        raise Http404
    return run


def _is_over(run: BulkRun) -> bool:
    return run.state in {State.DONE, State.FAILED, State.CANCELLED}


def _back(run: BulkRun) -> str:
    noun = nouns[operations[run.operation].noun]
    if not noun.url_name:
        return reverse("home")
    values = QueryDict(run.back.removeprefix("?"), mutable=True)
    values.pop("run", None)
    values["run"] = str(run.pk)
    return f"{noun.list_url()}?{values.urlencode()}"


class RunView(View):
    """Progress, or the result page."""

    http_method_names = ["get", "head"]

    def get(self, request: PanelRequest, pk: int) -> HttpResponse:
        run = _run(request, pk)
        operation = operations[run.operation]
        over = _is_over(run)
        shown = {
            "title": operation.label,
            "state": run.state,
            "state_label": run.get_state_display(),
            "done": run.done,
            "total": run.total,
            "percent": percent(run),
            "started": moment(run.created_at),
            "cancel_url": None if over else reverse("run_cancel", args=[pk]),
            "poll_url": reverse("run_state", args=[pk]),
        }
        context = {
            "run": shown,
            "outcome": outcomes.describe(run, request.actor) if over else None,
            "back_url": _back(run),
            "path": crumbs((nouns[operation.noun].labels, _back(run)), (operation.label, None)),
        }
        return render(request, "core/run.html", context)


def percent(run: BulkRun) -> int:
    return 100 * run.done // run.total if run.total else 100


@require_safe
def run_state(request: PanelRequest, pk: int) -> JsonResponse:
    """What the progress bar asks for."""
    run = _run(request, pk)
    return JsonResponse(
        {
            "done": run.done,
            "total": run.total,
            "percent": percent(run),
            "state": run.state,
            "finished": _is_over(run),
        }
    )


@require_POST
def run_cancel(request: PanelRequest, pk: int) -> HttpResponse:
    """What is done stays done; what is not done yet is left."""
    run = _run(request, pk)
    if not operations[run.operation].may(request.actor):
        raise PermissionDenied
    BulkRun.objects.filter(pk=run.pk).exclude(state__in=[State.DONE, State.FAILED]).update(
        cancel_requested=True
    )
    return go(reverse("run_detail", args=[pk]))


@require_POST
def run_undo(request: PanelRequest, pk: int) -> HttpResponse:
    """Take back exactly what this run did."""
    run = _run(request, pk)
    if not outcomes.can_undo(run, request.actor):
        return go(_back(run))
    undo = operations[operations[run.operation].undo]
    if not undo.may(request.actor):
        raise PermissionDenied
    targets = BulkTarget.objects.filter(run=run, result=Result.DONE)
    ids = targets.values_list("target_id", flat=True)
    new = runs.start(
        undo, request.actor, ids, params={"run": str(run.pk)}, back=run.back, undoes=run
    )
    if new.total > runs.IN_REQUEST:
        return go(reverse("run_detail", args=[new.pk]))
    runs.begin(new)
    runs.carry_out(new, request.actor)
    noun = nouns[undo.noun]
    if run.total == 1 and not run.back and noun.url_name:
        target = ids[0]
        return go(f"{noun.url(target)}?run={new.pk}")
    return go(_back(new))

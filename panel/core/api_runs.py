"""Runs through the API: how far one is, what came of it, stopping it, taking it back."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _

from panel.core import door_answers, outcomes, runs
from panel.core.access import Actor
from panel.core.api_idempotency import once
from panel.core.api_json import ApiError, answer, body_of, invalid, not_found
from panel.core.api_lists import query_of, require_writing
from panel.core.api_operations import accepted
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.door import parse_id
from panel.core.http import PanelRequest
from panel.core.operations import Result, operations

MAX_LIMIT = 1000


def _run(request: PanelRequest, text: str) -> BulkRun:
    pk = parse_id(text)
    actor = request.actor
    run = door_answers.visible_runs(actor).filter(pk=pk).first() if pk else None
    if run is None:
        raise not_found()
    return run


def run_state(request: PanelRequest, text: str) -> HttpResponse:
    """Any token may ask what came of its account's runs; they say no more than numbers."""
    return answer(door_answers.of_run(_run(request, text), request.actor))


def run_targets(request: PanelRequest, text: str) -> HttpResponse:
    """Targets of a run by id, a page at a time."""
    run, query = _run(request, text), query_of(request)
    result = query.pop("result", "")
    limit = parse_id(query.pop("limit", "100"))
    after = parse_id(query.pop("after")) if "after" in query else 0
    errors = {name: [_("There is no such parameter.")] for name in query}
    if result and result not in Result.values:
        errors["result"] = [_("There is no such result.")]
    if limit is None or limit > MAX_LIMIT:
        errors["limit"] = [_("A number from 1 to 1000.")]
    if after is None:
        errors["after"] = [_("This is not a token of this list.")]
    if errors:
        raise invalid(errors)
    return answer(_page(run, result, after or 0, limit or MAX_LIMIT))


def _page(run: BulkRun, result: str, after: int, limit: int) -> dict[str, Any]:
    rows = BulkTarget.objects.filter(run=run, target_id__gt=after).order_by("target_id")
    if result:
        rows = rows.filter(result=result)
    found = list(rows[: limit + 1])
    items = [
        {
            "id": row.target_id,
            "result": row.result,
            "code": row.code,
            "reason": row.reason,
            "created": row.created_id,
        }
        for row in found[:limit]
    ]
    return {"items": items, "next": str(items[-1]["id"]) if len(found) > limit else None}


def run_cancel(request: PanelRequest, text: str) -> HttpResponse:
    """What is done stays done; what is not done yet is left."""
    actor = _writer(request)
    run = _run(request, text)
    if not operations[run.operation].may(actor):
        raise PermissionDenied
    over = BulkRun.objects.filter(pk=run.pk).exclude(state__in=door_answers.OVER)
    over.update(cancel_requested=True)
    run.refresh_from_db()
    return answer(door_answers.of_run(run, actor))


def run_undo(request: PanelRequest, text: str) -> HttpResponse:
    """Take back exactly what this run did."""
    actor = _writer(request)

    def act() -> HttpResponse:
        run = _run(request, text)
        if not outcomes.can_undo(run, actor):
            raise ApiError(409, "cannot_undo", _("This cannot be taken back, or was already."))
        undo = operations[operations[run.operation].undo]
        # SECURITY: an undo takes back whatever that run set, so a token whose scope is narrower
        # than the operation's area (billing lifts `unpaid` only) does not reach it.
        if not (undo.may(actor) and actor.may_in(undo.area)):
            raise PermissionDenied
        done = BulkTarget.objects.filter(run=run, result=Result.DONE)
        ids = list(done.values_list("target_id", flat=True))
        params = {"run": str(run.pk)}
        new = runs.start(undo, actor, ids, params=params, back=run.back, undoes=run)
        if new.total > runs.IN_REQUEST:
            return accepted(new, actor)
        runs.begin(new)
        return answer(door_answers.of_outcome(runs.carry_out(new, actor)))

    def answer_run(run: BulkRun) -> HttpResponse:
        if run.state not in door_answers.OVER:
            return accepted(run, actor)
        return answer(door_answers.of_targets(run))

    return once(request, actor, act, answer_run)


def _writer(request: PanelRequest) -> Actor:
    """The actor of a request without parameters that changes something."""
    actor = request.actor
    require_writing(actor)
    if unknown := [*body_of(request), *request.GET]:
        raise invalid({name: [_("There is no such parameter.")] for name in unknown})
    return actor

"""What came of an operation, as plain data: the same for the API and for `operate --json`."""

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from panel.core import outcomes, reasons, runs
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.operations import Operation, Result, Step, operations
from panel.core.work import State

# So many targets of a rehearsal are checked; an operation checks all of them when it is done.
CHECKED = 1000
OVER = {State.DONE, State.FAILED, State.CANCELLED}

reasons.declare(exists_already=_("There is one with this external id already."))


def empty() -> dict[str, Any]:
    """An answer about nothing; every answer has these keys."""
    return {**{str(result): [] for result in Result}, "notes": [], "run": None, "created": None}


def entry(
    target_id: int | str,
    result: str,
    code: str = "",
    params: dict[str, Any] | None = None,
    created: int | None = None,
) -> dict[str, Any]:
    """One target in an answer."""
    told: dict[str, Any] = {"id": target_id}
    if created is not None:
        told["created"] = created
    if result != Result.DONE:
        told |= {"code": code, "reason": reasons.render(code, params)}
    return told


def of_outcome(outcome: runs.Outcome, unknown: Iterable[str] = ()) -> dict[str, Any]:
    """What became of each target; `unknown` are names that belong to no row at all."""
    told = empty()
    for finding in outcome.findings:
        params = finding.params
        made = finding.created_id
        told[finding.result].append(
            entry(finding.target_id, finding.result, finding.code, params, made)
        )
        told["created"] = made if made is not None else told["created"]
    add_unknown(told, unknown)
    told["notes"] = notes(outcome.notes)
    told["run"] = outcome.run.pk if outcome.run else None
    return told


def add_unknown(told: dict[str, Any], unknown: Iterable[str]) -> None:
    told[Result.MISSING] += [entry(name, Result.MISSING, "missing") for name in unknown]


def of_existing(found: int) -> dict[str, Any]:
    """A create that made nothing: there is one with this external id already."""
    told = empty()
    told[Result.UNCHANGED] = [entry(found, Result.UNCHANGED, "exists_already")]
    told["created"] = found
    return told


def of_rehearsal(
    operation: Operation, actor: Actor, step: Step, rows: models.QuerySet, total: int
) -> dict[str, Any]:
    """What would happen and what stands against it. `checked` of `total` targets were looked at."""
    told = empty()
    for pk, row in step.targets.items():
        if pk not in step.results:
            told[Result.DONE].append(entry(row.pk, Result.DONE))
    for pk, (result, code, params) in step.results.items():
        told[result].append(entry(pk, result, code, params))
    found = [] if operation.creates else operation.consequences(actor, rows)
    found = [*found, *operation.foresee(step)]
    told["consequences"] = [
        {"text": str(c.text), "tone": c.tone, "items": [str(item) for item in c.items]}
        for c in found
    ]
    told["notes"] = notes(step.notes)
    return told | {"dry_run": True, "checked": min(total, CHECKED), "total": total}


def notes(stored: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the person should know besides, with its numbers for programs."""
    told = []
    for note in stored:
        names = list(note["params"].get("names", []))
        params = {**note["params"], "names": ", ".join(names)}
        about: dict[str, Any] = {"code": note["code"], "text": reasons.render(note["code"], params)}
        if "count" in params:
            about["count"] = params["count"]
        if names:
            about["names"] = names
        told.append(about)
    return told


def of_run(run: BulkRun, actor: Actor) -> dict[str, Any]:
    """A run as rows have it: how far it is, and what came of it where that is short."""
    told: dict[str, Any] = {
        "id": run.pk,
        "operation": run.operation,
        "state": run.state,
        "total": run.total,
        "done": run.done,
        "counts": {str(result): run.counts.get(result, 0) for result in Result},
        "started": run.created_at.isoformat(),
        "finished": run.finished_at.isoformat() if run.finished_at else None,
        "can_undo": outcomes.can_undo(run, actor),
        "notes": notes(run.notes),
    }
    if run.total <= runs.IN_REQUEST:
        told["outcome"] = of_targets(run)
    return told


def of_targets(run: BulkRun) -> dict[str, Any]:
    """The answer to the request that started a run, read back from its rows."""
    told = empty()
    rows = BulkTarget.objects.filter(run=run, result__isnull=False).order_by("target_id")
    for row in rows:
        result = str(row.result)
        told[result].append(
            entry(row.target_id, result, row.code, row.reason_params, row.created_id)
        )
        told["created"] = row.created_id if row.created_id is not None else told["created"]
    told["notes"] = notes(run.notes)
    told["run"] = run.pk
    return told


def visible_runs(actor: Actor) -> models.QuerySet:
    """The runs that an actor may look at: its account's; an additional user's own only."""
    rows = BulkRun.objects.visible_to(actor).exclude(state=State.DRAFT)
    rows = rows.filter(operation__in=list(operations))
    if actor.areas is not None or actor.subscriptions is not None:
        rows = rows.filter(user_id=actor.user_id)
    return rows


def rehearse(
    operation: Operation, actor: Actor, ids: list[int], given: Any, total: int
) -> dict[str, Any]:
    """Consequences and refusals of an operation that is not done."""
    checked = ids[:CHECKED]
    if operation.creates:
        step = _tried(operation, actor, checked, given)
    else:
        step = runs.rehearse(
            operation, actor, checked, params=given.cleaned, items=given.cleaned_items
        )
    rows = operation.visible(actor).filter(pk__in=ids)
    return of_rehearsal(operation, actor, step, rows, total)


def _tried(operation: Operation, actor: Actor, ids: list[int], given: Any) -> Step:
    """A creation done and taken back: limits and names that are taken refuse while it is made.

    Operations change rows only; what reaches further waits for a commit, which does not come.
    """
    step = Step(operation, actor, dict(given.cleaned))
    with transaction.atomic():
        operation.lock(actor, ids)
        rows = operation.visible(actor).in_bulk(ids)
        step.targets = {pk: rows[pk] for pk in ids if pk in rows}
        step.results = {pk: (Result.MISSING, "missing", {}) for pk in ids if pk not in rows}
        for target in step.open:
            if not operation.applies_to(target, actor):
                step.refuse(target.pk, "not_applicable")
        if step.open_ids:
            operation.check(step)
        if step.open_ids:
            operation.perform(step)
        transaction.set_rollback(True)
    return step

"""What came out of a run, as pages, the API and the command line show it."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from panel.core import reasons
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.operations import Result, nouns, operations
from panel.core.work import State

SHOWN = 100
_TONES = {
    Result.DONE: "ok",
    Result.UNCHANGED: "mute",
    Result.REFUSED: "bad",
    Result.MISSING: "bad",
    Result.FAILED: "bad",
}


LABELS = {
    Result.DONE: gettext_lazy("Done"),
    Result.UNCHANGED: gettext_lazy("Unchanged"),
    Result.REFUSED: gettext_lazy("Refused"),
    Result.MISSING: gettext_lazy("Missing"),
    Result.FAILED: gettext_lazy("Failed"),
}


def can_undo(run: BulkRun, actor: Actor) -> bool:
    """Whether this run's effect can be taken back, and was not yet."""
    operation = operations.get(run.operation)
    if operation is None or not operation.can_undo() or not run.counts.get(Result.DONE):
        return False
    if not operations[operation.undo].may(actor) or run.state not in {State.DONE, State.CANCELLED}:
        return False
    return not run.undone_by.exists()


def describe(run: BulkRun, actor: Actor) -> dict[str, Any]:
    """A run's outcome for a page: what was done, what not and why, and Undo."""
    operation = operations[run.operation]
    noun = nouns[operation.noun]
    counts = {result: run.counts.get(result, 0) for result in Result.values}
    bad = counts[Result.REFUSED] + counts[Result.MISSING] + counts[Result.FAILED]
    problems = BulkTarget.objects.filter(
        run=run, result__in=[Result.REFUSED, Result.MISSING, Result.FAILED, Result.UNCHANGED]
    ).order_by("result", "target_id")[: SHOWN + 1]
    rows = list(problems)
    labels = _labels(noun, actor, [row.target_id for row in rows])
    done = counts[Result.DONE]
    return {
        "headline": _headline(operation, done, run.total, labels, run),
        "tone": "bad" if bad and not done else "warn" if bad else "ok",
        "undo_url": reverse("run_undo", args=[run.pk]) if can_undo(run, actor) else None,
        "lines": [
            {
                "status": result,
                "label": LABELS[Result(result)],
                "count": n,
                "tone": _TONES[Result(result)],
            }
            for result, n in counts.items()
            if n
        ],
        "problems": [
            {
                "label": labels.get(row.target_id, f"#{row.target_id}"),
                "url": noun.url(row.target_id) if row.target_id in labels else None,
                "reason": row.reason,
                "status": row.result,
                "action": reasons.action(row.code, row.reason_params),
            }
            for row in rows[:SHOWN]
        ],
        "more": max(0, bad + counts[Result.UNCHANGED] - SHOWN),
        "notes": [_note(note) for note in run.notes],
    }


def _headline(operation: Any, done: int, total: int, labels: dict, run: BulkRun) -> str:
    is_one = operation.creates or total == 1
    label = str(operation.label if is_one else operation.bulk_label or operation.label)
    if is_one:
        if done:
            return _("%(operation)s: done.") % {"operation": label}
        return _("%(operation)s: nothing was changed.") % {"operation": label}
    return _("%(operation)s: %(done)s of %(total)s done.") % {
        "operation": label,
        "done": f"{done:,}",
        "total": f"{total:,}",
    }


def _labels(noun: Any, actor: Actor, ids: list[int]) -> dict[int, str]:
    if not ids:
        return {}
    return {pk: str(row) for pk, row in noun.visible_to(actor).in_bulk(ids).items()}


def _note(note: dict[str, Any]) -> dict[str, Any]:
    """A stored note in words, with its button if it has one."""
    params = {**note["params"], "names": ", ".join(note["params"].get("names", []))}
    text = reasons.render(note["code"], params)
    return {"text": text, "action": reasons.action(note["code"], params)}

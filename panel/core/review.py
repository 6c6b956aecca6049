"""Between what was typed and what is done: what would happen, and what stands against it."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from panel.core import reasons, runs
from panel.core.access import Actor
from panel.core.forms import clean_params
from panel.core.item_forms import ItemForms
from panel.core.operations import Consequence, Operation, Result, Step

# So many targets are rehearsed for the page; the others are checked when it is done.
REHEARSED = 500
# So many of those that stay as they are are named.
NAMED = 20
# The hidden field that says what was seen: another answer is to be looked at first, too.
FIELD = "reviewed"


def seal(form: Any, items: ItemForms | None) -> str:
    """A digest of all that was typed."""
    plain = form.raw_params()[0] if form is not None else {}
    typed = json.dumps([plain, items.raw() if items is not None else None], sort_keys=True)
    return hashlib.sha256(typed.encode()).hexdigest()[:16]


def rehearse(
    operation: Operation, actor: Actor, rows: Sequence[Any], form: Any, items: ItemForms | None
) -> Step:
    """What stands against it with these answers, judged in the order of the rows."""
    each: dict[int, dict[str, Any]] = {}
    given = form.raw_params()[0] if form is not None else {}
    if items is not None:
        for_all, own = items.raw()
        form_class, common = operation.item_form_class, items.common
        for row in rows:
            raw = {**for_all, **own.get(row.pk, {})}
            each[row.pk], _wrong = clean_params(form_class, raw, actor, [row], given, common)
    params = dict(form.cleaned_data) if form is not None else {}
    return runs.rehearse(operation, actor, [row.pk for row in rows], params=params, items=each)


def unchanged(step: Step) -> list[Consequence]:
    """Those to which nothing would happen, by the reason why: no refusal, but to be known."""
    by_reason: dict[str, list[str]] = {}
    for pk, (result, code, params) in step.results.items():
        if result == Result.UNCHANGED:
            by_reason.setdefault(reasons.render(code, params), []).append(str(step.targets[pk]))
    return [Consequence(text, "info", names[:NAMED]) for text, names in by_reason.items()]

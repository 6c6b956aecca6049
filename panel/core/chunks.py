"""One chunk of a run: rights, locks, check, perform, log, results, in one transaction."""

import logging
import random
import time
from collections.abc import Sequence

from django.db import OperationalError, transaction

from panel.core import full_disk, log, rows, search, setting
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.forms import clean_params
from panel.core.middleware import current_request_id
from panel.core.operations import Operation, Result, Step

logger = logging.getLogger(__name__)

# Among a run's parameters: what a form for each target was given for all of them, and (for
# `lock_for`, beside them) what was given for each.
FOR_ALL = "for_all"
EACH = "each"
_RETRIES = 3
# 40001 serialization failure, 40P01 deadlock; SQLite says "database is locked".
_RETRYABLE = ("40001", "40P01")


def carry(
    operation: Operation, actor: Actor | None, run: BulkRun, ids: list[int], secrets: dict
) -> Step:
    """One chunk, again where it met a lock; where it fails otherwise, target by target.

    A full disk is no target's failure: it is raised, and what has no result yet is tried again.
    """
    for attempt in range(_RETRIES + 1):
        try:
            return _chunk(operation, actor, run, ids, secrets)
        except OperationalError as error:
            if full_disk.is_cause(error):
                raise
            if not _is_retryable(error) or attempt == _RETRIES:
                logger.exception("%s on %s targets", operation.name, len(ids))
                break
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        except Exception as error:
            if full_disk.is_cause(error):
                raise
            logger.exception("%s on %s targets", operation.name, len(ids))
            break
    return _one_by_one(operation, actor, run, ids, secrets)


def _is_retryable(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state in _RETRYABLE or "locked" in str(error)


def _one_by_one(
    operation: Operation, actor: Actor | None, run: BulkRun, ids: list[int], secrets: dict
) -> Step:
    """Each target in a transaction of its own, so that number 37 never undoes 36."""
    whole = _step(operation, actor, run, {}, {})
    for pk in ids:
        try:
            step = _chunk(operation, actor, run, [pk], secrets) if len(ids) > 1 else None
        except Exception as error:
            if full_disk.is_cause(error):
                raise
            logger.exception("%s on target %s", operation.name, pk)
            step = None
        if step is None:
            params = {"request_id": run.request_id or current_request_id()}
            whole.results[pk] = (Result.FAILED, "failed", params)
            _record(run, whole, [pk])
            continue
        whole.results.update(step.results)
        whole.targets.update(step.targets)
        whole.created.update(step.created)
        whole.notes += step.notes
    return whole


def _step(
    operation: Operation, actor: Actor | None, run: BulkRun, params: dict, items: dict
) -> Step:
    return Step(operation, actor, params, items, run_id=run.pk)  # type: ignore[arg-type]


def _chunk(
    operation: Operation, actor: Actor | None, run: BulkRun, ids: list[int], secrets: dict
) -> Step:
    with setting.read_once(), transaction.atomic():
        step = _prepared(operation, actor, run, ids, secrets)
        if step.open_ids:
            operation.check(step)
        if step.open_ids:
            operation.perform(step)
        for pk in step.open_ids:
            step.results[pk] = (Result.DONE, "", {})
        if actor is not None:
            log.write(actor, _entries(step), run.pk)
        for noun, touched in step.reindex.items():
            search.refresh(noun, touched)
        _record(run, step, ids)
        for func in step.after_commit:
            transaction.on_commit(func)
    return step


def _prepared(
    operation: Operation, actor: Actor | None, run: BulkRun, ids: list[int], secrets: dict
) -> Step:
    """Rights, locks, rows as they are now."""
    step = _step(operation, actor, run, {}, {})
    if actor is None or not operation.may(actor):
        step.results = {pk: (Result.REFUSED, "not_allowed", {}) for pk in ids}
        return step
    own = _item_params(operation, run, ids)
    operation.lock_for(actor, ids, {**run.params, EACH: own} if own else run.params)
    step.targets = operation.targets(actor, ids)
    step.results = {pk: (Result.MISSING, "missing", {}) for pk in ids if pk not in step.targets}
    step.params, errors = clean_params(
        operation.form_class, {**run.params, **secrets}, actor, list(step.targets.values())
    )
    if errors:
        step.results.update(
            {pk: (Result.REFUSED, "invalid", {"error": errors}) for pk in step.targets}
        )
        return step
    _clean_items(operation, actor, run, step, own)
    for target in step.open:
        if not operation.applies_to(target, actor):
            step.leave(target.pk) if operation.is_done(target) else step.refuse(
                target.pk, "not_applicable"
            )
    return step


def _item_params(operation: Operation, run: BulkRun, ids: list[int]) -> dict[int, dict]:
    """What was given for each of these by itself."""
    if operation.item_form_class is None:
        return {}
    found = BulkTarget.objects.filter(run=run, target_id__in=rows.among(ids))
    given = found.exclude(item_params=None).values_list("target_id", "item_params")
    return {pk: params or {} for pk, params in given}


def _clean_items(
    operation: Operation, actor: Actor, run: BulkRun, step: Step, own: dict[int, dict]
) -> None:
    if operation.item_form_class is None:
        return
    for_all = run.params.get(FOR_ALL, {})
    common: dict = {}
    for pk, target in step.targets.items():
        cleaned, errors = clean_params(
            operation.item_form_class,
            {**for_all, **own.get(pk, {})},
            actor,
            [target],
            run.params,
            common,
        )
        step.items[pk] = cleaned
        if errors:
            step.refuse(pk, "invalid", error=errors)


def _entries(step: Step) -> list[log.Entry]:
    name, noun = step.operation.name, step.operation.noun
    entries = []
    for pk, (result, _code, _params) in step.results.items():
        if result != Result.DONE:
            continue
        old, new = step.changes.get(pk, ({}, {}))
        created = step.created.get(pk)
        if created is not None:
            entries.append(log.Entry(name, step.operation.creates, created, old, new))
        else:
            entries.append(log.Entry(name, noun, step.targets[pk], old, new))
    for action, target, old, new in step.extra:
        entries.append(log.Entry(action, action.split(".")[0], target, old, new))
    return entries


def _record(run: BulkRun, step: Step, ids: Sequence[int]) -> None:
    """Write results beside the targets, one statement for each different result."""
    alike: dict[tuple, list[int]] = {}
    for pk in ids:
        result, code, params = step.results[pk]
        if params or pk in step.created:
            created = step.created.get(pk)
            BulkTarget.objects.filter(run=run, target_id=pk).update(
                result=result,
                code=code,
                reason_params=params,
                created_id=created.pk if created is not None else None,
            )
        else:
            alike.setdefault((result, code), []).append(pk)
    for (result, code), group in alike.items():
        of_group = BulkTarget.objects.filter(run=run, target_id__in=rows.among(group))
        of_group.update(result=result, code=code)

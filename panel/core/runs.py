"""Carries operations out: rights, locks, check, perform, log, one transaction a chunk."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from panel.core import log, search
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.forms import clean_params
from panel.core.middleware import current_request_id
from panel.core.operations import Operation, Result, Step, nouns, operations
from panel.core.work import LEASE, State

logger = logging.getLogger(__name__)

# So many are done while the browser waits; more go to the worker, with progress.
IN_REQUEST = 200
_RETRIES = 3
# 40001 serialization failure, 40P01 deadlock; SQLite says "database is locked".
_RETRYABLE = ("40001", "40P01")

# Who the actor is now, read anew: set by the app that knows people. None: not allowed any more.
revalidate: Callable[[Actor], Actor | None] = lambda actor: actor  # noqa: E731
# The actor of a run that the worker takes up.
actor_of_run: Callable[[BulkRun], Actor | None] = lambda run: None  # noqa: E731


@dataclass
class Finding:
    """What became of one target."""

    target_id: int
    label: str
    result: Result
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    created_id: int | None = None


@dataclass
class Outcome:
    """What became of all targets, in the order they were given. Nothing is dropped in silence."""

    operation: Operation
    findings: list[Finding] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    run: BulkRun | None = None

    def of(self, result: Result) -> list[Finding]:
        return [finding for finding in self.findings if finding.result == result]

    @property
    def run_id(self) -> int | None:
        return self.run.pk if self.run is not None else None

    @property
    def counts(self) -> dict[str, int]:
        if self.run is not None and self.run.counts:
            return dict(self.run.counts)
        return dict(Counter(str(finding.result) for finding in self.findings))

    @property
    def is_clean(self) -> bool:
        """Whether nothing was refused, missing or failed."""
        return not set(self.counts) & {Result.REFUSED, Result.MISSING, Result.FAILED}


def start(
    operation: Operation,
    actor: Actor,
    ids: Iterable[int],
    *,
    params: dict[str, Any] | None = None,
    items: dict[int, dict[str, Any]] | None = None,
    back: str = "",
    undoes: BulkRun | None = None,
    state: str = State.QUEUED,
) -> BulkRun:
    """Write a run and its targets down. Carry it out with `finish`, or leave it to the worker."""
    unique = list(dict.fromkeys(ids))
    with transaction.atomic():
        run = _new_run(operation, actor, params, back, undoes, state, len(unique))
        BulkTarget.objects.bulk_create(
            [BulkTarget(run=run, target_id=pk, item_params=(items or {}).get(pk)) for pk in unique],
            batch_size=1000,
        )
    return run


def start_matching(operation: Operation, actor: Actor, rows: Any, **kwargs: Any) -> BulkRun:
    """The same for all rows of a queryset: resolved once, here, by INSERT … SELECT."""
    with transaction.atomic():
        run = _new_run(
            operation,
            actor,
            kwargs.get("params"),
            kwargs.get("back", ""),
            None,
            kwargs.get("state", State.DRAFT),
            0,
        )
        try:
            sql, values = rows.order_by("pk").values_list("id").query.sql_with_params()
        except EmptyResultSet:
            return run
        with connection.cursor() as cursor:
            # The inner statement is Django's own; only the run's number is added, as a parameter.
            cursor.execute(
                "INSERT INTO core_bulktarget (run_id, target_id, label, code, reason_params)"  # noqa: S608
                f" SELECT %s, chosen.id, '', '', '{{}}' FROM ({sql}) AS chosen",
                [run.pk, *values],
            )
            run.total = cursor.rowcount
        run.save(update_fields=["total"])
    return run


def _new_run(
    operation: Operation,
    actor: Actor,
    params: dict[str, Any] | None,
    back: str,
    undoes: BulkRun | None,
    state: str,
    total: int,
) -> BulkRun:
    return BulkRun.objects.create(
        operation=operation.name,
        account_id=actor.account_id,
        user_id=actor.user_id,
        real_user_id=actor.real.user_id if actor.real else None,
        scopes=sorted(actor.scopes) if actor.scopes is not None else None,
        door=actor.door,
        address=actor.address,
        request_id=actor.request_id,
        params=params or {},
        back=back[:2000],
        undoes=undoes,
        state=state,
        lease_until=timezone.now() + LEASE if state == State.RUNNING else None,
        total=total,
    )


def begin(run: BulkRun) -> None:
    """Take a run up in this process. If that dies, a worker goes on when the lease is over."""
    run.state, run.lease_until = State.RUNNING, timezone.now() + LEASE
    run.save(update_fields=["state", "lease_until", "params"])


def perform(
    operation: Operation,
    actor: Actor,
    ids: Iterable[int],
    *,
    params: dict[str, Any] | None = None,
    items: dict[int, dict[str, Any]] | None = None,
    secrets: dict[str, Any] | None = None,
    back: str = "",
    undoes: BulkRun | None = None,
) -> Outcome:
    """Do it now, whatever the number of targets, and say what became of each.

    `params` and `items` are what forms take (raw, valid); `secrets` are added to them and never
    written down.
    """
    run = start(
        operation,
        actor,
        ids,
        params=params,
        items=items,
        back=back,
        undoes=undoes,
        state=State.RUNNING,
    )
    return carry_out(run, actor, secrets=secrets)


def carry_out(
    run: BulkRun,
    actor: Actor | None = None,
    *,
    secrets: dict[str, Any] | None = None,
    proceed: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Work through the targets that have no result yet.

    `proceed` is asked between chunks; when it says no, the rest stays as it is (to be resumed) or,
    if the run was cancelled, is marked so. Rights are read anew for each chunk.
    """
    operation = operations[run.operation]
    outcome = Outcome(operation, run=run, notes=list(run.notes))
    counts = Counter(run.counts)
    while ids := _next_ids(run, operation.chunk_size):
        current = revalidate(actor) if actor else actor_of_run(run)
        step = _chunk_with_retries(operation, current, run, ids, secrets or {})
        counts.update(str(result) for result, _code, _params in step.results.values())
        run.counts, run.notes = dict(counts), _merge_notes(run.notes, step.notes)
        # Whoever carries it out still has it: a worker must not take it up beside.
        run.lease_until = timezone.now() + LEASE
        run.save(update_fields=["counts", "notes", "lease_until"])
        outcome.findings += _findings(ids, step)
        outcome.notes = run.notes
        if len(ids) == operation.chunk_size:
            if not proceed():
                break
            if connection.vendor == "sqlite":
                # SQLite has one writer and no queue for it: leave the others a gap.
                time.sleep(0.01)
    else:
        run.state, run.finished_at = State.DONE, timezone.now()
        run.save(update_fields=["state", "finished_at"])
    return outcome


def _next_ids(run: BulkRun, size: int) -> list[int]:
    open_targets = BulkTarget.objects.filter(run=run, result__isnull=True).order_by("target_id")
    return list(open_targets.values_list("target_id", flat=True)[:size])


def _merge_notes(old: list[dict], new: list[dict]) -> list[dict]:
    """Notes of the same code add up their numbers; others stand beside each other, 20 at most."""
    merged = [dict(note) for note in old]
    for note in new:
        same = next(
            (n for n in merged if n["code"] == note["code"] and "count" in n["params"]), None
        )
        if same and "count" in note["params"]:
            params = dict(same["params"])
            params["count"] += note["params"]["count"]
            names = [*params.get("names", []), *note["params"].get("names", [])]
            same["params"] = {**params, "names": names[:5]}
        elif len(merged) < 20:
            merged.append(note)
    return merged


def _findings(ids: Sequence[int], step: Step) -> list[Finding]:
    found = []
    for pk in ids:
        result, code, params = step.results[pk]
        target = step.targets.get(pk)
        created = step.created.get(pk)
        found.append(
            Finding(
                pk,
                str(target) if target is not None else str(pk),
                result,
                code,
                params,
                created.pk if created is not None else None,
            )
        )
    return found


def _chunk_with_retries(
    operation: Operation, actor: Actor | None, run: BulkRun, ids: list[int], secrets: dict
) -> Step:
    for attempt in range(_RETRIES + 1):
        try:
            return _chunk(operation, actor, run, ids, secrets)
        except OperationalError as error:
            if not _is_retryable(error) or attempt == _RETRIES:
                logger.exception("%s on %s targets", operation.name, len(ids))
                break
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        except Exception:
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
        except Exception:
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
    with transaction.atomic():
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
    operation.lock(actor, ids)
    rows = operation.visible(actor).in_bulk(ids)
    step.targets = {pk: rows[pk] for pk in ids if pk in rows}
    step.results = {pk: (Result.MISSING, "missing", {}) for pk in ids if pk not in rows}
    step.params, errors = clean_params(
        operation.form_class, {**run.params, **secrets}, actor, list(step.targets.values())
    )
    if errors:
        step.results.update(
            {pk: (Result.REFUSED, "invalid", {"error": errors}) for pk in step.targets}
        )
        return step
    _clean_items(operation, actor, run, step)
    for target in step.open:
        if not operation.applies_to(target, actor):
            step.leave(target.pk) if operation.is_done(target) else step.refuse(
                target.pk, "not_applicable"
            )
    return step


def _clean_items(operation: Operation, actor: Actor, run: BulkRun, step: Step) -> None:
    if operation.item_form_class is None:
        return
    given = dict(
        BulkTarget.objects.filter(run=run, target_id__in=step.targets).values_list(
            "target_id", "item_params"
        )
    )
    for pk, target in step.targets.items():
        cleaned, errors = clean_params(
            operation.item_form_class, given.get(pk) or {}, actor, [target]
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
        BulkTarget.objects.filter(run=run, target_id__in=group).update(result=result, code=code)


def rehearse(
    operation: Operation,
    actor: Actor,
    ids: Sequence[int],
    *,
    params: dict[str, Any] | None = None,
    items: dict[int, dict[str, Any]] | None = None,
) -> Step:
    """What stands against it, found by the same checks and undone again. Changes nothing."""
    step = Step(operation, actor, params or {}, items or {})
    with transaction.atomic():
        operation.lock(actor, ids)
        rows = operation.visible(actor).in_bulk(list(ids))
        step.targets = {pk: rows[pk] for pk in ids if pk in rows}
        step.results = {pk: (Result.MISSING, "missing", {}) for pk in ids if pk not in rows}
        for target in step.open:
            if not operation.applies_to(target, actor):
                step.leave(target.pk) if operation.is_done(target) else step.refuse(
                    target.pk, "not_applicable"
                )
        if step.open_ids:
            operation.check(step)
        transaction.set_rollback(True)
    return step


def noun_of(run: BulkRun) -> Any:
    """The noun of a run's targets."""
    return nouns[operations[run.operation].noun]

"""Carries operations out: rights, locks, check, perform, log, one transaction a chunk."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.utils import timezone

from panel.core import chunks, rows
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.operations import Operation, Result, Step, nouns, operations
from panel.core.work import LEASE, State

# So many are done while the browser waits; more go to the worker, with progress.
IN_REQUEST = 200

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
        given = {pk: rows.stored_json(params) for pk, params in (items or {}).items()}
        targets = ((run.pk, pk, given.get(pk)) for pk in unique)
        rows.insert(BulkTarget, "run_id target_id item_params", targets)
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


def give_items(run: BulkRun, items: dict[int, dict[str, Any]]) -> None:
    """Write down what is different for some targets of a run that was not begun yet."""
    for pk, params in items.items():
        BulkTarget.objects.filter(run=run, target_id=pk).update(item_params=params)


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
        step = chunks.carry(operation, current, run, ids, secrets or {})
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
        step.targets = operation.targets(actor, ids)
        step.results = {pk: (Result.MISSING, "missing", {}) for pk in ids if pk not in step.targets}
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

"""Carries an import out, chunk by chunk: a check is taken back again, an import stays.

A check does what the import would do, with the same operations, in a transaction that is rolled
back. It goes in chunks as well, so that nobody waits for it: what the chunks before would use is
kept as numbers, and a customer of an earlier chunk is made once more for what belongs to it.
"""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Count
from django.utils import timezone

from hosting import counters, demand, locks
from hosting.forms_imports import DOOR
from hosting.import_rows import Chunk, subscriber_of
from hosting.models import imports
from hosting.models.imports import Import, ImportRow, Mode, Phase
from panel.core import log, runs, search, setting
from panel.core.access import Actor
from panel.core.operations import Result
from panel.core.work import LEASE, State

CHUNK = 20
# All rows or none: that is one transaction, and so long everybody else waits to write.
MOST_AT_ONCE = 300
_WHY = "an import goes on for whoever began it"
_OUTCOME = (
    "result",
    "code",
    "reason_params",
    "is_made",
    "customer_id",
    "subscription_id",
    "password",
)
_GOOD = {Result.DONE, Result.UNCHANGED}
_RETRIES = 3


def carry_out(source: Import) -> None:
    """Work through the rows that have no result yet. Called with the lease of `source`."""
    if source.cancel_requested:
        source.finish(State.CANCELLED)
        return
    size = source.total if _is_whole(source) else CHUNK
    while rows := _next_rows(source, size):
        actor = runs.actor_of_run(source)  # type: ignore[arg-type]
        _one_chunk(source, actor, rows)
        if not source.renew():
            if Import._base_manager.filter(pk=source.pk, cancel_requested=True).exists():
                source.finish(State.CANCELLED)
            # Else somebody else has the lease, and goes on from where this one was.
            return
        if connection.vendor == "sqlite":
            # SQLite has one writer and no queue for it: leave the others a gap.
            time.sleep(0.01)
    source.finish(State.DONE)


def carry_out_here(pk: int) -> Import:
    """Do it in this process, unless a worker has begun already: then wait for that."""
    rows = Import._base_manager.filter(pk=pk)
    while True:
        mine = rows.filter(state=State.QUEUED).update(
            state=State.RUNNING, fence=f"here-{pk}", lease_until=timezone.now() + LEASE
        )
        source = rows.get()
        if mine:
            carry_out(source)
        elif not source.is_over:
            time.sleep(0.2)
            continue
        return rows.get()


def _is_whole(source: Import) -> bool:
    return source.phase == Phase.IMPORT and source.mode == Mode.ALL


def _next_rows(source: Import, size: int) -> list[ImportRow]:
    rows = ImportRow.objects.unscoped(_WHY).filter(source=source, result=None)
    return list(rows.order_by("pk")[: max(size, 1)])


def _one_chunk(source: Import, actor: Actor | None, rows: list[ImportRow]) -> None:
    for attempt in range(_RETRIES + 1):
        try:
            _carry(source, actor, rows)
            return
        except OperationalError:
            if attempt == _RETRIES:
                raise
            for row in rows:
                row.result = None
            time.sleep(0.05 * 2**attempt)


def _carry(source: Import, actor: Actor | None, rows: list[ImportRow]) -> None:
    is_check = source.phase == Phase.CHECK
    if actor is None:
        for row in rows:
            row.told(Result.REFUSED, "not_allowed")
        _record(source, rows)
        return
    chunk = Chunk(actor.through(DOOR), demand.Ahead(_read(source.assumed) if is_check else {}))
    with setting.read_once(), transaction.atomic():
        _lock(actor, rows)
        leaders = _leaders(source, rows)
        with counters.at_once():
            for row in rows:
                _row(chunk, row, leaders, replay=is_check)
        if is_check:
            transaction.set_rollback(True)
        elif _is_whole(source) and any(row.result not in _GOOD for row in rows):
            _hold_back(rows)
            transaction.set_rollback(True)
        else:
            _finish(actor, chunk, rows)
            _record(source, rows)
            return
    source.assumed = _written(chunk.ahead)
    for row in rows:
        # Numbers of what was taken back mean nothing.
        if row.result == Result.DONE:
            row.customer_id = row.subscription_id = None
    _record(source, rows)


def _read(stored: dict[str, Any]) -> dict[int, demand.Demand]:
    """What resellers gave to the rows so far, from JSON."""
    return {
        int(pk): demand.Demand(Counter(given["amounts"]), given["shares"])
        for pk, given in stored.items()
    }


def _written(ahead: demand.Ahead) -> dict[str, Any]:
    whole = dict(ahead.before)
    for pk, given in ahead.given.items():
        whole.setdefault(pk, demand.Demand()).add(given)
    return {
        str(pk): {"amounts": dict(given.amounts), "shares": given.shares}
        for pk, given in whole.items()
    }


def _row(chunk: Chunk, row: ImportRow, leaders: dict[str, ImportRow], *, replay: bool) -> None:
    """One row, after the customer that it belongs to, where that is another row of the file."""
    text = row.values.get("subscriber", "")
    leader = leaders.get(text.lower())
    if leader is not None and subscriber_of(text, chunk.actor) is None:
        if leader.pk > row.pk:
            row.told(Result.REFUSED, "import_order", {"line": leader.line})
            return
        if leader.result not in _GOOD:
            row.told(Result.REFUSED, "import_leader", {"line": leader.line})
            return
        if replay:
            chunk.replay(leader)
    chunk.carry(row)


def _leaders(source: Import, rows: list[ImportRow]) -> dict[str, ImportRow]:
    """Rows of the file that make the customers which these rows name, by username."""
    wanted = {row.values["subscriber"].lower() for row in rows if "subscriber" in row.values}
    found = ImportRow.objects.unscoped(_WHY).filter(
        source=source, username__in=wanted - {""}, is_made=False
    )
    here = {row.pk: row for row in rows}
    leaders: dict[str, ImportRow] = {}
    for row in found.order_by("pk"):
        leaders.setdefault(row.username, here.get(row.pk, row))
    return leaders


def _lock(actor: Actor, rows: list[ImportRow]) -> None:
    """The accounts that rows are made below, in the one order of all operations."""
    texts = {row.values["subscriber"] for row in rows if "subscriber" in row.values}
    found = [subscriber_of(text, actor) for text in sorted(texts)]
    locks.accounts({actor.account_id, *(account.pk for account in found if account)})


def _hold_back(rows: list[ImportRow]) -> None:
    for row in rows:
        if row.result == Result.DONE:
            row.told(Result.UNCHANGED, "import_held_back")


def _finish(actor: Actor, chunk: Chunk, rows: list[ImportRow]) -> None:
    """What belongs to the transaction besides the rows themselves."""
    for row in rows:
        if row.result == Result.DONE:
            row.is_made, row.password = True, ""
    log.write(actor, chunk.entries)
    for noun, ids in chunk.reindex.items():
        search.refresh(noun, ids)
    for func in chunk.after_commit:
        transaction.on_commit(func)


def _record(source: Import, rows: Iterable[ImportRow]) -> None:
    with transaction.atomic():
        ImportRow.objects.unscoped(_WHY).bulk_update(rows, _OUTCOME, batch_size=500)
        source.counts = counts(source)
        source.save(update_fields=["counts", "assumed"])


def counts(source: Import) -> dict[str, int]:
    """How many rows have which result."""
    rows = ImportRow.objects.unscoped(_WHY).filter(source=source, result__isnull=False)
    return dict(rows.values_list("result").annotate(n=Count("pk")).order_by())


imports.carrier = carry_out

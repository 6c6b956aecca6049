"""What the worker does besides provisioning: runs, queues, seals, answers to questions.

Each has a `step` that does one piece and returns the seconds until it wants to look again.
"""

import contextlib
import fcntl
import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.module_loading import import_string

from hosting import drift, measuring
from hosting import provisioning_queue as queue
from hosting.agent.client import AgentAway
from hosting.agent.protocol import AgentError
from hosting.exclusive import only_one
from hosting.models.questions import Question
from hosting.services import base
from panel.core import full_disk, log, runs
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from panel.core.operations import Result
from panel.core.work import QUEUES, State, Work

logger = logging.getLogger(__name__)

LOOK = 1.0
_SEALED_AT_ONCE = 1000
_QUESTIONS_AT_ONCE = 20
# How long a page waits for a node that is away before it is told so.
_PATIENCE = timedelta(seconds=5)


class Claims:
    """What this worker has claimed, on disk: the next one here need not wait for the leases.

    A lease protects a row from workers elsewhere. Of a worker on this machine the lock on the file
    tells that it is gone, at once.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+")
        self._fences: set[str] = set()
        self._abandoned: list[str] = []
        self._guard = threading.Lock()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._is_ours = True
        except BlockingIOError:
            # A second worker here: its rows wait for their leases, if it dies.
            self._is_ours = False
            return
        self._file.seek(0)
        with contextlib.suppress(ValueError):
            self._abandoned = json.loads(self._file.read())

    def release_abandoned(self) -> None:
        """Give back what the last worker on this machine had claimed when it was killed."""
        if not self._abandoned:
            return
        for model in (BulkRun, *QUEUES):
            rows = model._base_manager.filter(state=State.RUNNING, fence__in=self._abandoned)
            rows.update(lease_until=timezone.now() - timedelta(seconds=1))
        self._abandoned = []

    @contextlib.contextmanager
    def holding(self, row: Work) -> Iterator[None]:
        """While this lasts, the row's lease is ours to give back after a crash."""
        with self._guard:
            self._fences.add(row.fence)
            self._write()
        try:
            yield
        finally:
            with self._guard:
                self._fences.discard(row.fence)
                self._write()

    def close(self) -> None:
        """Let the next worker have the file."""
        self._file.close()

    def _write(self) -> None:
        # On a full disk the next worker waits for the leases; this one goes on.
        with contextlib.suppress(OSError):
            if self._is_ours:
                self._file.seek(0)
                self._file.truncate()
                self._file.write(json.dumps(sorted(self._fences)))
                self._file.flush()


class Runs:
    """Carries out runs of operations that were left to the worker."""

    def __init__(self, claims: Claims, stopping: threading.Event) -> None:
        self._claims = claims
        self._stopping = stopping

    def step(self) -> float:
        self._claims.release_abandoned()
        run = BulkRun.claim()
        if run is None:
            return LOOK
        with self._claims.holding(run):
            try:
                self._carry_out(run)
            except Exception as error:
                is_full = full_disk.is_cause(error)
                run.postpone(queue.retry_delay(run.attempts - 1), counts=not is_full)
                raise
        return 0.0

    def _carry_out(self, run: BulkRun) -> None:
        # A worker killed between a chunk and its sum left the sum short.
        run.counts = _counts(run)
        run.save(update_fields=["counts"])
        if not run.cancel_requested:
            runs.carry_out(run, proceed=lambda: not self._stopping.is_set() and run.renew())
        if run.state == State.DONE:
            return
        if BulkRun.objects.filter(pk=run.pk, cancel_requested=True).exists():
            _cancel(run)
        elif self._stopping.is_set():
            run.postpone(timedelta(0))
        # Else somebody else has the lease, and goes on from where this one was.


def _counts(run: BulkRun) -> dict[str, int]:
    results = BulkTarget.objects.filter(run=run, result__isnull=False).values_list("result")
    return dict(results.annotate(number=Count("pk")).order_by())


def _cancel(run: BulkRun) -> None:
    """What has not been done stays as it is, and says why."""
    with transaction.atomic():
        BulkTarget.objects.filter(run=run, result__isnull=True).update(
            result=Result.UNCHANGED, code="cancelled"
        )
        BulkRun.objects.filter(pk=run.pk).update(counts=_counts(run))
        run.finish(State.CANCELLED)


class Queue:
    """Carries out the rows of one registered kind: messages, forgotten passwords, imports."""

    def __init__(self, claims: Claims, kind: type[Work]) -> None:
        self._claims = claims
        self._kind = kind

    def step(self) -> float:
        row = self._kind.claim()
        if row is None:
            return LOOK
        with self._claims.holding(row):
            try:
                row.carry_out()
            except Exception as error:
                is_full = full_disk.is_cause(error)
                row.postpone(queue.retry_delay(row.attempts), counts=not is_full)
                raise
        return 0.0


def seal() -> float:
    """Chain new entries of the activity log."""
    if not Activity.objects.filter(seal=None).exists():
        return LOOK
    with only_one("seal") as is_ours:
        sealed = log.seal(_SEALED_AT_ONCE) if is_ours else 0
    return 0.0 if sealed == _SEALED_AT_ONCE else LOOK


class TellingAgent(Protocol):
    """The verb by which nodes tell what happened; see `hosting.agent.client.Client`."""

    def news(self, service: str, after: int) -> list[dict]: ...


class News:
    """Takes in what services of a node tell by themselves (runs of scheduled tasks, say)."""

    def __init__(self, node_id: int, agent: TellingAgent) -> None:
        self._node_id = node_id
        self._agent = agent
        # How far each service was read; None: as its rows say.
        self._read: dict[str, int] = {}

    def step(self) -> float:
        for config in base.services():
            if config.news_source:
                take_in = import_string(config.news_source)
                ask = partial(self._agent.news, config.service)
                after = self._read.get(config.service)
                try:
                    self._read[config.service] = take_in(self._node_id, ask, after)
                except AgentAway:
                    return LOOK
        return LOOK


class ReadOnlyAgent(Protocol):
    """The verbs by which questions are answered; see `hosting.agent.client.Client`."""

    def plan(self, subscriptions: list[dict]) -> list[dict]: ...

    def measure(
        self, subscriptions: list[int], since: str | None = None
    ) -> dict[str, dict[int, int]]: ...

    def ask(self, service: str, what: str, subscription: int, parameters: dict) -> dict: ...


class Questions:
    """Asks the agent what pages want to know."""

    def __init__(self, node_id: int, agent: ReadOnlyAgent) -> None:
        self._node_id = node_id
        self._agent = agent

    def step(self) -> float:
        rows = Question.objects.unscoped("the worker answers everybody's questions").filter(
            answered_at=None, subscription__node_id=self._node_id
        )
        for question in rows.order_by("pk")[:_QUESTIONS_AT_ONCE]:
            answer = self._answer(question)
            if answer is None:
                return 0.5
            rows.filter(pk=question.pk).update(answer=answer, answered_at=timezone.now())
        return LOOK

    def _answer(self, question: Question) -> dict[str, Any] | None:
        """The answer, or None to ask again in a moment."""
        try:
            return {"ok": True} | self._ask(question)
        except AgentAway as error:
            if timezone.now() - question.asked_at < _PATIENCE:
                return None
            return {"ok": False, "kind": "away", "message": str(error)}
        except AgentError as error:
            return {"ok": False, "kind": error.kind, "message": error.message}

    def _ask(self, question: Question) -> dict[str, Any]:
        verb, subscription_id = question.verb, question.subscription_id
        if verb == "ask":
            service, what = question.service, question.what
            return self._agent.ask(service, what, subscription_id, question.parameters)
        if verb == "plan":
            plans = self._agent.plan(queue.desired([subscription_id], self._node_id))
            drift.record(self._node_id, [subscription_id], plans)
            return {"plans": plans}
        if verb == "measure":
            figures = self._agent.measure([subscription_id], measuring.since())
            measuring.note([subscription_id], figures)
            measuring.recount_above([subscription_id])
            return {name: found.get(subscription_id) for name, found in figures.items()}
        raise AgentError("invalid", f"unknown question {verb!r}")

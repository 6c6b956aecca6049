"""What is due by the clock. No row says so: each job asks the database for what there is to do.

`JOBS` may run twice and must not mind; of all workers only one runs a job at a time.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Account
from hosting import provisioning_queue as queue
from hosting.exclusive import only_one
from hosting.models.deployments import Deployment
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from panel.core.api_keys import IdempotencyKey
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.mail import Message
from panel.core.work import State

logger = logging.getLogger(__name__)

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = timedelta(days=1)
_WHY = "the daily run is for everybody"


@dataclass(frozen=True)
class Job:
    """Something to do every so many seconds, if there is anything to do."""

    name: str
    every: float
    do: Callable[[], object]


def purge() -> None:
    """Have removed accounts and subscriptions go when their time is up."""
    now = timezone.now()
    due = (
        Account.objects.unscoped(_WHY).filter(removing_at__isnull=False, purge_at__lte=now),
        Subscription.objects.unscoped(_WHY).filter(removing_at__isnull=False, purge_at__lte=now),
    )
    if any(rows.exists() for rows in due):
        import_string("hosting.purge.due")()


def sweep_runs() -> None:
    """Selections that nobody confirmed."""
    old = BulkRun.objects.filter(state=State.DRAFT, created_at__lt=timezone.now() - _DAY)
    for pk in list(old.values_list("pk", flat=True)):
        BulkTarget.objects.filter(run_id=pk).delete()
        BulkRun.objects.filter(pk=pk, state=State.DRAFT).delete()


def sweep_keys() -> None:
    """Answers of the API that nobody will ask for again."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - _DAY).delete()


def sweep_messages() -> None:
    """Mail that could not be sent. It has expired, and it may hold a link that logs in."""
    Message.objects.filter(state=State.FAILED, created_at__lt=timezone.now() - _DAY).delete()


def sweep_questions() -> None:
    """Questions whose page is closed."""
    old = Question.objects.unscoped(_WHY).filter(asked_at__lt=timezone.now() - timedelta(hours=1))
    old.delete()


def sweep_deployments() -> None:
    """What is gone from node and panel, in whichever order it went."""
    queue.drop(Deployment.objects.all())


JOBS: list[Job] = [
    Job("purge", _MINUTE, purge),
    Job("sweep-runs", _HOUR, sweep_runs),
    Job("sweep-keys", _HOUR, sweep_keys),
    Job("sweep-messages", _HOUR, sweep_messages),
    Job("sweep-questions", _HOUR, sweep_questions),
    Job("sweep-deployments", _HOUR, sweep_deployments),
    Job("sweep-sessions", _HOUR, SessionStore.clear_expired),
]


class Schedule:
    """Runs the jobs, each when its time has come; one that fails holds up no other."""

    def __init__(self, jobs: list[Job] | None = None) -> None:
        self._jobs = JOBS if jobs is None else jobs
        self._next: dict[str, float] = {}

    def step(self) -> float:
        """Run what is due; seconds until the next is."""
        for job in self._jobs:
            if self._next.get(job.name, 0.0) <= time.monotonic():
                self._next[job.name] = time.monotonic() + job.every
                self._run(job)
        due = [self._next[job.name] for job in self._jobs]
        return max(0.0, min(due, default=time.monotonic() + _MINUTE) - time.monotonic())

    def _run(self, job: Job) -> None:
        try:
            with only_one(f"job-{job.name}") as is_ours:
                if is_ours:
                    job.do()
        except Exception:
            logger.exception("The job %s failed; it is tried again in %g s", job.name, job.every)

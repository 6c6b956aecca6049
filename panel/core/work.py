"""Background work as rows with state: lease, fencing, attempts, progress, cancel."""

import secrets
from datetime import timedelta
from typing import ClassVar

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5


class State(models.TextChoices):
    DRAFT = "draft", _("Not started")
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Work(models.Model):
    """Mixin of every row that a worker carries out. The row is the truth; the work is idempotent.

    A worker that lost its lease cannot finish the row: each change asks for its `fence`.
    """

    # How many rows of a kind one worker carries out beside each other.
    at_once: ClassVar[int] = 1

    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    fence = models.CharField(max_length=16, default="", editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    run_after = models.DateTimeField(default=timezone.now, editable=False)
    cancel_requested = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def claim(cls) -> "Work | None":
        """The next row that is due, leased to the caller, or None.

        A row whose lease ran out is due again, at most MAX_ATTEMPTS times: work that kills its
        worker must not go round for ever.
        """
        now = timezone.now()
        due = models.Q(state=State.QUEUED, run_after__lte=now) | models.Q(
            state=State.RUNNING, lease_until__lt=now
        )
        if not cls._base_manager.filter(due).exists():
            return None
        with transaction.atomic():
            row = (
                cls._base_manager.filter(due)
                .order_by("run_after", "pk")
                .select_for_update(skip_locked=True)
                .first()
            )
            if row is None:
                return None
            if row.attempts >= MAX_ATTEMPTS:
                row.state, row.finished_at = State.FAILED, now
                row.save(update_fields=["state", "finished_at"])
                return None
            row.state, row.fence = State.RUNNING, secrets.token_hex(8)
            row.lease_until, row.attempts = now + LEASE, row.attempts + 1
            row.save(update_fields=["state", "fence", "lease_until", "attempts"])
        return row

    def renew(self) -> bool:
        """Prolong the lease; False if somebody else has the row or it was cancelled."""
        renewed = self._mine().update(lease_until=timezone.now() + LEASE, attempts=1)
        return bool(renewed) and not self._mine().filter(cancel_requested=True).exists()

    def carry_out(self) -> None:
        """Do it, in a worker; what fails is tried again later."""
        raise NotImplementedError

    def finish(self, state: str = State.DONE) -> bool:
        """Close the row; False if the lease was lost meanwhile."""
        self.state, self.finished_at = state, timezone.now()
        return bool(self._mine().update(state=state, finished_at=self.finished_at))

    def postpone(self, delay: timedelta, *, counts: bool = True) -> bool:
        """Give the row back, to be tried again after a while; False if the lease was lost.

        What it cannot be blamed for (a full disk) does not count as one of its attempts.
        """
        given_back: dict = {} if counts else {"attempts": models.F("attempts") - 1}
        given_back |= {"state": State.QUEUED, "run_after": timezone.now() + delay, "fence": ""}
        return bool(self._mine().update(**given_back))

    def _mine(self) -> models.QuerySet:
        return type(self)._base_manager.filter(pk=self.pk, fence=self.fence, state=State.RUNNING)


QUEUES: list[type[Work]] = []


def register_queue(cls: type[Work]) -> type[Work]:
    """Class decorator: the worker claims rows of this kind and calls their `carry_out()`."""
    QUEUES.append(cls)
    return cls

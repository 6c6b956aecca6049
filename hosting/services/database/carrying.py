"""Carries dumps out in the worker: opens the file and has the node fill it, or take it in."""

import os
import time
from datetime import timedelta
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting import daily, questions
from hosting.agent.client import AgentAway, Client
from hosting.agent.protocol import AgentError
from hosting.models.subscriptions import Subscription
from hosting.services.database import models, spool
from hosting.services.database.models import Database, DatabaseDump, Task
from hosting.services.database.settings import KEPT_DAYS
from panel.core.work import State

_WHY = "the worker carries out everybody's dumps"
# The node tells how far it is each second; one that says nothing for so long is gone.
_SILENCE = 60.0
_AGAIN = timedelta(seconds=2)
_RENEWED_EVERY, _SWEPT_EVERY = 5.0, 3600.0


class TransferringAgent(Protocol):
    """The verb by which files go to a node and come from it; see `hosting.agent.client.Client`."""

    def transfer(
        self, about: tuple[str, str, int], parameters: dict, file: int, go_on: Any
    ) -> dict: ...


def carry_out(row: DatabaseDump) -> None:
    """Export or import it, with the lease of the row."""
    perform(row, Client(settings.AGENT_SOCKET, _SILENCE))


def perform(row: DatabaseDump, agent: TransferringAgent) -> None:
    """The same with this agent."""
    if row.cancel_requested:
        _end(row, State.CANCELLED)
    elif row.has_begun and row.task == Task.IMPORT:
        _end(row, State.FAILED, _("It was interrupted. What was imported by then may be there."))
    elif row.task == Task.EXPORT and spool.is_full():
        _end(row, State.FAILED, _("The panel has no room for it."))
    else:
        _transfer(row, agent)


def _transfer(row: DatabaseDump, agent: TransferringAgent) -> None:
    database = Database.objects.unscoped(_WHY).get(pk=row.database_id)
    about = {"server": row.server, "database": database.own_name}
    if row.task == Task.IMPORT:
        about["recreate"] = row.recreates
    progress = _Progress(row)
    try:
        with _opened(row) as file:
            whom = ("database", str(row.task), row.subscription_id)
            agent.transfer(whom, about, file.fileno(), progress)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        _end(row, State.FAILED, str(error.strerror))
    except AgentAway as error:
        if row.task == Task.IMPORT and progress.was_called:
            _end(row, State.FAILED, str(error))
        else:
            row.postpone(_AGAIN)
    except AgentError as error:
        _end(row, State.CANCELLED if progress.is_cancelled else State.FAILED, error.message)
    else:
        _mine(row).update(size=size, progress=size, is_whole=True)
        _end(row, State.DONE)
        rows = Subscription.objects.unscoped(_WHY).filter(pk=row.subscription_id)
        if row.task == Task.IMPORT:
            questions.measure(rows)


def _opened(row: DatabaseDump) -> Any:
    """SECURITY: opened here, by the panel's user; the node gets the open file, and no name."""
    place = spool.path(row.token)
    if row.task == Task.IMPORT:
        return place.open("rb")
    # One that a worker has begun that was killed is written anew.
    place.unlink(missing_ok=True)
    return spool.create(row.token)


class _Progress:
    """Hears how far the node is, and says whether it is to go on."""

    def __init__(self, row: DatabaseDump) -> None:
        self._row = row
        self._renewed = 0.0
        self.was_called = self.is_cancelled = False

    def __call__(self, far: int) -> bool:
        if not self.was_called:
            self.was_called = True
            _mine(self._row).update(has_begun=True)
        _mine(self._row).update(progress=far)
        now = time.monotonic()
        if now - self._renewed < _RENEWED_EVERY:
            rows = DatabaseDump.objects.unscoped(_WHY).filter(pk=self._row.pk)
            self.is_cancelled = rows.filter(cancel_requested=True).exists()
            return not self.is_cancelled
        self._renewed = now
        goes_on = self._row.renew()
        if self._row.task == Task.EXPORT and spool.is_full():
            return False
        self.is_cancelled = not goes_on
        return goes_on


def _mine(row: DatabaseDump) -> Any:
    rows = DatabaseDump.objects.unscoped(_WHY)
    return rows.filter(pk=row.pk, fence=row.fence, state=State.RUNNING)


def _end(row: DatabaseDump, state: str, error: str = "") -> None:
    """Close the row; an export that came to nothing leaves no file."""
    # A NUL ends text in PostgreSQL.
    _mine(row).update(error=error.replace("\0", "\ufffd")[:4000])
    if row.finish(state) and state != State.DONE and row.task == Task.EXPORT:
        spool.forget([row.token])


def sweep() -> None:
    """Dumps that are old go, and files that are nobody's."""
    rows = DatabaseDump.objects.unscoped(_WHY)
    since = timezone.now() - timedelta(days=KEPT_DAYS.get())
    old = rows.filter(created_at__lt=since).exclude(state__in=[State.QUEUED, State.RUNNING])
    found = list(old.values_list("pk", "token"))
    rows.filter(pk__in=[pk for pk, _token in found]).delete()
    spool.forget(token for _pk, token in found)
    spool.forget(spool.abandoned(rows.values_list("token", flat=True)))


models.carrier = carry_out
daily.JOBS.append(daily.Job("sweep-dumps", _SWEPT_EVERY, sweep))

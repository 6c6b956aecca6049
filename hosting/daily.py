"""What is due by the clock. No row says so: each job asks the database for what there is to do.

`JOBS` may run twice and must not mind; of all workers only one runs a job at a time.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import Account
from hosting import conditions, counters, held, locks, notices, samples
from hosting import provisioning_queue as queue
from hosting import purge as purging
from hosting.exclusive import only_one
from hosting.models.deployments import Deployment
from hosting.models.imports import Import, ImportRow
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.models.usage import UsageDay
from panel.core import log, runs, setting
from panel.core.access import Actor, Role
from panel.core.api_keys import IdempotencyKey
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.mail import Message
from panel.core.operations import operations
from panel.core.work import State

logger = logging.getLogger(__name__)

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = timedelta(days=1)
# So long a subscription's figures of each day are kept.
USAGE_KEPT = 100 * _DAY
_WHY = "the daily run is for everybody"
# Of each kind, in one go; what is left is due a minute later.
_AT_ONCE = 500


@dataclass(frozen=True)
class Job:
    """Something to do every so many seconds, if there is anything to do."""

    name: str
    every: float
    do: Callable[[], object]


def _clock() -> Actor | None:
    """On whose behalf the clock acts; nobody's while there is no administrator yet."""
    account = Account.objects.unscoped(_WHY).filter(role=Role.ADMINISTRATOR).first()
    return account and Actor(Role.ADMINISTRATOR, account.pk, "daily run", door="worker")


def purge() -> None:
    """Have removed subscriptions and accounts go when their time is up, as "Purge now" would."""
    is_due = Q(removing_at__isnull=False, purge_at__lte=timezone.now())
    accounts = Account.objects.unscoped(_WHY).filter(is_due)
    due = {
        "subscription.purge": Subscription.objects.unscoped(_WHY).filter(is_due),
        "customer.purge": accounts.filter(role=Role.CUSTOMER),
        # Last: a reseller goes after its customers.
        "reseller.purge": accounts.filter(role=Role.RESELLER),
    }
    for name, rows in due.items():
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])
        if ids and (actor := _clock()):
            outcome = runs.perform(operations[name], actor, ids)
            if not outcome.is_clean:
                logger.error("%s: %s; see run %s", name, outcome.counts, outcome.run)


def expire() -> None:
    """Suspend what has expired, unless that looks like a wrong clock rather than like a day."""
    rows = conditions.newly_expired()
    count = rows.count()
    if not count:
        held.drop(held.EXPIRY)
    elif _is_plausible(held.EXPIRY, count):
        suspend_expired(list(rows.order_by("pk")[:_AT_ONCE]))


def suspend_expired(rows: list[Subscription], by: Actor | None = None) -> None:
    """Judge these, whose last day is over; an entry for each."""
    with transaction.atomic():
        conditions.judge(row.pk for row in rows)
        _log("subscription.expire", {"expired": True}, rows, by)


def _log(
    action: str,
    new: dict[str, Any],
    subscriptions: Iterable[Subscription],
    by: Actor | None = None,
) -> None:
    """What the clock did, or somebody in its place, as an entry for each."""
    if actor := by or _clock():
        entries = [log.Entry(action, "subscription", row, {}, new) for row in subscriptions]
        log.write(actor, entries)


def recalculate() -> None:
    """Once a day, judge all usage again: what changed without an operation shows by then."""
    done = f"daily-usage-{conditions.today()}"
    if cache.get(done):
        return
    cache.set(done, True, timeout=2 * _DAY.total_seconds())
    rows = Subscription.objects.unscoped(_WHY).filter(removing_at=None).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    batches = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
    count = sum(len(conditions.newly_overused(batch)) for batch in batches)
    if not count:
        held.drop(held.OVERUSE)
    elif not _is_plausible(held.OVERUSE, count):
        return
    for batch in batches:
        with transaction.atomic():
            judge_usage(batch)
    resellers = Account.objects.unscoped(_WHY).filter(role=Role.RESELLER)
    counters.recount_accounts(resellers.values_list("pk", flat=True))


def due() -> dict[str, list[int]]:
    """Which subscriptions a daily run would suspend now, if nothing held it back."""
    rows = Subscription.objects.unscoped(_WHY).filter(removing_at=None).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    over: set[int] = set()
    for start in range(0, len(ids), _AT_ONCE):
        over |= conditions.newly_overused(ids[start : start + _AT_ONCE])
    expired = conditions.newly_expired().order_by("pk").values_list("pk", flat=True)
    return {held.EXPIRY: list(expired), held.OVERUSE: sorted(over)}


def judge_usage(ids: list[int], by: Actor | None = None) -> None:
    """Judge what was measured of these; an entry for each that is shut for it. In a transaction."""
    locks.subscriptions(ids)
    shut = conditions.newly_overused(ids)
    conditions.judge(ids)
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=shut)
    _log("subscription.overuse", {"overused": True}, rows, by)


def notify() -> None:
    """Tell those who use too much, and those whose last day comes near."""
    for about, tell in (("overused", notices.tell_overused), ("expiring", notices.tell_expiring)):
        with setting.read_once(), transaction.atomic():
            told = tell()
            if told and (actor := _clock()):
                log.write(actor, [_notice(about, row) for row in told])


def _notice(about: str, row: Any) -> log.Entry:
    kind = "reseller" if isinstance(row, Account) else "subscription"
    return log.Entry(f"{kind}.notice", kind, row, {}, {"about": about})


def _steady() -> float:
    """Seconds that nobody sets; where the system has them, those of its sleep count."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


# Wall and steady clock when this process began: how far they part is how far somebody set one.
_BEGAN = (time.time(), _steady())


def is_clock_off() -> bool:
    """Whether the clock jumped by more than a day, or the log is more than a day ahead of it."""
    wall, steady = _BEGAN
    jumped = abs((time.time() - wall) - (_steady() - steady))
    last = log.Activity.objects.order_by("-pk").values_list("at", flat=True).first()
    is_ahead = last is not None and last > timezone.now() + _DAY
    return jumped > _DAY.total_seconds() or is_ahead


def _is_plausible(what: str, count: int) -> bool:
    """Whether the daily run may suspend so many; if not, the administrator is told, and it waits
    for somebody to look."""
    is_off, is_many = is_clock_off(), count > conditions.brake()
    if is_off:
        text = gettext(
            "The server's clock was set by more than a day, so the daily run did not suspend them."
            " Check the server's date, then start the worker again; or have them suspended by the"
            " page that Home leads to."
        )
    else:
        text = gettext(
            "The daily run did not suspend them, as so many look like a wrong clock. Check the"
            " server's date; if it is right, Home leads to a page that names them, where you have"
            " them suspended. Or set their expiry anew, or the limits of their plans."
        )
    if is_off or is_many:
        logger.error("%s: %s subscriptions at once: is the clock right?", what, count)
        subjects = {
            held.EXPIRY: gettext("%(count)s subscriptions would expire at once"),
            held.OVERUSE: gettext("%(count)s subscriptions would be suspended for overuse at once"),
        }
        _tell_administrator(what, subjects[what] % {"count": count}, text)
        held.keep(what, count, is_clock_off=is_off)
    else:
        held.drop(what)
    return not (is_off or is_many)


def _tell_administrator(what: str, subject: str, text: str) -> None:
    """Once a day."""
    day = f"daily-{what}-{conditions.today()}"
    account = Account.objects.unscoped(_WHY).filter(role=Role.ADMINISTRATOR).first()
    if account is None or not cache.add(day, True, timeout=2 * 24 * 3600):
        return
    Message.put(account.email, subject, text)


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


def sweep_usage() -> None:
    """Days that no page shows any more."""
    UsageDay.objects.filter(day__lt=conditions.today() - USAGE_KEPT).delete()


def sweep_imports() -> None:
    """Files of customers that nobody has touched for a month: they hold people's data."""
    rows = Import.objects.unscoped(_WHY).filter(created_at__lt=timezone.now() - 30 * _DAY)
    old = list(rows.exclude(state__in=[State.QUEUED, State.RUNNING]).values_list("pk", flat=True))
    ImportRow.objects.unscoped(_WHY).filter(source_id__in=old).delete()
    rows.filter(pk__in=old).delete()


def sweep_deployments() -> None:
    """What is gone from node and panel, in whichever order it went."""
    queue.drop(Deployment.objects.all())


JOBS: list[Job] = [
    Job("expire", _MINUTE, expire),
    Job("recalculate", _MINUTE, recalculate),
    Job("purge", _MINUTE, purge),
    Job("notify", _MINUTE, notify),
    Job("sample", _HOUR, samples.take),
    Job("sweep-usage", _HOUR, sweep_usage),
    Job("sweep-runs", _HOUR, sweep_runs),
    Job("sweep-keys", _HOUR, sweep_keys),
    Job("sweep-messages", _HOUR, sweep_messages),
    Job("sweep-questions", _HOUR, sweep_questions),
    Job("sweep-imports", _HOUR, sweep_imports),
    Job("sweep-deployments", _HOUR, sweep_deployments),
    Job("forget-system-users", _HOUR, purging.forget_system_users),
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

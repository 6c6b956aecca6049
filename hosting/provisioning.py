"""What nodes should have of subscriptions: raising it, and saying on a page how far it got.

Operations call `deploy`, `touch` and `forget` inside their transactions. Raising a generation is
all that it takes: what is behind is the queue. `hosting.provisioning_queue` is the worker's side.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from panel.core.rows import among

# What PostgreSQL carries from a commit to the workers (NOTIFY).
CHANNEL = "freehold_behind"
_WHY = "what nodes should have does not depend on who asks"
# Below what SQLite takes as parameters of one statement, whoever compiled it.
_AT_ONCE = 10_000


def deploy(subscription_ids: Iterable[int]) -> None:
    """Have these subscriptions' nodes serve them. One that was to be forgotten comes back."""
    for ids in _chunks(subscription_ids):
        with transaction.atomic():
            known = Deployment.objects.filter(
                subscription_id__in=ids, node_id__in=_nodes_of(ids).values("node_id")
            )
            _raise(known, is_present=True)
            deployed = set(known.values_list("subscription_id", "node_id"))
            Deployment.objects.bulk_create(
                [
                    Deployment(subscription_id=pk, node_id=node_id)
                    for pk, node_id in _nodes_of(ids).values_list("pk", "node_id")
                    if (pk, node_id) not in deployed
                ],
                batch_size=500,
                ignore_conflicts=True,
            )
    wake()


def touch(subscription_ids: Iterable[int]) -> None:
    """Something about these changed: their nodes are to be brought up to it."""
    for ids in _chunks(subscription_ids):
        # Without a savepoint: for one, the database keeps a copy of every page that is changed.
        with transaction.atomic(savepoint=False):
            _mend(ids)
            _raise(Deployment.objects.filter(subscription_id__in=among(ids)))
    wake()


def forget(subscription_ids: Iterable[int]) -> None:
    """Have all nodes remove these subscriptions, homes included. Their rows may be gone already."""
    for ids in _chunks(subscription_ids):
        with transaction.atomic():
            _mend(ids)
            _raise(Deployment.objects.filter(subscription_id__in=ids), is_present=False)
    wake()


def try_again(subscription_ids: Iterable[int]) -> None:
    """Do not wait for the next attempt of what failed."""
    for ids in _chunks(subscription_ids):
        with transaction.atomic():
            _mend(ids)
            rows = Deployment.objects.filter(
                subscription_id__in=ids, generation__gt=F("applied"), attempts__gt=0
            )
            lock(rows)
            rows.update(attempts=0, retry_at=None)
    wake()


def wake() -> None:
    """Tell the workers at this transaction's commit. On SQLite they notice the commit itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def lock(rows: models.QuerySet) -> None:
    """Lock rows by id, so that nobody who locks the same ones in another order meets us."""
    if connection.features.has_select_for_update:
        list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))


def _raise(rows: models.QuerySet, **changes: Any) -> None:
    lock(rows)
    rows.update(
        generation=F("generation") + 1,
        attempts=0,
        retry_at=None,
        raised_at=timezone.now(),
        **changes,
    )


def _mend(ids: Sequence[int]) -> None:
    """What failed is tried again: until that ends, nobody can say that it fails."""
    failed = Subscription.objects.unscoped(_WHY).filter(pk__in=among(ids), is_failed=True)
    failed.update(is_failed=False)


def _nodes_of(ids: Sequence[int]) -> models.QuerySet:
    return Subscription.objects.unscoped(_WHY).filter(pk__in=ids)


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    every = list(ids)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


class Progress(models.TextChoices):
    """How far a node is with what a subscription should be."""

    APPLIED = "applied", _("Applied")
    APPLYING = "applying", _("Applying")
    FAILED = "failed", _("Failed")
    WAITING = "waiting", _("Waiting")


@dataclass(frozen=True)
class Failure:
    """What one service's daemon said."""

    service: str
    kind: str
    message: str


@dataclass(frozen=True)
class State:
    """How far it got, since when, and what stands in the way."""

    progress: Progress
    since: datetime | None = None
    retry_at: datetime | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def label(self) -> str:
        return str(self.progress.label)


def state_of(deployment: Deployment, node: Node) -> State:
    """What a page may say about this deployment now; never more than is known."""
    if not deployment.is_behind:
        return State(Progress.APPLIED, deployment.applied_at)
    failures = []
    if deployment.attempts:
        failures = [
            Failure(service, error.get("kind", ""), error.get("message", ""))
            for service, error in sorted(deployment.errors.items())
        ]
    # While the node is away nothing is tried, whatever stood in the way before.
    if node.away_since is not None:
        return State(Progress.WAITING, node.away_since, None, failures)
    if failures:
        return State(Progress.FAILED, deployment.raised_at, deployment.retry_at, failures)
    return State(Progress.APPLYING, deployment.raised_at)

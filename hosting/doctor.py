"""What should not be, and how to mend it: each look recomputes from nothing and compares."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import tree
from accounts.models import Account
from hosting import counters, suspension
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from panel.core import log

_WHY = "the doctor looks at everything"
_COUNTS = ("subscriptions_count", "domains_count", "customers_count")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do about it."""

    what: str
    cure: str


def examine() -> list[Finding]:
    """Everything that is wrong; an empty list if nothing is. Changes nothing."""
    return [*_owners(), *_states_and_counts(), *_log(), *_nodes()]


def mend() -> None:
    """Make again what is only cached: effective suspension and counts."""
    with transaction.atomic():
        ids = Account.objects.unscoped(_WHY).values_list("pk", flat=True)
        suspension.recompute(accounts=list(ids))
        counters.recount_all()


def _owners() -> Iterator[Finding]:
    for row in tree.wrong_owner_columns():
        yield Finding(
            f"{row} does not have the owner that the tree of accounts says.",
            "Report this: nothing but a bug or a hand in the database writes it.",
        )


def _states_and_counts() -> Iterator[Finding]:
    before = _cached()
    with transaction.atomic():
        mend()
        after = _cached()
        transaction.set_rollback(True)
    wrong = [key for key, value in after.items() if before[key] != value]
    if wrong:
        yield Finding(
            f"{len(wrong)} cached states or counts are not what the rows say, first {wrong[0]}.",
            "manage.py doctor --mend",
        )


def _cached() -> dict[str, tuple]:
    accounts = Account.objects.unscoped(_WHY).values_list("pk", "is_suspended", *_COUNTS)
    rows = Subscription.objects.unscoped(_WHY).values_list(
        "pk", "is_suspended", "is_overuse_only", "domains_count"
    )
    found = {f"account {row[0]}": tuple(row[1:]) for row in accounts.iterator()}
    return found | {f"subscription {row[0]}": tuple(row[1:]) for row in rows.iterator()}


def _log() -> Iterator[Finding]:
    for problem in log.verify():
        yield Finding(
            f"Activity log: {problem}.",
            "Somebody changed the database by hand. Compare it with a backup.",
        )


def _nodes() -> Iterator[Finding]:
    for node in Node.objects.exclude(away_since=None):
        yield Finding(
            f"The node {node.name} is away since {node.away_since:%Y-%m-%d %H:%M} UTC:"
            f" {node.last_error or 'no answer'}.",
            "See whether its agent runs; what waits is applied when it is back.",
        )
    failed = Deployment.objects.filter(generation__gt=F("applied"), attempts__gt=0)
    for row in failed.filter(retry_at__gt=timezone.now())[:20]:
        words = "; ".join(str(error.get("message", "")) for error in row.errors.values())
        yield Finding(
            f"Subscription {row.subscription_id} failed on its node: {words}.",
            "Mend the cause, then Try again on its page.",
        )

"""What should not be, and how to mend it: each look recomputes from nothing and compares."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.utils import timezone

from accounts import tree
from accounts.models import Account
from hosting import counters, suspension
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import log

_WHY = "the doctor looks at everything"
_COUNTS = ("subscriptions_count", "domains_count", "customers_count")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do about it."""

    what: str
    cure: str
    # All works without it.
    is_advice: bool = False


def examine() -> list[Finding]:
    """Everything that is wrong; an empty list if nothing is. Changes nothing."""
    if broken := list(_database()):
        # Whatever else would be said of it could not be relied on.
        return broken
    return [*_owners(), *_states_and_counts(), *_log(), *_nodes(), *_lacks(), *_mail()]


def _database() -> Iterator[Finding]:
    """It answers, is whole, and is of this version of the code."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            yield Finding("The database is older than the code.", "manage.py migrate")
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA quick_check(3)")
                for (words,) in cursor.fetchall():
                    if words != "ok":
                        yield Finding(
                            f"The database is damaged: {words}.",
                            "Stop the panel, and put back a copy or a backup of it.",
                        )
    except DatabaseError as error:
        yield Finding(f"The database cannot be read: {error}.", "Is it there, and is its disk?")


def _mail() -> Iterator[Finding]:
    if settings.NODE_PLATFORM == "embedded":
        return
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        yield Finding(
            f"Messages of the panel are not sent: they are written to {settings.EMAIL_FILE_PATH}.",
            'Install something that sends mail (apt-get install postfix), and set email = "smtp".',
            is_advice=True,
        )
    elif settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        address = (settings.EMAIL_HOST, settings.EMAIL_PORT)
        try:
            socket.create_connection(address, timeout=5).close()
        except OSError as error:
            yield Finding(
                f"Nobody takes mail at {address[0]}:{address[1]}: {error}.",
                'Start the mail server there, or set email = "file".',
            )


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


def _lacks() -> Iterator[Finding]:
    """What plans promise, and a node does not do."""
    settings_with_caveat = [one for one in base.plan_settings().values() if one.caveat]
    for setting, node in product(settings_with_caveat, Node.objects.all()):
        rows = Subscription.objects.unscoped(_WHY).filter(
            node=node, removing_at=None, settings__has_key=setting.name
        )
        row = rows.exclude(**{f"settings__{setting.name}": setting.default}).first()
        lack = setting.not_in_force(node, row.settings[setting.name]) if row else None
        if lack is not None:
            yield Finding(
                f"“{setting.label}” is {lack[0]}: {node.name}, {row} and perhaps others.",
                f"{lack[1] or 'Move them to a node that has them'}; or take it out of the plan.",
                is_advice=True,
            )

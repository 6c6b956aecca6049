"""From rows to what a node should run and when; and what goes with a subscription."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from hosting import provisioning
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.services.cron.models import Kind, ScheduledTask
from hosting.services.php.models import DomainPhp

_WHY = "the worker provisions everybody's subscriptions"
NEWEST = "newest"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The tasks of these subscriptions. Three queries, however many there are."""
    every = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    found: dict[int, dict[str, Any]] = {
        pk: {"user": user, "tasks": []} for pk, user in every.values_list("pk", "system_user")
    }
    rows = ScheduledTask.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    tasks = list(rows.order_by("pk"))
    scripted = {row.subscription_id for row in tasks if row.kind == Kind.PHP}
    versions: dict[int, str] = defaultdict(lambda: NEWEST)
    if scripted:
        mains = Domain.objects.unscoped(_WHY).filter(subscription_id__in=scripted, is_main=True)
        own = DomainPhp.objects.unscoped(_WHY).filter(domain_id__in=mains.values("pk"))
        versions.update(own.values_list("subscription_id", "php_version"))
    for row in tasks:
        if row.subscription_id in found:
            found[row.subscription_id]["tasks"].append(_task(row, versions))
    return found


def _task(row: ScheduledTask, versions: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "what": row.what,
        "line": row.line,
        "zone": row.zone,
        "active": row.is_active,
        "seconds": row.seconds,
        "memory": row.memory,
        **({"php": versions[row.subscription_id]} if row.kind == Kind.PHP else {}),
        **({"asked": int(row.asked_at.timestamp())} if row.asked_at else {}),
    }


def usage(subscription_ids: Sequence[int]) -> dict[int, int]:
    """How many tasks each subscription has."""
    rows = ScheduledTask.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    return dict(rows.values_list("subscription_id").annotate(n=Count("pk")).order_by())


def purge(subscription_ids: Sequence[int]) -> None:
    """Tasks go with their subscription, and runs with their tasks."""
    rows = ScheduledTask.objects.unscoped("purging")
    rows.filter(subscription_id__in=subscription_ids).delete()


def handed_over(subscription_ids: Sequence[int]) -> None:
    """Somebody else's now: the old subscriber is told no more of how its tasks end."""
    rows = ScheduledTask.objects.unscoped("handed over")
    rows = rows.filter(subscription_id__in=subscription_ids).exclude(mail_to="")
    if rows.update(mail_to=""):
        provisioning.touch(subscription_ids)

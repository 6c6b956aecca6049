"""From rows to what a node should have of databases; and what goes with a subscription."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from hosting import provisioning
from hosting.models.subscriptions import Subscription
from hosting.services.database.models import Database, DatabaseDump, DatabaseUser
from hosting.services.database.words import is_remote, prefix

_WHY = "the worker provisions everybody's subscriptions"


def usage(subscription_ids: Sequence[int]) -> dict[int, int]:
    """How many databases each of these has."""
    rows = Database.objects.unscoped("usage").filter(subscription_id__in=subscription_ids)
    return dict(rows.values_list("subscription_id").annotate(n=Count("pk")).order_by())


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The databases and users of these subscriptions, by server. Three queries in all.

    Names go without their beginning: the node puts it there itself.
    """
    among = {"subscription_id__in": subscription_ids}
    found: dict[int, dict[str, Any]] = {}
    settings = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    for pk, values in settings.values_list("pk", "settings"):
        found[pk] = defaultdict(lambda: {"databases": [], "users": []})
        found[pk]["remote"] = is_remote(values)
    names: dict[int, tuple[int, str, str]] = {}
    databases = Database.objects.unscoped(_WHY).filter(**among).order_by("name")
    for pk, owner, server, name in databases.values_list("pk", "subscription_id", "server", "name"):
        own = name.removeprefix(prefix(owner))
        names[pk] = (owner, server, own)
        found[owner][server]["databases"].append(own)
    for row in DatabaseUser.objects.unscoped(_WHY).filter(**among).order_by("name"):
        of = found[row.subscription_id]
        part = of[row.server]
        which = part["databases"] if row.database_id is None else [names[row.database_id][2]]
        part["users"].append(
            {
                "name": row.own_name,
                "password": row.password,
                "access": row.access,
                "databases": list(which),
                "hosts": list(row.hosts) if of["remote"] else [],
            }
        )
    return {
        pk: {name: part for name, part in parts.items() if name != "remote"}
        for pk, parts in found.items()
    }


def purge(subscription_ids: Sequence[int]) -> None:
    """Databases and their users go with their subscription."""
    # The files of dumps are nobody's then, and go within the hour.
    for model in (DatabaseDump, DatabaseUser, Database):
        model.objects.unscoped("purging").filter(subscription_id__in=subscription_ids).delete()


def handed_over(subscription_ids: Sequence[int]) -> None:
    """Somebody else's now. Sites go on with the passwords that stand in their files; who had the
    databases before comes to them from outside no longer."""
    rows = DatabaseUser.objects.unscoped("handed over").filter(subscription_id__in=subscription_ids)
    rows.exclude(hosts=[]).update(hosts=[])
    provisioning.touch(subscription_ids)

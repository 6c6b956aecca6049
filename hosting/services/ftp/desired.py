"""From rows to what a node should have of FTP accounts; and what goes with a subscription."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from hosting import provisioning
from hosting.models.subscriptions import Subscription
from hosting.services.ftp.models import FtpAccount
from hosting.services.system import access

_WHY = "the worker provisions everybody's subscriptions"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The FTP accounts of these subscriptions that are on. Two queries, however many there are."""
    subscriptions = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    with_keys = {
        pk
        for pk, settings in subscriptions.values_list("pk", "settings")
        if may_have_keys(settings)
    }
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = FtpAccount.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    for row in rows.filter(is_on=True).order_by("name"):
        keys = row.keys if row.subscription_id in with_keys else []
        found[row.subscription_id].append(
            {
                "name": row.name,
                "home": row.home,
                "read_only": row.is_read_only,
                "keys": [key["line"] for key in keys],
                **({"password": row.password_hash} if row.password_hash else {}),
            }
        )
    return {pk: {"accounts": found[pk]} for pk in subscription_ids}


def may_have_keys(settings: dict[str, Any]) -> bool:
    """Keys are permitted where the system user gets in over SSH at all."""
    return access.of(settings) != access.NONE


def usage(subscription_ids: Sequence[int]) -> dict[int, int]:
    """How many FTP accounts these subscriptions have, those that are off included."""
    rows = FtpAccount.objects.unscoped("usage").filter(subscription_id__in=subscription_ids)
    return dict(rows.values_list("subscription_id").annotate(n=Count("pk")).order_by())


def purge(subscription_ids: Sequence[int]) -> None:
    """Accounts go with their subscription."""
    FtpAccount.objects.unscoped("purging").filter(subscription_id__in=subscription_ids).delete()


def handed_over(subscription_ids: Sequence[int]) -> None:
    """Somebody else's now. Who had them gets in no longer: neither by password nor by key."""
    rows = FtpAccount.objects.unscoped("handed over").filter(subscription_id__in=subscription_ids)
    if rows.update(password_hash="", keys=[]):
        provisioning.touch(subscription_ids)

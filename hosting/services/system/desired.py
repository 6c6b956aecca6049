"""From rows to what a node should have of system users; and what goes with a subscription."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hosting import provisioning
from hosting.models.subscriptions import Subscription
from hosting.services.system import access
from hosting.services.system.models import SshKey

_WHY = "the worker provisions everybody's subscriptions"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The system users of these subscriptions. Two queries, however many there are."""
    keys: dict[int, list[str]] = defaultdict(list)
    rows = SshKey.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    for pk, type_, key in rows.order_by("pk").values_list("subscription_id", "type", "key"):
        keys[pk].append(f"{type_} {key}")
    found = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    columns = ("pk", "system_user", "system_user_hash", "settings")
    return {
        pk: {
            "user": user,
            "access": access.of(settings),
            "keys": keys[pk],
            **({"password": password} if password else {}),
            **({"quota": quota} if (quota := settings.get(access.QUOTA)) else {}),
        }
        for pk, user, password, settings in found.values_list(*columns)
    }


def purge(subscription_ids: Sequence[int]) -> None:
    """Keys go with their subscription."""
    SshKey.objects.unscoped("purging").filter(subscription_id__in=subscription_ids).delete()


def handed_over(subscription_ids: Sequence[int]) -> None:
    """Somebody else's now. Who had them gets in no longer: neither by password nor by key."""
    purge(subscription_ids)
    rows = Subscription.objects.unscoped("handed over").filter(pk__in=subscription_ids)
    rows.exclude(system_user_hash="").update(system_user_hash="")
    provisioning.touch(subscription_ids)

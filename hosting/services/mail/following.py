"""Mailboxes follow their domains and subscriptions. Called inside hosting's transaction."""

from collections.abc import Sequence
from typing import Any

from hosting import provisioning
from hosting.services.mail import localnames
from hosting.services.mail.models import DkimKey, Mailbox

_WHY = "mailboxes follow everybody's domains"


def names_changed(_step: Any, subscription_ids: Sequence[int]) -> None:
    """Addresses follow the names of their domains; what is known of a name that went, goes."""
    localnames.forget_gone(subscription_ids)
    rows = Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    moved = []
    for row in rows.select_related("domain"):
        address = f"{row.local}@{row.domain.ascii}"
        if row.address != address:
            row.address = address
            moved.append(row)
    Mailbox.objects.bulk_update(moved, ["address"], batch_size=500)
    if moved:
        provisioning.touch({row.subscription_id for row in moved})


def purge(subscription_ids: Sequence[int]) -> None:
    """Mailboxes go with their subscription, and the keys of its domains."""
    DkimKey.objects.filter(domain__subscription_id__in=subscription_ids).delete()
    Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids).delete()

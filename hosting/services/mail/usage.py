"""How many mailboxes there are, for many subscriptions or resellers at once; how full each is."""

from collections.abc import Mapping, Sequence

from django.db.models import Count

from hosting.services.mail.models import Mailbox

_WHY = "usage counts everything below, whoever asks"


def mailboxes(subscription_ids: Sequence[int]) -> dict[int, int]:
    """Mailboxes of each subscription."""
    rows = Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    return dict(rows.values_list("subscription_id").annotate(n=Count("pk")).order_by())


def mailboxes_of_resellers(reseller_ids: Sequence[int]) -> dict[int, int]:
    """Mailboxes of all subscriptions below each reseller."""
    rows = Mailbox.objects.unscoped(_WHY).filter(
        reseller_id__in=reseller_ids, subscription__removing_at=None
    )
    return dict(rows.values_list("reseller_id").annotate(n=Count("pk")).order_by())


def measured(subscription_ids: Sequence[int], figures: Mapping[str, Mapping[int, int]]) -> None:
    """See `ServiceConfig.figures_source`: what each mailbox's letters take, where it is news."""
    said = figures.get("mailbox", {})
    if not said:
        return
    # SECURITY: by subscription too. A node speaks of the mailboxes of those it was asked about.
    every = Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    changed = []
    for row in every.only("pk", "used"):
        used = said.get(row.pk, row.used)
        if row.used != used:
            row.used = used
            changed.append(row)
    every.bulk_update(changed, ["used"], batch_size=500)

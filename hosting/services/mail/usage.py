"""How many mailboxes there are, for many subscriptions or resellers at once."""

from collections.abc import Sequence

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

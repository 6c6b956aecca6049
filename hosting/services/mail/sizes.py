"""How big a mailbox may be: as typed, as its plan says, as the reseller above has."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting.models.subscriptions import Subscription
from panel.core import reasons
from panel.core.access import Actor
from panel.core.markup import size
from panel.core.operations import Refused

RESOURCE = "mailbox_size"
_WHY = "a reseller's limits hold over everything below it, whoever acts"

reasons.declare(
    mailbox_too_big=_(
        "Mailbox size: here a mailbox may be %(limit)s at most. %(raise_by)s can raise that."
    ),
)


def limit_of(limits: Mapping[str, Any]) -> int | None:
    """The largest that a mailbox may be, in bytes; None is without limit. Limits that say nothing
    of it are older than it: nobody's mailbox shrank when it came."""
    found: int | None = limits.get(RESOURCE)
    return found


def in_force(own: int | None, limits: Mapping[str, Any]) -> int | None:
    """How big a mailbox is: what was typed, but never more than its subscription allows now. A
    lowered limit is never refused, and takes no letter away; the mailbox is full."""
    stated = [each for each in (own, limit_of(limits)) if each is not None]
    # To a node 0 is without limit.
    return max(1, min(stated)) if stated else None


def refuse(subscription: Subscription, own: int | None, actor: Actor) -> None:
    """Raise Refused if a mailbox of this size (None: as big as may be) may not be made or set."""
    limit = limit_of(subscription.limits)
    most = [] if limit is None else [limit]
    if subscription.reseller_id is not None and own is not None:
        above = Account.objects.unscoped(_WHY).only("limits").get(pk=subscription.reseller_id)
        held = limit_of(above.limits)
        most += [] if held is None else [held]
    if most and (min(most) == 0 or (own is not None and own > min(most))):
        raise Refused(
            "mailbox_too_big",
            limit=size(min(most)),
            raise_by=str(_("Your provider") if actor.is_customer else _("Its provider")),
        )

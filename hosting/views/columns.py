"""Columns that several lists have."""

from django.utils.translation import gettext_lazy as _

from panel.core.lists import Column
from panel.core.markup import link

# Of rows that belong to a subscription; the list puts the names into `extra["subscriptions"]`.
SUBSCRIPTION = Column(
    _("Subscription"),
    lambda row, ls: link(
        ls.url_of("subscription", row.subscription_id),
        ls.extra["subscriptions"].get(row.subscription_id, ""),
    ),
    csv=lambda row, ls: ls.extra["subscriptions"].get(row.subscription_id, ""),
    tells=("subscription_id",),
)

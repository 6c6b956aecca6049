"""What the list of mailboxes can be narrowed by."""

from typing import Any

import django_filters
from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.services.mail.models import Mailbox
from panel.core.filters import PanelFilterSet

_HIGHEST = 2**63


class MailboxFilter(PanelFilterSet):
    subscription = django_filters.NumberFilter(
        method="of_subscription", label=_("Number of the subscription")
    )

    class Meta:
        model = Mailbox
        fields: list[str] = []

    def of_subscription(self, rows: models.QuerySet, _name: str, value: Any) -> models.QuerySet:
        number = int(value)
        if not 0 < number < _HIGHEST:
            return rows.none()
        return rows.filter(subscription_id=number)

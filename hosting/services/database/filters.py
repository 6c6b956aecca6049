"""What lists of databases and users can be narrowed by."""

from typing import Any

import django_filters
from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.filters import ProviderFilters
from hosting.services.database.models import Database, DatabaseDump, DatabaseUser
from hosting.services.database.words import Server
from panel.core.filters import PanelFilterSet

_HIGHEST = 2**63


class DatabaseFilter(ProviderFilters):
    server = django_filters.ChoiceFilter(
        label=_("Server"), choices=Server.choices, empty_label=_("All")
    )

    class Meta:
        model = Database
        fields: list[str] = []


class OfSubscription(PanelFilterSet):
    subscription = django_filters.NumberFilter(
        method="of_subscription", label=_("Number of the subscription")
    )

    def of_subscription(self, rows: models.QuerySet, _name: str, value: Any) -> models.QuerySet:
        number = int(value)
        if not 0 < number < _HIGHEST:
            return rows.none()
        return rows.filter(subscription_id=number)


class DatabaseUserFilter(OfSubscription):
    class Meta:
        model = DatabaseUser
        fields: list[str] = []


class DatabaseDumpFilter(OfSubscription):
    class Meta:
        model = DatabaseDump
        fields: list[str] = []

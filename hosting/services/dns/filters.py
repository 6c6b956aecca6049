"""What lists of zones and records can be narrowed by."""

from typing import Any

import django_filters
from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.filters import ProviderFilters
from hosting.services.dns.models import Record, TemplateRecord, TemplateScope, Zone
from panel.core.filters import PanelFilterSet, ranged

EDITED, UNEDITED, FOLLOWING = "edited", "unedited", "following"
_HIGHEST = 2**63


class StateFilter(django_filters.ChoiceFilter):
    """Whether somebody edited a zone, or it shows another one's records."""

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        if value in {EDITED, UNEDITED}:
            rows = rows.filter(is_altered=value == EDITED)
            # As a value and not as a condition the index has it.
            return rows if self.parent.walk else rows.filter(is_altered__in=[value == EDITED])
        return rows.filter(source__isnull=False) if value == FOLLOWING else rows


class ZoneFilter(ProviderFilters):
    state = StateFilter(
        label=_("State"),
        empty_label=_("All"),
        choices=[
            (EDITED, _("Edited")),
            (UNEDITED, _("Not edited")),
            (FOLLOWING, _("Follows another zone")),
        ],
    )

    class Meta:
        model = Zone
        fields: list[str] = []


class RecordFilter(PanelFilterSet):
    zone = django_filters.NumberFilter(method="of_zone", label=_("Number of the zone"))

    class Meta:
        model = Record
        fields: list[str] = []

    def of_zone(self, rows: models.QuerySet, _name: str, value: Any) -> models.QuerySet:
        number = int(value)
        if not 0 < number < _HIGHEST:
            return rows.none()
        return ranged(rows, "zone_id", self.walk, exact=number)


class TemplateFilter(PanelFilterSet):
    scope = django_filters.ChoiceFilter(choices=TemplateScope.choices, label=_("Made for"))

    class Meta:
        model = TemplateRecord
        fields: list[str] = []

"""What the list of certificates can be narrowed by."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.filters import ProviderFilters
from hosting.services.tls.models import Certificate, CertificateState, Kind
from panel.core.filters import ranged

EXPIRING, FAILED, ORDERED, UPLOADED = "expiring", "failed", "ordered", "uploaded"
# An issued one is renewed long before: what comes so close needs somebody.
SOON = timedelta(days=14)


class StateFilter(django_filters.ChoiceFilter):
    """What runs out, what could not be issued, what is on its way, what somebody has to renew."""

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        walk = self.parent.walk
        if value == EXPIRING:
            return expiring(rows, walk)
        if value == FAILED:
            return failed(rows, walk)
        column, wanted = {
            ORDERED: ("state", CertificateState.ORDERED),
            UPLOADED: ("kind", Kind.UPLOADED),
        }.get(value, ("", ""))
        return _of(rows, column, wanted, walk) if column else rows


def expiring(rows: models.QuerySet, walk: str = "") -> models.QuerySet:
    """Certificates that run out soon, or have; what was never there does not."""
    return ranged(rows, "not_after", walk, lt=timezone.now() + SOON).exclude(not_before=None)


def failed(rows: models.QuerySet, walk: str = "") -> models.QuerySet:
    """Certificates that could not be issued or renewed."""
    return _of(rows, "state", CertificateState.FAILED, walk)


def _of(rows: models.QuerySet, column: str, wanted: str, walk: str) -> models.QuerySet:
    rows = rows.filter(**{column: wanted})
    # As a value and not as a condition the index has it.
    return rows if walk else rows.filter(**{f"{column}__in": [wanted]})


class CertificateFilter(ProviderFilters):
    state = StateFilter(
        label=_("State"),
        empty_label=_("All"),
        choices=[
            (EXPIRING, _("Runs out within 14 days")),
            (FAILED, _("Failed")),
            (ORDERED, _("Being issued")),
            (UPLOADED, _("Uploaded")),
        ],
    )

    class Meta:
        model = Certificate
        fields: list[Any] = []

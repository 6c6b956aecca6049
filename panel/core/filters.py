"""Base of list filters: one FilterSet drives the list, "select all", CSV and the API."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import django_filters
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from panel.core.access import Actor, scope_form
from panel.core.forms import DayInput

# The status of what waits to be purged, in the filters of lists that show it.
REMOVED = "removed"


def in_trash(params: Mapping[str, str]) -> bool:
    """Whether a list was asked for what waits to be purged."""
    return params.get("status") == REMOVED


def flagged(rows: models.QuerySet, flag: str, *, walk: str = "", by: str = "") -> models.QuerySet:
    """Rows whose flag is set, looked up in the flag's own index; by `walk` in an order's index.

    `by` is the column after which the flag's index puts its rows in order, if it does.

    The flag by itself is what a partial index holds, but SQLite takes any index of the table for as
    good. The second condition is one that only that index answers.
    """
    if walk and walk != by:
        return rows.filter(**{flag: True})
    return rows.filter(**{flag: True, f"{flag}__in": [True]})


def ranged(rows: models.QuerySet, column: str, walk: str, **bounds: Any) -> models.QuerySet:
    """Rows between bounds (gte=…, lt=…, exact=…), by the column's index; by `walk` in an order's.

    On the walk the column is hidden in an expression: SQLite would look the range up all the same
    and sort the million rows that it finds.
    """
    name = column
    if walk not in {"", column}:
        name = f"walked_{column}"
        rows = rows.alias(**{name: Coalesce(column, column)})
    return rows.filter(**{f"{name}__{lookup}": value for lookup, value in bounds.items()})


class DayFilter(django_filters.DateFilter):
    """From a day ("gte") or up to its end ("lt"), in the reader's zone; as a moment, which an index
    knows, where the day of a moment would be computed for every row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=DayInput, **kwargs)

    def filter(self, rows: models.QuerySet, value: date | None) -> models.QuerySet:
        if not value:
            return rows
        # Far from where adding a day or changing the zone leaves the calendar.
        day = min(max(value, date(1900, 1, 1)), date(9000, 1, 1))
        if self.lookup_expr == "lt":
            day += timedelta(days=1)
        moment = timezone.make_aware(datetime.combine(day, time.min))
        return ranged(rows, self.field_name, self.parent.walk, **{self.lookup_expr: moment})


class PanelFilterSet(django_filters.FilterSet):
    """A filter whose invalid values are errors, never "everything".

    Foreign keys are never in `Meta.fields`: their select would hold every row of the other table.
    """

    # The column of the list's order, if many rows match: then it walks that index and asks each.
    walk = ""
    # Fields in this order; those that are not named follow.
    order: ClassVar[tuple[str, ...]] = ("status", "plan", "hosting_type", "provider")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        self.actor = actor
        super().__init__(*args, **kwargs)
        scope_form(self.form, actor)
        self.form.order_fields(self.order)

    @property
    def rows(self) -> models.QuerySet:
        """The filtered rows; none at all if a value is invalid.

        SECURITY: django-filter's own `qs` answers an invalid value with the whole table, which
        together with "select all that match" would be an operation on everything.
        """
        return self.qs if self.is_valid() else self.queryset.none()

    def chips(self) -> list[tuple[str, str, str]]:
        """The values that are set, as (parameter, label, words)."""
        found = []
        for name, field in self.form.fields.items():
            value = self.data.get(name)
            if value in (None, ""):
                continue
            words = dict(getattr(field, "choices", ())).get(value, value)
            found.append((name, str(field.label or name), str(words)))
        return found

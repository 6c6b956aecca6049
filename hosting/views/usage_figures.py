"""How the disk space and the traffic of one subscription went, as plots and as a table."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from hosting import conditions, daily
from hosting.models.subscriptions import Subscription
from hosting.models.usage import UsageDay
from panel.core import plots
from panel.core.markup import size

Days = list[tuple[Any, int | None, int]]


def sections(row: Subscription) -> list[dict[str, Any]]:
    """Plots and figures of a subscription that the reader was found to see; none while nothing
    has been measured."""
    rows = UsageDay.objects.filter(subscription=row, day__gte=conditions.today() - daily.USAGE_KEPT)
    days: Days = list(rows.order_by("day").values_list("day", "disk", "traffic"))
    if not days:
        return []
    disk = [(day, amount) for day, amount, _traffic in days if amount is not None]
    traffic = [(day, amount) for day, _disk, amount in days]
    series = [
        plots.Series("disk", _("Disk space"), disk, size),
        plots.Series("traffic", _("Traffic"), traffic, size),
    ]
    found = []
    for one in series:
        if plot := plots.line(one):
            found.append({"title": one.label, "table": format_html("{}", plot)})
    return [
        *found,
        {"title": _("By day"), "table": plots.table(series)},
        {"title": _("Traffic by month"), "facts": _by_month(days)},
    ]


def _by_month(days: Days) -> list[dict[str, Any]]:
    """Whole calendar months, and what there is of the first one, the newest first."""
    sums: dict[str, int] = {}
    for day, _disk, amount in days:
        sums[f"{day:%Y-%m}"] = sums.get(f"{day:%Y-%m}", 0) + amount
    return [
        {"label": month, "value": size(sums[month]), "action": None}
        for month in sorted(sums, reverse=True)
    ]

"""Home's figures: how much there is, how it went, in which state it is, how near the limits."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Account, Customer, Reseller
from hosting import conditions, limits, samples
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import plots
from panel.core.access import Actor
from panel.core.filters import flagged
from panel.core.markup import number, size

PERIODS = (30, 90, 365)
PERIOD = 90
# A count costs no more than a page: exact up to here.
EXACT = 10_000


def count(rows: models.QuerySet) -> int:
    """How many; EXACT + 1 stands for more."""
    return rows.order_by()[: EXACT + 1].count()


def written(value: int) -> str:
    return number(value) if value <= EXACT else _("more than 10,000")


def period(request: HttpRequest) -> int:
    """The days that the plots show."""
    asked = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == asked), PERIOD)


def figures(actor: Actor, days: int) -> dict[str, Any]:
    """Cards, each with its number, what became of it in these days, and the plot of that."""
    history = samples.history(actor, days)
    cards, several, numbers = [], [], {}
    for name, label, rows, url in _counted(actor):
        now = count(rows)
        series = _series(name, label, history, now if now <= EXACT else None)
        text = written(now)
        if now > EXACT and series.points:
            # A big installation's exact number is the one of this morning.
            now = series.points[-1][1]
            text = number(now)
        numbers[name] = now
        several.append(series)
        cards.append(_card(series, text, url))
    for name, label in _measured(history):
        series = _series(name, label, history)
        several.append(series)
        cards.append(_card(series, series.written(series.points[-1][1]), ""))
    plotted = [one for one in several if len(one.points) > 1]
    return {
        "cards": cards,
        "numbers": numbers,
        "table": plots.table(plotted) if plotted else "",
        "periods": [
            {"days": one, "url": f"?days={one}", "current": one == days} for one in PERIODS
        ],
        "begins": not plotted and actor.subscriptions is None,
    }


def _counted(actor: Actor) -> list[tuple[str, str, models.QuerySet, str]]:
    found: list[tuple[str, str, models.QuerySet, str]] = [
        (
            "customers",
            _("Customers"),
            Customer.objects.visible_to(actor).present(),
            reverse("customer_list"),
        ),
        (
            "subscriptions",
            _("Subscriptions"),
            Subscription.objects.visible_to(actor).present(),
            reverse("subscription_list"),
        ),
        (
            "domains",
            _("Domains"),
            Domain.objects.visible_to(actor).present(),
            reverse("domain_list"),
        ),
    ]
    if actor.is_administrator:
        rows = Reseller.objects.visible_to(actor).present()
        found.insert(1, ("resellers", _("Resellers"), rows, reverse("reseller_list")))
    return found


def _measured(history: Sequence[tuple[date, dict[str, int]]]) -> list[tuple[str, str]]:
    """Resources that are measured (disk space, traffic), once there is something of them."""
    return [
        (name, str(resource.label))
        for name, resource in base.resources().items()
        if resource.is_allotted and any(given.get(name) for _day, given in history)
    ]


def _series(
    name: str,
    label: str,
    history: Sequence[tuple[date, dict[str, int]]],
    now: int | None = None,
) -> plots.Series:
    """The samples of one figure, the last one being what is counted now."""
    points = [(day, given[name]) for day, given in history if name in given]
    if now is not None and points:
        today = conditions.today()
        points = [point for point in points if point[0] != today] + [(today, now)]
    resource = base.resources().get(name)
    is_bytes = resource is not None and resource.unit == "bytes"
    return plots.Series(name, label, points, size if is_bytes else number)


def _card(series: plots.Series, text: str, url: str) -> dict[str, Any]:
    change = ""
    if len(series.points) > 1:
        (first, before), (_last, after) = series.points[0], series.points[-1]
        days = (series.points[-1][0] - first).days
        sign = "+" if after > before else "−" if after < before else "±"
        change = _("%(sign)s%(amount)s in %(days)s days") % {
            "sign": sign,
            "amount": series.written(abs(after - before)),
            "days": days,
        }
    return {
        "label": series.label,
        "value": text,
        "url": url,
        "change": change,
        "plot": plots.line(series),
    }


def states(actor: Actor, numbers: dict[str, int]) -> list[dict[str, Any]]:
    """How many of the customers and subscriptions run, and how many are shut."""
    found = []
    for name, label, rows in (
        ("customers", _("Customers"), Customer.objects.visible_to(actor).present()),
        ("subscriptions", _("Subscriptions"), Subscription.objects.visible_to(actor).present()),
    ):
        if not numbers[name]:
            continue
        shut = count(flagged(rows, "is_suspended"))
        url = reverse(f"{name.removesuffix('s')}_list")
        shares = [
            plots.Share(_("Active"), max(0, numbers[name] - shut), "ok"),
            plots.Share(_("Suspended"), shut, "bad"),
        ]
        legend = [
            {
                "label": share.label,
                "value": written(share.value),
                "tone": share.tone,
                "url": f"{url}?status={status}",
            }
            for share, status in zip(shares, ("active", "suspended"), strict=True)
        ]
        found.append({"label": label, "bar": plots.bar(name, label, shares), "legend": legend})
    return found


def own_limits(actor: Actor) -> list[dict[str, Any]]:
    """A reseller's usage against its limits, the fullest first; what is unlimited last."""
    if not actor.is_reseller or actor.subscriptions is not None:
        return []
    account = Account.objects.visible_to(actor).get(pk=actor.account_id)
    found = []
    for name, resource in base.resources("reseller").items():
        used, limit = account.usage.get(name, 0), limits.limit_of(account.limits, name)
        if resource.is_each or (not limit and not used and limit is not None):
            continue
        found.append(
            {
                "label": resource.label,
                "used": used,
                "limit": limit,
                "text": _("%(used)s of %(limit)s")
                % {
                    "used": limits.shown(resource, used),
                    "limit": limits.shown(resource, limit),
                },
                "is_over": not limits.fits(limit, used),
                "share": used / max(limit, 1) if limit is not None else -1.0,
            }
        )
    return sorted(found, key=lambda one: -float(one["share"]))

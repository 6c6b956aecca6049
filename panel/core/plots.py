"""Plots over time as SVG, made on the server: no script, and no style of their own.

A plot says what it shows in words too (title and description), and each page that has some offers
their figures as a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from panel.core.markup import day, number, safe

WIDTH, HEIGHT = 300, 64
# More points than this cannot be told apart on the screen.
POINTS = 120


@dataclass(frozen=True)
class Series:
    """What is plotted: values by day, oldest first, and how a value is written."""

    name: str
    label: str
    points: Sequence[tuple[date, int]]
    written: Callable[[int], str] = number


def thinned(points: Sequence[tuple[date, int]], most: int = POINTS) -> list[tuple[date, int]]:
    """At most so many points, evenly spread; the last one always."""
    step = -(-len(points) // most) or 1
    return list(points[::-1][::step][::-1])


def bounds(values: Sequence[int]) -> tuple[int, int]:
    """The lower and the upper edge: from zero where that does not flatten the line."""
    least, most = min(values), max(values)
    if most == 0:
        return 0, 1
    if least * 5 < most * 4:
        return 0, most
    room = max(1, (most - least) // 2)
    return max(0, least - room), most + room


def _places(
    points: Sequence[tuple[date, int]], span: int, low: int, high: int
) -> list[tuple[float, float]]:
    first = points[0][0]
    return [
        (
            round((at - first).days / span * WIDTH, 1),
            round(HEIGHT - (value - low) / (high - low) * HEIGHT, 1),
        )
        for at, value in points
    ]


def line(series: Series) -> SafeString:
    """The plot; nothing for less than two points."""
    points = thinned(series.points)
    if len(points) < 2:
        return SafeString("")
    values = [value for _day, value in points]
    low, high = bounds(values)
    span = max(1, (points[-1][0] - points[0][0]).days)
    places = _places(points, span, low, high)
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    # Only what starts at zero is filled: a surface says "so much", a line says "so it went".
    area = f"{path}V{HEIGHT}H0Z" if low == 0 else ""
    words = _("From %(first)s on %(start)s to %(last)s on %(end)s; least %(least)s, most %(most)s.")
    return format_html(
        '<div class="plot"><svg viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img"'
        ' aria-labelledby="plot-{name} plot-{name}-more" focusable="false">'
        '<title id="plot-{name}">{title}</title><desc id="plot-{name}-more">{words}</desc>'
        '<path class="plot-grid" d="M0 0H{w}M0 {half}H{w}M0 {h}H{w}"/>'
        '<path class="plot-area" d="{area}"/><path class="plot-line" d="{path}"/>'
        '<path class="plot-end" d="M{end_at}h0"/></svg>'
        '<span class="plot-high" aria-hidden="true">{high}</span>'
        '<span class="plot-low" aria-hidden="true">{low}</span></div>'
        '<p class="plot-days" aria-hidden="true"><span>{start}</span><span>{end}</span></p>',
        w=WIDTH,
        h=HEIGHT,
        half=HEIGHT // 2,
        name=series.name,
        title=_("%(label)s over time") % {"label": series.label},
        words=words
        % {
            "first": series.written(values[0]),
            "start": day(points[0][0]),
            "last": series.written(values[-1]),
            "end": day(points[-1][0]),
            "least": series.written(min(values)),
            "most": series.written(max(values)),
        },
        path=path,
        area=area,
        end_at=f"{places[-1][0]:g} {places[-1][1]:g}",
        high=series.written(high),
        low=series.written(low),
        start=_short(points[0][0], span),
        end=_short(points[-1][0], span),
    )


def _short(at: date, span: int) -> str:
    """A day below the line: with the year where there are two of that day, or nearly."""
    return date_format(at, "j M" if span < 300 else "M Y")


def table(several: Sequence[Series], most: int = 32) -> SafeString:
    """The figures behind plots of the same days, newest first: each day, or every so many."""
    by_day: dict[date, dict[str, str]] = {}
    for series in several:
        for at, value in series.points:
            by_day.setdefault(at, {})[series.name] = series.written(value)
    shown = thinned([(at, 0) for at in sorted(by_day)], most)
    labels = [safe(_("Day")), *(safe(series.label) for series in several)]
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    body = "".join(
        f'<tr><td class="date" data-th="{labels[0]}">{safe(day(at))}</td>'
        + "".join(
            f'<td data-th="{safe(series.label)}">{safe(by_day[at].get(series.name, ""))}</td>'
            for series in several
        )
        + "</tr>"
        for at, _zero in reversed(shown)
    )
    # Each part was escaped by safe().
    return SafeString(
        f'<table class="list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


@dataclass(frozen=True)
class Share:
    """A part of a whole: its words and its tone."""

    label: str
    value: int
    tone: str


def bar(name: str, label: str, shares: Sequence[Share]) -> SafeString:
    """A whole and its parts, one beside the other. Its legend says the same with links."""
    total = sum(share.value for share in shares)
    words = ", ".join(f"{share.label}: {number(share.value)}" for share in shares)
    pieces, at = [], 0.0
    for share in shares:
        # One of ten thousand is to be seen, too.
        width = max(3.0, share.value / total * WIDTH) if share.value else 0.0
        pieces.append(
            format_html(
                '<rect class="share-{}" x="{}" y="0" width="{}" height="8"/>',
                share.tone,
                f"{min(at, WIDTH - width):g}",
                f"{width:g}",
            )
        )
        at += width
    return format_html(
        '<svg class="shares" viewBox="0 0 {} 8" preserveAspectRatio="none" role="img"'
        ' aria-labelledby="bar-{} bar-{}-more" focusable="false"><title id="bar-{}">{}</title>'
        '<desc id="bar-{}-more">{}</desc>{}</svg>',
        WIDTH,
        name,
        name,
        name,
        label,
        name,
        words,
        format_html_join("", "{}", ((piece,) for piece in pieces)),
    )

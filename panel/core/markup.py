"""Small pieces of markup that lists and detail pages share. Everything is escaped here."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def tag(text: Any, tone: str = "mute", title: str = "") -> SafeString:
    """A status tag. It carries its meaning as text; the tone only helps."""
    if title:
        return format_html('<span class="tag tag-{}" title="{}">{}</span>', tone, title, text)
    return format_html('<span class="tag tag-{}">{}</span>', tone, text)


def link(url: str, text: Any) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def main_cell(url: str, text: Any, below: Any = "") -> SafeString:
    """A row's name with its description under it."""
    if not below:
        return format_html('<a href="{}">{}</a>', url, text)
    return format_html('<a href="{}">{}</a><div class="sub">{}</div>', url, text, below)


def day(moment: datetime | date | None) -> str:
    """A date in the reader's zone and locale; "" for none."""
    if moment is None:
        return ""
    if isinstance(moment, datetime):
        moment = timezone.localtime(moment)
    return date_format(moment, "j M Y")


def moment(value: datetime | None) -> str:
    """A date with its time, in the reader's zone and locale."""
    return date_format(timezone.localtime(value), "j M Y, H:i") if value else ""


def number(value: int | None) -> str:
    """A number, grouped; None is unlimited."""
    return _("unlimited") if value is None else f"{value:,}"


def usage(used: int, limit: int | None) -> SafeString:
    """Usage against its limit, as a small bar with the figures beside it."""
    if limit is None:
        return format_html('<span class="usage">{}</span>', number(used))
    words = _("%(used)s of %(limit)s") % {"used": number(used), "limit": number(limit)}
    over = " is-over" if used > limit else ""
    return format_html(
        '<span class="usage"><progress class="meter{}" max="{}" value="{}" aria-label="{}">'
        "</progress> {} / {}</span>",
        over,
        max(limit, 1),
        min(used, max(limit, 1)),
        words,
        number(used),
        number(limit),
    )

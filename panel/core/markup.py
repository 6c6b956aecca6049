"""Small pieces of markup that lists and detail pages share. Everything is escaped here."""

import html
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from panel.core.templatetags.icons import icon

# An attribute's value that needs no quotes (HTML, 13.1.2.3) and no escapes.
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]+")


def safe(value: Any) -> str:
    """A value as part of a page: escaped, unless it is markup already.

    SECURITY: the one way from data into the f-strings below. A list's page makes a thousand calls
    of it; Django's own `conditional_escape` and `format_html` cost four times as much.
    """
    if type(value) is str:
        return html.escape(value)
    if hasattr(value, "__html__"):
        return value.__html__()
    return html.escape(str(value))


def attribute(value: Any) -> str:
    """A value as an attribute's: in quotes only where HTML wants them, for a list repeats it on
    every row. What `_PLAIN` allows ends neither the value nor the tag."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else f'"{safe(value)}"'


def in_a_sentence(label: Any) -> str:
    """A label without its capital letters, but for the words that are never written without them:
    "Service Plans" is "service plans", "FTP accounts" stays."""
    return " ".join(
        word if sum(letter.isupper() for letter in word) > 1 else word.lower()
        for word in str(label).split(" ")
    )


def tag(text: Any, tone: str = "mute", title: str = "") -> SafeString:
    """A status tag. It carries its meaning as text; the tone, a word of ours, only helps."""
    more = f' title="{safe(title)}"' if title else ""
    # Each part was escaped by safe().
    return SafeString(f"<span class=tag-{safe(tone)}{more}>{safe(text)}</span>")


def link(url: str, text: Any) -> SafeString:
    # Each part was escaped by safe().
    return SafeString(f"<a href={attribute(url)}>{safe(text)}</a>")


def to_copy(text: Any, label: Any) -> SafeString:
    """A value with a button that copies it, where the browser can."""
    words = safe(_("Copy: %(what)s") % {"what": label})
    # Each part was escaped by safe(), or is markup.
    return SafeString(
        f'{safe(text)} <button type=button class="btn btn-sm"'
        f' data-copy="{safe(text)}" aria-label="{words}" hidden>{icon("copy")}</button>'
    )


def main_cell(url: str, text: Any, below: Any = "") -> SafeString:
    """A row's name with its description under it."""
    under = f"<div class=sub>{safe(below)}</div>" if below else ""
    # Each part was escaped by safe().
    return SafeString(f"<a href={attribute(url)}>{safe(text)}</a>{under}")


def day(moment: datetime | date | None) -> str:
    """A date in the reader's zone and locale; "" for none."""
    if moment is None:
        return ""
    if isinstance(moment, datetime):
        moment = timezone.localtime(moment).date()
    return _day(moment, get_language())


@lru_cache(maxsize=4096)
def _day(value: date, _language: str | None) -> str:
    """Remembered: a list shows the same few days again and again."""
    return date_format(value, "j M Y")


def moment(value: datetime | None) -> str:
    """A date with its time, in the reader's zone and locale."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    # `strftime` would take as long as all the rest.
    return f"{_day(local.date(), get_language())}, {local.hour:02}:{local.minute:02}"


def number(value: int | None) -> str:
    """A number, grouped; None is unlimited."""
    return _("unlimited") if value is None else f"{value:,}"


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(amount: int | None) -> str:
    """Bytes in binary units; None is unlimited."""
    if amount is None:
        return _("unlimited")
    power = min(max(abs(amount).bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    # What would be rounded to 1024 of a unit is one of the next.
    if power < len(_UNITS) - 1 and round(abs(amount) / 1024**power, 1) >= 1024:
        power += 1
    if power == 0:
        return f"{amount} B"
    return f"{number_format(round(amount / 1024**power, 1), 1)} {_UNITS[power]}"


def usage(
    used: int, limit: int | None, written: Callable[[int | None], str] = number
) -> SafeString:
    """Usage against its limit, as a small bar with the figures beside it."""
    bar = "" if limit is None else share(used, limit)
    # Each part was escaped by safe(), or is markup.
    return SafeString(f"{bar}{safe(written(used))} / {safe(written(limit))}")


def share(used: int, limit: int) -> SafeString:
    """How much of its limit is used, as a small bar; figures or words beside it say so too."""
    over = " class=is-over" if used > limit else ""
    width = max(limit, 1)
    # Each part is a number.
    return SafeString(
        f"<progress{over} max={int(width)} value={min(int(used), int(width))} aria-hidden=true>"
        "</progress>"
    )

"""The activity log as a table: of everything one may see, or of one object."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from panel.core import log
from panel.core.access import Actor, Role
from panel.core.http import PanelRequest
from panel.core.log import Activity
from panel.core.markup import link, moment
from panel.core.operations import ADMINISTRATOR, PROVIDERS, nouns, operations
from panel.core.paging import beyond, make_token, order, read_token

SIZE = 50


def action_label(action: str) -> str:
    """An entry's code in words; a code whose operation is gone reads as it is."""
    return _action_label(action, get_language())


@lru_cache(maxsize=1024)
def _action_label(action: str, _language: str | None) -> str:
    """Remembered: a page of entries shows the same few codes again and again."""
    operation = operations.get(action)
    if operation is not None:
        return str(operation.label)
    return str(log.labels.get(action, action.replace(".", ": ").replace("-", " ")))


def values(entry: Activity, most: int = 80) -> str:
    """Old and new values in a line, each cut off after so many characters."""
    old, new = entry.old, entry.new
    parts = []
    for name in new:
        label = name.replace("_", " ")
        if name in old and old[name] != new[name]:
            parts.append(f"{label}: {_short(old[name], most)} → {_short(new[name], most)}")
        else:
            parts.append(f"{label}: {_short(new[name], most)}")
    return "; ".join(parts)


def _short(value: Any, most: int = 80) -> str:
    if isinstance(value, dict):
        value = ", ".join(
            f"{name.replace('_', ' ')} {_short(each, most)}" for name, each in value.items()
        )
    elif isinstance(value, list):
        value = ", ".join(str(each).replace("_", " ") for each in value)
    elif isinstance(value, bool):
        value = _("yes") if value else _("no")
    text = "–" if value in (None, "") else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def who(entry: Activity, reader: Actor) -> str:
    """The actor, and the person behind, as far as the reader may know: nobody learns the logins of
    those above."""
    name = _name(entry.actor_name, entry.actor_role, reader)
    if not entry.real_name:
        return name
    real = _name(entry.real_name, entry.real_role, reader)
    return _("%(real)s as %(actor)s") % {"real": real, "actor": name}


def roles_above(reader: Actor) -> frozenset[Role]:
    """The roles of those whose logins and addresses the reader does not learn."""
    if reader.is_administrator:
        return frozenset()
    return ADMINISTRATOR if reader.is_reseller else PROVIDERS


def _name(name: str, role: str, reader: Actor) -> str:
    if role not in roles_above(reader):
        return name
    return _("The administrator") if reader.is_reseller else _("Your provider")


def entries_table(request: PanelRequest, **which: Any) -> SafeString:
    """A page of entries as Markup, newest first; older ones by `before_entry`."""
    rows = Activity.objects.visible_to(request.actor).filter(**which).order_by(*order("at", True))
    if anchor := read_token(request.GET.get("before_entry", "")):
        rows = beyond(rows, "at", anchor, descending=True)
    found = list(rows[: SIZE + 1])
    if not found:
        return format_html('<p class="section-text">{}</p>', _("Nothing has happened yet."))
    head = format_html_join(
        "",
        "<th scope='col'>{}</th>",
        ((label,) for label in (_("When"), _("Who"), _("What"), _("Object"), _("Values"))),
    )
    body = format_html_join("", "{}", ((_row(entry, request.actor),) for entry in found[:SIZE]))
    table = format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )
    if len(found) <= SIZE:
        return table
    older = format_html(
        '<p class="pager"><a class="btn btn-sm" href="?before_entry={}">{}</a></p>',
        make_token(found[SIZE - 1], "at"),
        _("Older"),
    )
    return format_html("{}{}", table, older)


def target_cell(entry: Activity, url_of: Callable[[str, int], str] | None = None) -> Any:
    """What it was done to, with the way there if there is one; `url_of` is a list's own."""
    noun = nouns.get(entry.target_kind)
    if noun is None or not noun.url_name:
        return entry.target_label
    pk = entry.target_id
    return link(url_of(noun.name, pk) if url_of else noun.url(pk), entry.target_label)


def _row(entry: Activity, reader: Actor) -> SafeString:
    return format_html(
        '<tr><td class="date" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td><td data-th="{}">{}</td></tr>',
        _("When"),
        moment(entry.at),
        _("Who"),
        who(entry, reader),
        _("What"),
        action_label(entry.action),
        _("Object"),
        target_cell(entry),
        _("Values"),
        values(entry),
    )

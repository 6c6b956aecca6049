"""The activity log as a table: of everything one may see, or of one object."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views import View

from panel.core.access import Actor, Role
from panel.core.http import PanelRequest
from panel.core.log import Activity
from panel.core.markup import moment
from panel.core.operations import PROVIDERS, nouns, operations
from panel.core.views import crumbs

SIZE = 50


def action_label(action: str) -> str:
    """An entry's code in words; a code whose operation is gone reads as it is."""
    operation = operations.get(action)
    return str(operation.label) if operation else action.replace(".", ": ").replace("-", " ")


def values(entry: Activity) -> str:
    """Old and new values in a line."""
    old, new = entry.old, entry.new
    parts = []
    for name in new:
        label = name.replace("_", " ")
        if name in old and old[name] != new[name]:
            parts.append(f"{label}: {_short(old[name])} → {_short(new[name])}")
        else:
            parts.append(f"{label}: {_short(new[name])}")
    return "; ".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(
            f"{name.replace('_', ' ')} {_short(each)}" for name, each in value.items()
        )
    elif isinstance(value, list):
        value = ", ".join(str(each).replace("_", " ") for each in value)
    elif isinstance(value, bool):
        value = _("yes") if value else _("no")
    text = "–" if value in (None, "") else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def who(entry: Activity, reader: Actor) -> str:
    """The actor, and the person behind, as far as the reader may know: nobody learns the logins of
    those above."""
    name = _name(entry.actor_name, entry.actor_role, reader)
    if not entry.real_name:
        return name
    real = _name(entry.real_name, entry.real_role, reader)
    return _("%(real)s as %(actor)s") % {"real": real, "actor": name}


def _name(name: str, role: str, reader: Actor) -> str:
    above = {Role.RESELLER: {Role.ADMINISTRATOR}, Role.CUSTOMER: PROVIDERS}
    if role not in above.get(reader.role, set()):
        return name
    return _("The administrator") if reader.is_reseller else _("Your provider")


def entries_table(request: PanelRequest, **which: Any) -> SafeString:
    """A page of entries as Markup, newest first; older ones by `before_entry`."""
    rows = Activity.objects.visible_to(request.actor).filter(**which).order_by("-pk")
    text = request.GET.get("before_entry", "")
    if text.isascii() and text.isdigit() and len(text) < 19:
        rows = rows.filter(pk__lt=int(text))
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
        found[SIZE - 1].pk,
        _("Older"),
    )
    return format_html("{}{}", table, older)


def _row(entry: Activity, reader: Actor) -> SafeString:
    noun = nouns.get(entry.target_kind)
    target: Any = entry.target_label
    if noun is not None and noun.url_name:
        target = format_html('<a href="{}">{}</a>', noun.url(entry.target_id), entry.target_label)
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
        target,
        _("Values"),
        values(entry),
    )


class ActivityView(View):
    """What happened, as far as one may see."""

    http_method_names = ["get", "head"]

    def get(self, request: PanelRequest) -> HttpResponse:
        page = {
            "title": _("Activity"),
            "panel_table": entries_table(request),
            "tabs": [],
            "sidebar": {},
        }
        context = {"page": page, "path": crumbs((_("Activity"), None))}
        return render(request, "core/detail.html", context)

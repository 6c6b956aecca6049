"""Search for everything: objects by their words, and pages of the menu."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from panel.core import search
from panel.core.access import Actor
from panel.core.http import PanelRequest
from panel.core.operations import nouns
from panel.core.path_bar import crumbs
from panel.core.search import SearchText
from panel.core.views import go

PER_KIND = 20
# The menu of the actor's role: set by the project, which knows its pages.
menu: Callable[[PanelRequest], list[dict[str, Any]]] = lambda request: []  # noqa: E731
# What else people call our pages; never shown.
OTHER_WORDS = {
    "customer": "client clients user account accounts tenant",
    "reseller": "agency agencies partner",
    "subscription": "package packages pack webspace hosting space",
    "plan": "package packages pack product service plan",
    "domain": "site sites website websites",
}


@require_safe
def search_everything(request: PanelRequest) -> HttpResponse:
    """Groups of what was found. An exact hit that stands alone is opened at once with `go=1`."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    groups: list[dict[str, Any]] = []
    if text:
        kinds = [name for name, noun in nouns.items() if noun.url_name]
        hits = search.matching(request.actor, text, kinds)
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for row in seen(request.actor, list(search.in_order(hits, text)[: PER_KIND * 5])):
            items = by_kind.setdefault(row.kind, [])
            if len(items) < PER_KIND:
                items.append(
                    {
                        "label": row.label,
                        "url": nouns[row.kind].url(row.object_id),
                        "detail": row.detail,
                        "tag": None,
                    }
                )
        groups = [{"label": nouns[k].labels, "items": by_kind[k]} for k in kinds if k in by_kind]
    pages = menu_pages(request, text)
    if pages:
        groups.append({"label": _("Pages"), "items": pages})
    found = [item for group in groups for item in group["items"]]
    if len(found) == 1 and "go" in request.GET:
        return go(found[0]["url"])
    context = {
        "query": text,
        "groups": groups,
        "empty": bool(text) and not found,
        "path": crumbs((_("Search"), None)),
    }
    return render(request, "core/search.html", context)


def seen(actor: Actor, rows: list[SearchText]) -> list[SearchText]:
    """Of the hits, those whose objects the actor sees.

    SECURITY: search text knows accounts; which subscriptions a user was given stands on the rows.
    """
    if actor.subscriptions is None:
        return rows
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(row.kind, []).append(row.object_id)
    visible = {
        kind: set(nouns[kind].visible_to(actor).filter(pk__in=found).values_list("pk", flat=True))
        for kind, found in ids.items()
    }
    return [row for row in rows if row.object_id in visible[row.kind]]


def menu_pages(request: PanelRequest, text: str) -> list[dict[str, Any]]:
    """Pages of the menu by their labels, and by what other panels call them."""
    wanted = search.fold(text)
    if len(wanted) < 3:
        return []
    found = []
    for entry in menu(request):
        words = search.fold(str(entry["label"]))
        for name, noun in nouns.items():
            if noun.url_name and noun.list_url() == entry["url"]:
                words += " " + OTHER_WORDS.get(name, "")
        if wanted in words:
            found.append({"label": entry["label"], "url": entry["url"], "detail": "", "tag": None})
    return found

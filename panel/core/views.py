"""The generic pages: list, export, object, operation on one or many, run. Apps only declare."""

from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from panel.core import csv_export, outcomes
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.filters import in_trash
from panel.core.http import PanelRequest
from panel.core.lists import COUNT_UP_TO, SIZES, Listing, ListPage, list_pages
from panel.core.markup import in_a_sentence
from panel.core.operations import (
    MORE,
    Operation,
    Result,
    nouns,
    operations,
    operations_for,
    operations_of,
)
from panel.core.path_bar import crumbs, step_to_list

SIZE_COOKIE = "page_size"


def page_size(request: PanelRequest) -> int:
    """Rows a page: as asked for now, as remembered, or the smallest."""
    for text in (request.GET.get("size", ""), request.COOKIES.get(SIZE_COOKIE, "")):
        if text in {str(size) for size in SIZES}:
            return int(text)
    return SIZES[0]


def shown_run(request: PanelRequest) -> BulkRun | None:
    """The run whose outcome the address asks to show, if it is the actor's."""
    text = request.GET.get("run", "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        return None
    return BulkRun.objects.visible_to(request.actor).filter(pk=int(text)).first()


def remembered(response: HttpResponse, request: PanelRequest) -> HttpResponse:
    """Remember the page size that was chosen."""
    if request.GET.get("size") in {str(size) for size in SIZES}:
        response.set_cookie(
            SIZE_COOKIE, request.GET["size"], max_age=365 * 24 * 3600, samesite="Lax", httponly=True
        )
    return response


class ListView(View):
    """A list with its search, filter, bulk bar and outcome."""

    list_page: ClassVar[type[ListPage]] = ListPage
    http_method_names = ["get", "head"]

    def get(self, request: PanelRequest) -> HttpResponse:
        listing = listing_of(self.list_page(), request)
        listing.lean = True
        run = shown_run(request)
        outcome = None
        if run is not None:
            outcome = outcomes.describe(run, request.actor)
            kept = BulkTarget.objects.filter(run=run, result__in=[Result.REFUSED, Result.FAILED])
            listing.reasons = {row.target_id: row.reason for row in kept[: 10 * listing.size]}
            listing.selected = frozenset(listing.reasons)
        tabs = beside(listing.page, request.actor)
        page = list_context(listing) | {"outcome": outcome, "tabs": tabs}
        context = {"page": page, "path": crumbs((listing.page.title, None))}
        return remembered(render(request, "core/list.html", context), request)


def may_list(page: ListPage, actor: Actor) -> bool:
    """Whether this list is for the actor's role; what is on it follows from visible_to()."""
    return actor.role in page.roles


def listing_of(page: ListPage, request: PanelRequest) -> Listing:
    """The list as this request asks for it; 403 where it is not for the role."""
    if not may_list(page, request.actor):
        raise PermissionDenied
    return Listing(page, request.actor, request.GET.dict(), page_size(request))


class ExportView(View):
    """What the filter shows, as CSV, streamed."""

    list_page: ClassVar[type[ListPage]] = ListPage
    http_method_names = ["get", "head"]

    def get(self, request: PanelRequest) -> StreamingHttpResponse:
        listing = listing_of(self.list_page(), request)
        lines = csv_export.of_list(listing)
        first = next(lines)  # errors come before the headers are out

        def guarded_lines() -> Any:
            yield first
            yield from lines

        response = StreamingHttpResponse(guarded_lines(), content_type="text/csv; charset=utf-8")
        name = nouns[listing.page.noun].plural
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response


def list_context(listing: Listing) -> dict[str, Any]:
    """A listing as templates/core/list.html wants it."""
    page, actor = listing.page, listing.actor
    noun = nouns[page.noun]
    rows, before, after = listing.window
    list_url = reverse(f"{noun.url_name}_list")
    sized = [
        {
            "size": size,
            "url": listing.query(size=str(size), after=None, before=None),
            "current": size == listing.size,
        }
        for size in SIZES
    ]
    groups = bulk_groups(page, actor, in_trash(listing.params))
    # Nothing can be done with a selection: nothing is selected.
    table = listing.table(pick=bool(groups)) if rows else ""
    adds = add_buttons(page, actor)
    return {
        "title": page.title,
        "noun": noun.name,
        "table": table,
        "count": listing.count,
        "count_label": count_label(listing),
        "is_empty": not rows,
        "is_filtered": listing.is_filtered,
        "empty_title": _("Nothing matches") if listing.is_filtered else page.empty_title,
        "empty_text": "" if rows else empty_text(listing),
        "add": adds[0] if adds else None,
        "more_adds": adds[1:],
        "bulk_groups": groups,
        "search": listing.text,
        "filter_form": listing.filterset.form if listing.filterset.form.fields else None,
        "filter_open": bool(listing.filterset.chips()) or not listing.filterset.is_valid(),
        "chips": chips(listing),
        "clear_url": list_url,
        "sizes": sized,
        "first_url": listing.query(after=None, before=None) if before else None,
        "prev_url": listing.query(before=before, after=None) if before else None,
        "next_url": listing.query(after=after, before=None) if after else None,
        "select_all": {"label": all_label(listing)} if groups and (before or after) else None,
        "keep_fields": [(k, v) for k, v in listing.params.items() if k in {"sort", "size"}],
        "query_fields": [("query", listing.query()), ("size", str(listing.size))],
        "export_url": reverse(f"{noun.url_name}_export") + listing.query(after=None, before=None),
        "list_url": list_url,
        "header_links": page.header_links(actor),
    }


def empty_text(listing: Listing) -> Any:
    """What a list says that has no rows; it may look round for that."""
    if listing.is_filtered:
        return _("No row has all of what you look for.")
    return listing.page.why_empty(listing.actor)


def chips(listing: Listing) -> list[dict[str, str]]:
    """What the list is narrowed by, each with the way out."""
    return [
        {
            "label": f"{label}: {words}",
            "url": listing.query(**{name: None, "after": None, "before": None}),
        }
        for name, label, words in listing.filterset.chips()
    ]


def beside(page: ListPage, actor: Actor) -> list[dict[str, Any]]:
    """Tabs to the lists that stand beside a list, those of the actor's role."""
    says_so = (one for one in list_pages.values() if page.noun in one.beside)
    which = next((one for one in says_so if actor.role in one.beside_roles), None)
    found = [list_pages[name]() for name in which.beside] if which else []
    return [
        {
            "label": one.tab_label or nouns[one.noun].labels,
            "url": nouns[one.noun].list_url(),
            "active": one.noun == page.noun,
        }
        for one in found
        if may_list(one, actor)
    ]


def count_label(listing: Listing) -> str:
    noun = nouns[listing.page.noun]
    word = in_a_sentence(noun.label if listing.count == 1 else noun.labels)
    if listing.count > COUNT_UP_TO:
        return _("more than %(n)s %(what)s") % {"n": f"{COUNT_UP_TO:,}", "what": word}
    return f"{listing.count:,} {word}"


def all_label(listing: Listing) -> str:
    if listing.count > COUNT_UP_TO:
        return _("Select all that match (more than %(n)s)") % {"n": f"{COUNT_UP_TO:,}"}
    return _("Select all %(n)s that match") % {"n": f"{listing.count:,}"}


def adding(noun: str, actor: Actor) -> Operation | None:
    """The operation that makes objects of this noun, on an account, if the actor may."""
    makers = (op for op in operations.values() if op.creates == noun and op.noun == "account")
    return next((op for op in makers if op.may(actor)), None)


def add_buttons(page: ListPage, actor: Actor) -> list[dict[str, Any]]:
    """The buttons that make something; the first is the one that is meant most often."""
    operation = adding(page.noun, actor)
    if operation is None:
        return page.add_buttons(actor)
    url = reverse(f"{nouns[page.noun].url_name}_add")
    return [{"label": operation.label, "url": url}, *page.add_buttons(actor)]


def bulk_groups(page: ListPage, actor: Actor, in_trash: bool = False) -> list[dict[str, Any]]:
    """The buttons over a list; those of one group in a menu. What was removed has its own."""
    noun = nouns[page.noun]
    groups: dict[str, dict[str, Any]] = {}
    offered = operations_of(page.noun, actor, bulk=True)
    for operation in offered if offered and page.acts(actor) else ():
        if operation.in_trash != in_trash:
            continue
        url = reverse(f"{noun.url_name}_bulk", args=[operation.verb])
        menu = operation.bulk_group or operation.group
        group = groups.setdefault(
            str(menu or operation.name), {"label": menu, "name": operation.verb, "buttons": []}
        )
        label = operation.bulk_label or operation.label
        group["buttons"].append(_button(operation, url, label))
        if operation.ask_label:
            group["buttons"].append(_button(operation, f"{url}?ask=1", operation.ask_label))
    return sorted(groups.values(), key=_rank)


def _rank(group: dict[str, Any]) -> int:
    """What is pressed every day first, then the rarer, what takes something away last."""
    if all(button["destructive"] for button in group["buttons"]):
        return 2
    return 1 if str(group["label"]) == str(MORE) else 0


def _button(operation: Operation, url: str, label: Any) -> dict[str, Any]:
    return {
        "label": label,
        "name": operation.verb,
        "url": url,
        "destructive": operation.destructive,
        "needs_page": operation.confirm == "always",
    }


class DetailPage:
    """What an object's page shows. Subclasses declare."""

    noun: ClassVar[str]
    # (name, label); the first is shown when none is asked for.
    tabs: ClassVar[tuple[tuple[str, Any], ...]] = ()

    def queryset(self, actor: Actor) -> Any:
        return nouns[self.noun].visible_to(actor)

    def tabs_for(self, actor: Actor, target: Any) -> tuple[tuple[str, Any], ...]:
        """The tabs that are there for this reader of this object."""
        return self.tabs

    def context(self, request: PanelRequest, target: Any, tab: str) -> dict[str, Any]:
        """What templates/core/detail.html needs besides the actions, tabs and outcome."""
        raise NotImplementedError

    def outcome(self, run: BulkRun, actor: Actor) -> dict[str, Any] | None:
        """What came of the run that one comes from."""
        return outcomes.describe(run, actor)

    def path(self, request: PanelRequest, target: Any) -> list[dict[str, Any]]:
        return crumbs(step_to_list(nouns[self.noun], request.actor), (str(target), None))

    def siblings(self, request: PanelRequest, target: Any) -> Any:
        """Rows for the switcher in the title: neighbours in the order of the list."""
        return self.queryset(request.actor)


class DetailView(View):
    """An object with its tabs, facts, sidebar and outcome."""

    detail_page: ClassVar[type[DetailPage]] = DetailPage
    http_method_names = ["get", "head"]

    def get(self, request: PanelRequest, pk: int, tab: str = "") -> HttpResponse:
        page = self.detail_page()
        noun = nouns[page.noun]
        target = page.queryset(request.actor).filter(pk=pk).first()
        if target is None:
            raise Http404
        tabs = page.tabs_for(request.actor, target)
        names = [name for name, _label in tabs]
        if tab and tab not in names:
            raise Http404
        current = tab or (names[0] if names else "")
        base = reverse(f"{noun.url_name}_detail", args=[pk])
        shown = page.context(request, target, current)
        counts = shown.pop("tab_counts", {})
        shown["tabs"] = [
            {
                "label": label,
                "url": base if name == names[0] else f"{base}{name}/",
                "active": name == current,
                "count": counts.get(name),
            }
            for name, label in tabs
        ]
        actions = sidebar(target, page.noun, request.actor)
        # What the page adds stands before what takes the object away.
        last = len(actions) - 1 if actions and is_destructive(actions[-1]) else len(actions)
        actions[last:last] = shown.pop("more_actions", [])
        actions = destructive_last(actions)
        shown["sidebar"] = {"actions": actions, "facts": shown.pop("sidebar_facts", [])}
        shown["switcher"] = switcher(page, request, target)
        run = shown_run(request)
        shown["outcome"] = page.outcome(run, request.actor) if run else None
        context = {"page": shown, "path": page.path(request, target), "object": target}
        return remembered(render(request, "core/detail.html", context), request)


def is_destructive(group: dict[str, Any]) -> bool:
    return any(item["destructive"] for item in group["items"])


def sidebar(target: Any, noun: str, actor: Actor) -> list[dict[str, Any]]:
    """The object's actions; those of the same group in one menu."""
    base = reverse(f"{nouns[noun].url_name}_detail", args=[target.pk])
    groups: list[dict[str, Any]] = []
    for operation in operations_for(target, noun, actor):
        if not groups or str(groups[-1]["label"]) != str(operation.group):
            groups.append({"label": operation.group, "items": []})
        item = {
            "label": operation.button_label(target),
            "about": operation.button_about(target),
            "url": f"{base}{operation.verb}/",
            "post": operation.confirm != "always" and operation.is_immediate,
            "destructive": operation.destructive,
        }
        groups[-1]["items"].append(item)
        if operation.ask_label:
            groups[-1]["items"].append({**item, "label": operation.ask_label, "post": False})
    return groups


def destructive_last(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What takes something away stands at the end, apart from what is pressed every day."""
    found = []
    for is_destructive in (False, True):
        for group in groups:
            items = [item for item in group["items"] if item["destructive"] == is_destructive]
            if items:
                found.append({**group, "items": items})
    return found


def switcher(page: DetailPage, request: PanelRequest, target: Any) -> list[dict[str, Any]]:
    """Some siblings around the object, by name, to jump to without going back to the list."""
    key = getattr(target, "name_key", None)
    if key is None:
        return []
    noun = nouns[page.noun]
    rows = page.siblings(request, target)
    before = list(rows.filter(name_key__lt=key).order_by("-name_key", "-pk")[:5])[::-1]
    after = list(
        rows.filter(name_key__gte=key).exclude(pk=target.pk).order_by("name_key", "pk")[:5]
    )
    return [
        {"label": str(row), "url": noun.url(row.pk), "current": row.pk == target.pk}
        for row in [*before, target, *after]
    ]


def nothing_selected(request: PanelRequest, noun: str) -> None:
    messages.warning(
        request,
        _("Nothing is selected. Select some %(what)s first.")
        % {"what": in_a_sentence(nouns[noun].labels)},
    )


def go(url: str, query: str = "") -> HttpResponse:
    """See Other: the next request is a GET, and a reload repeats nothing."""
    response = redirect(f"{url}?{query}" if query else url)
    response.status_code = 303
    return response

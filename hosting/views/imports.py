"""Imports: what was uploaded, what would become of each row, and what became of it."""

from typing import Any

import django_filters
from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from hosting.import_files import PASSWORD
from hosting.models.imports import STATUSES, Import, ImportRow, Phase
from panel.core import csv_export
from panel.core.access import Actor, require
from panel.core.bulk import BulkRun
from panel.core.filters import PanelFilterSet
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import link, main_cell, moment, number, tag
from panel.core.operations import PROVIDERS, Result, nouns
from panel.core.views import DetailPage, page_size

_TONES = {
    "checking": "info",
    "checked": "info",
    "importing": "info",
    "imported": "ok",
    "stopped": "mute",
    "failed": "bad",
}
# What a row's result means, before it is imported and after.
_BEFORE = {
    Result.DONE: (gettext_lazy("Good"), "ok"),
    Result.UNCHANGED: (gettext_lazy("Unchanged"), "mute"),
    Result.REFUSED: (gettext_lazy("Refused"), "bad"),
    Result.FAILED: (gettext_lazy("Failed"), "bad"),
}
_MADE = (gettext_lazy("Imported"), "ok")
_WAITING = (gettext_lazy("Waiting"), "mute")
EXAMPLE = (
    ("contact_name", "email", "username", "company", "domain", "plan", "subscriber"),
    ("Anna Berg", "anna@berg.example", "anna", "Berg & Sons", "berg.example", "", ""),
    ("Bert Quinn", "bert@quinn.example", "bert", "", "", "", ""),
    ("", "", "", "", "quinn-shop.example", "", "bert"),
)


class ImportFilter(PanelFilterSet):
    class Meta:
        model = Import
        fields: list[str] = []


def status_tag(row: Any) -> Any:
    return tag(STATUSES[row.status], _TONES[row.status])


class ImportList(ListPage):
    noun = "import"
    title = gettext_lazy("Imports")
    url_name = "import"
    roles = PROVIDERS
    filterset_class = ImportFilter
    default_sort = "-created"
    empty_title = gettext_lazy("No imports yet")
    empty_text = gettext_lazy(
        "A CSV file of customers and subscriptions becomes rows of the panel."
    )
    sorts = (Sort("created", "created_at"),)
    columns = (
        Column(
            gettext_lazy("File"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, row.by_name),
            csv=lambda row, ls: row.name,
            css="main",
        ),
        Column(
            gettext_lazy("Status"),
            lambda row, ls: status_tag(row),
            csv=lambda row, ls: row.status,
            is_plain=True,
        ),
        Column(gettext_lazy("Rows"), lambda row, ls: number(row.total), css="num"),
        Column(gettext_lazy("Good"), lambda row, ls: number(row.count(Result.DONE)), css="num"),
        Column(
            gettext_lazy("Refused"), lambda row, ls: number(row.count(Result.REFUSED)), css="num"
        ),
        Column(
            gettext_lazy("Created"),
            lambda row, ls: moment(row.created_at),
            sort="created",
            css="date",
        ),
    )

    def found(self, actor: Any, queryset: Any, text: str) -> Any:
        """By the file's name: imports are few, and not in the search for everything."""
        return queryset.filter(name__icontains=text)


class ImportRowFilter(PanelFilterSet):
    """Rows of one import: there is no list of all of them."""

    source = django_filters.NumberFilter(
        label=gettext_lazy("Import"),
        field_name="source_id",
        min_value=1,
        max_value=2**63 - 1,
        widget=forms.HiddenInput,
        required=True,
    )
    result = django_filters.ChoiceFilter(label=gettext_lazy("Result"), choices=Result.choices)

    class Meta:
        model = ImportRow
        fields: list[str] = []


def result_tag(row: Any) -> Any:
    if row.is_made:
        return tag(*_MADE)
    return tag(*_BEFORE.get(row.result, _WAITING))


def _label(row: Any, listing: Listing) -> Any:
    """What the row is about; a link to what was made of it."""
    if row.subscription_id and "subscriber" in row.values:
        return link(listing.url_of("subscription", row.subscription_id), row.label)
    if row.customer_id:
        return link(listing.url_of("customer", row.customer_id), row.label)
    return row.label


@register_list
class ImportRowList(ListPage):
    noun = "import-row"
    title = gettext_lazy("Rows")
    url_name = "import_row"
    roles = PROVIDERS
    filterset_class = ImportRowFilter
    default_sort = "line"
    empty_text = gettext_lazy("No row is like that.")
    sorts = (Sort("line", "id"),)
    columns = (
        Column(gettext_lazy("Line"), lambda row, ls: number(row.line), css="num"),
        Column(gettext_lazy("Name"), _label, csv=lambda row, ls: row.label, css="main"),
        Column(
            gettext_lazy("Domain name"),
            lambda row, ls: row.values.get("domain", ""),
        ),
        Column(
            gettext_lazy("Result"),
            lambda row, ls: result_tag(row),
            csv=lambda row, ls: row.result or "",
            is_plain=True,
        ),
        Column(gettext_lazy("Reason"), lambda row, ls: row.reason),
    )

    def found(self, actor: Any, queryset: Any, text: str) -> Any:
        return queryset.filter(label__icontains=text)


class ImportDetail(DetailPage):
    """The file's rows with their outcome; while it is worked on, how far that is."""

    noun = "import"
    tabs = (("rows", gettext_lazy("All rows")), ("refused", gettext_lazy("Refused")))

    def outcome(self, run: BulkRun, actor: Actor) -> dict[str, Any] | None:
        """That it was begun says the page itself; what was refused is told."""
        return super().outcome(run, actor) if set(run.counts) - {Result.DONE} else None

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        sections = [] if target.is_over else [{"run": self.progress(target)}]
        sections.append(self.rows(request, target, tab))
        facts = [
            (_("By"), target.by_name),
            (_("Rows"), number(target.total)),
            (_("Created"), moment(target.created_at)),
            (_("Finished"), moment(target.finished_at)),
        ]
        return {
            "title": target.name,
            "tags": [
                {
                    "text": STATUSES[target.status],
                    "tone": _TONES[target.status],
                    "title": "",
                }
            ],
            "notices": self.notices(request, target),
            "waiting": not target.is_over,
            "sidebar_facts": [
                {"label": label, "value": value, "action": None} for label, value in facts if value
            ],
            "panel_sections": sections,
            "tab_counts": {"rows": target.total, "refused": target.count(Result.REFUSED)},
        }

    def progress(self, row: Import) -> dict[str, Any]:
        return {
            "state_label": STATUSES[row.status],
            "done": row.done,
            "total": row.total,
            "percent": percent(row),
            "started": None,
            "poll_url": reverse("import_state", args=[row.pk]),
        }

    def notices(self, request: HttpRequest, row: Import) -> list[dict[str, Any]]:
        """What came of it, in a sentence, and what one does next."""
        if not row.is_over:
            return []
        good, refused = row.count(Result.DONE), row.count(Result.REFUSED)
        numbers = {"good": number(good), "refused": number(refused), "total": number(row.total)}
        if row.phase == Phase.IMPORT:
            words = ngettext(
                "%(good)s of %(total)s row is imported.",
                "%(good)s of %(total)s rows are imported.",
                row.total,
            )
            text = words % numbers
        elif row.status == "checked":
            words = ngettext(
                "%(good)s of %(total)s row is good. Nothing is imported yet.",
                "%(good)s of %(total)s rows are good. Nothing is imported yet.",
                row.total,
            )
            text = words % numbers
        else:
            text = _("Stopped before all rows were looked at.")
        bad = refused + row.count(Result.FAILED)
        found = [{"tone": "warn" if bad else "ok", "text": text, "action": None}]
        if row.count(Result.UNCHANGED):
            words = _("%(n)s are there already and stay as they are.")
            unchanged = words % {"n": number(row.count(Result.UNCHANGED))}
            found.append({"tone": "info", "text": unchanged, "action": None})
        if bad:
            found.append(
                {
                    "tone": "info",
                    "text": _("Correct what is refused in your own file, or in this one:"),
                    "action": {
                        "label": _("Download the refused rows"),
                        "url": reverse("import_refused", args=[row.pk]),
                        "post": False,
                    },
                }
            )
        return found

    def rows(self, request: HttpRequest, row: Import, tab: str) -> dict[str, Any]:
        params = {k: v for k, v in request.GET.dict().items() if k in {"after", "before"}}
        params["source"] = str(row.pk)
        if tab == "refused":
            params["result"] = Result.REFUSED.value
        listing = Listing(ImportRowList(), request.actor, params, page_size(request))
        found, before, after = listing.window
        if not found:
            return {"title": "", "text": ImportRowList.empty_text}
        pager = {
            "first_url": listing.query(after=None, before=None) if before else None,
            "prev_url": listing.query(before=before, after=None) if before else None,
            "next_url": listing.query(after=after, before=None) if after else None,
        }
        return {"title": "", "table": listing.table(pick=False), "pager": pager}


def percent(row: Import) -> int:
    return 100 * row.done // row.total if row.total else 100


def _import(request: HttpRequest, pk: int) -> Import:
    row = nouns["import"].visible_to(request.actor).filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


@require_safe
def import_state(request: HttpRequest, pk: int) -> JsonResponse:
    """What the progress bar asks for."""
    row = _import(request, pk)
    return JsonResponse(
        {
            "done": row.done,
            "total": row.total,
            "percent": percent(row),
            "label": str(STATUSES[row.status]),
            "finished": row.is_over,
        }
    )


@require_safe
def import_refused(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The rows that are not imported for a reason, with the file's columns, to be corrected and
    uploaded again. Never a password: those have to be typed anew."""
    source = _import(request, pk)
    rows = nouns["import-row"].visible_to(request.actor).filter(source_id=source.pk)
    rows = rows.filter(result__in=[Result.REFUSED, Result.FAILED]).order_by("pk")
    shown = [name for name in source.columns if name not in {PASSWORD, "line", "reason"}]
    cells = (
        [*(row.values.get(name, "") for name in shown), row.line, row.reason]
        for row in rows.iterator(500)
    )
    return _csv(csv_export.lines([*shown, "line", "reason"], cells), f"refused-{pk}.csv")


@require_safe
def import_sample(request: HttpRequest) -> HttpResponse:
    """An example of a file."""
    require(request.actor, PROVIDERS, "accounts")
    return _csv(csv_export.lines(EXAMPLE[0], EXAMPLE[1:]), "example.csv")


def _csv(lines: Any, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

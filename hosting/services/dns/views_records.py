"""The records of a zone as a table, and what is done with those that are ticked there."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from hosting.services.dns.models import APEX, Record, Zone
from hosting.services.dns.operations_zones import may_edit
from hosting.services.dns.records import whole_value
from hosting.services.dns.rules import whole_host
from hosting.services.dns.settings import NAME_SERVERS
from hosting.services.dns.views_lists import RecordList
from hosting.services.dns.zonefile import soa_value
from hosting.services.dns.zones import Line
from panel.core.bulk import BulkRun
from panel.core.lists import pick_page
from panel.core.operation_views import BulkOperationView, parse_ids
from panel.core.operations import operations
from panel.core.views import bulk_groups, go


def records_section(request: HttpRequest, zone: Zone, found: Iterable[Line]) -> dict[str, Any]:
    """The records of a zone as a table, with the way to one more and to what is done with many."""
    add, bulk, operation = None, None, operations["zone.add-record"]
    edits = operation.may(request.actor) and may_edit(zone.subscription, request.actor)
    if edits:
        url = reverse("zone_operation", args=[zone.pk, "add-record"])
        add = {"label": operation.label, "url": url}
    servers = NAME_SERVERS.get()
    fixed = [_row(zone, Line(APEX, "SOA", None, soa_value(zone, servers)), edits=False)]
    fixed += [_row(zone, Line(APEX, "NS", None, f"{name}."), edits=False) for name in servers]
    lines = list(found)
    rows = [_row(zone, line, edits=edits) for line in lines]
    if edits and any(line.record is not None for line in lines):
        bulk = {
            "buttons": [
                one
                for group in bulk_groups(RecordList(), request.actor)
                for one in group["buttons"]
            ],
            "fields": [("query", f"zone={zone.pk}")],
        }
    table = _table([*fixed, *rows], picks=bulk is not None)
    return {"title": "", "add": add, "table": table, "bulk": bulk}


def _row(zone: Zone, line: Line, *, edits: bool) -> tuple[Any, ...]:
    value = line.value
    if line.type != "SOA":
        value = whole_value(line.type, line.value, zone.ascii)
    ttl = zone.ttl if line.ttl is None else line.ttl
    host = whole_host(line.host, zone.name)
    actions = _actions(line.record, host) if edits and line.record is not None else ""
    if line.record is None:
        came = (
            _t("copied")
            if zone.is_following and line.type not in {"SOA", "NS"}
            else _t("by itself")
        )
    else:
        came = _t("template") if line.record.template_number else ""
    pick = _pick(line.record, host) if edits and line.record is not None else ""
    labels = (_t("Host"), _t("Type"), _t("Value"), _t("TTL"), _t("From"))
    cells = (host, line.type, value, f"{ttl:,}", came)
    return (pick, *(part for pair in zip(labels, cells, strict=True) for part in pair), actions)


def _pick(record: Record, host: str) -> SafeString:
    return format_html(
        '<input type="checkbox" name="ids" value="{}" aria-label="{}">',
        record.pk,
        _t("Select %(name)s") % {"name": f"{record.type} {host}"},
    )


def _actions(record: Record, host: str) -> SafeString:
    found = []
    for verb, words in (("edit", _t("Edit")), ("remove", _t("Remove"))):
        url = reverse("record_operation", args=[record.pk, verb])
        found.append((url, words, record.type, host, words))
    return format_html_join(" · ", '<a href="{}" aria-label="{} {} {}">{}</a>', found)


def _table(rows: list[tuple[Any, ...]], *, picks: bool) -> SafeString:
    pick = format_html('<th class="pick">{}</th>', pick_page()) if picks else ""
    body = format_html_join(
        "",
        ("<tr><td>{}</td>" if picks else "<tr>{}")
        + '<td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td class="record-value" data-th="{}">{}</td><td class="num" data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td class="date">{}</td></tr>',
        rows,
    )
    return format_html(
        '<table class="list"><thead><tr>{}<th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col">{}</th><th scope="col" class="num">{}</th><th scope="col">{}</th>'
        '<th scope="col"><span class="visually-hidden">{}</span></th></tr></thead>'
        "<tbody>{}</tbody></table>",
        pick,
        _t("Host"),
        _t("Type"),
        _t("Value"),
        _t("TTL"),
        _t("From"),
        _t("Actions"),
        body,
    )


class RecordsView(BulkOperationView):
    """What was ticked in a zone; and back to that zone."""

    list_page = RecordList

    def list_url(self) -> str:
        return reverse("zone_list")

    def back(self, query: str, run: BulkRun | None = None) -> str:
        asked = QueryDict(query.removeprefix("?")[:200]).getlist("zone")
        zones = Zone.objects.visible_to(self.request.actor).present()
        zone = zones.filter(pk__in=parse_ids(asked)).first()
        url = reverse("zone_detail", args=[zone.pk]) if zone else self.list_url()
        return f"{url}?run={run.pk}" if run is not None else url


@require_safe
def record_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A record has no page of its own: its zone's page shows it."""
    record = Record.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if record is None:
        raise Http404
    url = reverse("zone_detail", args=[record.zone_id])
    return go(url, request.META.get("QUERY_STRING", ""))

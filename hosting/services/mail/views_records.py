"""The records by which mail programs find settings, on the tab Mail of a domain."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Domain
from hosting.services.dns.models import Zone
from hosting.services.dns.operations_zones import may_edit
from hosting.services.dns.records import whole_value
from hosting.services.dns.rules import whole_host
from hosting.services.mail import zone_records
from hosting.services.mail.zone_records import MailRecord
from panel.core.markup import tag, to_copy
from panel.core.operations import operations

_NOTE = _(
    "By these Thunderbird, Outlook and others find the settings by themselves, and receivers check"
    " signatures (DKIM) and know what to do with forgeries (DMARC). The status is that of the zone"
    " kept here; where the domain's zone is elsewhere, they are added there."
)


def section(request: HttpRequest, row: Domain) -> list[dict[str, Any]]:
    """Nothing as long as the domain has no mailbox, or the node no mail."""
    zones = Zone.objects.visible_to(request.actor).filter(domain_id=row.parent_id or row.pk)
    zone = zones.first()
    if zone is None:
        return []
    below = row.ascii.removesuffix(zone.ascii).removesuffix(".")
    found = [one for one in zone_records.of_zones([zone])[zone.pk] if one.below == below]
    if not found:
        return []
    add, operation = None, operations["zone.add-mail-records"]
    may = operation.may(request.actor) and may_edit(row.subscription, request.actor)
    if may and any(one.is_missing for one in found):
        url = reverse("zone_operation", args=[zone.pk, operation.verb])
        add = {"label": operation.label, "url": url}
    title = _("Records for mail")
    return [{"title": title, "note": _NOTE, "table": _table(zone, found), "add": add}]


def _table(zone: Zone, found: list[MailRecord]) -> SafeString:
    heads = (_t("Host"), _t("Type"), _t("Value"), _t("Status"))
    rows = []
    for one in found:
        value = whole_value(one.type, one.value, zone.ascii)
        cells = (whole_host(one.host, zone.ascii), one.type, to_copy(value, one.host), _state(one))
        rows.append(tuple(part for pair in zip(heads, cells, strict=True) for part in pair))
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td class="record-value" data-th="{}">{}</td><td data-th="{}">{}</td></tr>',
        rows,
    )
    head = format_html_join("", '<th scope="col">{}</th>', ((word,) for word in heads))
    return format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )


def _state(one: MailRecord) -> SafeString:
    if one.is_there:
        return tag(_t("In the zone"), "ok")
    if one.is_other:
        return tag(_t("Another is there"), "warn")
    return tag(_t("Missing"), "mute")

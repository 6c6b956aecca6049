"""Lists of zones, records and the template."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.subscriptions import Subscription
from hosting.services.dns.filters import RecordFilter, TemplateFilter, ZoneFilter
from hosting.services.dns.models import TemplateScope, Zone
from hosting.services.dns.operations_zones import PERMISSION
from hosting.views.columns import SUBSCRIPTION
from panel.core import search
from panel.core.access import Actor
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import day, main_cell, tag
from panel.core.operations import ADMINISTRATOR, PROVIDERS


def _state(row: Any, _listing: Listing) -> Any:
    return tag(_("Edited"), "info") if row.is_altered else ""


@register_list
class ZoneList(ListPage):
    """Found by the names that their domains are found by."""

    noun = "zone"
    title = tab_label = _("DNS Zones")
    url_name = "zone"
    beside = ("domain", "zone", "certificate", "template-record")
    beside_roles = PROVIDERS
    filterset_class = ZoneFilter
    fields = (
        "name name_key ascii account_id reseller_id subscription_id source_id serial is_altered"
        " changed_at"
    )
    empty_title = _("No zones yet")
    empty_text = _("Every domain and every alias has one; add a subscription first.")
    sorts = (Sort("name", "name_key"),)
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(
                ls.url(row.pk), row.name, ls.extra["sources"].get(row.pk, "")
            ),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(_("State"), _state, csv=lambda row, ls: row.is_altered, is_plain=True),
        SUBSCRIPTION,
        Column(_("Serial"), lambda row, ls: str(row.serial), css="num"),
        Column(_("Changed"), lambda row, ls: day(row.changed_at), css="date"),
    )

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, PERMISSION)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        hits = search.matching(actor, text, ["domain"]).values("object_id")
        return queryset.filter(Q(domain_id__in=hits) | Q(alias__domain_id__in=hits))

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        ids = {row.source_id for row in rows if row.source_id}
        names = Zone.objects.visible_to(listing.actor).filter(pk__in=ids) if ids else ()
        sources = {zone.pk: zone.name for zone in names}
        return {
            "subscriptions": dict(above.values_list("pk", "name")),
            "sources": {
                row.pk: _t("follows %(name)s") % {"name": sources.get(row.source_id, "")}
                for row in rows
                if row.source_id
            },
        }


@register_list
class RecordList(ListPage):
    """For programs: on pages records stand in their zones."""

    noun = "record"
    title = _("DNS records")
    url_name = "record"
    filterset_class = RecordFilter
    sorts = (Sort("id", "id"),)
    default_sort = "id"
    columns = (
        Column(_("Host"), lambda row, ls: row.host, css="main"),
        Column(_("Type"), lambda row, ls: row.type),
        Column(_("TTL"), lambda row, ls: row.ttl or "", css="num"),
        Column(_("Value"), lambda row, ls: row.value),
    )

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).live()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(Q(host=text) | Q(value=text))


@register_list
class TemplateRecordList(ListPage):
    """What zones start from. Name servers and SOA values are in the settings."""

    noun = "template-record"
    title = tab_label = _("DNS Template")
    url_name = "template_record"
    roles = ADMINISTRATOR
    filterset_class = TemplateFilter
    empty_title = _("The template is empty")
    empty_text = _("New zones have name servers only. Add a record to give them more.")
    sorts = (Sort("host", "host"),)
    default_sort = "host"
    columns = (
        Column(
            _("Host"),
            lambda row, ls: main_cell(ls.url(row.pk), row.host, TemplateScope(row.scope).label),
            csv=lambda row, ls: row.host,
            sort="host",
            css="main",
        ),
        Column(_("Type"), lambda row, ls: row.type, is_plain=True),
        Column(_("TTL"), lambda row, ls: row.ttl or _("of the zone"), css="num"),
        Column(_("Value"), lambda row, ls: row.value),
    )

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(Q(host=text) | Q(value__contains=text))

"""Pages of zones, and their tab on the pages of domains."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.domains import Domain
from hosting.services.dns import views_serving, zones
from hosting.services.dns.models import Zone
from hosting.services.dns.operations_zones import PERMISSION, may_edit
from hosting.services.dns.settings import NAME_SERVERS
from hosting.services.dns.views_records import records_section
from hosting.services.dns.zonefile import serialize
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.markup import link, moment
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage


class ZoneDetail(DetailPage):
    noun = "zone"
    tabs = (
        ("records", _("Records")),
        ("zone-file", _("Zone File")),
        ("activity", _("Activity")),
    )

    def queryset(self, actor: Actor) -> Any:
        rows = super().queryset(actor).present()
        return rows.select_related("subscription", "domain", "alias", "source")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        tags = [(_("Edited"), "info")] if target.is_altered else []
        return {
            "title": target.name,
            "subtitle": _("DNS zone"),
            "description": "",
            "tags": [{"text": text, "tone": tone, "title": ""} for text, tone in tags],
            "notices": self.notices(request, target),
            "facts": self.facts(target),
            "sidebar_facts": [
                fact(_("Serial"), str(target.serial)),
                fact(_("Changed"), moment(target.changed_at)),
                fact(_("Created"), moment(target.created_at)),
            ],
            "panel_sections": [
                *(views_serving.signing_section(target) if tab == "records" else []),
                self.panel(request, target, tab),
            ],
        }

    def notices(self, request: HttpRequest, zone: Zone) -> list[dict[str, Any]]:
        found = views_serving.notices(zone.subscription, views_serving.node_of(zone.subscription))
        if not NAME_SERVERS.get():
            action = None
            if request.actor.is_administrator:
                url = reverse("settings_section", args=["dns"])
                action = {"label": _("Settings"), "url": url, "post": False}
            text = _("No name servers are set, so the zone names none.")
            found.append({"tone": "warn", "text": text, "action": action})
        if zone.source is not None:
            found.append({"tone": "info", "text": _where_it_counts(zone), "action": None})
        if zone.kept_at is not None:
            text = _("The zone from before it was synchronised is kept since %(when)s.")
            action = None
            if operations["zone.restore-kept"].offered(zone, request.actor):
                url = reverse("zone_operation", args=[zone.pk, "restore-kept"])
                action = {"label": _("Restore"), "url": url, "post": False}
            text = text % {"when": moment(zone.kept_at)}
            found.append({"tone": "info", "text": text, "action": action})
        return found

    def facts(self, zone: Zone) -> list[dict[str, Any]]:
        found = []
        if zone.domain is not None:
            url = nouns["domain"].url(zone.domain.pk)
            found.append(fact(_("Domain"), link(url, zone.domain.name)))
        if zone.alias is not None:
            found.append(fact(_("Domain alias"), zone.alias.name))
            shown: Any = _("no")
            if zone.source is not None:
                shown = link(nouns["zone"].url(zone.source.pk), zone.source.name)
            found.append(fact(_("Follows"), shown))
        url = nouns["subscription"].url(zone.subscription_id)
        found.append(fact(_("Subscription"), link(url, zone.subscription.name)))
        return [
            *found,
            fact(_("Default TTL"), _seconds(zone.ttl)),
            *views_serving.facts(zone, views_serving.node_of(zone.subscription)),
        ]

    def panel(self, request: HttpRequest, zone: Zone, tab: str) -> dict[str, Any]:
        if tab == "activity":
            return {"title": "", "table": entries_table(request, **_logged(zone))}
        found = zones.lines(zone)
        if tab == "zone-file":
            text = serialize(zone, NAME_SERVERS.get(), found)
            table = format_html('<pre class="code" tabindex="0">{}</pre>', text)
            return {"title": "", "table": table}
        return records_section(request, zone, found)


def _logged(zone: Zone) -> dict[str, Any]:
    return {"target_kind": "zone", "target_id": zone.pk}


def _seconds(value: int) -> str:
    return _t("%(n)s seconds") % {"n": f"{value:,}"}


def shows_tab(actor: Actor, domain: Domain) -> bool:
    """The tab on a domain's page: to its provider, and to a customer with the permission."""
    return may_edit(domain.subscription, actor) and domain.removing_at is None


def cards(actor: Actor, domains: Sequence[Domain]) -> dict[int, str]:
    """The link alone, where the tab is."""
    lacking = permissions.lacking({row.subscription for row in domains}, actor, PERMISSION)
    here = (row for row in domains if row.removing_at is None)
    return {row.pk: "" for row in here if row.subscription_id not in lacking}


def domain_sections(request: HttpRequest, domain: Domain) -> list[dict[str, Any]]:
    """The zone that a domain is in, and those of its aliases."""
    rows = Zone.objects.visible_to(request.actor).select_related("subscription", "source")
    zone = rows.filter(domain_id=domain.parent_id or domain.pk).first()
    if zone is None:
        raise Http404
    found = zones.lines(zone)
    title = _t("Zone %(name)s") % {"name": zone.name}
    if domain.parent_id:
        host = domain.ascii.removesuffix(f".{zone.ascii}")
        found = [ln for ln in found if ln.host == host or ln.host.endswith(f".{host}")]
        title = _t("Records in the zone %(name)s") % {"name": zone.name}
    whole = link(nouns["zone"].url(zone.pk), _t("Open the zone"))
    section = records_section(request, zone, found) | {"title": title, "note": whole}
    facts = [
        fact(link(nouns["zone"].url(row.pk), row.name), _follows(row))
        for row in rows.filter(alias__domain=domain).order_by("name_key")[:500]
    ]
    aliases = [{"title": _("Zones of aliases"), "facts": facts}] if facts else []
    node = views_serving.node_of(domain.subscription)
    said = [
        {"title": "", "text": notice["text"]}
        for notice in views_serving.notices(domain.subscription, node)
    ]
    return [*said, section, *aliases]


def _where_it_counts(zone: Zone) -> str:
    """What following is good for; nobody else is asked for it whom the world asks instead."""
    words = {"name": zone.name, "source": zone.source.name if zone.source else ""}
    servers = ", ".join(NAME_SERVERS.get())
    if not servers:
        text = _t("It follows %(source)s. Outside, that has no effect before name servers are set.")
        return text % words
    text = _t(
        "It follows %(source)s. Outside, that has an effect only if %(name)s is delegated to these"
        " name servers: %(servers)s."
    )
    return text % {**words, "servers": servers}


def _follows(zone: Zone) -> str:
    if zone.source is None:
        return _t("a zone of its own")
    return _t("follows %(name)s") % {"name": zone.source.name}

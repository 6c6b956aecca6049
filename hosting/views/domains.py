"""Pages of domains with their aliases and subdomains."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting import status, tools
from hosting.models.domains import Alias, AliasMode, HostingType
from hosting.services import base
from hosting.sites import has_site, site_url
from hosting.views.accounts import list_panel, narrowed
from hosting.views.domain_list import DomainList
from hosting.views.hosted import fact
from panel.core.activity_views import entries_table
from panel.core.markup import day, link, moment
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage, go


class DomainDetail(DetailPage):
    noun = "domain"
    services = base.tabs("domain")
    tabs = (
        ("aliases", _("Domain aliases")),
        ("subdomains", _("Subdomains")),
        *((tab.name, tab.label) for tab in services.values()),
        ("activity", _("Activity")),
    )

    def queryset(self, actor: Any) -> Any:
        return super().queryset(actor).select_related("subscription", "parent")

    def tabs_for(self, actor: Any, target: Any) -> tuple[tuple[str, Any], ...]:
        return tuple(
            (name, label)
            for name, label in self.tabs
            if name not in self.services or self.services[name].is_shown(actor, target)
        )

    def siblings(self, request: HttpRequest, target: Any) -> Any:
        rows = self.queryset(request.actor)
        return rows.removed() if target.removing_at else rows.present()

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        row = target.subscription
        is_shut = [row] if row.is_suspended else []
        found = status.causes(is_shut, subscriptions=[row.pk] if is_shut else [])
        notices = [
            {"tone": "bad", "text": status.words(entry, request.actor), "action": None}
            for entry in found.of(row, is_account=False)
        ]
        tags = [(_("Suspended"), "bad")] if row.is_suspended else []
        has_site = target.hosting_type != HostingType.NONE
        if has_site and (target.site_state != "active" or not tags):
            tone = {"active": "ok", "suspended": "warn", "disabled": "mute"}[target.site_state]
            tags.append((target.get_site_state_display(), tone))
        sections = self.sections(request, target, tab)
        return {
            "title": target.name,
            "subtitle": kind_of(target),
            "description": "",
            "tags": [{"text": text, "tone": tone, "title": ""} for text, tone in tags],
            "notices": notices,
            "facts": self.facts(target),
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": sections,
            "waiting": any(section.get("waiting") for section in sections),
            "tab_counts": {
                "aliases": target.aliases_count,
                "subdomains": self.subdomains(request, target).count(),
            },
        }

    def facts(self, target: Any) -> list[dict[str, Any]]:
        row = target.subscription
        facts = [fact(_("Subscription"), link(nouns["subscription"].url(row.pk), row.name))]
        if target.parent is not None:
            above = link(nouns["domain"].url(target.parent_id), target.parent.name)
            facts.append(fact(_("Domain"), above))
        facts.append(fact(_("Hosting type"), target.get_hosting_type_display()))
        if target.hosting_type != HostingType.NONE:
            url = site_url(target.ascii)
            facts.append(fact(_("Address"), external(url) if has_site(target) else url))
        if target.hosting_type == HostingType.WEBSITE:
            facts += [
                fact(_("Document root"), target.document_root),
                fact(_("Preferred name"), target.get_preferred_name_display()),
                fact(_("HTTP to HTTPS"), _("redirected") if target.https_redirect else _("no")),
            ]
        if target.hosting_type == HostingType.FORWARDING:
            to = f"{target.forward_to} ({target.forward_code})"
            facts.append(fact(_("Forward to"), external(target.forward_to, to)))
        if target.ascii != target.name:
            facts.append(fact(_("In ASCII"), target.ascii))
        return facts

    def subdomains(self, request: HttpRequest, row: Any) -> Any:
        return super().queryset(request.actor).filter(parent=row)

    def sections(self, request: HttpRequest, row: Any, tab: str) -> list[dict[str, Any]]:
        if tab in self.services:
            return self.services[tab].sections(request, row)
        return [self.panel(request, row, tab)]

    def panel(self, request: HttpRequest, row: Any, tab: str) -> dict[str, Any]:
        if tab == "activity":
            which = {"target_kind": "domain", "target_id": row.pk}
            return {"title": "", "table": entries_table(request, **which)}
        if tab == "subdomains":
            return self.below(request, row)
        add = self.add(request, row, "add-alias", "aliases")
        aliases = list(
            Alias.objects.visible_to(request.actor).filter(domain=row).order_by("name")[:500]
        )
        if not aliases:
            return {
                "title": "",
                "add": add,
                "text": _("No aliases yet: other names for this site."),
            }
        return {"title": "", "add": add, "table": aliases_table(row, aliases, request)}

    def below(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Its subdomains."""
        if row.parent is not None:
            text = _("A subdomain has none of its own: add them to %(name)s.")
            return {"title": "", "text": text % {"name": row.parent.name}}
        add = self.add(request, row, "add-subdomain", "subdomains")
        if not self.subdomains(request, row).exists():
            text = _("No subdomains yet: sites of their own below this name.")
            return {"title": "", "add": add, "text": text}
        return list_panel(narrowed(request, DomainList(), parent_id=row.pk), add=add)

    def add(
        self, request: HttpRequest, row: Any, verb: str, resource: str
    ) -> dict[str, Any] | None:
        """The button, where the tool shows."""
        operation = operations[f"domain.{verb}"]
        shown = tools.shows(row.subscription, request.actor, resource, f"manage_{resource}")
        if row.removing_at is not None or not operation.may(request.actor) or not shown:
            return None
        return {"label": operation.label, "url": reverse("domain_operation", args=[row.pk, verb])}


def kind_of(row: Any) -> Any:
    """What kind of domain it is."""
    if row.is_main:
        return _("Main domain")
    return _("Additional domain") if row.parent_id is None else _("Subdomain")


def aliases_table(of: Any, aliases: list[Alias], request: HttpRequest) -> SafeString:
    heads = (_t("Name"), _t("Web"), _t("Mail"), _t("DNS zone"), _t("Created"))
    may_edit = operations["alias.edit"].may(request.actor)
    rows = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td class="date" data-th="{}">{}</td><td class="date">{}</td></tr>',
        (
            (
                *(part for pair in zip(heads, _cells(of, alias), strict=True) for part in pair),
                _actions(alias) if may_edit else "",
            )
            for alias in aliases
        ),
    )
    return format_html(
        '<table class="list"><thead><tr>{}<th scope="col">'
        '<span class="visually-hidden">{}</span></th></tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads)),
        _t("Actions"),
        rows,
    )


def _cells(of: Any, alias: Alias) -> tuple[Any, ...]:
    return (
        external(site_url(alias.ascii), alias.name) if has_site(of) else alias.name,
        _t("redirects") if alias.mode == AliasMode.REDIRECT else _t("same site"),
        _t("yes") if alias.has_mail else _t("no"),
        _t("follows the domain's") if alias.syncs_dns else _t("its own"),
        day(alias.created_at),
    )


def _actions(alias: Alias) -> SafeString:
    links = (
        (reverse("alias_operation", args=[alias.pk, verb]), label, alias.name, label)
        for verb, label in (
            ("edit", _t("Edit")),
            ("rename", _t("Rename")),
            ("remove", _t("Remove")),
        )
    )
    return format_html_join(" · ", '<a href="{}" aria-label="{} {}">{}</a>', links)


def external(url: str, text: str = "") -> SafeString:
    """A link to a site; it opens beside the panel and tells it nothing."""
    return format_html(
        '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>', url, text or url
    )


@require_safe
def alias_page(request: HttpRequest, pk: int) -> HttpResponse:
    """An alias has no page of its own: its domain's page shows it."""
    alias = Alias.objects.visible_to(request.actor).filter(pk=pk).first()
    if alias is None:
        raise Http404
    url = reverse("domain_detail", args=[alias.domain_id])
    return go(url, request.META.get("QUERY_STRING", ""))

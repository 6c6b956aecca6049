"""Pages of domains with their aliases."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting import status
from hosting.models.domains import Alias, HostingType
from hosting.sites import site_url
from hosting.views.hosted import fact, shows_tool
from panel.core.activity_views import entries_table
from panel.core.markup import day, link, moment
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage, go


class DomainDetail(DetailPage):
    noun = "domain"
    tabs = (("aliases", _("Domain aliases")), ("activity", _("Activity")))

    def queryset(self, actor: Any) -> Any:
        return super().queryset(actor).select_related("subscription")

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
        if target.site_state != "active" or not tags:
            tone = {"active": "ok", "suspended": "warn", "disabled": "mute"}[target.site_state]
            tags.append((target.get_site_state_display(), tone))
        facts = [fact(_("Subscription"), link(nouns["subscription"].url(row.pk), row.name))]
        if target.hosting_type == HostingType.WEBSITE:
            url = site_url(target.ascii)
            facts += [
                fact(_("Address"), external(url)),
                fact(_("Document root"), target.document_root),
            ]
        facts.append(fact(_("Hosting type"), target.get_hosting_type_display()))
        if target.ascii != target.name:
            facts.append(fact(_("In ASCII"), target.ascii))
        return {
            "title": target.name,
            "subtitle": _("Main domain") if target.is_main else "",
            "description": "",
            "tags": [{"text": text, "tone": tone, "title": ""} for text, tone in tags],
            "notices": notices,
            "facts": facts,
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": [self.panel(request, target, tab)],
            "tab_counts": {"aliases": target.aliases_count},
        }

    def panel(self, request: HttpRequest, row: Any, tab: str) -> dict[str, Any]:
        if tab == "activity":
            which = {"target_kind": "domain", "target_id": row.pk}
            return {"title": "", "table": entries_table(request, **which)}
        operation = operations["domain.add-alias"]
        add = None
        shown = shows_tool(row.subscription, request.actor, "aliases", "manage_aliases")
        if row.removing_at is None and operation.may(request.actor) and shown:
            url = reverse("domain_operation", args=[row.pk, "add-alias"])
            add = {"label": operation.label, "url": url}
        aliases = list(
            Alias.objects.visible_to(request.actor).filter(domain=row).order_by("name")[:500]
        )
        if not aliases:
            return {
                "title": "",
                "add": add,
                "text": _("No aliases yet: other names for this site."),
            }
        return {"title": "", "add": add, "table": aliases_table(aliases, request)}


def aliases_table(aliases: list[Alias], request: HttpRequest) -> SafeString:
    may_edit = operations["alias.edit"].may(request.actor)

    def actions(alias: Alias) -> SafeString:
        if not may_edit:
            return SafeString("")
        edit = reverse("alias_operation", args=[alias.pk, "edit"])
        remove = reverse("alias_operation", args=[alias.pk, "remove"])
        return format_html(
            '<a href="{}" aria-label="{} {}">{}</a> · <a href="{}" aria-label="{} {}">{}</a>',
            edit,
            _t("Edit"),
            alias.name,
            _t("Edit"),
            remove,
            _t("Remove"),
            alias.name,
            _t("Remove"),
        )

    rows = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td class="date" data-th="{}">{}</td><td class="date">{}</td></tr>',
        (
            (
                _t("Name"),
                external(site_url(alias.ascii), alias.name),
                _t("Web"),
                alias.get_mode_display(),
                _t("Created"),
                day(alias.created_at),
                actions(alias),
            )
            for alias in aliases
        ),
    )
    return format_html(
        '<table class="list"><thead><tr><th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col">{}</th><th scope="col"><span class="visually-hidden">{}</span></th></tr>'
        "</thead><tbody>{}</tbody></table>",
        _t("Name"),
        _t("Web"),
        _t("Created"),
        _t("Actions"),
        rows,
    )


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
    query = request.META.get("QUERY_STRING", "")
    url = reverse("domain_detail", args=[alias.domain_id])
    return go(f"{url}?{query}" if query else url)

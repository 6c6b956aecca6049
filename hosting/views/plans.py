"""Service Plans: the lists of hosting plans, add-ons and reseller plans, and their pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import limits
from hosting.filters import PlanFilter
from hosting.models.plans import OverusePolicy, PlanKind
from hosting.services import base
from hosting.views.accounts import list_panel, narrowed
from hosting.views.hosted import (
    applications_section,
    fact,
    permissions_section,
    settings_section,
    stated_section,
)
from hosting.views.lists import ResellerList, SubscriptionList
from panel.core.access import Actor, Role
from panel.core.bulk import BulkRun
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import day, link, main_cell, moment, number
from panel.core.operations import ADMINISTRATOR, PROVIDERS, nouns
from panel.core.path_bar import crumbs
from panel.core.views import DetailPage
from panel.core.work import State

_NAME = Column(
    _("Name"),
    lambda row, ls: main_cell(ls.url(row.pk), row.name, row.description),
    csv=lambda row, ls: row.name,
    sort="name",
    css="main",
)
_CREATED = Column(_("Created"), lambda row, ls: day(row.created_at), sort="created", css="date")


def _limit(name: str, label: Any) -> Column:
    return Column(label, lambda row, ls: number(row.limits.get(name, 0)), css="num")


@register_list
class PlanList(ListPage):
    noun = "plan"
    title = _("Service Plans")
    url_name = "plan"
    roles = PROVIDERS
    filterset_class = PlanFilter
    beside = ("plan", "addon", "reseller-plan")
    fields = (
        "name name_key description account_id reseller_id limits subscriptions_count created_at"
    )
    empty_title = _("No service plans yet")
    empty_text = _("A plan is a template of resources and permissions that subscriptions follow.")
    sorts = (Sort("name", "name_key"), Sort("created", "created_at"))
    columns = (
        _NAME,
        Column(
            _("Subscriptions"),
            lambda row, ls: link(f"/subscriptions/?plan={row.pk}", number(row.subscriptions_count)),
            csv=lambda row, ls: row.subscriptions_count,
            css="num",
        ),
        _limit("domains", _("Domains")),
        _limit("aliases", _("Domain aliases")),
        _CREATED,
    )

    def rows(self, actor: Actor) -> Any:
        """Plans of one's own account: the administrator's, or the reseller's."""
        return super().rows(actor).filter(account_id=actor.account_id)


@register_list
class AddOnList(PlanList):
    noun = "addon"
    url_name = "addon"
    empty_title = _("No add-ons yet")
    empty_text = _("An add-on gives a subscription more than its plan has.")


@register_list
class ResellerPlanList(PlanList):
    noun = "reseller-plan"
    url_name = "reseller_plan"
    roles = ADMINISTRATOR
    fields = "name name_key description account_id reseller_id limits created_at"
    empty_title = _("No reseller plans yet")
    empty_text = _(
        "A reseller plan says how much a reseller may have below it, and what it grants."
    )
    columns = (
        _NAME,
        Column(
            _("Resellers"),
            lambda row, ls: link(
                f"/resellers/?plan={row.pk}", number(ls.extra["resellers"].get(row.pk, 0))
            ),
            csv=lambda row, ls: ls.extra["resellers"].get(row.pk, 0),
            css="num",
        ),
        _limit("customers", _("Customers")),
        _limit("subscriptions", _("Subscriptions")),
        _CREATED,
    )

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        on_them = Account.objects.visible_to(listing.actor).present().filter(role=Role.RESELLER)
        on_them = on_them.filter(plan_id__in=[row.pk for row in rows])
        counts: dict[int, int] = {}
        for plan_id in on_them.values_list("plan_id", flat=True):
            counts[plan_id] = counts.get(plan_id, 0) + 1
        return {"resellers": counts}


class PlanDetail(DetailPage):
    noun = "plan"
    tabs = (("resources", _("Resources")), ("subscriptions", _("Subscriptions")))
    of = "subscription"

    def siblings(self, request: HttpRequest, target: Any) -> Any:
        return self.queryset(request.actor).filter(account_id=target.account_id)

    def path(self, request: HttpRequest, target: Any) -> list[dict[str, Any]]:
        return crumbs((_("Service Plans"), nouns[self.noun].list_url()), (str(target), None))

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        sections = self.content(target) if tab == "resources" else [self.followers(request, target)]
        return {
            "title": target.name,
            "subtitle": nouns[self.noun].label,
            "description": target.description,
            "tags": [],
            "notices": self.notices(request, target),
            "facts": self.facts(target),
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": sections,
            "tab_counts": self.counts(target),
        }

    def content(self, row: Any) -> list[dict[str, Any]]:
        """What the plan gives, as its form has it."""
        given = limits.of_addon(row.limits) if row.kind == PlanKind.ADDON else row.limits
        facts = [
            fact(resource.label, limits.shown(resource, limits.limit_of(given, name)))
            for name, resource in base.resources(self.of).items()
        ]
        return [
            {"title": _("Resources"), "facts": facts},
            permissions_section(row.permissions, self.of),
            *self.settings(row),
            *applications_section(row),
        ]

    def settings(self, row: Any) -> list[dict[str, Any]]:
        return settings_section(row)

    def followers(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return list_panel(
            narrowed(request, SubscriptionList(), plan_id=row.pk),
            more=f"/subscriptions/?plan={row.pk}",
        )

    def counts(self, row: Any) -> dict[str, Any]:
        return {"subscriptions": row.subscriptions_count}

    def facts(self, row: Any) -> list[dict[str, Any]]:
        days = row.validity_days
        policy = str(OverusePolicy(row.overuse_policy).label)
        told = _t("with notice") if row.overuse_notice else _t("without notice")
        return [
            fact(_("Overuse policy"), f"{policy}, {told}"),
            fact(_("Validity period"), _t("%(n)s days") % {"n": days} if days else _("unlimited")),
        ]

    def notices(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """That subscriptions are still being brought to it."""
        runs = BulkRun.objects.visible_to(request.actor).filter(
            operation="subscription.sync",
            back=f"plan={row.pk}",
            state__in=[State.QUEUED, State.RUNNING],
        )
        run = runs.order_by("-pk").first()
        if run is None:
            return []
        url = reverse("run_detail", args=[run.pk])
        text = _("%(n)s subscriptions are brought to it in the background.")
        action = {"label": _("Show progress"), "url": url, "post": False}
        return [{"tone": "info", "text": text % {"n": f"{run.total:,}"}, "action": action}]


class AddOnDetail(PlanDetail):
    noun = "addon"

    def facts(self, row: Any) -> list[dict[str, Any]]:
        return []

    def followers(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return list_panel(
            narrowed(request, SubscriptionList(), addons__plan_id=row.pk),
            more=f"/subscriptions/?plan={row.pk}",
        )

    def settings(self, row: Any) -> list[dict[str, Any]]:
        return stated_section(row.settings)


class ResellerPlanDetail(PlanDetail):
    noun = "reseller-plan"
    tabs = (("resources", _("Resources")), ("resellers", _("Resellers")))
    of = "reseller"

    def facts(self, row: Any) -> list[dict[str, Any]]:
        return []

    def settings(self, row: Any) -> list[dict[str, Any]]:
        return []

    def followers(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return list_panel(
            narrowed(request, ResellerList(), plan_id=row.pk), more=f"/resellers/?plan={row.pk}"
        )

    def counts(self, row: Any) -> dict[str, Any]:
        return {}

    def notices(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        return []

"""The page of a reseller: what it has over everything below it, and how much of it is used."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import limits, status
from hosting.models.plans import Plan
from hosting.services import base
from hosting.views.accounts import AccountDetail, CustomerDetail
from hosting.views.hosted import applications_section, permissions_section, resources_section
from panel.core.access import Actor, Role
from panel.core.markup import link, usage
from panel.core.operations import nouns, operations


class ResellerDetail(AccountDetail):
    noun = "reseller"
    tabs = (
        ("customers", _("Customers")),
        ("subscriptions", _("Subscriptions")),
        ("domains", _("Domains")),
        ("resources", _("Resources")),
        ("users", _("Users")),
        ("activity", _("Activity")),
    )
    siblings = CustomerDetail.siblings

    def notices(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        found = super().notices(request, row)
        if row.is_overused and row.removing_at is None:
            change = operations["reseller.change-plan"]
            url = reverse("reseller_operation", args=[row.pk, change.verb])
            action = {"label": change.label, "url": url, "post": False}
            text = _t("More is used than allowed: %(what)s. Nothing stops, but it cannot add.")
            found.append({"tone": "warn", "text": text % {"what": overused(row)}, "action": action})
        return found

    def tags(self, row: Any) -> list[dict[str, Any]]:
        beside = status.reseller_flags(row) if row.removing_at is None else []
        return [
            *super().tags(row),
            *({"text": text, "tone": tone, "title": ""} for text, tone in beside),
        ]

    def counts(self, row: Any, actor: Actor) -> list[tuple[Any, Any]]:
        declared = base.resources("reseller")
        return [
            (_("Reseller plan"), plan_words(row, actor)),
            *(
                (
                    declared[name].label,
                    usage(row.usage.get(name, 0), limits.limit_of(row.limits, name)),
                )
                for name in ("customers", "subscriptions", "domains")
            ),
        ]

    def panel(self, request: HttpRequest, row: Any, tab: str) -> dict[str, Any]:
        if tab == "resources":
            return resources_section(row.limits, row.usage, "reseller")
        return super().panel(request, row, tab)

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        shown = super().context(request, target, tab)
        if tab == "resources":
            shown["panel_sections"] = sections(target)
        return shown


def plan_words(row: Account, actor: Actor) -> Any:
    """The plan it follows, or Custom; its page is the administrator's alone."""
    if row.plan_id is None:
        return _("(Custom)")
    plan = Plan.objects.unscoped("resellers are the administrator's, as their plans are").get(
        pk=row.plan_id
    )
    if not actor.is_administrator:
        return plan.name
    return link(nouns["reseller-plan"].url(plan.pk), plan.name)


def overused(row: Account) -> str:
    """What more is used of than allowed, in words."""
    declared = base.resources("reseller")
    names = limits.overused(row.limits, row.usage)
    return ", ".join(str(declared[name].label) for name in names if name in declared)


def sections(row: Account) -> list[dict[str, Any]]:
    """What a reseller has, and how much of it everything below it uses."""
    return [
        resources_section(row.limits, row.usage, "reseller"),
        permissions_section(row.permissions, "reseller"),
        *applications_section(row),
    ]


def own_sections(account: Account, actor: Actor) -> list[dict[str, Any]]:
    """The same on a reseller's own account page."""
    is_own = account.role == Role.RESELLER and account.pk == actor.account_id
    return sections(account) if is_own and actor.may_in("accounts") else []

"""Pages of customers and resellers: status, facts, tabs; the actions come from the registry."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import second_factor
from accounts.models import Account
from accounts.views import log_in_as_action
from hosting import status
from hosting.views.domain_list import DomainList
from hosting.views.lists import CustomerList, SubscriptionList, described
from panel.core.access import Actor, Role
from panel.core.activity_views import entries_table
from panel.core.lists import Listing, ListPage, list_pages
from panel.core.markup import day, link, moment, number
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage, page_size


def narrowed(request: HttpRequest, page: ListPage, **which: Any) -> Listing:
    """A list inside an object's page: the same columns, narrowed to the object."""
    params = {k: v for k, v in request.GET.dict().items() if k in {"sort", "after", "before"}}
    return Listing(
        page,
        request.actor,
        params,
        page_size(request),
        narrow=which,
        lean=True,
    )


def list_panel(listing: Listing, *, more: str = "", add: dict | None = None) -> dict[str, Any]:
    """A narrowed list as a section of a page, with the way to the whole list."""
    rows, before, after = listing.window
    section: dict[str, Any] = {"title": "", "add": add}
    if rows:
        section["table"] = listing.table(pick=False)
    else:
        section["text"] = listing.page.empty_text
    if (before or after) and more:
        section["note"] = link(more, _("Show all in the list"))
    return section


class AccountDetail(DetailPage):
    """What customers' and resellers' pages share."""

    def notices(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        actor, found = request.actor, []
        if row.removing_at is not None:
            found.append(
                {
                    "tone": "warn",
                    "text": _("Removed. It is kept until %(day)s and can be restored until then.")
                    % {"day": day(row.purge_at)},
                    "action": None,
                }
            )
        if row.is_suspended:
            causes = status.causes([row])
            for entry in causes.of(row, is_account=True):
                text = status.words_with_note(entry, actor)
                found.append({"tone": "bad", "text": text, "action": None})
        return found

    def facts(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        address = ", ".join(
            text
            for text in (
                row.address,
                " ".join(part for part in (row.postal_code, row.city) if part),
                row.state,
                row.get_country_display() if row.country else "",
            )
            if text
        )
        facts = [
            (_("Company"), row.company),
            (_("Email address"), row.email),
            (_("Phone"), row.phone),
            (_("Address"), address),
            (_("Username"), row.username),
            (
                _("Two-factor authentication"),
                second_factor.on_or_off(on=second_factor.is_on_for_account(row.pk)),
            ),
            (_("External id"), row.external_id or ""),
        ]
        return [{"label": label, "value": value, "action": None} for label, value in facts if value]

    def sidebar_facts(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        actor = request.actor
        facts = self.counts(row, actor)
        if actor.is_administrator:
            facts.insert(0, (_("Provider"), self.provider(row)))
        facts.append((_("Created"), moment(row.created_at)))
        if actor.is_administrator and row.admin_note:
            facts.append((_("Administrator's note"), row.admin_note))
        return [
            {"label": label, "value": value, "action": self.fact_action(request, row, label)}
            for label, value in facts
        ]

    def counts(self, row: Any, actor: Actor) -> list[tuple[Any, Any]]:
        """How much it has, for the sidebar."""
        return [
            (_("Subscriptions"), number(row.subscriptions_count)),
            (_("Domains"), number(row.domains_count)),
        ]

    def fact_action(self, request: HttpRequest, row: Any, label: Any) -> dict[str, Any] | None:
        """What can be done about a fact, beside it: moving to another provider."""
        if label != _("Provider") or row.role != Role.CUSTOMER or row.removing_at is not None:
            return None
        move = operations["customer.move"]
        if not move.may(request.actor):
            return None
        url = reverse("customer_operation", args=[row.pk, move.verb])
        return {"label": move.label, "url": url, "post": False}

    def provider(self, row: Any) -> Any:
        if row.role == "customer" and row.reseller_id:
            reseller = Account.objects.unscoped("the administrator sees every provider").get(
                pk=row.reseller_id
            )
            return link(nouns["reseller"].url(reseller.pk), reseller.contact_name)
        return _("Administrator")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        return {
            "title": target.contact_name,
            "subtitle": target.company,
            "description": described(target, request.actor),
            "tags": self.tags(target),
            "notices": self.notices(request, target),
            "facts": self.facts(request, target),
            "sidebar_facts": self.sidebar_facts(request, target),
            "more_actions": self.log_in_as(request, target),
            "panel_sections": [self.panel(request, target, tab)],
            "tab_counts": {
                "subscriptions": target.subscriptions_count,
                "domains": target.domains_count,
                "customers": target.customers_count,
            },
        }

    def log_in_as(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """Not nested: whoever is somebody else already goes back first."""
        item = log_in_as_action(request.actor, row)
        return [{"label": None, "items": [item]}] if item else []

    def tags(self, row: Any) -> list[dict[str, Any]]:
        """The status; why it is so stands in the notices below."""
        if row.removing_at is not None:
            return [{"text": _("Removed"), "tone": "mute", "title": ""}]
        if row.is_suspended:
            return [{"text": _("Suspended"), "tone": "bad", "title": ""}]
        return [{"text": _("Active"), "tone": "ok", "title": ""}]

    def panel(self, request: HttpRequest, row: Any, tab: str) -> dict[str, Any]:
        owner = "reseller_id" if row.role == "reseller" else "account_id"
        if tab == "domains":
            return list_panel(narrowed(request, DomainList(), **{owner: row.pk}))
        if tab == "customers":
            return list_panel(narrowed(request, CustomerList(), reseller_id=row.pk))
        if tab == "users":
            return self.users(request, row)
        if tab == "activity":
            return {"title": "", "table": entries_table(request, account_id=row.pk)}
        add = None
        may_add = operations["account.add-subscription"].may(request.actor)
        if row.removing_at is None and may_add:
            add = {
                "label": operations["account.add-subscription"].label,
                "url": f"{reverse('subscription_add')}?parent={row.pk}",
            }
        return list_panel(narrowed(request, SubscriptionList(), **{owner: row.pk}), add=add)

    def users(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        add = None
        operation = operations.get("account.add-user")
        if row.removing_at is None and operation and operation.may(request.actor):
            add = {"label": operation.label, "url": f"{reverse('user_add')}?parent={row.pk}"}
        return list_panel(narrowed(request, list_pages["user"](), account_id=row.pk), add=add)


class CustomerDetail(AccountDetail):
    noun = "customer"
    tabs = (
        ("subscriptions", _("Subscriptions")),
        ("domains", _("Domains")),
        ("users", _("Users")),
        ("activity", _("Activity")),
    )

    def siblings(self, request: HttpRequest, target: Any) -> Any:
        rows = self.queryset(request.actor)
        return rows.removed() if target.is_removed else rows.present()

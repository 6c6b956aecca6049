"""The lists of what is hosted: their columns and sorts. Everything else is the foundation's."""

from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import status
from hosting.filters import AccountFilter, ResellerFilter, SubscriptionFilter
from panel.core.access import Actor, Role
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import day, link, main_cell, number, safe, share, size, usage
from panel.core.operations import ADMINISTRATOR, ANY_ROLE, PROVIDERS, nouns, operations

PROVIDERS_ONLY = PROVIDERS


def described(row: Any, actor: Actor) -> str:
    """The provider's description of an account or a subscription, for those above it only.

    SECURITY: the account that it is about sees it nowhere.
    """
    is_above = actor.is_provider and (actor.is_administrator or row.account_id != actor.account_id)
    return row.description if is_above else ""


def _name_below(row: Any, listing: Listing) -> str:
    """Company, then the provider's description."""
    return " · ".join(text for text in (row.company, described(row, listing.actor)) if text)


def _provider(row: Any, listing: Listing) -> Any:
    if row.reseller_id is None:
        return _("Administrator")
    name = listing.extra["resellers"].get(row.reseller_id, "")
    return link(listing.url_of("reseller", row.reseller_id), name)


def reseller_names(rows: list[Any], listing: Listing) -> dict[int, str]:
    """Names of the resellers above these rows, for the administrator."""
    ids = {row.reseller_id for row in rows if row.reseller_id}
    if not ids or not listing.actor.is_administrator:
        return {}
    found = Account.objects.visible_to(listing.actor).filter(pk__in=ids)
    return dict(found.values_list("pk", "contact_name"))


@register_list
class CustomerList(ListPage):
    noun = "customer"
    title = _("Customers")
    url_name = "customer"
    roles = PROVIDERS_ONLY
    filterset_class = AccountFilter
    fields = (
        "role contact_name name_key company description username account_id reseller_id"
        " is_suspended subscriptions_count domains_count created_at removing_at purge_at"
    )
    empty_title = _("No customers yet")
    empty_text = _("Add a customer to give somebody a login and sites of their own.")
    sorts = (
        Sort("name", "name_key"),
        Sort("subscriptions", "subscriptions_count"),
        Sort("created", "created_at"),
    )
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.contact_name, _name_below(row, ls)),
            csv=lambda row, ls: row.contact_name,
            sort="name",
            css="main",
        ),
        Column(
            _("Status"),
            lambda row, ls: status.account_tag(row, ls.extra["causes"], ls.actor),
            csv=lambda row, ls: row.status,
            is_plain=True,
        ),
        Column(_("Username"), lambda row, ls: row.username),
        Column(
            _("Provider"),
            _provider,
            csv=lambda row, ls: ls.extra["resellers"].get(row.reseller_id, ""),
            tells=("reseller_id",),
            roles=ADMINISTRATOR,
        ),
        Column(
            _("Subscriptions"),
            lambda row, ls: number(row.subscriptions_count),
            sort="subscriptions",
            css="num",
        ),
        Column(_("Domains"), lambda row, ls: number(row.domains_count), css="num"),
        Column(_("Created"), lambda row, ls: day(row.created_at), sort="created", css="date"),
    )

    def header_links(self, actor: Actor) -> list[dict[str, Any]]:
        operation = operations["account.add-import"]
        if self.noun != "customer" or not operation.may(actor):
            return []
        return [{"label": operation.label, "url": reverse("import_add")}]

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        suspended = [row for row in rows if row.is_suspended]
        return {
            "causes": status.causes(suspended),
            "resellers": reseller_names(rows, listing),
        }


@register_list
class ResellerList(CustomerList):
    noun = "reseller"
    title = _("Resellers")
    url_name = "reseller"
    roles = ADMINISTRATOR
    filterset_class = ResellerFilter
    fields = CustomerList.fields + " limits customers_count plan_id is_locked is_overused"
    empty_title = _("No resellers yet")
    empty_text = _("A reseller has customers and plans of its own.")
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.contact_name, _reseller_below(row, ls)),
            csv=lambda row, ls: row.contact_name,
            sort="name",
            css="main",
        ),
        Column(
            _("Status"),
            lambda row, ls: status.reseller_tags(row, ls.extra["causes"], ls.actor),
            csv=lambda row, ls: row.status,
            is_plain=True,
        ),
        CustomerList.columns[2],
        Column(
            _("Customers"),
            lambda row, ls: usage(row.customers_count, row.limits.get("customers", 0)),
            csv=lambda row, ls: row.customers_count,
            css="num",
        ),
        Column(
            _("Subscriptions"),
            lambda row, ls: usage(row.subscriptions_count, row.limits.get("subscriptions", 0)),
            csv=lambda row, ls: row.subscriptions_count,
            sort="subscriptions",
            css="num",
        ),
        *CustomerList.columns[5:],
    )
    more_csv = (
        Column(_("Reseller plan"), lambda row, ls: ls.extra["plans"].get(row.plan_id, "")),
        Column(_("Overused"), lambda row, ls: row.is_overused),
    )

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        plans = nouns["reseller-plan"].visible_to(listing.actor)
        ids = {row.plan_id for row in rows if row.plan_id}
        found = dict(plans.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
        return {"causes": status.causes([r for r in rows if r.is_suspended]), "plans": found}


def _reseller_below(row: Any, listing: Listing) -> str:
    """Its plan, company, then the administrator's description."""
    plan = listing.extra["plans"].get(row.plan_id)
    shown = f"({plan})" if plan else str(_("(Custom)"))
    return " · ".join(text for text in (shown, _name_below(row, listing)) if text)


def _subscription_below(row: Any, listing: Listing) -> str:
    plan = listing.extra["plans"].get(row.plan_id)
    shown = f"({plan})" if plan else _("(Custom)")
    text = described(row, listing.actor)
    return f"{shown} · {text}" if text else str(shown)


def subscriber(row: Any, listing: Listing) -> Any:
    """Whose it is; for the administrator with the reseller below, if that is somebody else."""
    if row.account_id == listing.actor.account_id:
        return _("yourself")
    name, role = listing.extra["subscribers"].get(row.account_id, ("", ""))
    whose: Any = name
    if role in {Role.CUSTOMER, Role.RESELLER}:
        whose = link(listing.url_of(role, row.account_id), name)
    above = listing.extra["resellers"].get(row.reseller_id)
    if above is None or row.reseller_id == row.account_id:
        return whose
    below = safe(link(listing.url_of("reseller", row.reseller_id), above))
    # Each part was escaped by safe().
    return SafeString(f"{safe(whose)}<br>{below}")


def subscriber_csv(row: Any, listing: Listing) -> str:
    return listing.extra["subscribers"].get(row.account_id, ("", ""))[0]


def domain_usage(row: Any, _listing: Listing) -> Any:
    # What the limit counts; `domains_count` has the subdomains, too.
    return usage(row.usage.get("domains", 0), row.limits.get("domains", 0))


def measured(row: Any, _listing: Listing) -> SafeString:
    """Disk space and traffic, each with how much of its limit that is; nothing before they were
    measured. The limits stand on the row's own page: both beside each other are too wide."""
    found = []
    for name in ("disk", "traffic"):
        used, limit = row.usage.get(name), row.limits.get(name, 0)
        if used is not None:
            bar = "" if limit is None else share(used, limit)
            found.append(f"<div>{bar}{safe(size(used))}</div>")
    # Each part was escaped by safe(), or is markup.
    return SafeString("".join(found))


@register_list
class SubscriptionList(ListPage):
    noun = "subscription"
    title = _("Subscriptions")
    url_name = "subscription"
    roles = ANY_ROLE
    filterset_class = SubscriptionFilter
    fields = (
        "name name_key account_id reseller_id plan_id limits usage description expires_on"
        " is_suspended is_locked is_overused is_expired is_unsynced is_failed created_at"
        " removing_at purge_at"
    )
    empty_title = _("No subscriptions yet")
    empty_text = _("A subscription is the space that a site lives in.")
    sorts = (Sort("name", "name_key"), Sort("created", "created_at"))
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, _subscription_below(row, ls)),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(
            _("Status"),
            lambda row, ls: status.subscription_tags(row, ls.extra["causes"], ls.actor),
            csv=lambda row, ls: row.status,
            is_plain=True,
        ),
        Column(
            _("Subscriber"),
            subscriber,
            csv=subscriber_csv,
            tells=("account_id",),
            roles=PROVIDERS,
        ),
        Column(
            _("Domains"),
            domain_usage,
            csv=lambda row, ls: row.usage.get("domains", 0),
            css="num",
        ),
        Column(
            _("Disk, traffic"),
            measured,
            csv=lambda row, ls: row.usage.get("disk", ""),
            csv_label=_("Disk space"),
            css="num",
        ),
        Column(_("Expires"), lambda row, ls: day(row.expires_on), css="date"),
        Column(_("Created"), lambda row, ls: day(row.created_at), sort="created", css="date"),
    )
    more_csv = (Column(_("Traffic per month"), lambda row, ls: row.usage.get("traffic", "")),)

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        suspended = [row for row in rows if row.is_suspended]
        whose = {row.account_id for row in rows}
        above = {row.reseller_id for row in rows} if listing.actor.is_administrator else set()
        accounts = Account.objects.visible_to(listing.actor).filter(pk__in=(whose | above) - {None})
        found = list(accounts.values_list("pk", "contact_name", "role"))
        plans = nouns["plan"].model.objects.unscoped("a subscriber may know the name of its plan")
        ids = {row.plan_id for row in rows if row.plan_id}
        return {
            "causes": status.causes(suspended, subscriptions=[row.pk for row in suspended]),
            "subscribers": {pk: (name, role) for pk, name, role in found},
            "resellers": {pk: name for pk, name, _role in found if pk in above},
            "plans": dict(plans.filter(pk__in=ids).values_list("pk", "name")) if ids else {},
        }

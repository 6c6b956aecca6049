"""The list of domains: found by name, alias, customer and company, each with its site."""

from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import status
from hosting.filters import DomainFilter
from hosting.models.domains import HostingType, SiteState
from hosting.models.subscriptions import Subscription
from hosting.sites import site_url
from hosting.validators import host_of, to_unicode
from hosting.views.choosing import add_buttons
from hosting.views.columns import SUBSCRIPTION
from hosting.views.lists import subscriber, subscriber_csv
from panel.core.access import Actor
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import attribute, day, main_cell, safe, tag
from panel.core.operations import ANY_ROLE, PROVIDERS, nouns

# So many aliases stand below a name.
NAMED = 3


def _site_state(row: Any, listing: Listing) -> Any:
    if row.is_suspended:
        why = status.reason(row, listing.extra["causes"], listing.actor, is_account=False)
        # Each part was escaped by safe().
        return SafeString(f"{_shut(get_language())}<div class=sub>{safe(why)}</div>")
    return _state_tag(row.site_state, get_language())


# Remembered by language: a page says the same few words on each of its rows.
@lru_cache
def _shut(_language: str | None) -> SafeString:
    return tag(_("Suspended"), "bad")


@lru_cache
def _state_tag(site_state: str, _language: str | None) -> SafeString:
    tones = {SiteState.ACTIVE: "ok", SiteState.SUSPENDED: "warn", SiteState.DISABLED: "mute"}
    state = SiteState(site_state)
    return tag(state.label, tones[state])


@lru_cache
def _words(_language: str | None) -> tuple[SafeString, SafeString]:
    """What a hosting type says most often, and the way to the site, both escaped."""
    return SafeString(safe(HostingType.WEBSITE.label)), SafeString(safe(_("View Site")))


def _hosting(row: Any, _listing: Listing) -> Any:
    """The hosting type; of one that forwards, where to; and the way to what there is."""
    if row.hosting_type == HostingType.NONE:
        return HostingType.NONE.label
    text, label = _words(get_language())
    if row.hosting_type == HostingType.FORWARDING:
        text = _t("Forwarding to %(host)s") % {"host": to_unicode(host_of(row.forward_to))}
    if row.site_state == SiteState.DISABLED:
        return text
    # Each part was escaped by safe(). What is suspended has a page that visitors see.
    url = attribute(site_url(row.ascii))
    return SafeString(f"{safe(text)} <a href={url} target=_blank>{label}</a>")


def _hosting_csv(row: Any, _listing: Listing) -> str:
    return row.forward_to if row.hosting_type == HostingType.FORWARDING else row.hosting_type


def _aliases(row: Any, listing: Listing) -> str:
    """Its aliases; the one that the search met first, and said as what it is."""
    names = listing.extra["aliases"].get(row.pk, [])
    text = listing.text.lower()
    if text and text not in row.name:
        met = next((name for name in names if text in name), "")
        if met:
            return _t("%(alias)s: alias of %(name)s") % {"alias": met, "name": row.name}
    shown = ", ".join(names[:NAMED])
    more = row.aliases_count - NAMED
    return f"{shown} +{more}" if more > 0 else shown


@register_list
class DomainList(ListPage):
    """Found by domain, subdomain, alias, customer and company."""

    noun = "domain"
    title = _("Domains")
    url_name = "domain"
    roles = ANY_ROLE
    filterset_class = DomainFilter
    fields = (
        "name name_key ascii account_id reseller_id subscription_id hosting_type site_state"
        " forward_to is_suspended aliases_count created_at removing_at"
    )
    empty_title = _("No domains yet")
    empty_text = _("Domains come with subscriptions; add a subscription first.")
    sorts = (Sort("name", "name_key"), Sort("created", "created_at"))
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, _aliases(row, ls)),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(_("Status"), _site_state, csv=lambda row, ls: row.site_state, is_plain=True),
        SUBSCRIPTION,
        Column(
            _("Subscriber"),
            subscriber,
            csv=subscriber_csv,
            tells=("account_id", "subscription_id"),
            roles=PROVIDERS,
        ),
        Column(_("Hosting type"), _hosting, csv=_hosting_csv, is_plain=True),
        Column(_("Created"), lambda row, ls: day(row.created_at), sort="created", css="date"),
    )

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        # A customer's stand on its first page, Websites & Domains.
        return add_buttons(actor) if actor.is_provider else []

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        suspended = [row for row in rows if row.is_suspended]
        # Beside the page, not joined to it: the order stays the index's, and a name is read once.
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        found_above = list(
            above.values_list("pk", "name", "account_id", "account__contact_name", "account__role")
        )
        aliases: dict[int, list[str]] = {}
        with_aliases = [row.pk for row in rows if row.aliases_count]
        if with_aliases:
            found = nouns["alias"].visible_to(listing.actor).filter(domain_id__in=with_aliases)
            for domain_id, name in found.order_by("pk").values_list("domain_id", "name")[:500]:
                aliases.setdefault(domain_id, []).append(name)
        return {
            "causes": status.causes(
                suspended, subscriptions={row.subscription_id for row in suspended}
            ),
            "subscriptions": {pk: name for pk, name, *_whose in found_above},
            "subscribers": {account: (who, role) for _pk, _name, account, who, role in found_above},
            "resellers": {},
            "aliases": aliases,
        }

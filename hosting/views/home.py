"""Home: for providers what needs attention, counts and activity; for a customer its sites."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import Customer, Reseller
from hosting import conditions, status
from hosting.filters import SOON
from hosting.models.domains import Domain, HostingType
from hosting.models.subscriptions import Subscription
from hosting.sites import site_url
from panel.core.access import Actor
from panel.core.activity_views import action_label, who
from panel.core.filters import flagged
from panel.core.log import Activity
from panel.core.markup import moment
from panel.core.operations import nouns

RECENT = 8
SITES = 50


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The first page of each role."""
    page = provider_home(request) if request.actor.is_provider else customer_home(request)
    return render(request, "home.html", {"page": page, "path": []})


def provider_home(request: HttpRequest) -> dict[str, Any]:
    actor = request.actor
    attention = needs_attention(actor)
    return {
        "title": _("Home"),
        "attention": attention,
        "calm": not attention,
        "counts": counts(actor),
        "recent": recent(actor),
        "recent_url": reverse("activity_list"),
    }


def capped(rows: Any) -> tuple[int, str]:
    """A count that costs no more than a page: exact up to 10,000."""
    number = rows.order_by()[:10_001].count()
    return number, f"{number:,}" if number <= 10_000 else _("more than 10,000")


def needs_attention(actor: Actor) -> list[dict[str, Any]]:
    """What somebody should look at first, with the filtered list behind it."""
    rows = Subscription.objects.visible_to(actor).present()
    soon = rows.filter(
        expires_on__gte=conditions.today(), expires_on__lte=conditions.today() + SOON
    )
    url = reverse("subscription_list")
    found = [
        (
            "failed",
            "bad",
            flagged(rows, "is_failed"),
            ngettext_lazy("subscription failed on a node", "subscriptions failed on a node"),
        ),
        (
            "overused",
            "warn",
            flagged(rows, "is_overused"),
            ngettext_lazy(
                "subscription uses more than it may", "subscriptions use more than they may"
            ),
        ),
        (
            "expired",
            "warn",
            flagged(rows, "is_expired"),
            ngettext_lazy("subscription has expired", "subscriptions have expired"),
        ),
        (
            "expiring",
            "warn",
            soon,
            ngettext_lazy(
                "subscription expires within 14 days", "subscriptions expire within 14 days"
            ),
        ),
    ]
    result = []
    for name, tone, which, text in found:
        number, label = capped(which)
        if number:
            target = f"{url}?status={name}"
            result.append({"text": text % number, "tone": tone, "url": target, "count": label})
    return result


def counts(actor: Actor) -> list[dict[str, Any]]:
    """How much there is, each with its list."""
    shown = [
        (_("Customers"), Customer.objects.visible_to(actor).present(), reverse("customer_list")),
        (
            _("Suspended customers"),
            flagged(Customer.objects.visible_to(actor).present(), "is_suspended"),
            reverse("customer_list") + "?status=suspended",
        ),
        (
            _("Subscriptions"),
            Subscription.objects.visible_to(actor).present(),
            reverse("subscription_list"),
        ),
        (_("Domains"), Domain.objects.visible_to(actor).present(), reverse("domain_list")),
    ]
    if actor.is_administrator:
        resellers = Reseller.objects.visible_to(actor).present()
        shown.insert(2, (_("Resellers"), resellers, reverse("reseller_list")))
    return [{"label": label, "value": capped(rows)[1], "url": url} for label, rows, url in shown]


def recent(actor: Actor) -> list[dict[str, Any]]:
    found = []
    for entry in Activity.objects.visible_to(actor).order_by("-at", "-pk")[:RECENT]:
        noun = nouns.get(entry.target_kind)
        found.append(
            {
                "when": moment(entry.at),
                "who": who(entry, actor),
                "text": f"{action_label(entry.action)}: {entry.target_label}",
                "url": noun.url(entry.target_id) if noun else None,
            }
        )
    return found


def customer_home(request: HttpRequest) -> dict[str, Any]:
    """Websites & Domains: each subscription with its sites."""
    actor = request.actor
    rows = list(Subscription.objects.visible_to(actor).present().order_by("name_key", "pk")[:SITES])
    shut = [row for row in rows if row.is_suspended]
    causes = status.causes(shut, subscriptions=[row.pk for row in shut])
    plans = dict(
        nouns["plan"]
        .model.objects.unscoped("a subscriber may know the names of its plans")
        .filter(pk__in={row.plan_id for row in rows if row.plan_id})
        .values_list("pk", "name")
    )
    domains: dict[int, list[Domain]] = {}
    found = Domain.objects.visible_to(actor).present().filter(subscription__in=[r.pk for r in rows])
    for domain in found.order_by("-is_main", "name_key")[: SITES * 10]:
        domains.setdefault(domain.subscription_id, []).append(domain)
    return {
        "title": _("Websites & Domains"),
        "subscriptions": [
            {
                "label": row.name,
                "url": nouns["subscription"].url(row.pk),
                "plan": plans.get(row.plan_id, _("Custom plan")),
                "tags": subscription_tags(row, causes, actor),
                "domains": [site(domain, row) for domain in domains.get(row.pk, [])],
            }
            for row in rows
        ],
        "empty": ""
        if rows
        else _("You have no subscription yet. Your provider adds one; then your sites are here."),
        "empty_title": _("No sites yet"),
    }


def subscription_tags(row: Subscription, causes: Any, actor: Actor) -> list[dict[str, Any]]:
    if row.is_suspended:
        why = status.reason(row, causes, actor, is_account=False)
        tags = [{"text": why or _("Suspended"), "tone": "bad", "title": ""}]
    else:
        tags = [{"text": _("Active"), "tone": "ok", "title": ""}]
    return tags + [{"text": text, "tone": tone, "title": ""} for text, tone in status.flags(row)]


def site(domain: Domain, row: Subscription) -> dict[str, Any]:
    tone = {"active": "ok", "suspended": "warn", "disabled": "mute"}[domain.site_state]
    is_site = domain.hosting_type == HostingType.WEBSITE
    tags = [{"text": domain.get_site_state_display(), "tone": tone, "title": ""}] if is_site else []
    if row.is_suspended and is_site:
        tags = [{"text": _("Suspended"), "tone": "bad", "title": ""}]
    return {
        "label": domain.name,
        "url": nouns["domain"].url(domain.pk),
        "site_url": site_url(domain.ascii) if is_site else None,
        "tags": tags,
    }

"""Home: for providers what needs attention, counts and activity; for a customer its sites."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.utils.translation import ngettext_lazy as _n
from django.views.decorators.http import require_safe

from accounts.models import Reseller
from hosting import conditions, held, status
from hosting.filters import SOON, SubscriptionStatus
from hosting.models.domains import Domain, HostingType
from hosting.models.subscriptions import Subscription
from hosting.services import base
from hosting.sites import has_site, site_url
from hosting.validators import host_of, to_unicode
from hosting.views import choosing, home_figures
from panel.core import outcomes
from panel.core.access import Actor
from panel.core.activity_views import action_label, who
from panel.core.filters import flagged
from panel.core.log import Activity
from panel.core.markup import moment
from panel.core.operations import nouns
from panel.core.views import shown_run

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
    run = shown_run(request)
    figures = home_figures.figures(actor, home_figures.period(request))
    return {
        "title": _("Home"),
        "today": date_format(timezone.localdate(), "l, j F Y"),
        "outcome": outcomes.describe(run, actor) if run else None,
        "attention": attention,
        "calm": not attention,
        "figures": figures,
        "states": home_figures.states(actor, figures["numbers"]),
        "limits": home_figures.own_limits(actor),
        "recent": recent(actor),
        "recent_url": reverse("activity_list"),
    }


# Status of the list, tone, words.
ATTENTION = (
    ("failed", "bad", _n("subscription failed on a node", "subscriptions failed on a node")),
    (
        "overused",
        "warn",
        _n("subscription uses more than it may", "subscriptions use more than they may"),
    ),
    ("expired", "warn", _n("subscription has expired", "subscriptions have expired")),
    (
        "expiring",
        "warn",
        _n("subscription expires within 14 days", "subscriptions expire within 14 days"),
    ),
    (
        "unsynchronised",
        "info",
        _n(
            "subscription is not in sync with its plan", "subscriptions are not in sync with theirs"
        ),
    ),
)


def needs_attention(actor: Actor) -> list[dict[str, Any]]:
    """What somebody should look at first, with the filtered list behind it."""
    rows = Subscription.objects.visible_to(actor).present()
    today = conditions.today()
    which = {
        **{name: flagged(rows, flag) for name, flag in SubscriptionStatus.FLAGS.items()},
        "expiring": rows.filter(expires_on__gte=today, expires_on__lte=today + SOON),
    }
    url = reverse("subscription_list")
    found = [
        _attention(which[name], tone, text, f"{url}?status={name}")
        for name, tone, text in ATTENTION
    ]
    if actor.is_administrator:
        resellers = flagged(Reseller.objects.visible_to(actor).present(), "is_overused")
        words = _n("reseller is over its limits", "resellers are over their limits")
        url = reverse("reseller_list")
        found.insert(2, _attention(resellers, "warn", words, f"{url}?status=overused"))
        if actor.subscriptions is None:
            found = held_back() + found
    found += [_attention(*entry) for entry in base.attention(actor)]
    return [entry for entry in found if entry]


def held_back() -> list[dict[str, Any]]:
    """What the daily run did not do by itself, and waits for somebody to look at."""
    words = {
        held.EXPIRY: _n(
            "subscription would expire at once: the daily run waits",
            "subscriptions would expire at once: the daily run waits",
        ),
        held.OVERUSE: _n(
            "subscription would be suspended for overuse at once: the daily run waits",
            "subscriptions would be suspended for overuse at once: the daily run waits",
        ),
    }
    return [
        {
            "text": words[what] % one.count,
            "tone": "bad",
            "url": reverse("held_back"),
            "count": home_figures.written(one.count),
        }
        for what, one in held.found().items()
    ]


def _attention(rows: Any, tone: str, text: Any, url: str) -> dict[str, Any]:
    """One line of it; nothing where there is nothing."""
    if not (number := home_figures.count(rows)):
        return {}
    shown = home_figures.written(number)
    return {"text": text % number, "tone": tone, "url": url, "count": shown}


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
    found = Subscription.objects.visible_to(actor).present().select_related("node")
    rows = list(found.order_by("name_key", "pk")[:SITES])
    shut = [row for row in rows if row.is_suspended]
    causes = status.causes(shut, subscriptions=[row.pk for row in shut])
    plans = dict(
        nouns["plan"]
        .model.objects.unscoped("a subscriber may know the names of its plans")
        .filter(pk__in={row.plan_id for row in rows if row.plan_id})
        .values_list("pk", "name")
    )
    domains = domains_of(actor, rows)
    tools = tools_of(actor, [domain for several in domains.values() for domain in several])
    return {
        "title": _("Websites & Domains"),
        "adds": choosing.add_buttons(actor, rows),
        "subscriptions": [
            {
                "label": row.name,
                "url": nouns["subscription"].url(row.pk),
                "plan": plans.get(row.plan_id, _("Custom plan")),
                "tags": subscription_tags(row, causes, actor),
                "domains": [
                    site(domain, row) | {"tools": tools.get(domain.pk, [])}
                    for domain in domains.get(row.pk, [])
                ],
            }
            for row in rows
        ],
        "empty": ""
        if rows
        else _("You have no subscription yet. Your provider adds one; then your sites are here."),
        "empty_title": _("No sites yet"),
    }


def domains_of(actor: Actor, rows: list[Subscription]) -> dict[int, list[Domain]]:
    """The sites of these subscriptions, by subscription."""
    above = {row.pk: row for row in rows}
    domains: dict[int, list[Domain]] = {}
    found = Domain.objects.visible_to(actor).present().filter(subscription__in=above)
    for domain in found.order_by("-is_main", "name_key")[: SITES * 10]:
        domain.subscription = above[domain.subscription_id]
        domains.setdefault(domain.subscription_id, []).append(domain)
    return domains


def tools_of(actor: Actor, domains: list[Domain]) -> dict[int, list[dict[str, Any]]]:
    """What services show of each of these on its card, with the way to it."""
    found: dict[int, list[dict[str, Any]]] = {}
    for tab in base.tabs("domain").values():
        for pk, words in tab.on_cards(actor, domains).items():
            url = reverse("domain_operation", args=[pk, tab.name])
            found.setdefault(pk, []).append({"label": tab.label, "url": url, "text": words})
    return found


def subscription_tags(row: Subscription, causes: Any, actor: Actor) -> list[dict[str, Any]]:
    if row.is_suspended:
        why = status.reason(row, causes, actor, is_account=False)
        tags = [{"text": why or _("Suspended"), "tone": "bad", "title": ""}]
    else:
        tags = [{"text": _("Active"), "tone": "ok", "title": ""}]
    return tags + [{"text": text, "tone": tone, "title": ""} for text, tone in status.flags(row)]


def site(domain: Domain, row: Subscription) -> dict[str, Any]:
    tone = {"active": "ok", "suspended": "warn", "disabled": "mute"}[domain.site_state]
    is_site = domain.hosting_type != HostingType.NONE
    tags = [{"text": domain.get_site_state_display(), "tone": tone, "title": ""}] if is_site else []
    if row.is_suspended and is_site:
        tags = [{"text": _("Suspended"), "tone": "bad", "title": ""}]
    return {
        "label": domain.name,
        "url": nouns["domain"].url(domain.pk),
        "lines": [what_it_shows(domain), aliases_of(domain)],
        "site_url": site_url(domain.ascii) if has_site(domain) else None,
        "tags": tags,
    }


def what_it_shows(domain: Domain) -> str:
    """What a visitor gets there, in a line."""
    if domain.hosting_type == HostingType.FORWARDING:
        return _("Forwarding to %(host)s") % {"host": to_unicode(host_of(domain.forward_to))}
    if domain.hosting_type == HostingType.NONE:
        return str(HostingType.NONE.label)
    return _("Document root: %(path)s") % {"path": domain.document_root}


def aliases_of(domain: Domain) -> str:
    """How many other names it has; "" for none."""
    words = ngettext("%(n)s alias", "%(n)s aliases", domain.aliases_count)
    return words % {"n": f"{domain.aliases_count:,}"} if domain.aliases_count else ""

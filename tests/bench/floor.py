"""The floor: the least that a list page of the panel can cost.

The same middleware, frame, filter form and bulk buttons; one hand-written query; rows put together
by f-strings. What the panel's own lists cost beyond that is the price of being declared.
"""

import json
from collections.abc import Callable
from html import escape
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from hosting.filters import AccountFilter, DomainFilter, ResellerFilter, SubscriptionFilter
from hosting.services.dns.filters import ZoneFilter
from panel.core.activity_list import ActivityFilter, ActivityList
from panel.core.lists import ListPage, list_pages
from panel.core.operations import nouns, operations
from panel.core.views import add_buttons, bulk_groups

CUSTOMERS = """
SELECT a.id, a.contact_name, a.company, a.description, a.is_suspended, a.username, a.reseller_id,
       r.contact_name, a.subscriptions_count, a.domains_count, a.created_at, e.level, e.at
FROM accounts_account a
LEFT JOIN accounts_account r ON r.id = a.reseller_id
LEFT JOIN hosting_suspensionentry e ON e.account_id = a.id
WHERE a.role = 'customer' AND a.removing_at IS NULL ORDER BY a.name_key, a.id LIMIT %s
"""
SUBSCRIPTIONS = """
SELECT s.id, s.name, p.name, s.description, s.is_suspended, s.account_id, a.contact_name,
       s.domains_count, s.expires_on, s.created_at, e.level, e.at, s.is_expired, s.is_overused,
       s.is_locked
FROM hosting_subscription s
JOIN accounts_account a ON a.id = s.account_id
LEFT JOIN hosting_plan p ON p.id = s.plan_id
LEFT JOIN hosting_suspensionentry e ON e.subscription_id = s.id
WHERE s.removing_at IS NULL ORDER BY s.name_key, s.id LIMIT %s
"""
DOMAINS = """
SELECT d.id, d.name, d.site_state, d.is_suspended, d.subscription_id, s.name, a.contact_name,
       d.hosting_type, d.ascii, d.created_at
FROM hosting_domain d
JOIN hosting_subscription s ON s.id = d.subscription_id
JOIN accounts_account a ON a.id = d.account_id
WHERE d.removing_at IS NULL ORDER BY d.name_key, d.id LIMIT %s
"""


RESELLERS = """
SELECT a.id, a.contact_name, p.name, a.company, a.description, a.is_suspended, a.username,
       a.customers_count, a.subscriptions_count, a.domains_count, a.limits, a.created_at, e.level,
       e.at
FROM accounts_account a
LEFT JOIN hosting_plan p ON p.id = a.plan_id
LEFT JOIN hosting_suspensionentry e ON e.account_id = a.id
WHERE a.role = 'reseller' AND a.removing_at IS NULL ORDER BY a.name_key, a.id LIMIT %s
"""
ZONES = """
SELECT z.id, z.name, z.is_altered, z.subscription_id, s.name, z.serial, z.changed_at
FROM dns_zone z JOIN hosting_subscription s ON s.id = z.subscription_id
WHERE s.removing_at IS NULL ORDER BY z.name_key, z.id LIMIT %s
"""
ACTIVITY = """
SELECT id, at, actor_name, action, target_kind, target_id, target_label, details
FROM core_activity ORDER BY at DESC, id DESC LIMIT %s
"""


def _cells(pk: int, name: str, *cells: str) -> str:
    name = escape(name)
    return (
        '<tr><td class="pick"><input class="form-check-input" type="checkbox" name="ids"'
        f' value="{pk}" aria-label="Select {name}"></td>{"".join(cells)}</tr>'
    )


def _tag(is_suspended: bool, level: str | None, at: object) -> str:
    if not is_suspended:
        return '<span class="tag-ok">Active</span>'
    why = f"Suspended by the {level}, {at:%-d %b %Y}" if level else "Suspended"
    return f'<span class="tag-bad">Suspended</span><div class="sub">{why}</div>'


def customer(row: tuple) -> str:
    """A customer's row."""
    (pk, name, company, description, is_suspended, username, reseller, provider, subscriptions,
     domains, created, level, at) = row  # fmt: skip
    below = escape(" · ".join(filter(None, (company, description))))
    above = f'<a href="/resellers/{reseller}/">{escape(provider)}</a>' if provider else ""
    return _cells(
        pk,
        name,
        f'<td class="main" data-th="Name"><a href="/customers/{pk}/">{escape(name)}</a>',
        f'<div class="sub">{below}</div></td>' if below else "</td>",
        f'<td data-th="Status">{_tag(is_suspended, level, at)}</td>',
        f'<td data-th="Username">{escape(username)}</td>',
        f'<td data-th="Provider">{above or "Administrator"}</td>',
        f'<td class="num" data-th="Subscriptions">{subscriptions:,}</td>',
        f'<td class="num" data-th="Domains">{domains:,}</td>',
        f'<td class="date" data-th="Created">{created:%-d %b %Y}</td>',
    )


def subscription(row: tuple) -> str:
    """A subscription's row."""
    (pk, name, plan, description, is_suspended, account, subscriber, domains, expires, created,
     level, at, is_expired, is_overused, is_locked) = row  # fmt: skip
    below = escape(" · ".join(filter(None, (f"({plan or 'Custom'})", description))))
    tags = _tag(is_suspended, level, at)
    last = f"{expires:%-d %b %Y}" if expires else ""
    link = f'<a href="/customers/{account}/">{escape(subscriber)}</a>'
    for word, is_set in (("Expired", is_expired), ("Overused", is_overused), ("Locked", is_locked)):
        if is_set:
            tags += f' <span class="tag-warn">{word}</span>'
    return _cells(
        pk,
        name,
        f'<td class="main" data-th="Name"><a href="/subscriptions/{pk}/">{escape(name)}</a>',
        f'<div class="sub">{below}</div></td>',
        f'<td data-th="Status">{tags}</td>',
        f'<td data-th="Subscriber">{link}</td>',
        f'<td class="num" data-th="Domains"><span class="usage"><progress class="meter" max="5"'
        f' value="{domains}" aria-label="{domains} of 5"></progress> {domains} / 5</span></td>',
        f'<td class="date" data-th="Expires">{last}</td>',
        f'<td class="date" data-th="Created">{created:%-d %b %Y}</td>',
    )


def domain(row: tuple) -> str:
    """A domain's row."""
    (pk, name, state, is_suspended, subscription_id, subscription_name, subscriber, hosting, ascii_,
     created) = row  # fmt: skip
    tag = _tag(is_suspended or state != "active", None, None)
    return _cells(
        pk,
        name,
        f'<td class="main" data-th="Name"><a href="/domains/{pk}/">{escape(name)}</a></td>',
        f'<td data-th="Status">{tag}</td>',
        f'<td data-th="Subscription"><a href="/subscriptions/{subscription_id}/">',
        f"{escape(subscription_name)}</a></td>",
        f'<td data-th="Subscriber">{escape(subscriber)}</td>',
        f'<td data-th="Hosting type">{hosting.title()} <a href="http://{ascii_}:8480/"',
        ' target="_blank">View Site</a></td>',
        f'<td class="date" data-th="Created">{created:%-d %b %Y}</td>',
    )


def _usage(used: int, limit: int | None) -> str:
    if limit is None:
        return f"{used:,}"
    return (
        f'<span class="usage"><progress class="meter" max="{limit}" value="{used}"'
        f' aria-label="{used} of {limit}"></progress> {used} / {limit}</span>'
    )


def reseller(row: tuple) -> str:
    """A reseller's row."""
    (pk, name, plan, company, description, is_suspended, username, customers, subscriptions,
     domains, limits, created, level, at) = row  # fmt: skip
    below = escape(" · ".join(filter(None, (f"({plan or 'Custom'})", company, description))))
    given = json.loads(limits) if isinstance(limits, str) else limits
    return _cells(
        pk,
        name,
        f'<td class="main" data-th="Name"><a href="/resellers/{pk}/">{escape(name)}</a>',
        f'<div class="sub">{below}</div></td>',
        f'<td data-th="Status">{_tag(is_suspended, level, at)}</td>',
        f'<td data-th="Username">{escape(username)}</td>',
        f'<td class="num" data-th="Customers">{_usage(customers, given.get("customers"))}</td>',
        '<td class="num" data-th="Subscriptions">',
        f"{_usage(subscriptions, given.get('subscriptions'))}</td>",
        f'<td class="num" data-th="Domains">{domains:,}</td>',
        f'<td class="date" data-th="Created">{created:%-d %b %Y}</td>',
    )


def zone(row: tuple) -> str:
    """A zone's row."""
    pk, name, is_altered, subscription_id, subscription_name, serial, changed = row
    state = '<span class="tag-info">Edited</span>' if is_altered else ""
    return _cells(
        pk,
        name,
        f'<td class="main" data-th="Name"><a href="/zones/{pk}/">{escape(name)}</a></td>',
        f'<td data-th="State">{state}</td>',
        f'<td data-th="Subscription"><a href="/subscriptions/{subscription_id}/">',
        f"{escape(subscription_name)}</a></td>",
        f'<td class="num" data-th="Serial">{serial}</td>',
        f'<td class="date" data-th="Changed">{changed:%-d %b %Y}</td>',
    )


def activity(row: tuple) -> str:
    """An entry of the activity log, with its old and new values."""
    _pk, at, who, action, kind, target, label, details = row
    told = json.loads(details) if isinstance(details, str) else details or {}
    old, new = told.get("old") or {}, told.get("new") or {}
    values = "; ".join(f"{name}: {old.get(name, '')} → {value}" for name, value in new.items())
    return (
        f'<tr><td class="date" data-th="When"><time datetime="{at.isoformat()}">'
        f'{at:%-d %b %Y, %H:%M}</time></td><td data-th="Who">{escape(who)}</td>'
        f'<td data-th="What">{ACTIONS.get(action, action)}</td>'
        f'<td data-th="Object"><a href="/{kind}s/{target}/">{escape(label)}</a></td>'
        f'<td data-th="Values">{escape(values[:200])}</td></tr>'
    )


PRESENT = dict.fromkeys(
    ("customer", "reseller", "subscription", "domain"), " WHERE removing_at IS NULL"
)
ACTIONS = {name: str(operation.label) for name, operation in operations.items()}
FLOORS: dict[str, tuple[str, Callable[[tuple], str], type]] = {
    "customer": (CUSTOMERS, customer, AccountFilter),
    "subscription": (SUBSCRIPTIONS, subscription, SubscriptionFilter),
    "domain": (DOMAINS, domain, DomainFilter),
    "reseller": (RESELLERS, reseller, ResellerFilter),
    "zone": (ZONES, zone, ZoneFilter),
    "activity": (ACTIVITY, activity, ActivityFilter),
}


def page(request: HttpRequest, noun: str) -> HttpResponse:
    """The first page of a list."""
    query, cells, _filterset = FLOORS[noun]
    size = int(request.GET.get("size", 25))
    listed = list_pages[noun]() if noun != "activity" else ActivityList()
    with connection.cursor() as cursor:
        cursor.execute(query, [size])
        rows = cursor.fetchall()
        table = nouns[noun].model._meta.db_table
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {table}{PRESENT.get(noun, '')} LIMIT 10001) t"
        )
        cursor.fetchone()
    body = "".join(map(cells, rows))
    head = "".join(f'<th scope="col"><a href="?sort=x">{c.label}</a></th>' for c in listed.columns)
    table = (
        '<table class="list"><thead><tr><th class="pick"><input type="checkbox"'
        ' class="form-check-input" data-select-page aria-label="Select this page"></th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    context = _context(request, noun, listed, size) | {"table": mark_safe(table)}
    return render(request, "core/list.html", {"page": context})


def _context(request: HttpRequest, noun: str, listed: ListPage, size: int) -> dict[str, Any]:
    """What stands round the rows of the first page."""
    base, filterset = f"/{nouns[noun].plural}/", FLOORS[noun][2]
    adds = add_buttons(listed, request.actor)
    return {
        "title": listed.title,
        "noun": noun,
        "count": 10_001,
        "count_label": "more than 10,000",
        "is_empty": False,
        "is_filtered": False,
        "add": adds[0] if adds else None,
        "more_adds": adds[1:],
        "bulk_groups": bulk_groups(listed, request.actor),
        "search": "",
        "filter_form": filterset(
            {}, queryset=nouns[noun].visible_to(request.actor), actor=request.actor
        ).form,
        "filter_open": False,
        "chips": [],
        "clear_url": base,
        "sizes": [{"size": n, "url": f"?size={n}", "current": n == size} for n in (25, 50, 100)],
        "first_url": None,
        "prev_url": None,
        "next_url": "?after=abc",
        "select_all": {"label": "Select all that match (more than 10,000)"},
        "query_fields": [("query", "?"), ("size", str(size))],
        "export_url": f"{base}export.csv",
        "list_url": base,
        "outcome": None,
    }

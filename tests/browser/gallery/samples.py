"""Every template with the everyday, the empty, the refused and the hostile."""

from datetime import date, timedelta

from panel.core import plots
from panel.core.markup import number
from panel.core.plots import Series, Share
from tests.browser.gallery import forms
from tests.browser.gallery.contexts import (
    ACTING,
    DETAIL,
    FACTS,
    FILTERED,
    FRAME,
    LIST,
    OPERATION,
    OUTCOME_MIXED,
    OUTCOME_OK,
    SECTIONS,
    messages,
)
from tests.browser.gallery.people import CUSTOMERS, ENDLESS, HOSTILE, LONG, RTL, customer_table

Sample = tuple[str, dict]


def pages() -> dict[str, Sample]:
    """Name of the picture -> template and context."""
    return {**lists(), **objects(), **operations(), **runs(), **searches(), **homes(), **bare()}


def framed(template: str, **context: object) -> Sample:
    """A page with the frame of an administrator, unless the context says otherwise."""
    return template, {**FRAME, **context}


def lists() -> dict[str, Sample]:
    """A full list, a filtered one after a bulk action, and both kinds of empty."""
    nothing = {
        "is_empty": True,
        "empty_title": "Nothing matches",
        "empty_text": "No customer matches “berg” with this filter.",
        "count_label": "0 customers",
    }
    empty = {
        "is_empty": True,
        "empty_title": "No customers yet",
        "empty_text": "A customer has subscriptions, and logs in to look after them.",
        "count_label": "",
        "sizes": [],
        "next_url": None,
    }
    after = {
        "table": customer_table(refused=True),
        "outcome": OUTCOME_MIXED,
        "first_url": "#",
        "prev_url": "#",
    }
    return {
        "list": framed("core/list.html", page={**LIST, "table": customer_table()}),
        "list-filtered": framed("core/list.html", page={**LIST, **FILTERED, **after}),
        "list-nothing": framed("core/list.html", page={**LIST, **FILTERED, **nothing}),
        "list-empty": framed("core/list.html", page={**LIST, **empty}),
    }


def objects() -> dict[str, Sample]:
    """A customer, and the same page under a long name while somebody acts for another."""
    path = [{"label": name, "url": "#"} for name in ("Home", "Customers", LONG, "Anna Berg")]
    again = {"label": "Try again", "url": "#", "post": True}
    hostile = {
        **DETAIL,
        "title": LONG,
        "description": HOSTILE,
        "panel_table": "",
        "panel_sections": SECTIONS,
        "facts": FACTS,
        "outcome": OUTCOME_OK,
        "notices": [{"tone": "bad", "text": "The node is away since 10:02.", "action": again}],
    }
    return {
        "detail": framed("core/detail.html", path=path, page=DETAIL, messages=messages()),
        "detail-acting": framed("core/detail.html", path=path, who=ACTING, page=hostile),
    }


def operations() -> dict[str, Sample]:
    """A confirmation, a form, the form with errors, and a choice for each of many."""
    plain = {
        **OPERATION,
        "lead": "",
        "targets": [],
        "more": 0,
        "consequences": [],
        "type_number": None,
        "submit_label": "OK",
        "submit_tone": "primary",
    }
    add = {**plain, "title": "Add a Customer", "target_count": 1}
    wrong = forms.bound(forms.ContactForm, name="Anna", email="nonsense", country="XX")
    summary = [
        (wrong[name].label, message, wrong[name].id_for_label)
        for name, told in wrong.errors.items()
        for message in told
    ]
    rows = {
        **plain,
        "title": "Move 7 customers to another owner",
        "shared": forms.owner_form(),
        "refusals": [{"label": LONG, "url": "#", "reason": "Webhaus Nord is suspended."}],
        "item_rows": [
            {"label": row[0], "url": "#", "form": forms.PlanForm(prefix=str(number))}
            for number, row in enumerate(CUSTOMERS[:7])
        ],
    }
    template = "core/operation.html"
    return {
        "operation": framed(template, page=OPERATION),
        "operation-form": framed(template, page={**add, "form": forms.ContactForm()}),
        "operation-errors": framed(template, page={**add, "form": wrong, "error_summary": summary}),
        "operation-rows": framed(template, page=rows),
    }


def runs() -> dict[str, Sample]:
    """Something in the background, under way and finished."""
    run = {
        "title": "Suspending 10,000 customers",
        "state": "running",
        "state_label": "Running",
        "done": 4210,
        "total": 10000,
        "percent": 42,
        "started": "14:02",
        "cancel_url": "#",
        "poll_url": "/poll/",
    }
    return {
        "run": framed("core/run.html", run=run, back_url="#"),
        "run-finished": framed("core/run.html", run=run, outcome=OUTCOME_MIXED, back_url="#"),
    }


def searches() -> dict[str, Sample]:
    """Something found, and nothing."""
    customers = [
        {"label": row[0], "url": "#", "detail": row[4], "tag": {"text": row[3], "tone": row[2]}}
        for row in CUSTOMERS[:8]
    ]
    alias = {"label": "anna.example", "url": "#", "detail": "alias of berg.example", "tag": "Alias"}
    groups = [{"label": "Customers", "items": customers}, {"label": "Domains", "items": [alias]}]
    return {
        "search": framed("core/search.html", query="berg", groups=groups, empty=False),
        "search-nothing": framed("core/search.html", query=HOSTILE, groups=[], empty=True),
    }


def homes() -> dict[str, Sample]:
    """The administrator's first page and the customer's, with sites and without."""
    attention = [
        ("bad", 2, "subscriptions failed on their node"),
        ("warn", 14, "subscriptions are overused"),
        ("warn", None, LONG),
        ("info", 5, "subscriptions are not in sync with their plan"),
    ]
    home = {
        "title": "Home",
        "today": "Sunday, 22 November 2026",
        "figures": _figures(),
        "states": _states(),
        "limits": [
            {"label": LONG, "text": "9 of 5", "used": 9, "limit": 5, "is_over": True},
            {"label": "Domains", "text": "3 of unlimited", "used": 3, "limit": None},
        ],
        "attention": [
            {"tone": tone, "count": count, "text": text, "url": "#"}
            for tone, count, text in attention
        ],
        "recent": [
            {"when": "14:02", "who": "Ada Admin", "text": f"Suspended {row[0]}", "url": "#"}
            for row in CUSTOMERS[:8]
        ],
        "recent_url": "#",
    }
    customer = {"title": "Websites & Domains", "subscriptions": _subscriptions()}
    nothing = "Your provider has not given you a subscription yet."
    return {
        "home": framed("home.html", path=[], page=home),
        "home-calm": framed("home.html", page={**home, "attention": [], "calm": True}),
        "home-customer": framed("home.html", page=customer),
        "home-empty": framed("home.html", page={"title": "Websites & Domains", "empty": nothing}),
    }


def _figures() -> dict:
    first = date(2026, 8, 24)
    several = [
        Series(f"figure{n}", label, [(first + timedelta(days=d), n + d * n) for d in range(91)])
        for n, label in ((14, "Customers"), (0, "Resellers"), (100_000, LONG), (3, "Domains"))
    ]
    return {
        "cards": [
            {
                "label": one.label,
                "value": number(one.points[-1][1]),
                "url": "#",
                "change": "+12 in 90 days",
                "plot": plots.line(one),
            }
            for one in several
        ],
        "table": plots.table(several),
        "periods": [{"days": n, "url": "#", "current": n == 90} for n in (30, 90, 365)],
    }


def _states() -> list[dict]:
    shares = [Share("Active", 1197, "ok"), Share("Suspended", 37, "bad")]
    legend = [{"label": s.label, "value": s.value, "tone": s.tone, "url": "#"} for s in shares]
    return [
        {"label": "Customers", "bar": plots.bar("customers", "Customers", shares), "legend": legend}
    ]


def _subscriptions() -> list[dict]:
    shut = {"text": "Suspended", "tone": "bad", "title": "by your provider"}
    active = {"text": "Active", "tone": "ok", "title": ""}
    applying = {"text": "Applying", "tone": "info", "title": ""}
    sites = [("anna.example", active), ("bücher.example", shut), (f"{ENDLESS}.example", applying)]
    tools = [
        {"label": label, "url": "#", "text": text}
        for label, text in (("PHP Settings", "8.4"), ("SSL/TLS Certificates", LONG), ("Logs", ""))
    ]
    domains = [
        {"label": name, "url": "#", "site_url": "#", "tags": [tag], "tools": tools}
        for name, tag in sites
    ]
    return [
        {"label": "anna.example", "url": "#", "tags": [active], "plan": "Business",
         "domains": domains},
        {"label": LONG, "url": "#", "tags": [shut], "plan": "(Custom)", "domains": domains[1:2]},
    ]  # fmt: skip


def bare() -> dict[str, Sample]:
    """What one sees without being logged in, and errors."""
    half = forms.bound(forms.ForgottenForm, username="anna")
    errors = ("400", "403", "403_csrf", "404")
    return {
        "login": ("account/login.html", {"form": forms.LoginForm()}),
        "login-errors": ("account/login.html", {"form": forms.failed_login()}),
        "logout": ("account/logout.html", {}),
        "password-forgotten": (
            "accounts/password_forgotten.html", {"form": forms.ForgottenForm()}
        ),
        "password-forgotten-done": ("accounts/password_forgotten_done.html", {}),
        "password-new": ("accounts/password_new.html", {"form": half}),
        "password-link-invalid": ("accounts/password_link_invalid.html", {}),
        "first-run": ("accounts/first_run.html", {"form": forms.ForgottenForm()}),
        "suspended": (
            "accounts/suspended.html", {"message": "Invoice 1042 is unpaid.", "contact": RTL}
        ),
        **{f"error-{name}": (f"{name}.html", {"request_id": "5f2c9a41"}) for name in errors},
        "error-500": ("500.html", {}),
        "error-503": ("503.html", {}),
    }  # fmt: skip

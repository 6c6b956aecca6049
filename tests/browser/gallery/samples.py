"""Contexts for every template: the everyday, the empty, the refused, and people who make layouts break."""

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Field, Fieldset, Layout, Row

LONG = "Vereinigte Bürohaus-Verwaltungsgesellschaft Donaudampfschifffahrt mbH & Co. KG" * 2
ENDLESS = "unbreakable" * 14
HOSTILE = '<script>alert("x")</script>\'"><img src=x onerror=alert(1)>'
RTL = "شركة الاستضافة العربية"
CUSTOMERS = [
    ("Anna Berg", "Pays late, call first", "ok", "Active", "Administrator", 3, 10, 2.1),
    ("Bäckerei Blum GmbH", "", "bad", "Suspended", "Webhaus Nord", 1, 5, 0.4),
    (
        "Carlos Ibáñez",
        "Migrated from the old server in March",
        "ok",
        "Active",
        "Webhaus Nord",
        10,
        10,
        9.8,
    ),
    ("Delta Tools Ltd", "", "warn", "Overused", "Administrator", 12, 10, 23.5),
    (LONG, LONG, "ok", "Active", LONG, 123456, 1234567, 1.0),
    (HOSTILE, HOSTILE, "mute", "Removed", "Administrator", 0, 1, 0.0),
    (RTL, "مدينة دبي، الإمارات", "ok", "Active", "Administrator", 2, 0, 0.1),
    (ENDLESS, ENDLESS, "info", "Applying", "Webhaus Nord", 4, 5, 3.3),
    *[(f"Customer {n:04}", "", "ok", "Active", "Administrator", n % 7, 10, 0.7) for n in range(12)],
]


def customer_table(refused: bool = False, rows: int = 20) -> SafeString:
    """The table as the list renderer writes it."""
    head = format_html(
        '<thead><tr><th class="pick"><input type="checkbox" class="form-check-input" '
        'data-select-page aria-label="Select this page"></th><th aria-sort="ascending">'
        '<a href="?sort=-name">Name</a></th><th>Status</th><th><a href="?sort=provider">Provider'
        '</a></th><th class="num">Domains</th><th class="num">Disk space</th>'
        '<th class="date"><a href="?sort=-created">Created</a></th></tr></thead>'
    )
    return format_html(
        '<table class="list">{}<tbody>{}</tbody></table>',
        head,
        format_html_join(
            "",
            '<tr{}><td class="pick"><input class="form-check-input" type="checkbox" name="ids" '
            'value="{}" aria-label="Select {}"{}></td><td class="main" data-label="Name">'
            '<a href="#">{}</a>{}{}</td><td data-label="Status"><span class="tag tag-{}">{}</span>'
            '</td><td data-label="Provider"><a href="#">{}</a></td><td class="num" data-label='
            '"Domains"><span class="usage"><progress class="meter{}" max="{}" value="{}" '
            'aria-label="{} of {}"></progress> {} / {}</span></td><td class="num" '
            'data-label="Disk space">{} GiB</td><td class="date" data-label="Created">'
            "3 Nov 2026</td></tr>",
            (_row(n, row, refused and n in (1, 4)) for n, row in enumerate(CUSTOMERS[:rows])),
        ),
    )


def _row(number: int, row: tuple, refused: bool) -> tuple:
    name, sub, tone, status, provider, used, limit, disk = row
    sub = format_html('<div class="sub" dir="auto">{}</div>', sub) if sub else ""
    why = "The new owner has no subscriptions left: 10 of 10 are used. The administrator can raise it."
    return (
        SafeString(' class="is-refused"') if refused else "",
        number,
        name,
        SafeString(" checked") if refused else "",
        name,
        sub,
        format_html('<div class="why">{}</div>', why) if refused else "",
        tone,
        status,
        provider,
        SafeString(" is-over") if used > limit else "",
        limit or 1,
        used,
        used,
        limit,
        f"{used:,}",
        f"{limit:,}",
        disk,
    )


class CustomerFilter(forms.Form):
    """A filter as django-filter makes it, without any class on its widgets."""

    status = forms.ChoiceField(choices=[("", "All"), ("active", "Active"), ("off", "Suspended")])
    provider = forms.CharField()
    plan = forms.ChoiceField(choices=[("", "Any"), ("1", LONG)])
    created_after = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    created_before = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))


class ContactForm(forms.Form):
    """A crispy form with everything that one can have."""

    name = forms.CharField(label="Contact name")
    company = forms.CharField(required=False)
    email = forms.EmailField(help_text="Forgotten passwords go to this address.")
    phone = forms.CharField(required=False)
    country = forms.ChoiceField(choices=[("", "–"), ("DE", "Germany"), ("ES", "Spain")])
    username = forms.CharField(help_text="1 to 60 characters: letters, digits, dot, dash.")
    password = forms.CharField(
        widget=forms.PasswordInput, help_text="At least 12 characters.", label="Password"
    )
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    create = forms.BooleanField(label="Create a subscription for the customer", required=False)
    kind = forms.ChoiceField(
        choices=[("unpaid", "Unpaid"), ("abuse", "Abuse"), ("other", "Other")],
        widget=forms.RadioSelect,
        initial="unpaid",
    )

    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    helper.layout = Layout(
        Fieldset(
            "Contact information",
            Row(Column("name"), Column("company")),
            Row(Column("email"), Column("phone")),
            "country",
        ),
        Fieldset(
            "Login",
            Row(
                Column("username"), Column(Field("password", template="core/_password_field.html"))
            ),
        ),
        Fieldset("More", "description", "kind", "create"),
    )


class PlanForm(forms.Form):
    """The small form that stands beside each target."""

    plan = forms.ChoiceField(
        choices=[("", "Custom plan"), ("1", "Business"), ("2", "Basic")], required=False
    )


class LoginForm(forms.Form):
    """allauth's fields."""

    login = forms.CharField(label="Username")
    password = forms.CharField(widget=forms.PasswordInput)
    remember = forms.BooleanField(required=False)


class ForgottenForm(forms.Form):
    """Username and email."""

    username = forms.CharField()
    email = forms.EmailField(help_text="The one in your contact information.")


NAV = [
    {"label": label, "url": f"#{name}", "icon": name, "active": name == "customers"}
    for label, name in [
        ("Home", "home"),
        ("Customers", "customers"),
        ("Resellers", "resellers"),
        ("Domains", "domains"),
        ("Subscriptions", "subscriptions"),
        ("Service Plans", "plans"),
        ("Nodes", "nodes"),
        ("Activity", "activity"),
        ("Settings", "settings"),
    ]
]
WHO = {
    "name": "Ada Admin",
    "role": "Administrator",
    "account": "Ada Admin",
    "impersonating": False,
    "profile_url": "#",
    "back_url": None,
    "back_label": None,
}
ACTING = {
    **WHO,
    "name": "Anna Berg",
    "role": "Customer",
    "account": LONG,
    "impersonating": True,
    "back_url": "/stop/",
    "back_label": "Back to Ada Admin",
}
FRAME = {
    "nav": NAV,
    "who": WHO,
    "search_url": "#",
    "path": [{"label": "Home", "url": "#"}, {"label": "Customers", "url": "#"}],
}
OUTCOME_OK = {
    "headline": "Suspended 24 customers.",
    "tone": "ok",
    "undo_url": "#",
    "lines": [{"status": "done", "label": "Done", "count": 24, "tone": "ok"}],
    "problems": [],
    "more": 0,
    "notes": [
        {
            "text": "3 subscriptions that were suspended by themselves stay suspended.",
            "action": {"label": "Activate them too", "url": "#", "post": True},
        }
    ],
}
OUTCOME_MIXED = {
    "headline": "Moved 1,232 customers, 3 were refused.",
    "tone": "warn",
    "undo_url": None,
    "lines": [
        {"status": "done", "label": "Done", "count": 1232, "tone": "ok"},
        {"status": "unchanged", "label": "Unchanged", "count": 4, "tone": "mute"},
        {"status": "refused", "label": "Refused", "count": 3, "tone": "bad"},
    ],
    "problems": [
        {
            "label": "Bäckerei Blum GmbH",
            "url": "#",
            "status": "refused",
            "action": None,
            "reason": "Webhaus Nord has no subscriptions left: 10 of 10 are used. The administrator can raise it.",
        },
        {
            "label": LONG,
            "url": "#",
            "status": "refused",
            "reason": LONG,
            "action": {"label": "Raise the limit", "url": "#"},
        },
        {
            "label": HOSTILE,
            "url": None,
            "status": "missing",
            "reason": "Not found.",
            "action": None,
        },
    ],
    "more": 1240,
    "notes": [],
}
LIST = {
    "title": "Customers",
    "count_label": "1,234 customers",
    "is_empty": False,
    "is_filtered": False,
    "empty_title": "",
    "empty_text": "",
    "add": {"label": "Add a Customer", "url": "#"},
    "bulk_groups": [
        {
            "label": "Change Status",
            "name": "status",
            "buttons": [
                {"label": "Suspend", "name": "suspend", "url": "#s", "destructive": False},
                {"label": "Activate", "name": "activate", "url": "#a", "destructive": False},
            ],
        },
        {
            "label": None,
            "name": "rest",
            "buttons": [
                {
                    "label": "Move to",
                    "name": "move",
                    "url": "#m",
                    "destructive": False,
                    "needs_page": True,
                },
                {
                    "label": "Convert to Resellers",
                    "name": "convert",
                    "url": "#c",
                    "destructive": False,
                },
                {"label": "Remove", "name": "remove", "url": "#r", "destructive": True},
            ],
        },
    ],
    "search": "",
    "filter_form": CustomerFilter(),
    "filter_open": False,
    "chips": [],
    "clear_url": None,
    "sizes": [
        {"size": 25, "url": "#", "current": True},
        {"size": 50, "url": "#", "current": False},
        {"size": 100, "url": "#", "current": False},
    ],
    "first_url": None,
    "prev_url": None,
    "next_url": "#",
    "select_all": {"label": "Select all 1,234 that match"},
    "query_fields": [("status", "active")],
    "export_url": "#",
    "outcome": None,
    "list_url": "",
}
FILTERED = {
    "is_filtered": True,
    "search": "berg",
    "filter_open": True,
    "clear_url": "#",
    "chips": [{"label": "Status: Suspended", "url": "#"}, {"label": f"Plan: {LONG}", "url": "#"}],
}
FACTS = [
    {
        "label": "Provider",
        "value": format_html('<a href="#">{}</a>', "Webhaus Nord"),
        "action": {"label": "Move to another", "url": "#"},
    },
    {"label": "Company", "value": "Berg & Söhne", "action": None},
    {"label": "Email", "value": "anna.berg@" + "long-" * 10 + "example.net", "action": None},
    {"label": "Created", "value": "3 Nov 2026, 14:02", "action": None},
]
DETAIL = {
    "title": "Anna Berg",
    "subtitle": "Customer of Webhaus Nord",
    "description": "Pays late, call first.",
    "tags": [
        {
            "text": "Suspended",
            "tone": "bad",
            "title": "by the administrator, 3 Nov: invoice 1042 unpaid",
        }
    ],
    "switcher": [
        {"label": "Anna Berg", "url": "#", "current": True},
        {"label": RTL, "url": "#", "current": False},
        {"label": LONG, "url": "#", "current": False},
    ],
    "facts": [],
    "outcome": None,
    "notices": [],
    "tabs": [
        {"label": "Subscriptions", "url": "#", "active": True, "count": 3},
        {"label": "Domains", "url": "#", "active": False, "count": 12},
        {"label": "Users", "url": "#", "active": False, "count": 0},
        {"label": "Activity", "url": "#", "active": False, "count": None},
    ],
    "panel_table": customer_table(rows=5),
    "panel_sections": [],
    "sidebar": {
        "facts": FACTS,
        "actions": [
            {"label": None, "items": [{"label": "Log in as customer", "url": "#", "post": True}]},
            {
                "label": "Change Status",
                "items": [
                    {"label": "Suspend", "url": "#", "post": True},
                    {"label": "Activate", "url": "#", "post": True},
                ],
            },
            {
                "label": None,
                "items": [
                    {"label": "Edit Contact Info", "url": "#", "post": False},
                    {"label": "Change Login Info", "url": "#", "post": False},
                    {"label": "Convert to Reseller", "url": "#", "post": False},
                    {"label": "Remove", "url": "#", "post": False, "destructive": True},
                ],
            },
        ],
    },
}
RESOURCES = [
    {
        "label": label,
        "action": None,
        "value": format_html(
            '<span class="usage"><progress class="meter{}" max="{}" value="{}" aria-label="{} of {}"></progress> {} / {}</span>',
            state,
            most,
            used,
            used,
            most,
            used,
            most,
        ),
    }
    for label, used, most, state in [
        ("Disk space, GiB", 3.2, 10, ""),
        ("Domains", 9, 10, " is-near"),
        ("Mailboxes", 26, 25, " is-over"),
        ("Databases", 1, 5, ""),
    ]
]
SECTIONS = [
    {"title": "Resources", "facts": RESOURCES},
    {
        "title": "Domains and aliases",
        "table": customer_table(rows=2),
        "add": {"label": "Add Domain", "url": "#"},
    },
    {
        "title": "State on the node",
        "note": "node1.example.net",
        "text": "Failed: nginx says\n" + ENDLESS,
    },
]
OPERATION = {
    "title": "Remove 12 customers",
    "lead": "They are shut at once, and purged after 14 days. Until then you can restore them.",
    "targets": [{"label": row[0], "url": "#", "detail": row[4]} for row in CUSTOMERS[:8]],
    "more": 1204,
    "target_count": 1212,
    "refusals": [],
    "consequences": [
        {
            "text": "With them go:",
            "tone": "warn",
            "items": [
                "34 subscriptions with 51 domains",
                "212 mailboxes with 18.4 GiB of mail",
                "40 databases",
            ],
        },
        {"text": "Copies in remote storage stay.", "tone": "info", "items": []},
    ],
    "form": None,
    "item_rows": [],
    "shared": None,
    "hidden": [("ids", "1")],
    "submit_label": "Yes",
    "submit_tone": "danger",
    "cancel_url": "#",
    "type_number": 1212,
    "error_summary": [],
}


def _bound(form: type[forms.Form], **data: str) -> forms.Form:
    made = form(data)
    made.is_valid()
    return made


def pages() -> dict[str, tuple[str, dict]]:
    """Name of the picture -> template and context."""
    bad = _bound(ContactForm, name="Anna", email="nonsense", country="XX")
    summary = [
        (bad[name].label, message, bad[name].id_for_label)
        for name, messages in bad.errors.items()
        for message in messages
    ]
    shared = {
        **OPERATION,
        "title": "Move 3 customers to another owner",
        "type_number": None,
        "submit_label": "OK",
        "submit_tone": "primary",
        "consequences": [],
        "lead": "",
        "shared": _plan_shared(),
        "refusals": [{"label": LONG, "url": "#", "reason": "Webhaus Nord is suspended."}],
        "item_rows": [
            {"label": row[0], "url": "#", "form": PlanForm(prefix=str(n))}
            for n, row in enumerate(CUSTOMERS[:7])
        ],
    }
    one = {
        **OPERATION,
        "targets": [],
        "target_count": 1,
        "more": 0,
        "consequences": [],
        "type_number": None,
        "submit_label": "OK",
        "submit_tone": "primary",
        "lead": "",
    }
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
    domains = [
        {
            "label": name,
            "url": "#",
            "site_url": "#",
            "tags": [{"text": text, "tone": tone, "title": why}],
        }
        for name, text, tone, why in [
            ("anna.example", "Active", "ok", ""),
            ("bücher.example", "Suspended", "bad", "by your provider"),
            (f"{ENDLESS}.example", "Applying", "info", ""),
        ]
    ]
    home = {
        "title": "Home",
        "counts": [
            {"label": name, "value": value, "url": "#"}
            for name, value in [
                ("Customers", "1,234"),
                ("Resellers", "18"),
                ("Subscriptions", "2,410"),
                ("Domains", "3,871"),
                ("Suspended", "37"),
            ]
        ],
        "attention": [
            {"text": "subscriptions failed on their node", "tone": "bad", "url": "#", "count": 2},
            {"text": "subscriptions are overused", "tone": "warn", "url": "#", "count": 14},
            {"text": LONG, "tone": "warn", "url": "#", "count": None},
            {
                "text": "subscriptions are not in sync with their plan",
                "tone": "info",
                "url": "#",
                "count": 5,
            },
        ],
        "recent": [
            {"when": "14:02", "who": "Ada Admin", "text": f"Suspended {row[0]}", "url": "#"}
            for row in CUSTOMERS[:8]
        ],
        "recent_url": "#",
    }
    nested = {
        **FRAME,
        "path": [{"label": name, "url": "#"} for name in ("Home", "Customers", LONG, "Anna Berg")],
    }
    groups = [
        {
            "label": "Customers",
            "items": [
                {
                    "label": row[0],
                    "url": "#",
                    "detail": row[4],
                    "tag": {"text": row[3], "tone": row[2]},
                }
                for row in CUSTOMERS[:8]
            ],
        },
        {
            "label": "Domains",
            "items": [
                {
                    "label": "anna.example",
                    "url": "#",
                    "detail": "alias of berg.example",
                    "tag": "Alias",
                }
            ],
        },
    ]
    return {
        "list": ("core/list.html", {**FRAME, "page": {**LIST, "table": customer_table()}}),
        "list-filtered": (
            "core/list.html",
            {
                **FRAME,
                "page": {
                    **LIST,
                    **FILTERED,
                    "table": customer_table(refused=True),
                    "outcome": OUTCOME_MIXED,
                    "first_url": "#",
                    "prev_url": "#",
                },
            },
        ),
        "list-nothing": (
            "core/list.html",
            {
                **FRAME,
                "page": {
                    **LIST,
                    **FILTERED,
                    "is_empty": True,
                    "empty_title": "Nothing matches",
                    "empty_text": "No customer matches “berg” with this filter.",
                    "count_label": "0 customers",
                },
            },
        ),
        "list-empty": (
            "core/list.html",
            {
                **FRAME,
                "page": {
                    **LIST,
                    "is_empty": True,
                    "empty_title": "No customers yet",
                    "count_label": "",
                    "empty_text": "A customer has subscriptions, and logs in to look after them.",
                    "sizes": [],
                    "next_url": None,
                },
            },
        ),
        "detail": ("core/detail.html", {**nested, "page": DETAIL, "messages": _messages()}),
        "detail-acting": (
            "core/detail.html",
            {
                **nested,
                "who": ACTING,
                "page": {
                    **DETAIL,
                    "title": LONG,
                    "description": HOSTILE,
                    "panel_table": "",
                    "panel_sections": SECTIONS,
                    "facts": FACTS,
                    "outcome": OUTCOME_OK,
                    "notices": [
                        {
                            "tone": "bad",
                            "text": "The node is away since 10:02.",
                            "action": {"label": "Try again", "url": "#", "post": True},
                        }
                    ],
                },
            },
        ),
        "operation": ("core/operation.html", {**FRAME, "page": OPERATION}),
        "operation-form": (
            "core/operation.html",
            {**FRAME, "page": {**one, "title": "Add a Customer", "form": ContactForm()}},
        ),
        "operation-errors": (
            "core/operation.html",
            {
                **FRAME,
                "page": {**one, "title": "Add a Customer", "form": bad, "error_summary": summary},
            },
        ),
        "operation-rows": ("core/operation.html", {**FRAME, "page": shared}),
        "run": ("core/run.html", {**FRAME, "run": run, "back_url": "#"}),
        "run-finished": (
            "core/run.html",
            {**FRAME, "run": run, "outcome": OUTCOME_MIXED, "back_url": "#"},
        ),
        "search": (
            "core/search.html",
            {**FRAME, "query": "berg", "groups": groups, "empty": False},
        ),
        "search-nothing": (
            "core/search.html",
            {**FRAME, "query": HOSTILE, "groups": [], "empty": True},
        ),
        "home": ("home.html", {**FRAME, "path": [], "page": home}),
        "home-customer": (
            "home.html",
            {
                **FRAME,
                "page": {
                    "title": "Websites & Domains",
                    "subscriptions": [
                        {
                            "label": "anna.example",
                            "url": "#",
                            "tags": [{"text": "Active", "tone": "ok"}],
                            "plan": "Business",
                            "domains": domains,
                        },
                        {
                            "label": LONG,
                            "url": "#",
                            "tags": [
                                {"text": "Suspended", "tone": "bad", "title": "by your provider"}
                            ],
                            "plan": "(Custom)",
                            "domains": domains[1:2],
                        },
                    ],
                },
            },
        ),
        "home-empty": (
            "home.html",
            {
                **FRAME,
                "page": {
                    "title": "Websites & Domains",
                    "empty": "Your provider has not given you a subscription yet.",
                },
            },
        ),
        "login": ("account/login.html", {"form": LoginForm()}),
        "login-errors": ("account/login.html", {"form": _failed_login()}),
        "logout": ("account/logout.html", {}),
        "password-forgotten": ("accounts/password_forgotten.html", {"form": ForgottenForm()}),
        "password-forgotten-done": ("accounts/password_forgotten_done.html", {}),
        "password-new": (
            "accounts/password_new.html",
            {"form": _bound(ForgottenForm, username="anna")},
        ),
        "password-link-invalid": ("accounts/password_link_invalid.html", {}),
        "first-run": ("accounts/first_run.html", {"form": ForgottenForm()}),
        "suspended": (
            "accounts/suspended.html",
            {"message": "Invoice 1042 is unpaid.", "contact": RTL},
        ),
        **{
            f"error-{name}": (f"{name}.html", {"request_id": "5f2c9a41"})
            for name in ("400", "403", "403_csrf", "404")
        },
        "error-500": ("500.html", {}),
    }


def _plan_shared() -> forms.Form:
    class OwnerForm(forms.Form):
        owner = forms.ChoiceField(
            label="New owner", choices=[("", "–"), ("1", "Webhaus Nord"), ("2", LONG)]
        )
        helper = FormHelper()
        helper.form_tag = False

    return OwnerForm()


def _failed_login() -> forms.Form:
    form = _bound(LoginForm, login="anna")
    form.add_error(None, "Username or password is wrong.")
    return form


def _messages() -> list:
    class Message(str):
        level_tag = "success"

    warning = Message("Nothing was selected. Tick the customers first.")
    warning.level_tag = "warning"
    return [Message("The contact information was saved."), warning]

"""What the templates are given, in pieces."""

from django.utils.html import format_html

from tests.browser.gallery.forms import CustomerFilter
from tests.browser.gallery.people import CUSTOMERS, ENDLESS, HOSTILE, LONG, RTL, customer_table

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
            "reason": "Webhaus Nord has no subscriptions left: 10 of 10 are used.",
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
            '<progress class="{}" max="{}" value="{}" aria-label="{} of {}"></progress> {} / {}',
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
        ("Domains", 9, 10, ""),
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
    "title": "Remove 1,212 customers",
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


def messages() -> list:
    """As Django's storage hands them out."""

    class Message(str):
        level_tag = "success"

    warning = Message("Nothing was selected. Tick the customers first.")
    warning.level_tag = "warning"
    return [Message("The contact information was saved."), warning]

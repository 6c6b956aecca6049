"""People who make layouts break, beside everyday ones; and the table of them."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

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
        '<thead><tr><th class="pick"><input type="checkbox" '
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
            '<tr{}><td><input type="checkbox" name="ids" '
            'value="{}" aria-label="Select {}"{}></td><td class="main" data-th="Name">'
            '<a href="#">{}</a>{}{}</td><td data-th="Status"><span class="tag-{}">{}</span>'
            '</td><td data-th="Provider"><a href="#">{}</a></td><td class="num" data-th='
            '"Domains"><progress class="{}" max="{}" value="{}" '
            'aria-label="{} of {}"></progress> {} / {}</td><td class="num" '
            'data-th="Disk space">{} GiB</td><td class="date" data-th="Created">'
            "3 Nov 2026</td></tr>",
            (_row(n, row, refused and n in (1, 4)) for n, row in enumerate(CUSTOMERS[:rows])),
        ),
    )


def _row(number: int, row: tuple, refused: bool) -> tuple:
    name, sub, tone, status, provider, used, limit, disk = row
    sub = format_html('<div class="sub" dir="auto">{}</div>', sub) if sub else ""
    why = "Webhaus Nord has no subscriptions left: 10 of 10 are used."
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

"""Lists, and what comes of them at size: against the floor, and against Django's admin."""

import django

django.setup()

from django.db import connection  # noqa: E402  after setup

from hosting.models.domains import Domain  # noqa: E402  after setup
from hosting.models.subscriptions import Subscription  # noqa: E402
from panel.core.lists import Listing, list_pages  # noqa: E402
from panel.urls import urlpatterns  # noqa: E402
from tests.bench import requests  # noqa: E402
from tests.bench.figures import Row, show  # noqa: E402

# Lists are known once the addresses are read.
assert urlpatterns
ADMIN = {"customer": "accounts/customer", "subscription": "hosting/subscription"}
ADMIN["domain"] = "hosting/domain"
PLURAL = {
    "customer": "customers",
    "reseller": "resellers",
    "subscription": "subscriptions",
    "domain": "domains",
    "zone": "zones",
    "activity": "activity",
}


def against_the_floor(cookie: str) -> list[Row]:
    """The first page of the big lists, 25 and 100 rows."""
    found = []
    for noun, plural in PLURAL.items():
        for size in (25, 100):
            floor, ours = f"/floor/{noun}/?size={size}", f"/{plural}/?size={size}"
            admin = f"/admin/{ADMIN[noun]}/" if noun in ADMIN and size == 100 else ""
            urls = [url for url in (floor, ours, admin) if url]
            best = requests.interleaved(requests.checked(urls, cookie), rounds=60)
            ratio = best[ours][0] / best[floor][0]
            weight = len(requests.get(ours, cookie)[1]) / 1000
            row = Row(f"{plural}, {size} rows", *best[ours], f"{ratio:.2f}x floor", "<= 1.5x")
            row.more = f"floor {best[floor][0]:.1f} ms, {weight:.0f} kB"
            row.missed = ratio > 1.5 or (size == 100 and best[ours][0] > 25)
            if admin:
                # What PostgreSQL does for the admin's counts is seen by the wall clock alone.
                clock = 0 if connection.vendor == "sqlite" else 1
                times = best[admin][clock] / best[ours][clock]
                row.more += f", admin {best[admin][clock]:.0f} ms = {times:.1f}x (>= 4x)"
                row.missed |= times < 4
            row.missed |= weight > 60
            found.append(row)
    return found


def shapes(cookie: str) -> list[Row]:
    """Filters, orders, pages in the middle and a search: against the first page."""
    first = "/customers/?size=25"
    last = _token_near_the_end()
    urls = {
        "first page": first,
        "ordered by creation": "/customers/?size=25&sort=-created",
        "suspended": "/customers/?size=25&status=suspended",
        "suspended, ordered by creation": "/customers/?size=25&status=suspended&sort=-created",
        "removed": "/customers/?size=25&status=removed",
        "created this month": f"/customers/?size=25&created_from={_this_month()}",
        "near the last page": f"/customers/?size=25&after={last}",
        "search with one hit": "/customers/?size=25&q=" + _one_hit(),
        "search with many hits": "/customers/?size=25&q=berg",
        "suspended domains": "/domains/?size=25&status=suspended",
        "overused subscriptions": "/subscriptions/?size=25&status=overused",
        "expiring subscriptions": "/subscriptions/?size=25&status=expiring",
    }
    best = requests.interleaved(requests.checked(urls.values(), cookie), rounds=40)
    base = best[first][0]
    return [
        Row(name, *best[url], f"{best[url][0] / base:.2f}x first page")
        for name, url in urls.items()
    ]


def _actor() -> object:
    from accounts.actors import actor_of, users

    return actor_of(users().get(username="admin"))


def _token_near_the_end() -> str:
    """The token of a page some rows before the last."""
    page = list_pages["customer"]()
    backwards = Listing(page, _actor(), {"sort": "-name"}, 50)  # type: ignore[arg-type]
    forwards = Listing(page, _actor(), {"before": backwards.window[2]}, 25)  # type: ignore[arg-type]
    return forwards.window[2]


def _this_month() -> str:
    newest = Subscription.objects.order_by("-pk").first()
    assert newest is not None
    return newest.created_at.strftime("%Y-%m-01")


def _one_hit() -> str:
    domain = Domain.objects.present().order_by("-pk").select_related("account").first()
    assert domain is not None
    return domain.account.username


if __name__ == "__main__":
    admin = requests.log_in("admin")
    show("lists", against_the_floor(admin))
    show("shapes of a list", shapes(admin))

"""Each order and filter that a list offers is read from an index, by every role, on both databases.

On SQLite the plan shows no table scanned without an index and nothing sorted aside; on PostgreSQL,
told to avoid both, it finds a way without. What is left is listed in EXCEPTIONS, with its reason.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.actors import actor_of, users
from accounts.models import Account, User
from hosting.models.imports import Import, ImportRow
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.seed import Seed
from hosting.seed_accounts import Sizes
from hosting.services.dns.models import Zone
from panel.core import search
from panel.core.access import Actor, Role
from panel.core.activity_list import ActivityList
from panel.core.lists import Listing, list_pages
from panel.urls import urlpatterns

pytestmark = pytest.mark.postgres
# Lists are known once the addresses are read.
assert urlpatterns

# What is looked at, and why it may be sorted or scanned all the same.
EXCEPTIONS = {
    "few": "what a filter leaves few of (search.FEW) is sorted: bounded, and quicker than a walk",
    "removed": "what was removed waits some days to be purged, and is few",
    "users": "an account's additional users are few",
    "nodes": "there are as many as machines",
    "own": "a customer's own rows are few: one filter of theirs is looked up in the rows",
}


@pytest.fixture
def seeded(db: None) -> None:
    """Rows enough for tokens of pages before and after."""
    Seed(Sizes(customers=60, subscriptions=120, domains=200, resellers=3)).fill("a password")
    for account in Account.objects.filter(role__in=[Role.ADMINISTRATOR, Role.RESELLER]):
        owner = {"account": account, "reseller_id": account.reseller_id}
        for _number in range(4):
            source = Import.objects.create(name="people.csv", door="page", **owner)
            ImportRow.objects.bulk_create(
                ImportRow(source=source, line=line, result="refused", **owner) for line in range(6)
            )


def actors() -> Iterator[Actor]:
    """The administrator, a reseller and a customer."""
    for role in Role:
        of_role = Account.objects.filter(role=role, is_suspended=False, removing_at=None)
        account = of_role.order_by("-domains_count", "pk").first()
        assert account is not None
        found = actor_of(users().get(account_id=account.pk, is_own=True))
        assert found is not None
        yield found


def filters(listing: Listing) -> Iterator[dict[str, str]]:
    """Each filter by itself, with each of its choices."""
    yield {}
    for name, form_field in listing.filterset.form.fields.items():
        for value in _values(name, form_field):
            yield {name: value}


def _values(name: str, form_field: Any) -> list[str]:
    if name == "what":
        # A choice for each operation, all answered alike.
        return ["customer.suspend", "plan.clone"]
    if name == "who":
        return ["admin"]
    if choices := [value for value, _label in getattr(form_field, "choices", ()) if value]:
        return choices
    if name == "provider":
        one = Account.objects.filter(role=Role.RESELLER).values_list("username", flat=True)[0]
        return ["admin", one]
    if name == "source":
        return [str(Import.objects.values_list("pk", flat=True)[0])]
    if name == "zone":
        return [str(Zone.objects.values_list("pk", flat=True)[0])]
    if name == "subscription":
        return [str(Subscription.objects.values_list("pk", flat=True)[0])]
    if name == "plan":
        return ["0", str(Plan.objects.values_list("pk", flat=True)[0])]
    if name.startswith(("created_", "on_")):
        return ["2020-01-01", "2090-01-01"]
    if name == "zone":
        return ["1"]
    if name == "platform":
        return ["embedded"]
    raise AssertionError(f"which values has the filter {name}?")


def explained(listing: Listing) -> list[tuple[str, str]]:
    """The statements that make this page and its count, with their plans."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert listing.window is not None
        assert listing.count >= 0
    main = f'FROM "{listing.matching.model._meta.db_table}"'
    return [(sql, plan_of(sql, params)) for sql, params in asked if main in sql]


def plan_of(sql: str, params: Any) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            # What cannot do without costs so much by these that it would be compiled first.
            cursor.execute("SET LOCAL jit = off")
            cursor.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {sql}", params)
            found = cursor.fetchone()[0]
            return "\n".join(_nodes(json.loads(found) if isinstance(found, str) else found))
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(row[3] for row in cursor.fetchall())


def _nodes(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _nodes(part)
        return
    node = plan.get("Plan", plan)
    yield f"{node['Node Type']} {node.get('Relation Name', '')} {node.get('Index Name', '')}"
    yield from _nodes(node.get("Plans", []))


_SQLITE_SCAN = re.compile(r"^SCAN (?!.*(USING (COVERING )?INDEX|VIRTUAL TABLE|subquery|\())", re.M)


def scans(plan: str) -> bool:
    return bool(re.search(r"^Seq Scan", plan, re.M) or _SQLITE_SCAN.search(plan))


def sorts(plan: str) -> bool:
    return bool(re.search(r"^(Incremental )?Sort|TEMP B-TREE", plan, re.M))


def excused(listing: Listing, wanted: dict[str, str], *, is_sorted: bool) -> str:
    """Which exception covers this, if any."""
    if is_sorted and listing.few is not None:
        return "few"
    if is_sorted and wanted.get("status") == "removed":
        return "removed"
    if listing.page.noun in {"user", "node"}:
        return f"{listing.page.noun}s"
    if listing.actor.is_customer and wanted:
        return "own"
    return ""


def wrong(many: bool) -> list[str]:
    """Every page of every list for everybody; what is scanned or sorted without excuse."""
    found: list[str] = []
    seen = 0
    for actor in actors():
        for noun, cls in [*list_pages.items(), ("activity", ActivityList)]:
            page = cls()
            if actor.role not in page.roles:
                continue
            for wanted in filters(Listing(page, actor, {})):
                if many and not wanted:
                    continue
                for listing in pages(page, actor, wanted):
                    for sql, plan in explained(listing):
                        seen += 1
                        bad = [
                            what
                            for what, is_so in (("scan", scans(plan)), ("sort", sorts(plan)))
                            if is_so and not excused(listing, wanted, is_sorted=what == "sort")
                        ]
                        if bad:
                            asked = f"{actor.role} {noun} {dict(listing.params)} {bad}"
                            found.append(f"{asked}\n{sql}\n{plan}")
    assert seen > 500
    return found


def pages(page: Any, actor: Actor, wanted: dict[str, str]) -> Iterator[Listing]:
    """In each order, both ways: the first page, the next, and the one before that."""
    for sort in page.sorts:
        for sign in ("", "-"):
            params = {**wanted, "sort": sign + sort.name}
            first = Listing(page, actor, params, size=2)
            yield first
            _rows, _before, after = first.window
            if after:
                second = Listing(page, actor, {**params, "after": after}, size=2)
                yield second
                _rows, before, _after = second.window
                yield Listing(page, actor, {**params, "before": before}, size=2)


def test_lists_scan_and_sort_nothing(seeded: None) -> None:
    found = wrong(many=False)
    assert not found, f"{len(found)} plans, the first:\n" + "\n\n".join(found[:5])


def test_lists_walk_an_index_where_many_match_a_filter(
    seeded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing counts as few any more.
    monkeypatch.setattr(search, "FEW", -1)
    found = wrong(many=True)
    assert not found, f"{len(found)} plans, the first:\n" + "\n\n".join(found[:5])


def test_a_search_with_many_hits_walks_an_index_too(
    seeded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {
        noun: Listing(list_pages[noun](), next(actors()), {"q": "localhost"}).count
        for noun in ("subscription", "domain")
    }
    assert all(few.values())
    monkeypatch.setattr(search, "FEW", -1)
    for noun, count in few.items():
        listing = Listing(list_pages[noun](), next(actors()), {"q": "localhost"}, size=2)
        assert not [plan for _sql, plan in explained(listing) if scans(plan) or sorts(plan)]
        assert (len(listing.window[0]), listing.count) == (2, count)


def test_an_account_is_found_by_its_login(seeded: None) -> None:
    """Who logs in and whose session it is: with every request."""
    user = User.objects.order_by("pk").first()
    assert user is not None
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert users().filter(username=user.username).first() == user
        assert users().filter(pk=user.pk).first() == user
    assert not [sql for sql, params in asked if scans(plan_of(sql, params))]


@pytest.mark.parametrize("noun", ["customer", "reseller", "subscription", "domain"])
def test_what_is_suspended_is_counted_in_its_index_alone(seeded: None, noun: str) -> None:
    """Ten thousand rows would be read to see that none of them was removed."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL decides by what it knows of the pages, of which a test has few")
    providers = [one for one in actors() if one.role in list_pages[noun].roles and one.is_provider]
    assert providers
    for actor in providers:
        rows = Listing(list_pages[noun](), actor, {"status": "suspended"}).matching
        plan = plan_of(*rows.order_by().values("pk")[:100].query.sql_with_params())
        assert "removing_at=?" in plan, plan

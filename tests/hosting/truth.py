"""What must be true after every change, recomputed from nothing."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.models import Account
from accounts.tree import wrong_owner_columns
from hosting import counters, sync
from hosting.models.domains import Alias, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Level, Scope, SuspensionEntry
from hosting.services import base
from hosting.services.dns.models import Zone
from panel.core.access import Role
from tests import snapshot

_right: set[tuple[bytes | str, ...]] = set()


def effective_accounts() -> dict[int, bool]:
    """Which accounts are shut, from entries and the tree alone."""
    everything = list(SuspensionEntry.objects.exclude(account=None))
    on = {entry.account_id for entry in everything}
    over = {entry.account_id for entry in everything if entry.scope == Scope.EVERYTHING}
    return {
        row.pk: row.pk in on or (row.provider_id in over and row.provider.role == Role.RESELLER)
        for row in Account.objects.select_related("provider")
    }


def effective_subscriptions() -> dict[int, tuple[bool, bool]]:
    """Which subscriptions are shut, and which of them for overuse only."""
    over = {
        entry.account_id
        for entry in SuspensionEntry.objects.exclude(account=None)
        if entry.scope == Scope.EVERYTHING
    }
    own: dict[int, set[str]] = {}
    for entry in SuspensionEntry.objects.exclude(subscription=None):
        own.setdefault(entry.subscription_id, set()).add(entry.level)
    found = {}
    for row in Subscription.objects.select_related("account"):
        levels = own.get(row.pk, set())
        above = {row.account_id, row.account.provider_id} & over
        full = bool(levels - {Level.OVERUSE} or above)
        found[row.pk] = (full or Level.OVERUSE in levels, not full and Level.OVERUSE in levels)
    return found


def counts() -> dict[str, dict[int, Any]]:
    """Every cached count, by kind and row."""
    rows: dict[str, Iterable[tuple[int, Any]]] = {
        "account": (
            (
                row.pk,
                (
                    row.subscriptions_count,
                    row.domains_count,
                    row.customers_count,
                    row.usage,
                    row.is_overused,
                ),
            )
            for row in Account.objects.all()
        ),
        "plan": Plan.objects.values_list("pk", "subscriptions_count"),
        "subscription": Subscription.objects.values_list("pk", "domains_count"),
        "domain": Domain.objects.values_list("pk", "aliases_count"),
    }
    return {kind: dict(found) for kind, found in rows.items()}


def check_everything() -> None:
    """What is said below, unless these very rows were found right before: half of all tests, and
    of the steps of a property test, end with rows that one has seen."""
    state = (snapshot.digest(), *base.resources())
    if state not in _right:
        check_rows()
        _right.add(state)


def check_rows() -> None:
    """Effective suspension, owner columns, counts and names, each recomputed from nothing."""
    stored = {row.pk: row.is_suspended for row in Account.objects.all()}
    assert stored == effective_accounts()
    rows = Subscription.objects.all()
    assert {
        row.pk: (row.is_suspended, row.is_overuse_only) for row in rows
    } == effective_subscriptions()
    assert wrong_owner_columns() == []
    cached = counts()
    with transaction.atomic():
        counters.recount_all()
        recounted = counts()
        transaction.set_rollback(True)
    assert cached == recounted
    used = {*Domain.objects.values_list("ascii", flat=True)}
    used |= {*Alias.objects.values_list("ascii", flat=True)}
    assert set(Name.objects.values_list("ascii", flat=True)) == used
    named = {*Domain.objects.filter(parent=None).values_list("ascii", flat=True)}
    named |= {*Alias.objects.values_list("ascii", flat=True)}
    assert set(Zone.objects.values_list("ascii", flat=True)) == named
    shut = set(rows.filter(is_suspended=True).values_list("pk", flat=True))
    for site in Domain.objects.all():
        assert site.is_suspended == (site.subscription_id in shut), site


def check_synced() -> None:
    """Who says that something of its plan is not in force, recomputed from nothing. Not for tests
    that write limits into rows."""
    rows = Subscription.objects.all()
    with transaction.atomic():
        said = set(rows.filter(is_unsynced=True).values_list("name", flat=True))
        sync.judge(rows.values_list("pk", flat=True))
        judged = set(rows.filter(is_unsynced=True).values_list("name", flat=True))
        transaction.set_rollback(True)
    assert said == judged

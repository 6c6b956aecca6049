"""A seeded panel is what operations would have left: nothing that computes state finds a change."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from accounts import tree
from accounts.models import Account, User
from hosting import conditions, counters, suspension
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.seed import NotEmpty, Seed
from hosting.seed_accounts import Sizes
from panel.core import search
from panel.core.access import Role

SIZES = Sizes(customers=520, subscriptions=700, domains=900, resellers=61)


@pytest.fixture
def seeded(db: None) -> None:
    Seed(SIZES).fill("a password")


def rows_of(model: type[models.Model], **which: Any) -> list[dict[str, Any]]:
    return list(model._base_manager.filter(**which).order_by("pk").values())


def ids_of(model: type[models.Model]) -> list[int]:
    return list(model._base_manager.values_list("pk", flat=True))


@pytest.mark.postgres
def test_there_is_as_much_as_was_asked_for(seeded: None) -> None:
    assert Account.objects.filter(role=Role.CUSTOMER).count() == SIZES.customers
    assert Account.objects.filter(role=Role.RESELLER).count() == SIZES.resellers
    assert Subscription.objects.count() == SIZES.subscriptions
    assert Domain.objects.count() == SIZES.domains
    assert Name.objects.count() == SIZES.domains + Alias.objects.count()
    assert User.objects.filter(is_own=True).count() == Account.objects.count()
    assert Alias.objects.exists()
    for flag in ("is_suspended", "is_expired", "is_locked", "is_overused"):
        assert Subscription.objects.filter(**{flag: True}).exists(), flag
    assert Account.objects.removed().exists()


def test_owner_columns_are_those_of_the_tree(seeded: None) -> None:
    assert tree.wrong_owner_columns() == []


def test_effective_suspension_is_right(seeded: None) -> None:
    tables = (Account, Subscription, Domain, Deployment)
    before = [rows_of(table) for table in tables]
    suspension.recompute(accounts=ids_of(Account), subscriptions=ids_of(Subscription))
    assert [rows_of(table) for table in tables] == before


def test_counts_are_right(seeded: None) -> None:
    # Removing counts nothing below what it removes; the nightly recount does.
    present = ((Account, {"removing_at": None}), (Subscription, {"removing_at": None}), (Plan, {}))
    before = [rows_of(table, **which) for table, which in present]
    counters.recount_all()
    assert [rows_of(table, **which) for table, which in present] == before


def test_usage_and_expiry_are_judged(seeded: None) -> None:
    present = Subscription.objects.present()
    before = rows_of(Subscription)
    conditions.judge(present.values_list("pk", flat=True))
    assert rows_of(Subscription) == before


def test_everything_is_found_as_operations_have_it_found(seeded: None) -> None:
    before = rows_of(search.SearchText)
    for noun, model in (
        ("customer", Account),
        ("reseller", Account),
        ("subscription", Subscription),
        ("domain", Domain),
        ("plan", Plan),
    ):
        search.refresh(noun, ids_of(model))
    assert rows_of(search.SearchText) == before


def test_the_three_letter_index_knows_what_was_seeded(seeded: None) -> None:
    from accounts.actors import actor_of, users

    admin = actor_of(users().get(username="admin"))
    assert admin is not None
    domain = Domain.objects.present().order_by("-pk").first()
    assert domain is not None
    found = search.matching(admin, domain.name[3:], ["domain"])
    assert [row.object_id for row in found] == [domain.pk]


def test_new_rows_get_numbers_of_their_own(seeded: None) -> None:
    row = Plan.objects.create(account=Account.objects.get(role=Role.ADMINISTRATOR), name="Later")
    assert row.pk > max(pk for pk in ids_of(Plan) if pk != row.pk)


def test_a_panel_in_use_is_not_seeded(seeded: None) -> None:
    with pytest.raises(NotEmpty):
        Seed(SIZES).fill()
    with pytest.raises(CommandError):
        call_command("seed", customers=10)


def test_sizes_that_cannot_be_are_refused(db: None) -> None:
    with pytest.raises(CommandError, match="main domain"):
        call_command("seed", customers=10, subscriptions=20, domains=5)

"""The world that all tests begin with, and what looks at it after each of them."""

import pytest

from accounts.models import Account
from tests import snapshot
from tests.hosting.truth import check_everything, check_rows
from tests.hosting.world import HostingWorld


def test_everything_is_true_of_it(world: HostingWorld) -> None:
    assert world.sub("carl.example").domains_count == 1
    check_rows()


def test_rows_that_are_wrong_are_never_those_that_were_seen(world: HostingWorld) -> None:
    check_everything()
    for column, value in (("domains_count", 7), ("is_suspended", True), ("reseller_id", None)):
        rows = Account.objects.filter(username="nora")
        before = rows.values_list(column, flat=True).get()
        rows.update(**{column: value})
        with pytest.raises(AssertionError):
            check_everything()
        rows.update(**{column: before})
    check_everything()


def test_who_looks_changes_no_row_that_counts(world: HostingWorld) -> None:
    before = snapshot.digest()
    assert world.client("carl").get("/").status_code == 200
    assert snapshot.digest() == before

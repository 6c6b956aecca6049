"""Imports: what would become of each row, by the rules of all doors, and then becomes of it."""

import pytest

from accounts.models import Account, User
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from tests.hosting import importing as files
from tests.hosting.importing import imported, results, text_of, uploaded
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def test_a_check_makes_nothing_and_says_what_would_be(world: HostingWorld) -> None:
    before = (Account.objects.count(), Subscription.objects.count(), User.objects.count())
    logged = Activity.objects.count()
    source = uploaded(world, "ada", text_of(*files.GOOD.splitlines()))
    assert source.status == "checked"
    assert results(source) == {2: "done", 3: "done"}
    assert (Account.objects.count(), Subscription.objects.count(), User.objects.count()) == before
    assert Activity.objects.count() == logged + 1, "that the file was uploaded"


def test_good_rows_become_customers_and_subscriptions(world: HostingWorld) -> None:
    source = uploaded(world, "ada", text_of(*files.GOOD.splitlines()))
    source = imported(world, "ada", source)
    assert (source.status, source.counts) == ("imported", {"done": 2})
    anna = Account.objects.get(username="anna")
    assert (anna.provider, anna.reseller, anna.contact_name) == (world.ada, world.ada, "Anna Berg")
    row = world.sub("berg.example")
    assert (row.account, row.plan.name, row.system_user) == (anna, "Ada Basic", "berg")
    assert Account.objects.get(username="bert").subscriptions_count == 0
    logged = list(Activity.objects.order_by("pk").values_list("action", "target_label"))
    assert logged[-2:] == [
        ("account.add-customer", "Anna Berg"),
        ("account.add-customer", "Bert Quinn"),
    ]

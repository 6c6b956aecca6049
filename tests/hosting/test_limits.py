"""A limit refuses what adds, on every way in, and when fifty arrive at once."""

import threading
import time

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Account
from hosting import limits, locks, totals, usage
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import runs
from panel.core.operations import operations
from panel.core.outcomes import describe
from tests.hosting.world import DOORS, ROOM, HostingWorld, make_hosting_world, person, why


def limit(name: str, **values: int | None) -> None:
    rows = Account.objects.filter(username=name)
    if rows.exists():
        rows.update(limits={**ROOM, **values})
        totals.judge(rows.values_list("pk", flat=True))
    else:
        Subscription.objects.filter(name=name).update(limits={"domains": 9, "aliases": 9, **values})


WAYS = [
    ("subscription.add-domain", "carl.example", {"domains": 1}, {"name": "x.example"}),
    ("domain.add-alias", "carl.example", {"aliases": 0}, {"name": "x.example"}),
    ("account.add-subscription", "ada", {"subscriptions": 3}, {"domain": "x.example"}),
    ("account.add-customer", "ada", {"customers": 2}, person("new", create_subscription="")),
    (
        "account.add-customer",
        "ada",
        {"subscriptions": 3},
        person("new", create_subscription="1", domain="x.example"),
    ),
]


# What the reseller above has in all, of what subscriptions use.
WAYS += [
    ("subscription.add-domain", "ada", {"domains": 3}, {"name": "x.example"}),
    ("domain.add-alias", "ada", {"aliases": 0}, {"name": "x.example"}),
    ("account.add-subscription", "ada", {"domains": 3}, {"domain": "x.example"}),
]


def way_in(world: HostingWorld, door: str, operation: str, name: str, params: dict) -> object:
    noun = operation.split(".")[0]
    found = {"subscription": world.sub, "domain": world.site}.get(noun, world.accounts.get)
    target = found("carl.example" if name == "ada" and noun != "account" else name)
    given = dict(params)
    if "create_subscription" in given:
        wanted = bool(given.pop("create_subscription"))
        given["create_subscription"] = wanted if door != "cli" else str(wanted).lower()
        if door == "page":
            given["create_subscription"] = "on" if wanted else ""
    return world.through(door, "ada", operation, target, **given)


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("operation", "name", "values", "params"), WAYS)
def test_it_holds_on_every_way_in(
    world: HostingWorld, door: str, operation: str, name: str, values: dict, params: dict
):
    limit(name, **values)
    before = (Account.objects.count(), Subscription.objects.count())
    assert way_in(world, door, operation, name, params).result == "refused"
    assert (Account.objects.count(), Subscription.objects.count()) == before
    ((resource, number),) = values.items()
    limit(name, **{resource: number + 1})
    assert way_in(world, door, operation, name, params).result == "done"


@pytest.mark.django_db
def test_unlimited_is_no_limit(world: HostingWorld):
    limit("carl.example", domains=None)
    found = world.finding(
        "ada", "subscription.add-domain", world.sub("carl.example"), name="x.example"
    )
    assert found.result == "done"


@pytest.mark.django_db
def test_what_is_not_stated_is_nothing(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(limits={})
    found = world.finding(
        "ada", "subscription.add-domain", world.sub("carl.example"), name="x.example"
    )
    assert found.code == "limit_here"


@pytest.mark.django_db
def test_the_refusal_names_limit_usage_and_who_can_raise_it(world: HostingWorld):
    limit("carl.example", domains=1)
    row = world.sub("carl.example")
    assert why(world.perform("carl", "subscription.add-domain", row, name="x.example")) == (
        "Domains: the limit of this subscription is 1, and 1 are used. Your provider can raise it."
    )
    limit("ada", customers=2)
    assert why(world.perform("ada", "account.add-customer", world.ada, **person("new"))) == (
        "Customers: the limit of Ada Reseller is 2, and 2 are used. The administrator can raise it."
    )


@pytest.mark.django_db
def test_a_resellers_limit_counts_its_own_subscriptions(world: HostingWorld):
    limit("ada", subscriptions=3)
    found = world.finding("ada", "account.add-subscription", world.ada, domain="x.example")
    assert found.code == "limit"
    found = world.finding("admin", "account.add-subscription", world.carl, domain="x.example")
    assert found.code == "limit"


@pytest.mark.django_db
def test_a_customer_is_not_told_its_resellers_figures(world: HostingWorld):
    """The refusal names who can raise it, and no more to whom that is not known."""
    limit("ada", domains=3)
    row = world.sub("carl.example")
    assert why(world.perform("carl", "subscription.add-domain", row, name="x.example")) == (
        "Domains: your provider has no room left. It can get more."
    )


@pytest.mark.django_db
def test_the_refusal_names_where_to_buy_more(world: HostingWorld):
    """The link is the provider's: of a subscription its reseller's, of a reseller the
    administrator's."""
    Account.objects.filter(pk=world.ada.pk).update(buy_more_url="https://ada.example/more")
    Account.objects.filter(pk=world.admin.pk).update(buy_more_url="https://host.example/more")
    limit("carl.example", domains=1)
    row = world.sub("carl.example")
    outcome = world.perform("carl", "subscription.add-domain", row, name="x.example")
    assert why(outcome).endswith("Your provider can raise it. Buy more: https://ada.example/more")
    assert describe(outcome.run, world.actor("carl"))["problems"][0]["action"] == {
        "label": "Buy more…",
        "url": "https://ada.example/more",
        "post": False,
    }
    limit("carl.example", domains=9)
    limit("ada", domains=3)
    outcome = world.perform("ada", "subscription.add-domain", row, name="x.example")
    assert why(outcome).endswith(
        "The administrator can raise it. Buy more: https://host.example/more"
    )


@pytest.mark.django_db
def test_who_adds_nothing_of_a_resource_is_not_refused_for_it(world: HostingWorld):
    """Over its limit a reseller goes on with all else."""
    world.alias("carl.example", "x.test")
    limit("ada", aliases=0)
    found = world.finding("ada", "account.add-subscription", world.carl, domain="x.example")
    assert found.result == "done"
    assert world.fresh("ada").is_overused


@pytest.mark.django_db
def test_the_neighbour_has_its_own_room(world: HostingWorld):
    limit("ada", subscriptions=0, customers=0)
    found = world.finding("ben", "account.add-subscription", world.nora, domain="x.example")
    assert found.result == "done"


@pytest.mark.django_db
def test_lowering_is_never_refused_and_shows_as_overused(world: HostingWorld):
    world.domain("carl.example", "x.example")
    params = {
        **{f"limit_{name}": "0" for name in base.resources()},
        "limit_domains": "1",
        "limit_subdomains": "5",
        "overuse_policy": "forbidden",
    }
    row = world.sub("carl.example")
    assert world.finding("ada", "subscription.customize", row, **params).result == "done"
    row = world.sub("carl.example")
    assert row.is_overused
    assert not row.is_suspended
    world.perform("ada", "domain.remove", world.site("x.example"))
    assert not world.sub("carl.example").is_overused


@pytest.mark.django_db
def test_where_overuse_is_allowed_counts_warn_and_pass(world: HostingWorld):
    limit("carl.example", domains=1, aliases=0)
    Subscription.objects.filter(name="carl.example").update(overuse_policy=OverusePolicy.ALLOWED)
    row = world.sub("carl.example")
    outcome = world.perform("ada", "subscription.add-domain", row, name="x.example")
    assert outcome.counts == {"done": 1}
    assert [note["code"] for note in outcome.notes] == ["over_limit"]
    assert world.sub("carl.example").is_overused


@pytest.mark.django_db
def test_a_resellers_limit_refuses_whatever_the_overuse_policy_below_it(world: HostingWorld):
    limit("ada", domains=3)
    Subscription.objects.filter(name="carl.example").update(overuse_policy=OverusePolicy.ALLOWED)
    row = world.sub("carl.example")
    for who in ("admin", "ada", "carl"):
        found = world.finding(who, "subscription.add-domain", row, name="x.example")
        assert found.result == "refused", who
    row = world.sub("nora.example")
    assert world.finding("ben", "subscription.add-domain", row, name="y.example").result == "done"


def test_one_domain_is_what_a_subscription_may_have_unless_somebody_says_more():
    """One domain for one subscription is the recommended way, and the form's default."""
    assert base.resources()["domains"].default == 1


@pytest.mark.django_db
def test_a_restored_subscription_counts(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    limit("ada", subscriptions=2)
    found = world.finding("ada", "subscription.restore", world.sub("carl.example"))
    assert found.code == "limit"
    limit("ada", subscriptions=3)
    found = world.finding("ada", "subscription.restore", world.sub("carl.example"))
    assert found.result == "done"


NUMBERS = st.one_of(st.none(), st.integers(0, 9))


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), NUMBERS), max_size=5))
def test_any_unlimited_makes_the_sum_unlimited(several: list[dict[str, int | None]]):
    total = limits.total(several, "abc")
    for name in "abc":
        values = [given.get(name, 0) for given in several]
        assert total[name] == (None if None in values else sum(values))


@settings(derandomize=True, database=None, deadline=None)
@given(NUMBERS, st.integers(0, 9), st.lists(st.integers(0, 4), max_size=8))
def test_what_is_granted_fits(allowed: int | None, used: int, amounts: list[int]):
    demands = list(enumerate(amounts))
    granted = limits.grant(allowed, used, demands)
    total = used + sum(amount for pk, amount in demands if pk in granted)
    if allowed is None:
        assert len(granted) == len(demands)
    elif granted:
        assert total <= max(allowed, used)
    for pk, amount in demands:
        if pk not in granted:
            assert total + amount > allowed


@pytest.mark.parametrize("value", [-1, True, 1.0, "5", 2**53, [], {}])
def test_a_limit_is_a_number_from_nothing_or_none(value: object):
    with pytest.raises(ValidationError):
        limits.clean({"domains": value})


def test_a_resource_that_nobody_declares_has_no_limit():
    with pytest.raises(ValidationError):
        limits.clean({"unicorns": 1})
    assert limits.clean({"domains": None, "aliases": 0}) == {"domains": None, "aliases": 0}
    with pytest.raises(ValidationError):
        limits.clean_permissions(["fly"])


# Fifty at once.


def fifty(world: HostingWorld) -> list[str]:
    """Fifty additions of a domain at the same moment; what became of each."""
    found: list[str] = []
    start = threading.Barrier(10)
    row = world.sub("carl.example")
    actor = world.actor("ada")

    def five(first: int) -> None:
        try:
            start.wait(20)
            for number in range(first, first + 5):
                outcome = runs.perform(
                    operations["subscription.add-domain"],
                    actor,
                    [row.pk],
                    params={"name": f"n{number}.example"},
                )
                found.append(str(outcome.findings[0].result))
        finally:
            connection.close()

    threads = [threading.Thread(target=five, args=[number * 5]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def slowly(ids: list[int]) -> dict[int, int]:
    """The count, and then some time in which somebody else may count the same."""
    counted = _domains(ids)
    time.sleep(0.02)
    return counted


_domains = usage.domains


@pytest.mark.postgres(only=True)
@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_leave_exactly_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage, "domains", slowly)
    world = make_hosting_world()
    limit("carl.example", domains=4)
    found = fifty(world)
    assert sorted(found) == ["done"] * 3 + ["refused"] * 47
    assert _domains([world.sub("carl.example").pk]) == {world.sub("carl.example").pk: 4}


@pytest.mark.postgres(only=True)
@pytest.mark.django_db(transaction=True)
def test_without_the_locks_they_leave_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage, "domains", slowly)
    monkeypatch.setattr(locks, "_lock", lambda rows: None)
    world = make_hosting_world()
    limit("carl.example", domains=4)
    fifty(world)
    assert _domains([world.sub("carl.example").pk])[world.sub("carl.example").pk] > 4

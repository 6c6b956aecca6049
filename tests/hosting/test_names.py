"""One name, one place: at every door, below and above others, and at the same moment."""

import threading
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Account
from hosting import creating, names
from hosting.models.domains import Domain, Name
from hosting.models.subscriptions import Subscription
from panel.core.operations import Refused, Step, operations
from tests.hosting.world import DOORS, HostingWorld, make_hosting_world, person

# One of each kind; tests/hosting/test_validators.py has the rest.
NASTY = [
    *("..", "test..com", "dom?*ain.tld", "0815", "_dmarc.x.com", "localhost", "gmail.com", "com"),
    *("1.2.3.4", "*.x.example", "xn--a.example", "www.x.example", "mail.x.example", "co.uk"),
    *("x" * 64 + ".com", "x\u2028y.com", "--checkpoint=1", "$(id).com", "x%0a.com", "a\u200db.com"),
]
# The same name as carl.example, or cärl.example, in other clothes.
SAME = ["carl.example", "CARL.EXAMPLE", "carl.example.", "ＣＡＲＬ.example", "carl。example"]


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("operation", "name", "field"),
    [
        ("subscription.add-domain", "carl.example", "name"),
        ("domain.add-alias", "carl.example", "name"),
        ("account.add-subscription", "carl", "domain"),
    ],
)
def test_what_is_no_name_is_an_error_at_its_field(
    world: HostingWorld, door: str, operation: str, name: str, field: str
):
    noun = operation.split(".")[0]
    target = {"domain": world.site, "subscription": world.sub}.get(noun, world.accounts.get)(name)
    # Many are tried in one world: they leave nothing behind.
    for nasty in NASTY:
        answer = world.through(door, "ada", operation, target, **{field: nasty})
        assert (answer.result, list(answer.errors)) == ("invalid", [field]), nasty


@pytest.mark.django_db
def test_it_is_one_too_where_a_customer_is_added(world: HostingWorld):
    # That page is a long one: every third has to do.
    for nasty in NASTY[::3]:
        params = person("new", create_subscription="on", domain=nasty)
        answer = world.through("page", "ada", "account.add-customer", world.ada, **params)
        assert (answer.result, list(answer.errors)) == ("invalid", ["domain"]), nasty
    assert not Account.objects.filter(username="new").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_a_name_in_other_clothes_is_the_same(world: HostingWorld, door: str):
    row = world.sub("nora.example")
    for name in SAME:
        answer = world.through(door, "ben", "subscription.add-domain", row, name=name)
        assert (answer.result, answer.text) == ("refused", "carl.example is taken."), name


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["NFC", "NFD", "ascii", "upper"])
def test_an_international_name_is_one_name_however_typed(world: HostingWorld, form: str):
    world.domain("carl.example", "xn--crl-qla.example")
    typed = {"ascii": "xn--crl-qla.example", "upper": "CÄRL.example"}.get(form)
    typed = typed or unicodedata.normalize(form, "cärl.example")
    found = world.finding("ben", "subscription.add-domain", world.sub("nora.example"), name=typed)
    assert found.code == "name_taken"


@pytest.mark.django_db
def test_a_name_is_used_once_as_domain_subdomain_or_alias(world: HostingWorld):
    world.domain("carl.example", "shop.example")
    world.alias("carl.example", "karl.example")
    for name in ("carl.example", "shop.example", "karl.example"):
        for operation, target, field in (
            ("subscription.add-domain", world.sub("nora.example"), "name"),
            ("domain.add-alias", world.site("nora.example"), "name"),
            ("account.add-subscription", world.nora, "domain"),
        ):
            found = world.finding("ben", operation, target, **{field: name})
            assert found.code == "name_taken", (operation, name)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a.carl.example", "b.a.carl.example"])
def test_below_somebody_elses_name_only_who_may_manage_that_one(world: HostingWorld, name: str):
    add = "subscription.add-domain"
    for who, row in (("nora", "nora.example"), ("ben", "nora.example"), ("cleo", "cleo.example")):
        assert world.finding(who, add, world.sub(row), name=name).code == "name_near", who
    assert world.finding("ada", add, world.sub("cleo.example"), name=name).result == "done"


@pytest.mark.django_db
def test_above_somebody_elses_name_only_who_may_manage_that_one(world: HostingWorld):
    world.domain("carl.example", "a.b.fresh.example")
    add = "subscription.add-domain"
    for name in ("fresh.example", "b.fresh.example"):
        assert world.finding("ben", add, world.sub("nora.example"), name=name).code == "name_near"
    assert world.finding("carl", add, world.sub("carl.example"), name="fresh.example").result == (
        "done"
    )
    found = world.finding("admin", add, world.sub("nora.example"), name="b.fresh.example")
    assert found.result == "done"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["notcarl.example", "carl.example.org", "xcarl.example"])
def test_a_name_that_only_looks_near_is_free(world: HostingWorld, name: str):
    found = world.finding("ben", "subscription.add-domain", world.sub("nora.example"), name=name)
    assert found.result == "done"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["panel.test", "shop.panel.test", "the.panel.test"])
def test_around_the_panels_own_name_only_the_administrator_may(
    world: HostingWorld, settings: Any, name: str
):
    settings.ALLOWED_HOSTS = ["the.panel.test", "localhost", "127.0.0.1", "[::1]"]
    add, row = "subscription.add-domain", world.sub("carl.example")
    for who in ("ada", "carl"):
        found = world.finding(who, add, row, name=name)
        # Beside it is free; what is above it, and it itself, are not.
        wanted = {"panel.test": "name_near", "the.panel.test": "invalid"}.get(name, "")
        assert found.code == wanted, who
        world.perform("ada", "domain.remove", list(Domain.objects.filter(ascii=name)))
    below = world.finding("ada", add, row, name="x.the.panel.test")
    assert below.code == "name_near"
    assert world.finding("admin", add, row, name="x.the.panel.test").result == "done"


@pytest.mark.django_db
def test_beside_somebody_elses_name_anybody_may(world: HostingWorld):
    world.domain("carl.example", "one.shared.example")
    found = world.finding(
        "ben", "subscription.add-domain", world.sub("nora.example"), name="two.shared.example"
    )
    assert found.result == "done"


@pytest.mark.django_db
def test_whose_it_is_is_told_to_who_may_see_it(world: HostingWorld):
    add = "subscription.add-domain"
    for who, row, code in (
        ("ada", "cleo.example", "name_taken_by"),
        ("admin", "nora.example", "name_taken_by"),
        ("ben", "nora.example", "name_taken"),
        ("cleo", "cleo.example", "name_taken"),
    ):
        found = world.finding(who, add, world.sub(row), name="carl.example")
        assert found.code == code, who
        assert ("Carl Customer" in str(found.params)) == (code == "name_taken_by")


# At the same moment, each in a connection of its own.


def at_once(*calls: Callable[[], None]) -> list[BaseException | None]:
    """Run these at the same time; what each raised."""
    found: list[BaseException | None] = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def run(number: int) -> None:
        try:
            ready.wait(10)
            calls[number]()
        except BaseException as error:
            found[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def take(world: HostingWorld, who: str, row: str, name: str, halfway: Callable[[], None]):
    """Take a name as `creating.domain` does, stopping between the look and the write."""

    def call() -> None:
        subscription = Subscription.objects.get(name=row)
        step = Step(operations["subscription.add-domain"], world.actor(who), {})
        with transaction.atomic():
            creating.refuse_name(name, subscription.account_id, step.actor)
            halfway()
            site = subscription.domains.get(is_main=True)
            site.ascii = name
            names.take(site)

    return call


def race(world: HostingWorld) -> list[BaseException | None]:
    """x and a.x for two customers who do not know each other, both past their look if they can."""
    both_looked = threading.Barrier(2)

    def halfway() -> None:
        # With the lock only one gets here at a time: it waits in vain, and goes on.
        try:
            both_looked.wait(0.5)
        except threading.BrokenBarrierError:
            return

    return at_once(
        take(world, "carl", "carl.example", "x.race.example", halfway),
        take(world, "nora", "nora.example", "a.x.race.example", halfway),
    )


@pytest.mark.postgres(only=True)
@pytest.mark.django_db(transaction=True)
def test_two_cannot_get_above_and_below_each_other_at_once():
    world = make_hosting_world()
    refused = [error for error in race(world) if error is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], Refused)
    assert refused[0].code == "name_near"
    assert Name.objects.filter(apex="race.example").count() == 1


@pytest.mark.postgres(only=True)
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_apex_both_get_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(names, "lock", lambda _names: None)
    world = make_hosting_world()
    assert race(world) == [None, None]
    assert Name.objects.filter(apex="race.example").count() == 2

"""Subscriptions follow their plans: what is promised, what is in force, locked and synchronised."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Account
from hosting import counters, permissions, sync, sync_words
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.services import base
from panel.core import runs
from panel.core.bulk import BulkRun
from panel.core.operations import operations
from tests.hosting.disk import fill
from tests.hosting.truth import check_synced
from tests.hosting.world import DOORS, PERMISSIONS, HostingWorld, every_limit

pytestmark = pytest.mark.django_db
VALUES = {"limit_domains": "7", "limit_aliases": "unlimited", "overuse_policy": "space"}


@pytest.fixture(autouse=True)
def _synced(world: HostingWorld) -> Iterator[None]:
    yield
    check_synced()


def switched_on() -> dict[str, Any]:
    """The boxes of parameters that are ticked unless somebody clears them."""
    found = base.plan_settings().items()
    return {f"set_{name}": True for name, one in found if one.default is True}


def values(**more: Any) -> dict[str, Any]:
    """What the form of a plan takes: everything that is declared, and more."""
    granted: dict[str, Any] = {f"may_{name}": True for name in PERMISSIONS}
    return {**every_limit("5"), **granted, **switched_on(), "overuse_policy": "space", **more}


def plan(name: str) -> Plan:
    return Plan.objects.get(name=name)


def addon(world: HostingWorld, on: str, owner: str = "ada", **given: Any) -> Plan:
    """An add-on, and a subscription that has it."""
    made = world.plan(owner, "More", kind="addon", **{"permissions": [], **given})
    made.applications = []
    made.save()
    SubscriptionAddOn.objects.create(subscription=world.sub(on), plan=made)
    sync.follow([world.sub(on).pk])
    counters.recount_plans([made.pk])
    return made


def lose(world: HostingWorld, reseller: str, *names: str) -> None:
    """Take permissions from a reseller, as its plan does."""
    account = world.accounts[reseller]
    left = sorted(set(base.permissions()) - set(names))
    Account.objects.filter(pk=account.pk).update(permissions=left)
    sync.judge_below([account.pk])


def status(name: str) -> tuple[bool, bool]:
    row = Subscription.objects.get(name=name)
    return row.is_locked, row.is_unsynced


# What plan and add-ons give together


def test_limits_of_plan_and_add_ons_add_up_and_unlimited_wins(world: HostingWorld):
    extra = world.plan("ada", "x", kind="addon", limits={"domains": 3, "aliases": None})
    given = sync.values_of(plan("Ada Basic"), [extra])
    assert given["limits"]["domains"] == 8
    assert given["limits"]["aliases"] is None


def test_permissions_and_applications_are_what_any_of_them_has(world: HostingWorld):
    one, two = plan("Basic"), Plan(kind="addon", permissions=["manage_aliases"], limits={})
    one.permissions, one.applications, two.applications = ["manage_domains"], ["b"], ["a"]
    given = sync.values_of(one, [two])
    assert given["permissions"] == ["manage_aliases", "manage_domains"]
    assert given["applications"] == ["a", "b"]
    two.applications = None
    assert sync.values_of(one, [two])["applications"] is None


def test_of_a_limit_on_each_item_the_largest_counts(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    declared = base.resources()
    size = base.Resource("size", "Mailbox size", unit="bytes", is_each=True)
    plans = [Plan(kind=kind, limits={"size": n}) for kind, n in (("hosting", 5), ("addon", 9))]
    with monkeypatch.context() as patched:
        patched.setattr(base, "resources", lambda of="": {**declared, "size": size})
        assert sync.values_of(plans[0], plans[1:])["limits"]["size"] == 9


def test_an_add_on_that_is_edited_reaches_those_that_have_it(world: HostingWorld):
    made = addon(world, "carl.example", limits={"domains": 2})
    assert world.sub("carl.example").limits["domains"] == 7
    params = {"name": "More", "limit_domains": "10"}
    for door in DOORS:
        params["limit_domains"] = str(int(params["limit_domains"]) + 1)
        assert world.through(door, "ada", "addon.edit", made, **params).result == "done"
        expected = 5 + int(params["limit_domains"])
        assert world.sub("carl.example").limits["domains"] == expected
        assert world.sub("cleo.example").limits["domains"] == 5
    assert world.sub("carl.example").permissions == sorted(PERMISSIONS)


def test_a_removed_plan_leaves_what_its_add_ons_gave(world: HostingWorld):
    """Removing a plan leaves its subscriptions Custom with their effective values, add-ons
    included."""
    addon(world, "carl.example", limits={"domains": 2})
    world.perform("ada", "plan.remove", plan("Ada Basic"))
    row = world.sub("carl.example")
    assert (row.plan_id, row.limits["domains"], row.is_locked) == (None, 7, False)
    assert not SubscriptionAddOn.objects.exists()
    assert plan("More").subscriptions_count == 0
    assert world.sub("nora.example").plan is not None


@pytest.mark.parametrize("door", DOORS)
def test_a_removed_add_on_takes_nothing_away_until_somebody_unlocks(world: HostingWorld, door: str):
    made = addon(world, "carl.example", limits={"domains": 2})
    assert world.through(door, "ada", "addon.remove", made).result == "done"
    row = world.sub("carl.example")
    assert (row.is_locked, row.limits["domains"]) == (True, 7)
    assert not world.sub("cleo.example").is_locked
    world.perform("ada", "subscription.unlock-and-sync", row)
    assert world.sub("carl.example").limits["domains"] == 5


# Locked


def test_customising_locks_and_unlock_and_sync_brings_back_by_every_door(world: HostingWorld):
    for door in DOORS:
        row = world.sub("carl.example")
        params = values(limit_domains="2")
        assert world.through(door, "ada", "subscription.customize", row, **params).result == "done"
        assert status("carl.example") == (True, False)
        done = world.through(door, "ada", "subscription.unlock-and-sync", world.sub("carl.example"))
        assert done.result == "done"
        assert status("carl.example") == (False, False)
        assert world.sub("carl.example").limits["domains"] == 5
    assert status("cleo.example") == (False, False)


def test_what_is_not_locked_needs_no_unlocking(world: HostingWorld):
    found = world.finding("ada", "subscription.unlock-and-sync", world.sub("carl.example"))
    assert found.result == "unchanged"


def test_unlocking_says_before_what_changes(world: HostingWorld):
    params = values(limit_domains="2", may_manage_domains=False)
    world.perform("ada", "subscription.customize", world.sub("carl.example"), **params)
    rows = Subscription.objects.filter(name="carl.example")
    operation = operations["subscription.unlock-and-sync"]
    (said,) = operation.consequences(world.actor("ada"), rows)
    assert {"Domains: 2 → 5", "Domain management: no → yes"} <= set(said.items)
    assert rows.get().is_locked


@pytest.mark.parametrize(
    ("verb", "who"), [("sync", "ben"), ("unlock-and-sync", "ben"), ("sync", "carl")]
)
@pytest.mark.parametrize("door", DOORS)
def test_neighbours_and_subscribers_synchronise_nothing(
    world: HostingWorld, door: str, verb: str, who: str
):
    row = world.sub("carl.example")
    answer = world.through(door, who, f"subscription.{verb}", row)
    assert answer.result in {"missing", "not allowed"}


# Masks: a permission that a reseller does not have, nobody below it has


def test_what_a_reseller_does_not_have_nobody_below_it_has(world: HostingWorld):
    lose(world, "ada", "manage_domains")
    for name, result in (("carl", "refused"), ("nora", "done")):
        row = world.sub(f"{name}.example")
        found = world.finding(name, "subscription.add-domain", row, name=f"{name}-x.example")
        assert found.result == result
    # Nor does it do by itself what it may not grant.
    row = world.sub("carl.example")
    found = world.finding("ada", "subscription.add-domain", row, name="ada-x.example")
    assert found.code == "no_permission_above"
    found = world.finding("admin", "subscription.add-domain", row, name="adm-x.example")
    assert found.result == "done"
    # It is kept: with the permission back it is in force again.
    assert "manage_domains" in world.sub("carl.example").permissions
    lose(world, "ada")
    found = world.finding("carl", "subscription.add-domain", row, name="carl-x.example")
    assert found.result == "done"


def test_the_reseller_that_logs_in_as_its_customer_has_no_more(world: HostingWorld):
    lose(world, "ada", "manage_domains")
    browser = world.client("ada")
    browser.post(f"/customers/{world.carl.pk}/log-in-as/")
    page = browser.get(f"/subscriptions/{world.sub('carl.example').pk}/")
    assert "Add Domain" not in page.content.decode()


def test_a_masked_permission_shows_as_unsynchronised_with_both_values(world: HostingWorld):
    """What the plan promises is not in force: tag, filter, plan value and available value."""
    assert status("carl.example") == (False, False)
    lose(world, "ada", "manage_domains")
    assert [status(f"{name}.example") for name in ("carl", "cleo", "nora", "dora")] == [
        (False, True),
        (False, True),
        (False, False),
        (False, False),
    ]
    page = world.client("ada").get(f"/subscriptions/{world.sub('carl.example').pk}/resources/")
    text = " ".join(page.content.decode().split())
    assert "Unsynchronised" in text
    (one,) = sync_words.shortfalls(world.sub("carl.example"))
    assert (one.label, one.one, one.other) == ("Domain management", "yes", "no")
    for words in ("Plan value", "Available value", "Domain management"):
        assert words in text
    listed = world.client("ada").get("/subscriptions/?status=unsynchronised").content.decode()
    assert "carl.example" in listed
    assert "ada.example" not in listed


def test_sync_says_what_cannot_be_in_force(world: HostingWorld):
    lose(world, "ada", "manage_domains")
    outcome = world.perform("ada", "subscription.sync", world.sub("carl.example"))
    assert outcome.findings[0].result == "unchanged"
    assert [note["code"] for note in outcome.notes] == ["still_unsynced"]
    lose(world, "ada")
    assert status("carl.example") == (False, False)


def test_sync_gives_what_is_missing_and_leaves_locked_and_custom_ones(world: HostingWorld):
    world.perform("ada", "subscription.customize", world.sub("cleo.example"), **values())
    Subscription.objects.filter(name="carl.example").update(limits={"domains": 1})
    sync.judge([world.sub("carl.example").pk])
    assert status("carl.example") == (False, True)
    rows = [world.sub(name) for name in ("carl.example", "cleo.example", "ada.example")]
    outcome = world.perform("ada", "subscription.sync", rows)
    assert [found.result for found in outcome.findings] == ["done", "refused", "refused"]
    assert [found.code for found in outcome.findings[1:]] == ["locked", "no_plan"]
    assert world.sub("carl.example").limits["domains"] == 5
    again = world.perform("ada", "subscription.sync", rows[:1])
    assert again.findings[0].result == "unchanged"


def test_a_customers_permissions_are_asked_of_one_function(world: HostingWorld):
    row = world.sub("carl.example")
    lose(world, "ada", "manage_hosting")
    assert permissions.in_force([row])[row.pk] == set(PERMISSIONS) - {"manage_hosting"}
    assert permissions.lacking([row], world.actor("carl"), "manage_hosting") == {row.pk}
    assert permissions.lacking([row], world.actor("admin"), "manage_hosting") == set()
    assert permissions.lacking([row], world.actor("carl"), "manage_domains") == set()


# What is finite


def test_no_more_is_promised_than_a_reseller_has(world: HostingWorld, disk: dict[int, int]):
    """Without the permission to oversell, the allotments of disk and traffic must fit too, on sync
    as on every other way: in the order of the list, and the rest shows as unsynchronised."""
    account = world.fresh("ada")
    account.limits["disk"] = 100
    account.save()
    fill(world, "ada.example", 0, 0, "space")
    edited = values(name="Ada Basic", limit_disk="30 B")
    world.perform("ada", "plan.edit", plan("Ada Basic"), **edited)
    assert [world.sub(f"{name}.example").limits["disk"] for name in ("carl", "cleo")] == [30, 30]
    world.perform("ada", "plan.edit", plan("Ada Basic"), **{**edited, "limit_disk": "60 B"})
    assert [world.sub(f"{name}.example").limits["disk"] for name in ("carl", "cleo")] == [60, 40]
    assert status("carl.example") == (False, False)
    assert status("cleo.example") == (False, True)
    (one,) = sync_words.shortfalls(world.sub("cleo.example"))
    assert (str(one.label), one.one, one.other) == ("Disk space", "60 B", "40 B")
    # Room that somebody gives back is there for who asks next.
    custom = values(limit_disk="20 B")
    world.perform("ada", "subscription.customize", world.sub("carl.example"), **custom)
    found = world.finding("ada", "subscription.sync", world.sub("cleo.example"))
    assert found.result == "done"
    assert world.sub("cleo.example").limits["disk"] == 60
    assert status("cleo.example") == (False, False)


def test_who_may_oversell_promises_what_it_likes(world: HostingWorld, disk: dict[int, int]):
    account = world.fresh("ada")
    account.limits["disk"], account.permissions = 100, [*account.permissions, "oversell"]
    account.save()
    edited = values(name="Ada Basic", limit_disk="unlimited")
    world.perform("ada", "plan.edit", plan("Ada Basic"), **edited)
    assert [world.sub(f"{name}.example").limits["disk"] for name in ("carl", "cleo")] == [None] * 2
    assert status("cleo.example") == (False, False)


# Applications


@pytest.fixture
def applications(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that can be installed."""
    declared = (base.Application("one", "One"), base.Application("two", "Two"))
    config = next(found for found in base.services() if found.service == "web")
    monkeypatch.setattr(config, "applications", declared, raising=False)


def test_while_there_is_nothing_to_install_nothing_is_said_of_it(world: HostingWorld):
    for url in ("/plans/add/", "/addons/add/", f"/plans/{plan('Ada Basic').pk}/"):
        assert "pplications" not in world.client("ada").get(url).content.decode()


def test_a_plan_allows_all_applications_or_a_list(world: HostingWorld, applications: None):
    for door, names in (("page", ["one"]), ("api", ["two"])):
        given = values(name="Ada Basic", applications=names, all_applications=False)
        world.through(door, "ada", "plan.edit", plan("Ada Basic"), **given)
        assert world.sub("carl.example").applications == names
        assert world.sub("nora.example").applications is None
    given = values(name="Ada Basic", all_applications=True)
    world.perform("ada", "plan.edit", plan("Ada Basic"), **given)
    assert world.sub("carl.example").applications is None


def test_an_application_that_the_reseller_may_not_grant_is_not_in_force(
    world: HostingWorld, applications: None
):
    Account.objects.filter(pk=world.ada.pk).update(applications=["two"])
    sync.judge_below([world.ada.pk])
    assert status("carl.example") == (False, True)
    (one,) = sync_words.shortfalls(world.sub("carl.example"))
    assert (one.label, one.one, one.other) == ("One", "yes", "no")
    Account.objects.filter(pk=world.ada.pk).update(applications=None)
    sync.judge_below([world.ada.pk])


# Many


def test_many_are_brought_to_a_plan_by_the_worker_and_say_so_until_then(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("panel.core.runs.IN_REQUEST", 1)
    params = values(name="Ada Basic", limit_domains="7")
    outcome = world.perform("ada", "plan.edit", plan("Ada Basic"), **params)
    assert [note["code"] for note in outcome.notes] == ["sync_queued"]
    assert world.sub("carl.example").limits["domains"] == 5
    assert status("carl.example") == status("cleo.example") == (False, True)
    assert status("nora.example") == (False, False)
    page = world.client("ada").get(f"/plans/{plan('Ada Basic').pk}/").content.decode()
    assert "2 subscriptions are brought to it in the background." in page
    run = BulkRun.objects.get(operation="subscription.sync")
    runs.carry_out(run)
    assert world.sub("carl.example").limits["domains"] == 7
    assert status("carl.example") == status("cleo.example") == (False, False)


def test_an_edit_of_a_plan_reads_no_more_for_more_that_follow(
    world: HostingWorld, django_assert_max_num_queries: Any
):
    for number in range(15):
        world.space("carl", f"s{number}.example", "Ada Basic")
    params = values(name="Ada Basic", limit_domains="9")
    with django_assert_max_num_queries(70):
        world.perform("ada", "plan.edit", plan("Ada Basic"), **params)
    assert world.sub("s14.example").limits["domains"] == 9


def test_what_waits_in_the_trash_follows_when_it_comes_back(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    params = values(name="Ada Basic", limit_domains="8")
    world.perform("ada", "plan.edit", plan("Ada Basic"), **params)
    world.perform("ada", "subscription.restore", world.sub("carl.example"))
    assert world.sub("carl.example").limits["domains"] == 8

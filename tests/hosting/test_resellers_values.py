"""What resellers have: plan, values of their own, what is over, what is shown, who buys where."""

from collections.abc import Sequence

import pytest

from accounts.models import Account
from hosting import counters, limits, totals
from hosting.models.plans import Plan, PlanKind
from hosting.services import base
from panel.core.operations import operations
from tests.hosting.world import ROOM, HostingWorld, person, room, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
CHANGE = "reseller.change-plan"
CUSTOMIZE = "reseller.customize"
UNLOCK = "reseller.unlock-and-sync"
GRANTED = ["manage_aliases", "manage_domains", "manage_hosting"]


def plan(world: HostingWorld, name: str = "Agency", **given: int | None) -> Plan:
    values = {"limits": {**ROOM, **given}, "permissions": list(GRANTED)}
    return world.plan("admin", name, kind=PlanKind.RESELLER, **values)


def values(**given: str) -> dict[str, str]:
    """What Customize takes: everything unlimited, and all permissions."""
    every = {f"limit_{name}": "unlimited" for name in base.resources("reseller")}
    return every | {f"may_{name}": "on" for name in GRANTED} | given


# Add a Reseller.


@pytest.mark.parametrize("door", ["api", "cli"])
def test_a_reseller_is_added_on_a_plan(world: HostingWorld, door: str):
    agency = plan(world, domains=7)
    params = person("rex", plan=agency.pk)
    assert world.through(door, "admin", "account.add-reseller", world.admin, **params).result == (
        "done"
    )
    made = Account.objects.get(username="rex")
    assert (made.plan_id, made.limits["domains"], made.is_locked) == (agency.pk, 7, False)
    assert made.permissions == GRANTED


def test_by_the_page_custom_plan_is_preselected(world: HostingWorld):
    plan(world)
    page = Page.open(world.client("admin"), "/resellers/add/")
    form = page.form("OK")
    assert list(form.choices["plan"]) == ["Custom plan", "Agency"]
    assert (form.values["plan"], form.values["limit_domains"]) == ("", "unlimited")
    page = page.press("OK", **{**person("rex"), "limit_domains": "3"})
    made = Account.objects.get(username="rex")
    assert (made.plan_id, made.limits["domains"]) == (None, 3)
    assert made.permissions == sorted(base.permissions())


def test_no_hosting_plan_is_a_choice(world: HostingWorld):
    basic = Plan.objects.get(name="Basic")
    assert world.finding("admin", CHANGE, world.ada, plan=basic.pk).code == "invalid"


# Change Plan.


@pytest.mark.parametrize("door", ["api", "cli"])
def test_another_plan_gives_its_values(world: HostingWorld, door: str):
    agency = plan(world, domains=7)
    assert world.through(door, "admin", CHANGE, world.ada, plan=agency.pk).result == "done"
    row = world.fresh("ada")
    assert (row.plan_id, row.limits["domains"]) == (agency.pk, 7)
    assert world.fresh("ben").plan_id is None
    assert world.through(door, "admin", CHANGE, row, plan=agency.pk).result == "unchanged"


def test_the_page_says_who_will_be_overused_and_what_is_lost(world: HostingWorld):
    small = plan(world, "Small", domains=1)
    Plan.objects.filter(pk=small.pk).update(permissions=["manage_aliases"])
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/change-plan/")
    page = page.press("Next", plan=str(small.pk))
    assert "Ada Reseller: Domains: 3 of 1" in page.text
    assert "Nobody below these may do any more: Ada Reseller: " in page.text
    assert "Hosting settings management" in page.text
    assert world.fresh("ada").plan_id is None
    page = page.press("OK")
    assert world.fresh("ada").is_overused
    assert world.runs_("carl.example")
    assert "More is used than allowed: Domains. Nothing stops, but it cannot add." in page.text


def test_custom_plan_keeps_the_values(world: HostingWorld):
    agency = plan(world, domains=7)
    world.perform("admin", CHANGE, world.ada, plan=agency.pk)
    assert world.finding("admin", CHANGE, world.ada, plan="").result == "done"
    row = world.fresh("ada")
    assert (row.plan_id, row.limits["domains"]) == (None, 7)


def test_many_at_once(world: HostingWorld):
    """select ▸ Change Plan."""
    agency = plan(world)
    client = world.client("admin")
    ids = [str(world.ada.pk), str(world.ben.pk)]
    page = Page(client, client.post("/resellers/change-plan/", {"ids": ids}, follow=True))
    page = page.press("Next", plan=str(agency.pk)).press("OK")
    assert "Change Plan: 2 of 2 done." in page.text
    assert Account.objects.filter(plan_id=agency.pk).count() == 2


# Customize, Unlock & Sync.


@pytest.mark.parametrize("door", ["api", "cli"])
def test_values_of_its_own_lock_it(world: HostingWorld, door: str):
    world.perform("admin", CHANGE, world.ada, plan=plan(world).pk)
    params = {"limit_domains": "4"}
    assert world.through(door, "admin", CUSTOMIZE, world.fresh("ada"), **params).result == "done"
    row = world.fresh("ada")
    assert (row.limits["domains"], row.is_locked) == (4, True)
    assert row.limits["customers"] == ROOM["customers"]
    assert row.permissions == GRANTED


def test_by_its_page(world: HostingWorld):
    """name ▸ Customize ▸ Update & Lock; back: Unlock & Sync."""
    agency = plan(world)
    world.perform("admin", CHANGE, world.ada, plan=agency.pk)
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/")
    page = page.follow("Customize").press("Update & Lock", limit_domains="1")
    row = world.fresh("ada")
    assert (row.is_locked, row.is_overused) == (True, True)
    page = page.follow("Unlock & Sync").press("OK")
    row = world.fresh("ada")
    assert (row.is_locked, row.is_overused, row.limits["domains"]) == (False, False, None)


def test_a_locked_one_does_not_follow_its_plan(world: HostingWorld):
    agency = plan(world)
    for name in ("ada", "ben"):
        world.perform("admin", CHANGE, world.accounts[name], plan=agency.pk)
    world.perform("admin", CUSTOMIZE, world.ada, **values(limit_domains="9"))
    edited = values(name="Agency", limit_domains="5")
    world.perform("admin", "reseller-plan.edit", agency, **edited)
    assert world.fresh("ada").limits["domains"] == 9
    assert world.fresh("ben").limits["domains"] == 5
    assert world.finding("admin", UNLOCK, world.ada).result == "done"
    assert world.fresh("ada").limits["domains"] == 5
    assert world.finding("admin", UNLOCK, world.ada).result == "unchanged"


def test_a_lower_plan_shows_its_resellers_as_overused_at_once(world: HostingWorld):
    agency = plan(world)
    world.perform("admin", CHANGE, world.ada, plan=agency.pk)
    world.perform("admin", "reseller-plan.edit", agency, **values(name="Agency", limit_domains="1"))
    assert world.fresh("ada").is_overused
    assert not world.fresh("ben").is_overused


def test_two_people_who_customise_at_once_are_told_of_each_other(world: HostingWorld):
    version = world.fresh("ada").version
    world.perform("admin", CUSTOMIZE, world.ada, **values(limit_domains="9"), version=version)
    outcome = world.perform(
        "admin", CUSTOMIZE, world.ada, **values(limit_domains="8"), version=version
    )
    assert why(outcome).startswith("admin changed this meanwhile: ")
    assert "Domains (now “9”)" in why(outcome)


def test_a_permission_that_it_loses_nobody_below_it_has(world: HostingWorld):
    given = values()
    del given["may_manage_domains"]
    world.perform("admin", CUSTOMIZE, world.ada, **given)
    row = world.sub("carl.example")
    assert "manage_domains" in row.permissions
    for who in ("carl", "ada"):
        found = world.finding(who, "subscription.add-domain", row, name="x.example")
        assert found.result == "refused", who
    nora = world.sub("nora.example")
    found = world.finding("ben", "subscription.add-domain", nora, name="y.example")
    assert found.result == "done"


@pytest.mark.parametrize("who", ["ada", "ben", "carl"])
@pytest.mark.parametrize("name", [CHANGE, CUSTOMIZE, UNLOCK])
def test_nobody_sets_what_a_reseller_has_but_the_administrator(
    world: HostingWorld, who: str, name: str
):
    found = world.perform(who, name, world.ada).findings[0]
    assert found.code in {"not_allowed", "missing"}


# Over everything below.


def test_usage_is_that_of_everything_below_and_its_own(world: HostingWorld):
    world.alias("carl.example", "other.example")
    world.domain("ada.example", "more.example")
    names = ("customers", "subscriptions", "domains", "subdomains", "aliases")
    world.subdomain("carl.example", "sub")
    used = totals.usage([world.ada.pk, world.ben.pk])
    assert [used[world.ada.pk][name] for name in names] == [2, 3, 4, 1, 1]
    assert [used[world.ben.pk][name] for name in names] == [1, 1, 1, 0, 0]
    assert world.fresh("ada").usage == used[world.ada.pk]
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    used = totals.usage([world.ada.pk])
    assert [used[world.ada.pk][name] for name in names] == [2, 2, 3, 0, 0]


def test_usage_of_more_than_a_statement_takes_is_counted_in_pieces(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    counted = base.Resource.usage

    def noted(self: base.Resource, ids: Sequence[int]) -> dict[int, int]:
        asked.append(len(ids))
        return counted(self, ids)

    monkeypatch.setattr(base.Resource, "usage", noted)
    whole = totals.usage([world.ada.pk, world.ben.pk])
    assert max(asked) == 4
    monkeypatch.setattr(totals, "AT_ONCE", 3)
    asked.clear()
    assert totals.usage([world.ada.pk, world.ben.pk]) == whole
    assert max(asked) == 3


def test_the_page_shows_limits_and_usage_over_everything_below(world: HostingWorld):
    room(world, "ada", domains=7)
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/resources/")
    assert "3 / 7" in page.text
    assert "Hosting settings management" in page.text


def test_a_reseller_sees_its_own_on_its_account_page(world: HostingWorld):
    room(world, "ada", domains=7)
    assert "3 / 7" in Page.open(world.client("ada"), "/account/").text
    assert "Hosting settings management" not in Page.open(world.client("carl"), "/account/").text


def test_the_list_finds_who_uses_too_much(world: HostingWorld):
    room(world, "ada", domains=1)
    agency = plan(world)
    world.perform("admin", CHANGE, world.ben, plan=agency.pk)
    page = Page.open(world.client("admin"), "/resellers/")
    assert "(Agency)" in page.text
    assert "(Custom)" in page.text
    page = Page.open(world.client("admin"), "/resellers/?status=overused")
    assert "Ada Reseller" in page.links
    assert "Ben Reseller" not in page.links
    world.perform("admin", CUSTOMIZE, world.ben, **values())
    page = Page.open(world.client("admin"), "/resellers/?status=locked")
    assert "Ben Reseller" in page.links
    assert "Ada Reseller" not in page.links


# Disk and traffic.


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that measures."""
    resource = base.Resource("disk", "Disk space", unit="bytes")
    config = base.services()[0]
    monkeypatch.setattr(type(config), "resources", (*config.resources, resource))


GB = 1024**3


def promise(world: HostingWorld, **given: int | None) -> None:
    """What the subscriptions below Ada were promised."""
    for name, amount in given.items():
        row = world.sub(f"{name}.example")
        row.limits["disk"] = amount
        row.save()
    world.plan("ada", "Big", limits={"domains": 1, "aliases": 1, "disk": 5 * GB})
    counters.recount_all()


def test_without_the_permission_to_oversell_what_was_promised_counts(
    disk: None, world: HostingWorld
):
    """Without the permission to oversell, the allotments of disk and traffic must fit too."""
    promise(world, carl=3 * GB, cleo=3 * GB, ada=0)
    room(world, "ada", disk=10 * GB)
    plan_id = Plan.objects.get(name="Big").pk
    params = {"domain": "x.example", "plan": plan_id}
    outcome = world.perform("ada", "account.add-subscription", world.ada, **params)
    assert limits.shown(base.resources()["disk"], 6 * GB) in why(outcome)
    assert why(outcome).startswith("Disk space: the limit of Ada Reseller is 10.0")
    Account.objects.filter(pk=world.ada.pk).update(permissions=[*GRANTED, "oversell"])
    assert world.perform("ada", "account.add-subscription", world.ada, **params).counts == {
        "done": 1
    }


def test_unlimited_is_never_promised_by_who_is_limited(disk: None, world: HostingWorld):
    promise(world, carl=None, cleo=0, ada=0)
    room(world, "ben", disk=10 * GB)
    outcome = world.perform("admin", "customer.move", world.carl, owner="ben")
    assert outcome.findings[0].code == "allotment"
    assert world.perform("admin", "customer.move", world.cleo, owner="ben").counts == {"done": 1}


# The link for buying more.


@pytest.mark.parametrize("door", ["api", "cli"])
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_a_provider_sets_where_its_subscribers_buy_more(world: HostingWorld, door: str, who: str):
    params = {"buy_more_url": "https://shop.example/more"}
    target = world.accounts[who]
    assert world.through(door, who, "account.buy-more-link", target, **params).result == "done"
    assert world.fresh(who).buy_more_url == params["buy_more_url"]
    assert world.through(door, who, "account.buy-more-link", target, **params).result == "unchanged"


def test_it_does_so_on_its_account_page(world: HostingWorld):
    page = Page.open(world.client("ada"), "/account/").follow("Link for buying more")
    page.press("OK", buy_more_url="https://shop.example/more")
    assert world.fresh("ada").buy_more_url == "https://shop.example/more"
    assert "Link for buying more" not in Page.open(world.client("carl"), "/account/").links


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.example/", "not a link"])
def test_only_web_addresses(world: HostingWorld, url: str):
    found = world.finding("ada", "account.buy-more-link", world.ada, buy_more_url=url)
    assert found.code == "invalid"


def test_nobody_sets_it_for_somebody_else(world: HostingWorld):
    params = {"buy_more_url": "https://shop.example/"}
    for who, target in (("ben", "ada"), ("ada", "carl"), ("admin", "ada"), ("carl", "carl")):
        found = world.finding(who, "account.buy-more-link", world.accounts[target], **params)
        assert found.result in {"refused", "missing"}
    assert not Account.objects.exclude(buy_more_url="").exists()


# Removal.


def test_a_reseller_with_customers_is_not_removed_and_they_can_be_moved(world: HostingWorld):
    """The page says which, and offers to move them."""
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/remove/")
    assert "It still has customers: Carl Customer, Cleo Customer." in page.text
    page = page.follow("Move the customers…")
    assert "Carl Customer" in page.links
    assert "Nora Neighbour" not in page.links
    assert page.has("Move to")


def test_every_operation_of_resellers_is_the_administrators_alone():
    for name, operation in operations.items():
        if operation.noun == "reseller":
            assert operation.roles == {"administrator"}, name

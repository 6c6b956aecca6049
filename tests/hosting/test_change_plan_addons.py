"""Change Plan: what it says before it does, add-ons on top, and whose reseller has room for it."""

from datetime import timedelta

import pytest

from accounts.models import Account
from hosting import conditions, limits
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from panel.core.log import Activity
from tests.hosting.disk import fill
from tests.hosting.world import DOORS, HostingWorld, noted
from tests.pages import Page

pytestmark = pytest.mark.django_db
CHANGE = "subscription.change-plan"


@pytest.fixture
def addon(world: HostingWorld) -> Plan:
    """Ada's add-on: three domains more."""
    return make_addon(world, "ada", "Three more", {"domains": 3})


def make_addon(world: HostingWorld, owner: str, name: str, limits: dict, **values: object) -> Plan:
    return world.plan(owner, name, kind="addon", limits=limits, permissions=[], **values)


def basic() -> Plan:
    return Plan.objects.get(name="Ada Basic")


def addons(world: HostingWorld, name: str) -> list[str]:
    found = SubscriptionAddOn.objects.filter(subscription=world.sub(name))
    return sorted(found.values_list("plan__name", flat=True))


def take(world: HostingWorld, name: str, plan: Plan | None, *chosen: Plan, who: str = "ada"):
    params = {"plan": str(plan.pk) if plan else "", "addons": [str(one.pk) for one in chosen]}
    return world.finding(who, CHANGE, world.sub(name), **params)


@pytest.mark.parametrize("door", DOORS)
def test_an_addon_adds_to_what_the_plan_gives(world: HostingWorld, addon: Plan, door: str):
    given: object = {"page": [addon.pk], "api": [addon.pk], "cli": str(addon.pk)}[door]
    plan: object = basic().pk if door == "api" else str(basic().pk)
    row = world.sub("carl.example")
    assert world.through(door, "ada", CHANGE, row, plan=plan, addons=given).result == "done"
    row = world.sub("carl.example")
    assert (row.limits["domains"], row.limits["aliases"]) == (8, 5)
    assert addons(world, "carl.example") == ["Three more"]
    assert not row.is_unsynced
    assert Plan.objects.get(pk=addon.pk).subscriptions_count == 1
    assert addons(world, "cleo.example") == []


def test_an_addon_that_says_nothing_of_a_limit_on_each_item_leaves_the_plan_s(
    world: HostingWorld, addon: Plan
):
    plan = basic()
    plan.limits = {**plan.limits, "mailbox_hourly": 20}
    plan.save(update_fields=["limits"])
    assert take(world, "carl.example", plan, addon).result == "done"
    assert world.sub("carl.example").limits["mailbox_hourly"] == 20
    form = Page.open(world.client("ada"), f"/addons/{addon.pk}/edit/").form("Update & Sync")
    assert form.values["limit_mailbox_hourly"] == ""
    more = make_addon(world, "ada", "More letters", {"mailbox_hourly": 50})
    assert take(world, "carl.example", plan, addon, more).result == "done"
    assert world.sub("carl.example").limits["mailbox_hourly"] == 50
    assert limits.limit_of(world.sub("nora.example").limits, "mailbox_hourly") is None


def test_each_is_there_once_and_twice_changes_nothing(world: HostingWorld, addon: Plan):
    """Add-ons: each once, only on a plan."""
    take(world, "carl.example", basic(), addon, addon)
    assert world.sub("carl.example").limits["domains"] == 8
    assert take(world, "carl.example", basic(), addon).result == "unchanged"


def test_taken_away_again_it_adds_nothing(world: HostingWorld, addon: Plan):
    take(world, "carl.example", basic(), addon)
    assert take(world, "carl.example", basic()).result == "done"
    assert world.sub("carl.example").limits["domains"] == 5
    assert Plan.objects.get(pk=addon.pk).subscriptions_count == 0


def test_on_no_plan_there_are_none(world: HostingWorld, addon: Plan):
    assert take(world, "ada.example", None, addon).code == "custom_no_addons"
    assert addons(world, "ada.example") == []


def test_custom_plan_keeps_what_addons_gave(world: HostingWorld, addon: Plan):
    """Custom plan keeps the effective values, add-ons included."""
    take(world, "carl.example", basic(), addon)
    assert take(world, "carl.example", None).result == "done"
    row = world.sub("carl.example")
    assert (row.plan_id, row.limits["domains"], addons(world, "carl.example")) == (None, 8, [])


def test_another_plan_keeps_the_addons_that_stay_ticked(world: HostingWorld, addon: Plan):
    take(world, "carl.example", basic(), addon)
    small = world.plan("ada", "Small", limits={"domains": 1, "aliases": 0})
    take(world, "carl.example", small, addon)
    assert world.sub("carl.example").limits["domains"] == 4


@pytest.mark.parametrize("door", DOORS)
def test_an_addon_of_another_provider_is_an_error_at_the_field(world: HostingWorld, door: str):
    theirs = make_addon(world, "ben", "Theirs", {"domains": 3})
    make_addon(world, "ada", "Ours", {"domains": 3})
    given: object = {"page": [theirs.pk], "api": [theirs.pk], "cli": str(theirs.pk)}[door]
    plan: object = basic().pk if door == "api" else str(basic().pk)
    params = {"plan": plan, "addons": given}
    answer = world.through(door, "ada", CHANGE, world.sub("carl.example"), **params)
    assert (answer.result, list(answer.errors)) == ("invalid", ["addons"])


def test_a_hosting_plan_is_no_addon(world: HostingWorld, addon: Plan):
    assert take(world, "carl.example", basic(), basic()).code == "invalid"


def test_a_locked_one_gets_the_addon_and_keeps_its_values(world: HostingWorld, addon: Plan):
    Subscription.objects.filter(name="carl.example").update(is_locked=True)
    params = {"plan": str(basic().pk), "addons": [str(addon.pk)]}
    outcome = world.perform("ada", CHANGE, world.sub("carl.example"), **params)
    told = "Locked, and keeps its own values until Unlock & Sync: carl.example."
    assert noted(outcome) == {"stays_locked": told}
    row = world.sub("carl.example")
    assert (row.is_locked, row.limits["domains"]) == (True, 5)
    world.perform("ada", "subscription.unlock-and-sync", row)
    assert world.sub("carl.example").limits["domains"] == 8


def test_another_plan_unlocks(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(is_locked=True)
    big = world.plan("ada", "Big", limits={"domains": 50, "aliases": 50})
    take(world, "carl.example", big)
    row = world.sub("carl.example")
    assert (row.is_locked, row.limits["domains"]) == (False, 50)


def test_other_addons_prolong_nothing_and_another_plan_does(world: HostingWorld, addon: Plan):
    """A validity period is applied at creation and at a change of plan."""
    Plan.objects.filter(pk=basic().pk).update(validity_days=30)
    take(world, "carl.example", basic(), addon)
    assert world.sub("carl.example").expires_on is None
    take(world, "carl.example", None)
    take(world, "carl.example", basic())
    assert world.sub("carl.example").expires_on == conditions.today() + timedelta(days=30)


def test_the_page_says_value_by_value_what_changes(world: HostingWorld, addon: Plan):
    world.domain("carl.example", "more.example")
    permissions = ["manage_aliases"]
    world.plan("ada", "Small", limits={"domains": 1, "aliases": 9}, permissions=permissions)
    row = world.sub("carl.example")
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/change-plan/")
    choices = page.form("Next").choices["all-plan"]
    page = page.press("Next", **{"all-plan": choices["Small"]})
    assert "1 subscription has the service plan Small then." in page.text
    assert "Domains: 5 → 1" in page.text
    assert "Domain aliases: 5 → 9" in page.text
    assert "Domain management: yes → no" in page.text
    assert "These use more than they may then, and show as overused:" in page.text
    assert world.sub("carl.example").limits["domains"] == 5
    page = page.press("OK")
    assert "Change Plan: done." in page.text
    assert world.sub("carl.example").is_overused


def test_the_page_offers_the_addons_of_the_provider_and_of_nobody_else(
    world: HostingWorld, addon: Plan
):
    make_addon(world, "ben", "Theirs", {"domains": 3})
    row = world.sub("carl.example")
    page = Page.open(world.client("admin"), f"/subscriptions/{row.pk}/change-plan/")
    assert "Three more" in page.text
    assert "Theirs" not in page.text
    row = world.sub("dora.example")
    page = Page.open(world.client("admin"), f"/subscriptions/{row.pk}/change-plan/")
    assert "Add-ons" not in page.text


def test_what_would_be_shut_for_it_is_said(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 20, 30, OverusePolicy.SPACE)
    forbidden = {"overuse_policy": OverusePolicy.FORBIDDEN}
    world.plan("ada", "Tight", limits={"domains": 5, "aliases": 5, "disk": 10}, **forbidden)
    row = world.sub("carl.example")
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/change-plan/")
    page = page.press("Next", **{"all-plan": page.form("Next").choices["all-plan"]["Tight"]})
    assert "These use more than they may then, and are suspended for it:" in page.text
    page.press("OK")
    assert world.sub("carl.example").is_overuse_only


def test_many_at_once_and_those_that_have_it_stay(world: HostingWorld, addon: Plan):
    take(world, "cleo.example", basic(), addon)
    client = world.client("ada")
    ids = [str(world.sub(name).pk) for name in ("carl.example", "cleo.example", "ada.example")]
    data = {"ids": ids, "query": ""}
    page = Page(client, client.post("/subscriptions/change-plan/", data, follow=True))
    chosen = page.form("Next").choices["all-plan"]["Ada Basic"]
    page = page.press("Next", **{"all-plan": chosen}, addons=str(addon.pk)).press("OK")
    assert "Change Plan: 2 of 3 done." in page.text
    assert {addons(world, name)[0] for name in ("carl.example", "ada.example")} == {"Three more"}


def allot(world: HostingWorld, disk: int) -> None:
    """Ada may promise so much disk space in all, and not more."""
    Account.objects.filter(pk=world.ada.pk).update(
        limits={**world.ada.limits, "disk": disk},
        permissions=[name for name in world.ada.permissions if name != "oversell"],
    )
    for name in ("carl.example", "cleo.example", "ada.example"):
        fill(world, name, 1, 10, OverusePolicy.SPACE)


def test_without_overselling_a_plan_promises_no_more_than_the_reseller_has(
    world: HostingWorld, disk: dict
):
    """Without the permission to oversell, the allotments of disk and traffic must fit too; limits
    hold on every way in, a change of plan too."""
    allot(world, 40)
    big = world.plan("ada", "Big", limits={"domains": 5, "aliases": 5, "disk": 20})
    assert take(world, "carl.example", big).result == "done"
    found = take(world, "cleo.example", big)
    assert (found.result, found.code) == ("refused", "allotment")
    assert world.sub("cleo.example").limits["disk"] == 10
    small = world.plan("ada", "Small", limits={"domains": 5, "aliases": 5, "disk": 5})
    assert take(world, "carl.example", small).result == "done"
    assert take(world, "cleo.example", big).result == "done"


def test_customizing_promises_no_more_either(world: HostingWorld, disk: dict):
    allot(world, 35)
    edit, row = "subscription.customize", world.sub("carl.example")
    answer = world.through("api", "ada", edit, row, limit_disk=16)
    assert answer.result == "refused"
    assert "without the permission to oversell" in answer.text
    assert world.through("api", "ada", edit, row, limit_disk=15).result == "done"


def test_the_log_has_plans_and_values_by_name(world: HostingWorld, addon: Plan):
    take(world, "carl.example", basic(), addon)
    entry = Activity.objects.get(action=CHANGE)
    assert (entry.old["addons"], entry.new["addons"]) == ([], ["Three more"])
    assert (entry.old["plan"], entry.new["plan"]) == ("Ada Basic", "Ada Basic")
    assert entry.new["limits"]["domains"] == 8

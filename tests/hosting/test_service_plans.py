"""Service Plans: hosting plans, add-ons and, for the administrator, reseller plans, as tabs."""

import re
from typing import Any

import pytest

from accounts.models import Account
from hosting import totals
from hosting.models.plans import Plan
from hosting.services import base
from tests.hosting.world import DOORS, PERMISSIONS, HostingWorld, every_limit
from tests.pages import Page

pytestmark = pytest.mark.django_db
TABS = ["Hosting Plans", "Add-ons", "Reseller Plans"]
ALL = {f"limit_{name}": "unlimited" for name in base.resources("reseller")}


def plan(name: str) -> Plan:
    return Plan.objects.get(name=name)


def reseller_plan(world: HostingWorld, name: str, **given: Any) -> Plan:
    """A reseller plan, and ada on it."""
    made = world.plan("admin", name, kind="reseller", **given)
    Account.objects.filter(pk=world.ada.pk).update(
        plan_id=made.pk, limits=made.limits, permissions=made.permissions
    )
    totals.judge([world.ada.pk])
    return made


def with_all(**more: Any) -> dict[str, Any]:
    granted = {f"may_{name}": True for name in PERMISSIONS}
    return {**ALL, **granted, **more}


def test_each_role_sees_the_tabs_that_are_its_own(world: HostingWorld):
    for who, tabs in (("admin", TABS), ("ada", TABS[:2])):
        found = Page.open(world.client(who), "/plans/")
        assert [word for word in found.links if word in TABS] == tabs
        for word in tabs:
            assert found.follow(word).status == 200
    assert world.client("ada").get("/reseller-plans/").status_code == 403
    assert world.client("carl").get("/plans/").status_code == 403


def test_the_menu_says_where_one_is_on_each_tab(world: HostingWorld):
    for url in ("/plans/", "/addons/", "/reseller-plans/"):
        text = " ".join(world.client("admin").get(url).content.decode().split())
        assert '<a href="/plans/" aria-current="page"' in text, url


def test_the_search_finds_the_page_by_what_other_panels_call_it(world: HostingWorld):
    for words in ("package", "service plans"):
        found = Page.open(world.client("ada"), f"/search/?q={words}")
        assert found.links["Service Plans"] == "/plans/"
    world.perform("ada", "account.add-addon", world.ada, name="Rocket")
    assert "Rocket" in Page.open(world.client("ada"), "/search/?q=rock").links
    assert "Rocket" not in Page.open(world.client("ben"), "/search/?q=rock").links


def test_what_is_on_a_plan_is_a_click_away(world: HostingWorld):
    extra = world.plan("ada", "More", kind="addon")
    row = world.sub("carl.example")
    given = {"plan": str(row.plan_id), "addons": [str(extra.pk)]}
    world.perform("ada", "subscription.change-plan", row, **given)
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/")
    assert page.links["More"] == f"/addons/{extra.pk}/"
    listed = Page.open(world.client("ada"), f"/subscriptions/?plan={extra.pk}")
    assert "carl.example" in listed.links
    assert "cleo.example" not in listed.links
    made = reseller_plan(world, "Partner")
    listed = Page.open(world.client("admin"), f"/resellers/?plan={made.pk}")
    assert "Ada Reseller" in listed.links
    assert "Ben Reseller" not in listed.links


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_a_provider_adds_add_ons_and_what_is_left_empty_adds_nothing(
    world: HostingWorld, door: str, who: str
):
    given = {"name": "More", "limit_domains": "3", "may_manage_domains": True}
    done = world.through(door, who, "account.add-addon", world.accounts[who], **given)
    assert done.result == "done"
    made = plan("More")
    assert (made.kind, made.account.username) == ("addon", who)
    assert {name: value for name, value in made.limits.items() if value} == {"domains": 3}
    assert (made.permissions, made.applications) == (["manage_domains"], [])


@pytest.mark.parametrize("door", DOORS)
def test_the_administrator_adds_reseller_plans(world: HostingWorld, door: str):
    given = with_all(name="Partner", limit_customers="12", may_oversell=True)
    done = world.through(door, "admin", "account.add-reseller-plan", world.admin, **given)
    assert done.result == "done"
    made = plan("Partner")
    assert (made.kind, made.limits["customers"], made.limits["domains"]) == ("reseller", 12, None)
    assert {*PERMISSIONS, "oversell"} <= set(made.permissions)


def test_resellers_and_customers_add_no_reseller_plans(world: HostingWorld):
    for who in ("ada", "carl"):
        target = world.accounts[who]
        found = world.finding(who, "account.add-reseller-plan", target, **with_all(name="x"))
        assert found.code == "not_allowed"


def test_plans_of_each_kind_have_names_of_their_own(world: HostingWorld):
    for verb in ("add-addon", "add-addon"):
        found = world.finding("ada", f"account.{verb}", world.ada, name="Ada Basic")
    assert found.code == "plan_name"
    assert Plan.objects.filter(name="Ada Basic").count() == 2


def test_an_add_on_is_no_plan_to_choose(world: HostingWorld):
    made = world.plan("ada", "More", kind="addon")
    row = world.sub("carl.example")
    found = world.finding("ada", "subscription.change-plan", row, plan=made.pk)
    assert found.code == "invalid"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("noun", "kind"), [("addon", "addon"), ("reseller-plan", "reseller")])
def test_each_kind_is_cloned_and_removed(world: HostingWorld, door: str, noun: str, kind: str):
    made = world.plan("admin", "Thing", kind=kind)
    assert world.through(door, "admin", f"{noun}.clone", made).result == "done"
    copy = plan("Thing (2)")
    assert (copy.kind, copy.limits) == (kind, made.limits)
    assert world.through(door, "admin", f"{noun}.remove", made).result == "done"
    assert not Plan.objects.filter(name="Thing").exists()
    assert Plan.objects.filter(name="Ada Basic").exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("verb", ["clone", "remove"])
def test_a_neighbours_add_on_is_not_found(world: HostingWorld, door: str, verb: str):
    made = world.plan("ada", "More", kind="addon")
    assert world.through(door, "ben", f"addon.{verb}", made).result == "missing"
    # What is of another kind is not found under this one's address either.
    assert world.through(door, "ada", f"plan.{verb}", made).result == "missing"


@pytest.mark.parametrize("door", DOORS)
def test_an_edited_reseller_plan_reaches_resellers_that_are_not_locked(
    world: HostingWorld, door: str
):
    made = reseller_plan(world, "Partner", limits={**dict.fromkeys(base.resources("reseller"))})
    Account.objects.filter(pk=world.ben.pk).update(plan_id=made.pk, is_locked=True)
    given = with_all(name="Partner", limit_customers="1", may_manage_domains=False)
    assert world.through(door, "admin", "reseller-plan.edit", made, **given).result == "done"
    ada, ben = world.fresh("ada"), world.fresh("ben")
    assert (ada.limits["customers"], ben.limits["customers"]) == (1, 20)
    # Lowering is never refused: it shows as overused, and what is masked as unsynchronised.
    assert (ada.is_overused, ben.is_overused) == (True, False)
    assert world.sub("carl.example").is_unsynced
    assert not world.sub("nora.example").is_unsynced


@pytest.mark.parametrize("door", DOORS)
def test_a_removed_reseller_plan_leaves_resellers_with_their_values(world: HostingWorld, door: str):
    made = reseller_plan(world, "Partner")
    before = world.fresh("ada")
    assert world.through(door, "admin", "reseller-plan.remove", made).result == "done"
    ada = world.fresh("ada")
    assert (ada.plan_id, ada.limits, ada.permissions) == (None, before.limits, before.permissions)


# Update & Sync says before what it does


def form_of_plan(world: HostingWorld) -> Page:
    return Page.open(world.client("ada"), f"/plans/{plan('Ada Basic').pk}/edit/")


def test_update_and_sync_says_how_many_and_what_changes_before_it_does(world: HostingWorld):
    row = world.sub("cleo.example")
    world.perform("ada", "subscription.customize", row, **every_limit("7"), overuse_policy="space")
    page = form_of_plan(world).press("Update & Sync", limit_domains="9")
    assert "1 subscription follows. 1 is locked and stays." in page.text
    assert "Domains: 5 → 9" in page.text
    assert world.sub("carl.example").limits["domains"] == 5
    page = page.press("Update & Sync")
    assert page.url == f"/plans/{plan('Ada Basic').pk}/"
    assert world.sub("carl.example").limits["domains"] == 9
    assert world.sub("cleo.example").limits["domains"] == 7


def test_what_was_not_seen_is_shown_again_first(world: HostingWorld):
    page = form_of_plan(world).press("Update & Sync", limit_domains="9")
    page = page.press("Update & Sync", limit_domains="11")
    assert "Domains: 5 → 11" in page.text
    assert world.sub("carl.example").limits["domains"] == 5


def test_where_nothing_changes_for_anybody_it_is_done_at_once(world: HostingWorld):
    page = form_of_plan(world).press("Update & Sync", name="Renamed")
    assert page.url == f"/plans/{plan('Renamed').pk}/"


def test_a_long_form_leads_to_each_of_its_parts(world: HostingWorld):
    page = world.client("ada").get("/plans/add/").content.decode()
    nav = page.partition('<nav class="tabs chapters"')[2].partition("</nav>")[0]
    found = dict(re.findall(r'<a href="#([\w-]+)">([^<]+)</a>', nav))
    assert list(found.values())[:2] == ["Resources", "Permissions"]
    for anchor, label in found.items():
        part = page.partition(f'id="{anchor}"')[2]
        assert part[:200].partition("<legend>")[2].startswith(label), anchor
    assert "chapters" not in world.client("ada").get("/domains/add-domain/").content.decode()

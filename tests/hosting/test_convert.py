"""Convert a customer to a reseller and back: what it gets, what is cut, what is refused."""

import pytest

from accounts.models import Account
from hosting.models.plans import Plan, PlanKind
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import runs, search
from panel.core.log import Activity
from panel.core.operations import operations
from tests.hosting.world import ROOM, HostingWorld, room, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
CONVERT = "customer.convert-to-reseller"
BACK = "reseller.convert-to-customer"
PRESET = {"limit_customers": "10", "limit_subscriptions": "25"}


def convert(world: HostingWorld, name: str, **item: str):
    row = world.fresh(name)
    outcome = runs.perform(
        operations[CONVERT], world.actor("admin"), [row.pk], items={row.pk: {**PRESET, **item}}
    )
    world.accounts[name] = world.fresh(name)
    return outcome


def back(world: HostingWorld, name: str, **item: str):
    row = world.fresh(name)
    outcome = runs.perform(operations[BACK], world.actor("admin"), [row.pk], items={row.pk: item})
    world.accounts[name] = world.fresh(name)
    return outcome


def reseller_plan(world: HostingWorld, name: str = "Agency", **given: int | None) -> Plan:
    return world.plan("admin", name, kind=PlanKind.RESELLER, limits={**ROOM, **given})


def give(name: str, **values: object) -> None:
    Subscription.objects.filter(name=name).update(**values)


@pytest.mark.parametrize("door", ["api", "cli"])
def test_a_customer_becomes_a_reseller_under_the_administrator(world: HostingWorld, door: str):
    assert world.through(door, "admin", CONVERT, world.carl).result == "done"
    row = world.fresh("carl")
    assert (row.role, row.provider, row.reseller_id) == ("reseller", world.admin, row.pk)
    assert (world.fresh("ada").customers_count, row.customers_count) == (1, 0)
    assert world.sub("carl.example").reseller_id == row.pk
    found = search.matching(world.actor("admin"), "carl")
    assert {hit.kind for hit in found} == {"reseller", "subscription", "domain"}


def test_one_by_its_page(world: HostingWorld):
    """name ▸ Convert to Reseller (sidebar) ▸ reseller plan, Custom plan preselected ▸ OK."""
    reseller_plan(world)
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/")
    page = page.follow("Convert to Reseller")
    form = page.form("Next")
    assert list(form.choices["all-plan"]) == ["Custom plan", "Agency"]
    assert (form.values["all-plan"], form.values["all-limit_customers"]) == ("", "10")
    page = page.press("Next")
    assert "1 customer becomes a reseller under the administrator." in page.text
    assert "overused" not in page.text
    assert world.fresh("carl").role == "customer"
    page = page.press("OK")
    assert page.url == f"/resellers/{world.carl.pk}/"
    assert "Convert to Reseller: done." in page.text


def test_many_from_the_list_with_a_plan_for_each(world: HostingWorld):
    """select ▸ Convert to Resellers ▸ one page, a plan for each customer ▸ OK."""
    plan = reseller_plan(world, domains=7)
    client = world.client("admin")
    ids = [str(world.accounts[name].pk) for name in ("carl", "dora")]
    data = {"ids": ids, "query": "?q=customer"}
    page = Page(client, client.post("/customers/convert-to-reseller/", data, follow=True))
    assert "Convert to Resellers" in page.text
    typed = {
        "all-limit_customers": "4",
        f"item-{world.dora.pk}-plan": str(plan.pk),
    }
    page = page.press("Next", **typed).press("OK")
    assert "Convert to Resellers: 2 of 2 done." in page.text
    assert world.fresh("carl").limits["customers"] == 4
    assert (world.fresh("dora").plan_id, world.fresh("dora").limits["domains"]) == (plan.pk, 7)


def test_custom_plan_is_the_sum_of_all_its_subscriptions(world: HostingWorld):
    """The sum of the resources; any unlimited makes that resource unlimited; every permission that
    any of them has; the union of their applications."""
    world.space("carl", "second.example")
    give(
        "carl.example",
        limits={"domains": 3, "aliases": None},
        permissions=["manage_aliases"],
        applications=["wordpress"],
    )
    give(
        "second.example",
        limits={"domains": 4, "aliases": 1},
        permissions=["manage_domains"],
        applications=["matomo"],
    )
    convert(world, "carl", limit_customers="3", limit_subscriptions="unlimited")
    row = world.fresh("carl")
    assert [row.limits[name] for name in ("customers", "subscriptions")] == [3, None]
    assert [row.limits[name] for name in ("domains", "aliases")] == [7, None]
    assert row.permissions == ["manage_aliases", "manage_domains"]
    assert row.applications == ["matomo", "wordpress"]
    assert not row.is_overused


def test_of_a_limit_on_each_item_custom_plan_takes_the_largest(world: HostingWorld):
    world.space("carl", "second.example")
    give("carl.example", limits={"domains": 1, "mailbox_size": 3 * 2**20})
    give("second.example", limits={"domains": 1, "mailbox_size": 7 * 2**20})
    convert(world, "carl")
    limits = world.fresh("carl").limits
    assert (limits["domains"], limits["mailbox_size"]) == (2, 7 * 2**20)


def test_a_permission_that_was_not_in_force_is_not_handed_on(world: HostingWorld):
    """A permission that a reseller does not have, nobody below it has."""
    Account.objects.filter(pk=world.ada.pk).update(permissions=["manage_aliases"])
    convert(world, "carl")
    assert world.fresh("carl").permissions == ["manage_aliases"]


def test_all_applications_are_all(world: HostingWorld):
    world.space("carl", "second.example")
    give("carl.example", applications=["wordpress"])
    give("second.example", applications=None)
    convert(world, "carl")
    assert world.fresh("carl").applications is None


def test_the_subscriptions_stay_links_are_cut_values_stay(world: HostingWorld):
    before = world.sub("carl.example")
    convert(world, "carl")
    row = world.sub("carl.example")
    assert (row.account_id, row.plan_id, row.limits) == (world.carl.pk, None, before.limits)
    assert Plan.objects.get(name="Ada Basic").subscriptions_count == 1
    assert world.runs_("carl.example")
    assert world.perform("carl", "account.add-plan", world.carl).findings[0].code == "invalid"


def test_under_a_smaller_plan_it_is_overused_and_the_page_says_by_how_much(world: HostingWorld):
    world.domain("carl.example", "more.example")
    world.alias("carl.example", "other.example")
    plan = reseller_plan(world, domains=1, aliases=0)
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/convert-to-reseller/")
    page = page.press("Next", **{"all-plan": str(plan.pk)})
    assert "Carl Customer: Domains: 2 of 1; Domain aliases: 1 of 0" in page.text
    page.press("OK")
    row = world.fresh("carl")
    assert (row.is_overused, row.plan_id, row.is_suspended) == (True, plan.pk, False)
    assert world.runs_("carl.example")
    found = world.finding(
        "carl", "subscription.add-domain", world.sub("carl.example"), name="x.example"
    )
    assert found.code == "limit"


def test_who_has_nothing_gets_nothing_and_the_page_says_so(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/convert-to-reseller/")
    page = page.press("Next")
    assert "These have no subscription to sum up" in page.text
    page.press("OK")
    assert world.fresh("carl").limits["domains"] == 0


def test_it_ends_sessions_which_rested_on_another_role(world: HostingWorld):
    client = world.client("carl")
    assert client.get("/subscriptions/").status_code == 200
    convert(world, "carl")
    assert client.get("/subscriptions/").status_code == 302


def test_an_external_id_that_the_administrator_has_refuses(world: HostingWorld):
    Account.objects.filter(username__in=["carl", "dora"]).update(external_id="7")
    assert convert(world, "carl").findings[0].code == "external_id_there"
    assert world.fresh("carl").role == "customer"


def test_twice_there_is_no_such_customer(world: HostingWorld):
    convert(world, "carl")
    assert convert(world, "carl").findings[0].result == "missing"


def test_a_suspends_s_and_c_is_converted_c_cannot_lift_it(world: HostingWorld):
    """A suspends S, C is converted to reseller: C cannot lift it."""
    world.suspend("ada", "carl.example", kind="unpaid")
    convert(world, "carl")
    assert world.entries("carl.example") == {("administrator", "unpaid")}
    assert world.activate("carl", "carl.example").findings[0].code == "level_above"
    assert world.activate("admin", "carl.example").counts == {"done": 1}


def test_its_own_switch_stays_its_own(world: HostingWorld):
    world.perform("carl", "subscription.switch-off", world.sub("carl.example"))
    convert(world, "carl")
    assert world.entries("carl.example") == {("customer", "other")}
    world.activate("carl", "carl.example")
    assert world.runs_("carl.example")


def test_below_a_suspended_reseller_it_runs_again(world: HostingWorld):
    world.suspend("admin", "ada")
    convert(world, "carl")
    assert world.runs_("carl")
    assert world.runs_("carl.example")


def test_the_old_provider_sees_no_more_of_it(world: HostingWorld):
    convert(world, "carl")
    told = Activity.objects.visible_to(world.actor("ada")).filter(target_id=world.carl.pk)
    assert {entry.action for entry in told} == {"customer.move"}
    assert world.client("ada").get(f"/customers/{world.carl.pk}/").status_code == 404
    assert world.fresh("cleo").reseller_id == world.ada.pk


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_nobody_else_converts(world: HostingWorld, who: str):
    for name, target in ((CONVERT, world.carl), (BACK, world.ben)):
        found = world.perform(who, name, target).findings[0]
        assert found.result in {"refused", "missing"}
        assert found.code in {"not_allowed", "missing"}


# And back.


@pytest.mark.parametrize("door", ["api", "cli"])
def test_a_reseller_without_customers_becomes_a_customer(world: HostingWorld, door: str):
    convert(world, "carl")
    assert world.through(door, "admin", BACK, world.fresh("carl")).result == "done"
    row = world.fresh("carl")
    assert (row.role, row.provider, row.reseller_id) == ("customer", world.admin, None)
    assert (row.limits, row.permissions, row.plan_id) == ({}, [], None)
    assert world.sub("carl.example").reseller_id is None
    assert world.runs_("carl.example")


def test_refused_while_it_has_customers_with_names_and_a_way_to_move_them(world: HostingWorld):
    """Refused, with names, while it has customers."""
    outcome = back(world, "ada")
    assert why(outcome) == "It still has customers: Carl Customer, Cleo Customer. Move them first."
    url = outcome.findings[0].params["action"]
    page = Page.open(world.client("admin"), url)
    assert "Carl Customer" in page.text
    assert "Nora Neighbour" not in page.text
    assert world.fresh("ada").role == "reseller"


def test_refused_while_removed_customers_wait_below_it(world: HostingWorld):
    world.perform("ben", "customer.remove", world.nora)
    assert why(back(world, "ben")).startswith("Customers of it were removed and wait to be purged")


def alone(world: HostingWorld) -> None:
    """Ada keeps her own subscription, and nobody else's."""
    for name in ("carl", "cleo"):
        world.perform("admin", "customer.move", world.fresh(name), owner="admin")


def test_its_own_plans_go_and_its_subscriptions_become_custom(world: HostingWorld):
    alone(world)
    plan = Plan.objects.get(name="Ada Basic")
    world.perform("ada", "subscription.change-plan", world.sub("ada.example"), plan=plan.pk)
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/convert-to-customer/")
    page = page.press("Next")
    assert "These service plans of its own go:" in page.text
    assert "Ada Basic" in page.text
    page = page.press("OK")
    assert page.url == f"/customers/{world.ada.pk}/"
    assert not Plan.objects.filter(name="Ada Basic").exists()
    assert Plan.objects.filter(name="Ben Basic").exists()
    row = world.sub("ada.example")
    assert (row.plan_id, row.limits["domains"], row.limits["aliases"]) == (None, 5, 5)


def test_or_they_take_a_plan_of_the_administrators(world: HostingWorld):
    alone(world)
    basic = Plan.objects.get(name="Basic")
    assert back(world, "ada", plan=str(basic.pk)).counts == {"done": 1}
    assert world.sub("ada.example").plan == basic


def test_unlimited_under_a_limited_reseller_becomes_the_unused_rest(world: HostingWorld):
    """Unlimited under a limited reseller becomes the unused rest."""
    alone(world)
    world.space("ada", "second.example")
    room(world, "ada", domains=20, aliases=None)
    give("ada.example", limits={"domains": None, "aliases": None})
    give("second.example", limits={"domains": 6, "aliases": 2})
    page = Page.open(world.client("admin"), f"/resellers/{world.ada.pk}/convert-to-customer/")
    page = page.press("Next")
    assert "ada.example: Domains 14" in page.text
    page.press("OK")
    assert world.sub("ada.example").limits == {"domains": 14, "aliases": None}
    assert world.sub("second.example").limits == {"domains": 6, "aliases": 2}


def test_several_unlimited_ones_share_the_rest(world: HostingWorld):
    """Each keeps what it uses, and a part of what nobody uses."""
    alone(world)
    world.space("ada", "second.example")
    for name in ("ada.example", "second.example"):
        give(name, limits={"domains": None, "aliases": 0})
    world.domain("ada.example", "a.example")
    world.domain("ada.example", "b.example")
    room(world, "ada", domains=9)
    back(world, "ada")
    found = [world.sub(name).limits["domains"] for name in ("ada.example", "second.example")]
    assert sum(n or 0 for n in found) == 9
    assert found == [3 + 3, 1 + 2]


def test_what_it_was_not_allowed_it_is_not_allowed_now(world: HostingWorld):
    alone(world)
    Account.objects.filter(pk=world.ada.pk).update(permissions=["manage_aliases"])
    back(world, "ada")
    assert world.sub("ada.example").permissions == ["manage_aliases"]


def test_there_and_back_it_is_as_before(world: HostingWorld):
    before = world.sub("dora.example")
    convert(world, "dora")
    back(world, "dora")
    row = world.sub("dora.example")
    assert (row.limits, row.permissions) == (before.limits, sorted(before.permissions))
    assert world.fresh("dora").provider == world.admin


def test_only_what_resellers_have_has_to_be_preset():
    own = {name for name, res in base.resources("reseller").items() if res.of == "reseller"}
    assert own == {"customers", "subscriptions"}

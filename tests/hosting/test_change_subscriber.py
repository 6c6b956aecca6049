"""Change Subscriber: whose it is, what follows from that, what stays, what stands against it."""

import pytest

from accounts.models import Account
from hosting.models.domains import Alias, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from panel.core import reasons, runs, search
from panel.core.log import Activity
from panel.core.operations import operations
from panel.core.search import SearchText
from tests.hosting.world import DOORS, HostingWorld
from tests.pages import Page

pytestmark = pytest.mark.django_db
CHANGE = "subscription.change-subscriber"


def change(world: HostingWorld, who: str, name: str, to: str, **params: object):
    return world.finding(who, CHANGE, world.sub(name), subscriber=to, **params)


def owners(world: HostingWorld, name: str) -> set[tuple[int, int | None]]:
    """Owner columns of a subscription and of everything in it."""
    row = world.sub(name)
    found = {(row.account_id, row.reseller_id)}
    for model in (Domain, Alias, Name):
        rows = model.objects.filter(subscription=row)
        assert rows.exists() or model is Alias
        found |= set(rows.values_list("account_id", "reseller_id"))
    return found


@pytest.mark.parametrize("door", DOORS)
def test_it_goes_to_another_customer_with_everything_in_it(world: HostingWorld, door: str):
    world.domain("carl.example", "more.example")
    world.alias("carl.example", "other.example")
    before = world.sub("carl.example")
    answer = world.through(door, "ada", CHANGE, before, subscriber="cleo")
    assert answer.result == "done"
    row = world.sub("carl.example")
    assert owners(world, "carl.example") == {(world.cleo.pk, world.ada.pk)}
    assert (row.system_user, row.node, row.limits) == (
        before.system_user,
        before.node,
        before.limits,
    )
    assert (world.fresh("carl").subscriptions_count, world.fresh("cleo").subscriptions_count) == (
        0,
        2,
    )


def test_the_page_says_what_changes_before_it_does(world: HostingWorld):
    """Subscriptions ▸ name ▸ Change Subscriber ▸ customer ▸ (what changes) ▸ OK."""
    world.suspend("ada", "cleo")
    row = world.sub("carl.example")
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/change-subscriber/")
    assert "Now: Carl Customer (carl)." in page.text
    page = page.press("Next", subscriber="Cleo Customer")
    assert "Nothing has been changed yet." in page.text
    assert "1 subscription goes to Cleo Customer (cleo)" in page.text
    assert "Service plans and add-ons stay as they are." in page.text
    assert "Cleo Customer is suspended, and these are shut with it:" in page.text
    assert world.sub("carl.example").account == world.carl
    page = page.press("OK")
    assert "Change Subscriber: done." in page.text
    assert world.sub("carl.example").account == world.cleo


def test_another_answer_is_looked_at_first_too(world: HostingWorld):
    row = world.sub("carl.example")
    page = Page.open(world.client("admin"), f"/subscriptions/{row.pk}/change-subscriber/")
    page = page.press("Next", subscriber="cleo").press("OK", subscriber="nora")
    assert "1 subscription goes to Nora Neighbour (nora)" in page.text
    assert "becomes Custom, as its provider changes" in page.text
    assert world.sub("carl.example").account == world.carl
    page.press("OK")
    assert world.sub("carl.example").account == world.nora


def test_many_from_the_list(world: HostingWorld):
    """Subscriptions ▸ select ▸ Change Subscriber ▸ customer ▸ (what changes) ▸ OK."""
    client = world.client("ada")
    ids = [str(world.sub(name).pk) for name in ("carl.example", "cleo.example", "ada.example")]
    data = {"ids": ids, "query": "?q=example"}
    page = Page(client, client.post("/subscriptions/change-subscriber/", data, follow=True))
    page = page.press("Next", subscriber="cleo")
    assert "2 subscriptions go to Cleo Customer (cleo)" in page.text
    assert "It was so already." in page.text
    page = page.press("OK")
    assert "Change Subscriber: 2 of 3 done." in page.text
    assert "q=example" in str(page.links)
    assert world.fresh("cleo").subscriptions_count == 3
    assert world.sub("nora.example").account == world.nora


def test_below_the_same_provider_plan_lock_and_description_stay(world: HostingWorld):
    """Keeps the plan if the provider is the same."""
    fields = {"is_locked": True, "description": "Pays in cash"}
    Subscription.objects.filter(name="carl.example").update(**fields)
    assert change(world, "ada", "carl.example", "cleo").result == "done"
    row = world.sub("carl.example")
    assert (str(row.plan), row.is_locked, row.description) == ("Ada Basic", True, "Pays in cash")


def test_below_another_provider_it_becomes_custom_and_keeps_its_values(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(limits={"domains": 3, "aliases": 2})
    assert change(world, "admin", "carl.example", "nora").result == "done"
    row = world.sub("carl.example")
    assert (row.plan_id, row.limits) == (None, {"domains": 3, "aliases": 2})
    assert Plan.objects.get(name="Ada Basic").subscriptions_count == 1


@pytest.mark.parametrize("door", ["api", "cli"])
def test_or_it_takes_a_plan_of_the_new_provider(world: HostingWorld, door: str):
    small = world.plan("ben", "Ben Small", limits={"domains": 1, "aliases": 0}, validity_days=10)
    row = world.sub("carl.example")
    params = {"subscriber": "nora", "plan": small.pk}
    assert world.through(door, "admin", CHANGE, row, **params).result == "done"
    row = world.sub("carl.example")
    assert (row.plan, row.limits["domains"], row.limits["aliases"]) == (small, 1, 0)
    assert row.expires_on is not None


@pytest.mark.parametrize("plan", ["Ada Basic", "Basic"])
def test_a_plan_of_anybody_elses_is_an_error_at_the_field(world: HostingWorld, plan: str):
    number = Plan.objects.get(name=plan).pk
    row = world.sub("carl.example")
    answer = world.through("api", "admin", CHANGE, row, subscriber="nora", plan=number)
    assert (answer.result, list(answer.errors)) == ("invalid", ["plan"])
    assert world.sub("carl.example").account == world.carl


@pytest.mark.parametrize("ticked", [False, True])
def test_the_description_goes_to_another_provider_only_if_ticked(world: HostingWorld, ticked: bool):
    Subscription.objects.filter(name="carl.example").update(description="Pays in cash")
    change(world, "admin", "carl.example", "nora", hand_over_description=ticked)
    assert world.sub("carl.example").description == ("Pays in cash" if ticked else "")


def test_a_provider_takes_it_for_itself(world: HostingWorld):
    assert change(world, "ada", "carl.example", "ada").result == "done"
    assert owners(world, "carl.example") == {(world.ada.pk, world.ada.pk)}
    assert str(world.sub("carl.example").plan) == "Ada Basic"
    assert change(world, "admin", "dora.example", "admin").result == "done"
    assert owners(world, "dora.example") == {(world.admin.pk, None)}
    assert str(world.sub("dora.example").plan) == "Basic"


@pytest.mark.parametrize("typed", ["cleo", "CLEO", " cleo ", "Cleo Customer", "cleo customer"])
def test_a_person_types_a_username_or_the_name_that_stands_there(world: HostingWorld, typed: str):
    assert change(world, "ada", "carl.example", typed).result == "done"


@pytest.mark.parametrize("typed", ["nora", "Nora Neighbour", "dora", "ben", "", "nobody", "\x00"])
def test_whom_one_does_not_see_does_not_exist(world: HostingWorld, typed: str):
    found = change(world, "ada", "carl.example", typed)
    assert (found.result, found.code) == ("refused", "invalid")
    assert world.sub("carl.example").account == world.carl


def test_one_that_is_not_meant_for_sure_is_asked_for(world: HostingWorld):
    search.refresh("customer", [world.carl.pk, world.cleo.pk, world.nora.pk, world.dora.pk])
    row = world.sub("carl.example")
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/change-subscriber/")
    page = page.press("Next", subscriber="customer")
    assert page.status == 422
    wanted = "Type the username of one of these: Carl Customer (carl), Cleo Customer (cleo)."
    assert wanted in page.text
    assert "There is no such customer." in page.press("Next", subscriber="neighbour").text


def test_two_of_the_same_name_are_told_apart_by_username(world: HostingWorld):
    second = world.customer("ada", "cleo2")
    Account.objects.filter(pk=second.pk).update(
        contact_name=world.cleo.contact_name, name_key=world.cleo.name_key
    )
    found = change(world, "ada", "carl.example", "Cleo Customer")
    assert found.code == "invalid"
    assert change(world, "ada", "carl.example", "cleo2").result == "done"


def test_twice_changes_nothing(world: HostingWorld):
    change(world, "ada", "carl.example", "cleo")
    assert change(world, "ada", "carl.example", "cleo").result == "unchanged"


def test_a_removed_customer_gets_none(world: HostingWorld):
    world.perform("ada", "customer.remove", world.cleo)
    assert change(world, "ada", "carl.example", "cleo").code == "invalid"


def test_the_limit_of_the_new_reseller_refuses_in_the_order_of_the_list(world: HostingWorld):
    """Limits of the new owner, judged cumulatively; those of the present one are not asked."""
    Account.objects.filter(pk=world.ben.pk).update(limits={**world.ben.limits, "subscriptions": 2})
    rows = [world.sub("carl.example"), world.sub("cleo.example")]
    outcome = world.perform("admin", CHANGE, rows, subscriber="nora")
    assert outcome.counts == {"done": 1, "refused": 1}
    (refused,) = outcome.of("refused")
    words = reasons.render(refused.code, refused.params)
    assert "Subscriptions: the limit of Ben Reseller is 2" in words
    Account.objects.filter(pk=world.ada.pk).update(limits={**world.ada.limits, "subscriptions": 0})
    assert change(world, "ada", "ada.example", "cleo").result == "done"


def test_while_the_administrator_holds_it_nobody_below_changes_it(world: HostingWorld):
    """While an object carries an `administrator` entry, nobody below the administrator changes the
    subscriber of it."""
    world.suspend("admin", "carl.example")
    assert change(world, "ada", "carl.example", "cleo").code == "held"
    assert change(world, "admin", "carl.example", "cleo").result == "done"
    world.activate("admin", "carl.example")
    world.suspend("admin", "cleo")
    assert change(world, "ada", "carl.example", "carl").code == "held"


def test_a_customer_may_not(world: HostingWorld):
    assert change(world, "carl", "carl.example", "cleo").code == "not_allowed"


def test_the_neighbours_is_not_found(world: HostingWorld):
    found = world.finding("ben", CHANGE, world.sub("carl.example"), subscriber="nora")
    assert found.result == "missing"


def test_additional_users_of_the_old_subscriber_lose_it_for_good(world: HostingWorld):
    row, second = world.sub("carl.example"), world.space("carl", "second.example")
    world.add_user("carl", "only", user_role="webmaster", subscription_ids=[row.pk])
    world.add_user("carl", "both", user_role="webmaster", subscription_ids=[row.pk, second.pk])
    change(world, "ada", "carl.example", "cleo")
    assert world.user("only").subscription_ids == []
    assert world.user("both").subscription_ids == [second.pk]
    assert world.client("only").get(f"/subscriptions/{row.pk}/").status_code == 404
    change(world, "ada", "carl.example", "carl")
    assert world.client("only").get(f"/subscriptions/{row.pk}/").status_code == 404


def test_the_log_tells_each_subscriber_its_own_side_and_the_providers_both(world: HostingWorld):
    change(world, "admin", "carl.example", "nora")
    told = {}
    for who in ("carl", "ada", "nora", "ben", "admin"):
        seen = Activity.objects.visible_to(world.actor(who)).filter(action=CHANGE)
        told[who] = " ".join(f"{entry.old} {entry.new}" for entry in seen)
    assert "Carl Customer" in told["carl"]
    assert told["carl"] == told["ada"]
    assert "Nora" not in told["ada"]
    assert "Nora Neighbour" in told["nora"]
    assert told["nora"] == told["ben"]
    assert "Carl" not in told["ben"]
    assert "Carl Customer" in told["admin"]
    assert "Nora Neighbour" in told["admin"]


def test_it_is_found_by_who_sees_it_now(world: HostingWorld):
    change(world, "admin", "carl.example", "nora")
    rows = SearchText.objects.filter(label="carl.example", kind__in=["subscription", "domain"])
    assert set(rows.values_list("reseller_id", flat=True)) == {world.ben.pk}
    assert "carl.example" not in world.client("ada").get("/search/?q=carl.exa").content.decode()


def test_what_the_provider_suspended_is_its_own_switch_when_it_takes_it(world: HostingWorld):
    """A level is a relation: on its own subscriptions a reseller acts at level `customer`."""
    world.suspend("ada", "carl.example", kind="unpaid", message="Invoice 7")
    change(world, "ada", "carl.example", "ada")
    entry = SuspensionEntry.objects.get(subscription=world.sub("carl.example"))
    assert (entry.level, entry.message, entry.by_name) == ("customer", "Invoice 7", "ada")
    assert not world.runs_("carl.example")
    world.activate("ada", "carl.example")
    assert world.runs_("carl.example")


@pytest.mark.parametrize("to", ["dora", "ben", "admin"])
def test_what_the_old_provider_suspended_is_the_administrators_below_it(
    world: HostingWorld, to: str
):
    """`reseller` entries become `administrator` ones where the new provider is that; who, when and
    why stay."""
    world.suspend("ada", "carl.example", message="Invoice 7")
    world.suspend("ada", "carl.example", kind="abuse")
    world.suspend("admin", "carl.example", kind="abuse")
    change(world, "admin", "carl.example", to)
    assert world.entries("carl.example") == {
        ("administrator", "other"),
        ("administrator", "abuse"),
    }
    entry = SuspensionEntry.objects.get(level="administrator", kind="other")
    assert (entry.by_name, entry.message) == ("ada", "Invoice 7")


def test_the_new_reseller_lifts_what_the_old_one_set(world: HostingWorld):
    """`reseller` means the present provider."""
    world.suspend("ada", "carl.example")
    change(world, "admin", "carl.example", "nora")
    assert world.entries("carl.example") == {("reseller", "other")}
    assert world.activate("ben", "carl.example").counts == {"done": 1}


@pytest.mark.parametrize(("to", "who"), [("cleo", "ada"), ("nora", "ben"), ("ada", "ada")])
def test_a_website_that_the_provider_switched_off_is_switched_on_by_the_present_one(
    world: HostingWorld, to: str, who: str
):
    world.perform("ada", "domain.suspend", world.site("carl.example"))
    change(world, "admin", "carl.example", to)
    site = world.site("carl.example")
    if to != who:
        assert world.finding(to, "domain.activate", site).code == "site_off_above"
    assert world.finding(who, "domain.activate", site).result == "done"


@pytest.mark.parametrize("to", ["dora", "ben"])
def test_and_by_the_administrator_where_nobody_is_between(world: HostingWorld, to: str):
    world.perform("ada", "domain.suspend", world.site("carl.example"))
    change(world, "admin", "carl.example", to)
    site = world.site("carl.example")
    assert world.finding(to, "domain.activate", site).code == "site_off_above"
    assert world.finding("admin", "domain.activate", site).result == "done"


def test_a_rehearsal_says_all_of_it_and_changes_nothing(world: HostingWorld):
    operation = operations[CHANGE]
    row = world.sub("carl.example")
    params = {"subscriber": world.nora, "plan": None}
    step = runs.rehearse(operation, world.actor("admin"), [row.pk], params=params)
    told = [str(one.text) for one in operation.foresee(step)]
    assert any("becomes Custom" in text for text in told)
    assert world.sub("carl.example").version == row.version


@pytest.mark.parametrize("door", DOORS)
def test_who_is_no_subscriber_is_an_error_at_the_field(world: HostingWorld, door: str):
    answer = world.through(door, "ada", CHANGE, world.sub("carl.example"), subscriber="nora")
    assert (answer.result, list(answer.errors)) == ("invalid", ["subscriber"])


def test_a_name_in_use_leads_to_change_subscriber(world: HostingWorld):
    """“Add a subscription” for a name that already exists says where it is and offers “Change
    Subscriber”."""
    url = f"/subscriptions/add/?parent={world.cleo.pk}"
    page = Page.open(world.client("ada"), url).press("OK", domain="carl.example")
    assert "carl.example is taken: subscription carl.example of Carl Customer." in page.text
    page = page.follow("Change Subscriber").press("Next", subscriber="cleo").press("OK")
    assert world.sub("carl.example").account == world.cleo

"""Remove, Restore and Purge: shut at once, kept for some days, back exactly or gone for good."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actors import may_log_in
from accounts.models import Account, ApiToken, User
from hosting import daily, purge
from hosting.forms import system_user_taken
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import RetiredSystemUser, Subscription
from hosting.models.suspension import SuspensionEntry
from panel.core import runs, search, setting
from panel.core.log import Activity
from panel.core.operations import operations
from panel.core.search import SearchText
from tests.hosting.world import DOORS, HostingWorld, person, room, why

pytestmark = pytest.mark.django_db


def remove(world: HostingWorld, who: str, *names: str) -> runs.Outcome:
    noun = world.noun(names[0])
    return world.perform(who, f"{noun}.remove", [world.row(name) for name in names])


def restore(world: HostingWorld, who: str, *names: str) -> runs.Outcome:
    noun = world.noun(names[0])
    return world.perform(who, f"{noun}.restore", [world.row(name) for name in names])


def test_removing_shuts_at_once_and_keeps(world: HostingWorld):
    before = world.generation("carl.example")
    assert remove(world, "ada", "carl").counts == {"done": 1}
    row = world.sub("carl.example")
    assert not row.is_open
    assert world.generation("carl.example") > before
    assert not may_log_in(world.user("carl"))
    kept = world.fresh("carl").purge_at - timezone.now()
    assert kept.days in {13, 14}


@pytest.mark.parametrize("door", DOORS)
def test_it_works_by_every_door(world: HostingWorld, door: str):
    assert world.through(door, "ada", "customer.remove", world.carl).result == "done"
    assert world.fresh("carl").is_removed
    assert world.through(door, "ada", "customer.restore", world.carl).result == "done"
    assert not world.fresh("carl").is_removed


def test_removing_twice_finds_nothing(world: HostingWorld):
    remove(world, "ada", "carl")
    assert remove(world, "ada", "carl").counts == {"missing": 1}


def test_it_leaves_the_lists_and_stands_under_the_filter_removed(world: HostingWorld):
    remove(world, "ada", "carl")
    ada = world.actor("ada")
    assert "carl" not in set(
        operations["customer.suspend"].visible(ada).values_list("username", flat=True)
    )
    assert set(operations["customer.restore"].visible(ada).values_list("username", flat=True)) == {
        "carl"
    }
    page = world.client("ada").get("/customers/?status=removed").content.decode()
    assert "Carl Customer" in page
    page = world.client("ada").get("/customers/").content.decode()
    assert "Carl Customer" not in page


def test_it_stops_counting_against_limits_at_once(world: HostingWorld):
    room(world, "ada", customers=2, subscriptions=3)
    assert world.finding("ada", "account.add-customer", world.ada, **person("x1")).code == "limit"
    remove(world, "ada", "carl")
    assert world.finding("ada", "account.add-customer", world.ada, **person("x1")).result == "done"


def test_the_search_forgets_it_and_finds_it_again(world: HostingWorld):
    search.refresh("customer", [world.carl.pk])
    remove(world, "ada", "carl")
    assert not search.matching(world.actor("ada"), "carl").exists()
    restore(world, "ada", "carl")
    assert search.matching(world.actor("ada"), "carl", ["customer"]).exists()


def test_the_list_is_searched_under_the_filter_removed(world: HostingWorld):
    """Its fields find customers and subscriptions in the trash, and there nothing else."""
    world.perform("ada", "customer.remove", world.cleo)
    for which in ("customers", "subscriptions"):
        page = world.client("ada").get(f"/{which}/?q=cleo").content.decode()
        assert "Nothing matches" in page
        page = world.client("ada").get(f"/{which}/?q=cleo&status=removed").content.decode()
        assert "Cleo Customer" in page
        assert "Restore" in page
        page = world.client("ada").get(f"/{which}/?q=carl&status=removed").content.decode()
        assert "Nothing matches" in page
        page = world.client("ben").get(f"/{which}/?q=cleo&status=removed").content.decode()
        assert "Cleo Customer" not in page


def test_restoring_brings_back_exactly(world: HostingWorld):
    world.space("carl", "shop.example")
    world.space("carl", "gone.example")
    remove(world, "ada", "gone.example")
    world.suspend("ada", "shop.example", kind="unpaid")
    world.perform("carl", "domain.disable", world.site("carl.example"))
    remove(world, "ada", "carl")
    assert restore(world, "ada", "carl").counts == {"done": 1}
    assert world.runs_("carl.example")
    assert world.sub("carl.example").is_open
    assert world.site("carl.example").site_state == "disabled"
    assert world.entries("shop.example") == {("reseller", "unpaid")}
    assert not world.runs_("shop.example")
    assert world.sub("gone.example").removing_at is not None
    assert may_log_in(world.user("carl"))


def test_what_expired_meanwhile_comes_back_expired(world: HostingWorld):
    remove(world, "ada", "carl")
    Subscription.objects.filter(name="carl.example").update(expires_on="2020-01-01")
    restore(world, "ada", "carl")
    assert world.entries("carl.example") == {("expired", "other")}
    assert not world.runs_("carl.example")


def test_what_was_suspended_above_meanwhile_comes_back_shut(world: HostingWorld):
    remove(world, "ada", "carl")
    world.suspend("admin", "ada")
    restore(world, "admin", "carl")
    assert not world.runs_("carl.example")


def test_restoring_counts_against_limits(world: HostingWorld):
    remove(world, "ada", "carl")
    room(world, "ada", customers=1, subscriptions=9)
    outcome = restore(world, "ada", "carl")
    assert outcome.findings[0].code == "limit"
    room(world, "ada", customers=9, subscriptions=2)
    assert "Subscriptions: the limit of Ada Reseller is 2" in why(restore(world, "ada", "carl"))


def test_restoring_counts_only_what_comes_back(world: HostingWorld):
    world.space("carl", "gone.example")
    remove(world, "ada", "gone.example")
    remove(world, "ada", "carl")
    room(world, "ada", customers=2, subscriptions=3)
    assert restore(world, "ada", "carl").counts == {"done": 1}


def test_restoring_many_grants_in_order_and_refuses_the_rest(world: HostingWorld):
    remove(world, "ada", "carl", "cleo")
    room(world, "ada", customers=1, subscriptions=9)
    outcome = restore(world, "ada", "carl", "cleo")
    assert [finding.result for finding in outcome.findings] == ["done", "refused"]


def test_names_and_usernames_stay_taken_meanwhile(world: HostingWorld):
    remove(world, "ada", "carl")
    found = world.finding("ada", "account.add-customer", world.ada, **person("carl"))
    assert (found.result, found.code) == ("refused", "invalid")
    params = {"domain": "carl.example"}
    outcome = world.perform("ada", "account.add-subscription", world.cleo, **params)
    assert why(outcome) == (
        "carl.example is taken: it belongs to carl.example of Carl Customer, which was removed."
        " Restore that from the list filter Removed, or wait until it is purged."
    )


def test_a_neighbour_is_not_told_whose_the_name_in_the_trash_is(world: HostingWorld):
    remove(world, "ada", "carl")
    outcome = world.perform("ben", "account.add-subscription", world.nora, domain="carl.example")
    assert why(outcome) == "carl.example is taken."


def test_a_customer_is_told_to_ask_its_provider_about_its_own_trash(world: HostingWorld):
    world.space("carl", "gone.example")
    remove(world, "ada", "gone.example")
    site = world.site("carl.example")
    outcome = world.perform("carl", "domain.add-alias", site, name="gone.example")
    assert why(outcome) == (
        "gone.example is taken: it belongs to gone.example, which was removed. Your provider can"
        " restore it."
    )


def test_purging_takes_everything_and_leaves_neighbours(world: HostingWorld):
    world.alias("carl.example", "carl-alias.example")
    world.domain("carl.example", "shop.example")
    helper = world.add_user("carl", "carl.helper")
    ApiToken.make(helper, "t", ["read"])
    world.suspend("ada", "carl")
    world.suspend("ada", "carl.example")
    pk, sub = world.carl.pk, world.sub("carl.example").pk
    remove(world, "ada", "carl")
    assert world.perform("admin", "customer.purge", world.carl).counts == {"done": 1}
    for model in (Subscription, Domain, Alias, Name, User):
        assert not model.objects.filter(account_id=pk).exists(), model
    assert not Account.objects.filter(pk=pk).exists()
    assert not ApiToken.objects.exists()
    assert not SuspensionEntry.objects.exists()
    assert not SearchText.objects.filter(account_id=pk).exists()
    assert Deployment.objects.get(subscription_id=sub).is_present is False
    assert world.runs_("cleo.example")
    assert {row.name for row in Subscription.objects.all()} == {
        "cleo.example",
        "ada.example",
        "nora.example",
        "dora.example",
    }
    del world.accounts["carl"]


def test_purged_names_are_free_and_system_users_rest_ninety_days(world: HostingWorld):
    remove(world, "ada", "carl.example")
    world.perform("admin", "subscription.purge", world.sub("carl.example"))
    assert system_user_taken("carl")
    made = world.space("cleo", "carl.example")
    assert made.system_user == "carl2"
    RetiredSystemUser.objects.update(retired_at=timezone.now() - timedelta(days=91))
    assert not system_user_taken("carl")
    purge.forget_system_users()
    assert not RetiredSystemUser.objects.exists()


def test_a_name_that_is_given_back_again_rests_from_the_last_time(world: HostingWorld):
    RetiredSystemUser.objects.create(name="carl", retired_at=timezone.now() - timedelta(days=95))
    remove(world, "ada", "carl.example")
    world.perform("admin", "subscription.purge", world.sub("carl.example"))
    assert system_user_taken("carl")


def test_a_customer_whose_site_has_subdomains_is_purged_with_all_of_them(world: HostingWorld):
    world.subdomain("carl.example", "blog")
    world.subdomain("nora.example", "blog")
    world.alias("carl.example", "carl-too.example")
    assert world.perform("admin", "customer.remove", world.carl).counts == {"done": 1}
    assert world.perform("admin", "customer.purge", world.carl).counts == {"done": 1}
    left = Domain.objects.filter(ascii__contains="example").values_list("ascii", flat=True)
    assert not [name for name in left if "carl" in name]
    assert "blog.nora.example" in left


def test_the_clock_purges_when_the_time_is_up(world: HostingWorld):
    remove(world, "ada", "carl")
    daily.purge()
    assert Account.objects.filter(username="carl").exists()
    past = timezone.now() - timedelta(minutes=1)
    Account.objects.filter(username="carl").update(purge_at=past)
    Subscription.objects.filter(name="carl.example").update(purge_at=past)
    daily.purge()
    assert not Account.objects.filter(username="carl").exists()
    assert not Subscription.objects.filter(name="carl.example").exists()
    assert Activity.objects.filter(action="customer.purge", target_label="Carl Customer").exists()


def test_only_the_administrator_purges_now(world: HostingWorld):
    remove(world, "ada", "carl")
    assert world.finding("ada", "customer.purge", world.carl).code == "not_allowed"
    assert Account.objects.filter(username="carl").exists()


def test_what_is_present_is_not_purged(world: HostingWorld):
    assert world.finding("admin", "customer.purge", world.carl).result == "missing"


def test_kept_for_no_day_it_is_gone_at_once(world: HostingWorld):
    setting.store(keep_removed_days=0)
    assert remove(world, "ada", "carl").counts == {"done": 1}
    assert not Account.objects.filter(username="carl").exists()
    assert not Name.objects.filter(ascii="carl.example").exists()
    assert remove(world, "ada", "cleo.example").counts == {"done": 1}
    assert not Subscription.objects.filter(name="cleo.example").exists()
    said = operations["customer.remove"].consequences(
        world.actor("ada"), Account.objects.filter(username="cleo")
    )
    assert str(said[-1].text) == "Everything is removed for good at once."


def test_the_page_says_what_goes_counted(world: HostingWorld):
    world.add_user("carl", "carl.helper")
    world.alias("carl.example", "carl-alias.example")
    said = operations["customer.remove"].consequences(
        world.actor("ada"), Account.objects.filter(username="carl")
    )
    assert said[0].items == [
        "1 additional user",
        "1 subscription",
        "1 domain with its files",
        "1 alias",
    ]
    assert "kept for 14 days" in str(said[1].text)


def test_above_ten_objects_one_types_the_number(world: HostingWorld):
    for number in range(4):
        world.alias("carl.example", f"a{number}.example")
    client = world.client("ada")
    url = f"/customers/{world.carl.pk}/remove/"
    assert (
        operations["customer.remove"].number_to_type(
            world.actor("ada"), Account.objects.filter(username="carl"), 1
        )
        is None
    )
    for number in range(4, 9):
        world.domain("carl.example", f"d{number}.example") if number < 8 else world.alias(
            "carl.example", "a8.example"
        )
    # The customer, its subscription, five domains, five aliases.
    client.post(url, {"confirmed": "1"})
    assert not world.fresh("carl").is_removed
    client.post(url, {"confirmed": "1", "typed_number": "11"})
    assert not world.fresh("carl").is_removed
    client.post(url, {"confirmed": "1", "typed_number": "12"})
    assert world.fresh("carl").is_removed


@pytest.mark.parametrize("on", ["carl", "carl.example"])
def test_an_administrators_entry_blocks_removal_and_restoring_below(world: HostingWorld, on: str):
    world.suspend("admin", on)
    assert remove(world, "ada", "carl").findings[0].code == "held"
    assert remove(world, "ada", "carl.example").findings[0].code == "held"
    assert remove(world, "ada", "cleo").counts == {"done": 1}
    assert remove(world, "admin", "carl").counts == {"done": 1}
    assert restore(world, "ada", "carl").findings[0].code == "held"
    assert restore(world, "admin", "carl").counts == {"done": 1}


def test_an_administrators_entry_blocks_removal_of_what_is_in_it(world: HostingWorld):
    site, alias = (
        world.domain("carl.example", "shop.example"),
        world.alias("carl.example", "al.example"),
    )
    world.suspend("admin", "carl.example")
    for who in ("ada", "carl"):
        for operation, row in (("domain.remove", site), ("alias.remove", alias)):
            assert world.finding(who, operation, row).result == "refused", (who, operation)
    assert world.finding("admin", "alias.remove", alias).result == "done"


def test_a_resellers_entry_blocks_nothing(world: HostingWorld):
    world.suspend("ada", "carl")
    assert remove(world, "ada", "carl").counts == {"done": 1}


def test_the_neighbour_cannot_see_it(world: HostingWorld):
    assert remove(world, "ben", "carl").counts == {"missing": 1}
    remove(world, "ada", "carl")
    assert restore(world, "ben", "carl").counts == {"missing": 1}


def test_a_customer_removes_nothing_of_the_kind(world: HostingWorld):
    assert world.finding("carl", "customer.remove", world.carl).code == "not_allowed"
    assert world.finding("carl", "subscription.remove", world.sub("carl.example")).code == (
        "not_allowed"
    )


def test_a_subscription_does_not_come_back_below_a_removed_customer(world: HostingWorld):
    remove(world, "ada", "carl")
    outcome = restore(world, "ada", "carl.example")
    assert why(outcome) == "Carl Customer, to which it belongs, was removed: restore that first."


def test_a_plan_that_went_meanwhile_leaves_it_custom(world: HostingWorld):
    remove(world, "ada", "carl")
    world.perform("ada", "plan.remove", Plan.objects.get(name="Ada Basic"))
    restore(world, "ada", "carl")
    row = world.sub("carl.example")
    assert (row.plan_id, row.limits["domains"]) == (None, 5)


def test_removal_ends_sessions_for_good(world: HostingWorld):
    client = world.client("carl")
    assert client.get("/").status_code == 200
    remove(world, "ada", "carl")
    restore(world, "ada", "carl")
    assert client.get("/").status_code == 302

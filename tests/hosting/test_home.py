"""Home of providers: what needs attention, figures with their past, states, limits; and samples."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from hosting import conditions, daily, example_history, purge, samples, totals
from hosting.models.samples import Sample
from hosting.models.subscriptions import Subscription
from hosting.views import home_figures
from tests.hosting.world import HostingWorld, person


def page(world: HostingWorld, who: str, query: str = "") -> tuple[dict[str, Any], str]:
    """What Home was given, and its text."""
    answer = world.client(who).get(f"/{query}")
    assert answer.status_code == 200
    return answer.context["page"], answer.content.decode()


def cards(shown: dict[str, Any]) -> dict[str, str]:
    return {str(card["label"]): card["value"] for card in shown["figures"]["cards"]}


def past(world: HostingWorld, who: str, days: int, **figures: int) -> None:
    account = world.accounts[who]
    day = conditions.today() - timedelta(days=days)
    samples.write(day, [(account.pk, account.reseller_id, figures)])


def test_a_sample_counts_everything_below_each_provider(world: HostingWorld):
    world.alias("carl.example", "carl-alias.example")
    world.domain("carl.example", "shop.example")
    assert samples.take() == 3
    found = {row.account.username: row.figures for row in Sample.objects.all()}
    assert found["admin"] == {
        "customers": 4,
        "resellers": 2,
        "subscriptions": 5,
        "domains": 6,
        "aliases": 1,
    } | dict.fromkeys(found["admin"].keys() - KNOWN, 0)
    assert found["ada"].items() >= {"customers": 2, "subscriptions": 3, "domains": 4}.items()
    assert found["ben"].items() >= {"customers": 1, "subscriptions": 1, "domains": 1}.items()


# What hosting itself counts; services add their own.
KNOWN = {"customers", "resellers", "subscriptions", "domains", "aliases"}


def test_it_is_taken_once_a_day_by_the_daily_run(world: HostingWorld):
    job = next(job for job in daily.JOBS if job.name == "sample")
    job.do()
    job.do()
    assert Sample.objects.count() == 3
    assert samples.take(conditions.today() + timedelta(days=1)) == 3


def test_what_was_removed_is_not_counted(world: HostingWorld):
    world.perform("ada", "customer.remove", world.carl)
    samples.take()
    figures = Sample.objects.get(account=world.fresh("admin")).figures
    assert (figures["customers"], figures["subscriptions"]) == (3, 4)


def test_samples_cost_the_same_for_many_resellers(world: HostingWorld):
    with CaptureQueriesContext(connection) as few:
        samples.take(conditions.today())
    for number in range(5):
        made = person(f"more{number}")
        assert world.through("api", "admin", "account.add-reseller", world.admin, **made)
    with CaptureQueriesContext(connection) as many:
        assert samples.take(conditions.today() + timedelta(days=1)) == 8
    assert len(many) == len(few)


def test_old_samples_go(world: HostingWorld):
    past(world, "admin", 900, customers=1)
    past(world, "admin", 700, customers=1)
    samples.take()
    days = [(conditions.today() - row.day).days for row in Sample.objects.order_by("day")]
    assert days == [700, 0, 0, 0]


def test_a_purged_reseller_takes_its_samples_along(world: HostingWorld):
    samples.take()
    for name in ("nora", "ben"):
        world.perform("admin", f"{world.noun(name)}.remove", world.fresh(name))
    purge.accounts([world.nora.pk, world.ben.pk])
    assert not Account.objects.filter(username="ben").exists()
    assert set(Sample.objects.values_list("account__username", flat=True)) == {"admin", "ada"}


def test_home_shows_numbers_with_what_became_of_them(world: HostingWorld):
    past(world, "admin", 30, customers=1, subscriptions=9, domains=5, resellers=2)
    samples.take()
    shown, text = page(world, "admin")
    assert cards(shown) == {
        "Customers": "4",
        "Resellers": "2",
        "Subscriptions": "5",
        "Domains": "5",
    }
    changes = {str(card["label"]): card["change"] for card in shown["figures"]["cards"]}
    assert changes == {
        "Customers": "+3 in 30 days",
        "Resellers": "±0 in 30 days",
        "Subscriptions": "−4 in 30 days",
        "Domains": "±0 in 30 days",
    }
    assert text.count('role="img"') == 4 + 2
    assert "The figures as a table" in text


def test_the_last_point_is_what_is_counted_now(world: HostingWorld):
    past(world, "admin", 1, customers=4)
    samples.take()
    world.customer("ada", "late")
    shown, text = page(world, "admin")
    assert cards(shown)["Customers"] == "5"
    assert "From 4 on" in text
    assert " to 5 on" in text


def test_the_period_is_chosen_and_nonsense_is_the_usual_one(world: HostingWorld):
    past(world, "admin", 200, customers=1)
    past(world, "admin", 60, customers=2)
    past(world, "admin", 20, customers=3)
    samples.take()

    def first(query: str) -> str:
        shown, _text = page(world, "admin", query)
        return shown["figures"]["cards"][0]["change"]

    assert first("?days=30") == "+1 in 20 days"
    assert first("?days=90") == first("") == first("?days=nonsense") == "+2 in 60 days"
    assert first("?days=365") == "+3 in 200 days"


def test_before_the_second_sample_it_says_that_plots_begin_then(world: HostingWorld):
    samples.take()
    shown, text = page(world, "admin")
    assert shown["figures"]["begins"]
    assert "the plots begin with the second one" in text
    assert "The figures as a table" not in text


def test_a_reseller_sees_its_own_and_nothing_of_the_neighbours(world: HostingWorld):
    past(world, "ben", 10, customers=777, subscriptions=777, domains=777)
    past(world, "admin", 10, customers=888, subscriptions=888, domains=888)
    past(world, "ada", 10, customers=1, subscriptions=1, domains=1)
    samples.take()
    shown, text = page(world, "ada")
    assert cards(shown) == {"Customers": "2", "Subscriptions": "3", "Domains": "3"}
    assert "777" not in text
    assert "888" not in text
    assert "+1 in 10 days" in text


def test_who_was_given_some_subscriptions_is_not_told_the_sum_of_all(world: HostingWorld):
    past(world, "ada", 10, customers=55, subscriptions=55, domains=55)
    samples.take()
    ids = [world.sub("ada.example").pk]
    world.add_user("ada", "helper", user_role="webmaster", subscription_ids=ids)
    shown, text = page(world, "helper")
    assert cards(shown)["Subscriptions"] == "1"
    assert "55" not in text
    assert shown["limits"] == []
    assert "over time" not in text


def test_a_big_installation_shows_this_mornings_number(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    samples.take()
    past(world, "admin", 1, customers=3, subscriptions=4, domains=4, resellers=2)
    monkeypatch.setattr(home_figures, "EXACT", 3)
    world.customer("ada", "late")
    shown, _text = page(world, "admin")
    assert cards(shown)["Customers"] == "4"
    assert cards(shown)["Resellers"] == "2"
    Sample.objects.all().delete()
    shown, _text = page(world, "admin")
    assert cards(shown)["Customers"] == "more than 10,000"


def test_what_is_active_and_suspended_leads_to_the_lists(world: HostingWorld):
    world.suspend("ada", "carl")
    shown, _text = page(world, "ada")
    told = {
        (str(state["label"]), str(part["label"])): (part["value"], part["url"])
        for state in shown["states"]
        for part in state["legend"]
    }
    assert told == {
        ("Customers", "Active"): ("1", "/customers/?status=active"),
        ("Customers", "Suspended"): ("1", "/customers/?status=suspended"),
        ("Subscriptions", "Active"): ("2", "/subscriptions/?status=active"),
        ("Subscriptions", "Suspended"): ("1", "/subscriptions/?status=suspended"),
    }
    client = world.client("ada")
    for _value, url in told.values():
        assert client.get(url).status_code == 200


def test_a_resellers_usage_stands_against_its_limits_the_fullest_first(world: HostingWorld):
    Account.objects.filter(pk=world.ada.pk).update(
        limits={"customers": 1, "subscriptions": 30, "domains": None, "aliases": 10}
    )
    totals.judge([world.ada.pk])
    shown, text = page(world, "ada")
    told = [(str(row["label"]), row["text"], row["is_over"]) for row in shown["limits"]]
    assert told[:3] == [
        ("Customers", "2 of 1", True),
        ("Subscriptions", "3 of 30", False),
        ("Domain aliases", "0 of 10", False),
    ]
    assert ("Domains", "3 of unlimited", False) in told
    assert "Your limits" in text
    assert "Your limits" not in page(world, "admin")[1]


def test_what_needs_attention_comes_first_and_is_counted(world: HostingWorld):
    world.perform("ada", "subscription.suspend", world.sub("ada.example"))
    Subscription.objects.filter(name="carl.example").update(is_unsynced=True)
    Subscription.objects.filter(name="cleo.example").update(is_failed=True)
    Subscription.objects.filter(name="nora.example").update(is_failed=True)
    shown, text = page(world, "ada")
    assert [(one["url"], one["count"]) for one in shown["attention"]] == [
        ("/subscriptions/?status=failed", "1"),
        ("/subscriptions/?status=unsynchronised", "1"),
    ]
    assert text.index("Needs attention") < text.index("Over time") < text.index("Latest activity")
    assert world.client("ada").get("/subscriptions/?status=unsynchronised").status_code == 200
    Subscription.objects.update(is_failed=False, is_unsynced=False)
    assert "Nothing needs attention" in page(world, "ada")[1]


def test_the_administrator_sees_which_resellers_are_over_their_limits(world: HostingWorld):
    Account.objects.filter(pk=world.ada.pk).update(limits={"customers": 1})
    totals.judge([world.ada.pk])
    shown, text = page(world, "admin")
    assert [(one["url"], one["count"]) for one in shown["attention"]] == [
        ("/resellers/?status=overused", "1")
    ]
    assert "reseller is over its limits" in text
    listed = world.client("admin").get("/resellers/?status=overused").content.decode()
    assert "Ada Reseller" in listed
    assert "Ben Reseller" not in listed
    # Its own limits stand on its own Home; what others are over is not for it.
    assert not page(world, "ada")[0]["attention"]


def test_home_asks_as_often_whatever_there_is(world: HostingWorld):
    def asked() -> int:
        client = world.client("admin")
        client.get("/")
        with CaptureQueriesContext(connection) as found:
            client.get("/?days=365")
        return len(found)

    samples.take()
    few = asked()
    example_history.write()
    assert Sample.objects.count() > 1000
    assert asked() == few


def test_a_years_home_is_light(world: HostingWorld):
    example_history.write()
    assert len(page(world, "admin", "?days=365")[1]) < 40_000


def test_the_examples_past_leads_to_today(world: HostingWorld):
    example_history.write(days=30)
    rows = Sample.objects.filter(account=world.fresh("admin")).order_by("day")
    assert len(rows) == 30
    assert rows.last().figures["customers"] == 4
    assert all(row.figures["customers"] <= 5 for row in rows)

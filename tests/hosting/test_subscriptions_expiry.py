"""Expiry is a condition: judged at once, lifted at once, and by the daily run."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from hosting import conditions, daily
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from panel.core.access import OwnedQuerySet
from panel.core.log import Activity
from panel.core.mail import Message
from tests.hosting.world import DOORS, HostingWorld
from tests.pages import Page

pytestmark = pytest.mark.django_db


def expire(world: HostingWorld, who: str, name: str, day: date | str) -> str:
    row = world.sub(name)
    return str(world.finding(who, "subscription.set-expiry", row, expires_on=str(day)).result)


def yesterday() -> date:
    return conditions.today() - timedelta(days=1)


@pytest.mark.parametrize("door", DOORS)
def test_a_date_in_the_past_shuts_at_once(world: HostingWorld, door: str):
    row = world.sub("carl.example")
    answer = world.through(door, "ada", "subscription.set-expiry", row, expires_on=str(yesterday()))
    assert answer.result == "done"
    row = world.sub("carl.example")
    assert (row.is_expired, row.is_suspended, row.is_overuse_only) == (True, True, False)
    assert world.entries("carl.example") == {("expired", "other")}


def test_another_date_opens_at_once(world: HostingWorld):
    for later in (conditions.today(), ""):
        expire(world, "ada", "carl.example", yesterday())
        assert expire(world, "ada", "carl.example", later) == "done"
        assert world.runs_("carl.example")
        assert not world.sub("carl.example").is_expired


def test_it_holds_through_the_end_of_that_day(world: HostingWorld):
    assert expire(world, "ada", "carl.example", conditions.today()) == "done"
    assert world.runs_("carl.example")


def test_the_day_is_the_installations(world: HostingWorld, settings, monkeypatch):
    settings.TIME_ZONE = "Pacific/Auckland"
    noon = datetime(2030, 6, 1, 12, 30, tzinfo=ZoneInfo("UTC"))
    monkeypatch.setattr(timezone, "now", lambda: noon)
    assert conditions.today() == date(2030, 6, 2)


def test_the_same_date_changes_nothing(world: HostingWorld):
    day = conditions.today() + timedelta(days=9)
    expire(world, "ada", "carl.example", day)
    assert expire(world, "ada", "carl.example", day) == "unchanged"


def test_activate_does_not_lift_it_but_leads_to_set_expiry(world: HostingWorld):
    expire(world, "ada", "carl.example", yesterday())
    assert world.activate("admin", "carl.example").findings[0].code == "expired_needs_date"
    world.suspend("ada", "carl.example")
    (note,) = world.activate("ada", "carl.example").notes
    assert note["code"] == "remain_expired"


def test_a_suspension_beside_it_stays(world: HostingWorld):
    world.suspend("ada", "carl.example")
    expire(world, "ada", "carl.example", yesterday())
    expire(world, "ada", "carl.example", "")
    assert world.entries("carl.example") == {("reseller", "other")}
    assert not world.runs_("carl.example")


def test_nobody_sets_it_for_an_own_subscription(world: HostingWorld):
    assert expire(world, "ada", "ada.example", "2031-01-01") == "refused"
    assert expire(world, "carl", "carl.example", "2031-01-01") == "refused"
    assert expire(world, "admin", "ada.example", "2031-01-01") == "done"
    # So no button says that one could.
    for who, offered in (("ada", False), ("admin", True)):
        page = Page.open(world.client(who), f"/subscriptions/{world.sub('ada.example').pk}/")
        assert page.has("Set expiry") is offered


def test_nobody_prolongs_an_own_subscription_through_another_plan(world: HostingWorld):
    day = conditions.today() + timedelta(days=5)
    expire(world, "admin", "ada.example", day)
    for validity in (None, 400):
        Plan.objects.filter(name="Ada Basic").update(validity_days=validity)
        Subscription.objects.filter(name="ada.example").update(plan=None)
        plan = str(Plan.objects.get(name="Ada Basic").pk)
        row = world.sub("ada.example")
        assert world.finding("ada", "subscription.change-plan", row, plan=plan).result == "done"
        assert world.sub("ada.example").expires_on == day
    world.perform("admin", "subscription.change-plan", world.sub("ada.example"), plan="")


def test_giving_an_own_subscription_away_and_back_prolongs_nothing(world: HostingWorld):
    """Expiry is set from above, never by the subscriber nor by a reseller for its own."""
    day = conditions.today() + timedelta(days=5)
    expire(world, "admin", "ada.example", day)
    give, change = "subscription.change-subscriber", "subscription.change-plan"
    world.perform("ada", give, world.sub("ada.example"), subscriber="carl")
    assert expire(world, "ada", "ada.example", "") == "refused"
    for plan in ("Ada Basic", ""):
        chosen = str(Plan.objects.get(name=plan).pk) if plan else ""
        world.perform("ada", change, world.sub("ada.example"), plan=chosen)
    world.perform("ada", give, world.sub("ada.example"), subscriber="ada")
    assert world.sub("ada.example").expires_on == day
    # A customer's own expiry is its provider's; so is this one once the administrator has set it.
    assert expire(world, "ada", "carl.example", day) == "done"
    world.perform("ada", give, world.sub("ada.example"), subscriber="carl")
    assert expire(world, "admin", "ada.example", day + timedelta(days=1)) == "done"
    assert expire(world, "ada", "ada.example", "") == "done"


def test_a_plan_gives_its_validity_when_it_is_taken(world: HostingWorld):
    Plan.objects.filter(name="Ada Basic").update(validity_days=30)
    plan = str(Plan.objects.get(name="Ada Basic").pk)
    params = {"domain": "new.example", "plan": plan}
    world.perform("ada", "account.add-subscription", world.carl, **params)
    assert world.sub("new.example").expires_on == conditions.today() + timedelta(days=30)
    assert world.sub("carl.example").expires_on is None


def test_a_change_of_plan_gives_the_validity_of_the_new_one(world: HostingWorld):
    long = world.plan("ada", "Long", validity_days=400)
    expire(world, "ada", "carl.example", conditions.today() + timedelta(days=5))
    row = world.sub("carl.example")
    found = world.finding("ada", "subscription.change-plan", row, plan=str(long.pk))
    assert found.result == "done"
    assert world.sub("carl.example").expires_on == conditions.today() + timedelta(days=400)
    # What is expired runs again at once, with the new period.
    expire(world, "ada", "carl.example", yesterday())
    basic = str(Plan.objects.get(name="Ada Basic").pk)
    world.perform("ada", "subscription.change-plan", world.sub("carl.example"), plan=basic)
    expire(world, "ada", "carl.example", yesterday())
    world.perform("ada", "subscription.change-plan", world.sub("carl.example"), plan=str(long.pk))
    assert world.runs_("carl.example")
    assert world.sub("cleo.example").expires_on is None


def test_the_neighbour_goes_on(world: HostingWorld):
    assert expire(world, "ben", "carl.example", yesterday()) == "missing"
    expire(world, "ada", "carl.example", yesterday())
    assert world.runs_("cleo.example")


def overdue(*names: str) -> None:
    Subscription.objects.filter(name__in=names).update(expires_on=yesterday())


def test_the_daily_run_suspends_what_has_expired(world: HostingWorld):
    overdue("carl.example", "nora.example")
    daily.expire()
    assert not world.runs_("carl.example")
    assert not world.runs_("nora.example")
    assert world.runs_("cleo.example")
    assert Activity.objects.filter(action="subscription.expire").count() == 2


def test_the_daily_run_stops_where_it_would_suspend_too_many(world: HostingWorld, monkeypatch):
    monkeypatch.setattr(conditions, "brake", lambda: 1)
    overdue("carl.example", "nora.example")
    daily.expire()
    assert world.runs_("carl.example")
    assert Message.objects.count() == 1


def test_the_brake_is_ten_or_five_percent(world: HostingWorld):
    assert conditions.brake() == 10


def test_above_two_hundred_the_brake_is_five_percent(monkeypatch):
    monkeypatch.setattr(OwnedQuerySet, "count", lambda rows: 400)
    assert conditions.brake() == 20


def test_a_daily_run_that_stops_tells_the_administrator_and_waits(world: HostingWorld, monkeypatch):
    """The next one stops as well, until somebody has looked."""
    monkeypatch.setattr(conditions, "brake", lambda: 1)
    overdue("carl.example", "nora.example")
    daily.expire()
    (told,) = Message.objects.all()
    assert told.to == world.fresh("admin").email
    assert "2" in told.subject
    daily.expire()
    assert world.runs_("carl.example")
    monkeypatch.setattr(conditions, "brake", lambda: 2)
    daily.expire()
    assert not world.runs_("carl.example")

"""Recalculate, and the daily run that judges all usage: what shuts, what opens, what stops it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from hosting import conditions, daily
from hosting.models.plans import OverusePolicy
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from panel.core.mail import Message
from tests.hosting.disk import fill
from tests.hosting.world import DOORS, HostingWorld, noted
from tests.pages import Page

pytestmark = pytest.mark.django_db
RECALCULATE = "subscription.recalculate"
FORBIDDEN = OverusePolicy.FORBIDDEN


@pytest.mark.parametrize("door", DOORS)
def test_the_subscriber_frees_space_and_runs_at_once_by_every_door(
    world: HostingWorld, disk: dict, door: str
):
    """With `overuse` as the only cause “Recalculate” measures and lifts at once."""
    fill(world, "carl.example", 11, 10, FORBIDDEN)
    row = world.sub("carl.example")
    assert row.is_overuse_only
    disk[row.pk] = 9
    assert world.through(door, "carl", RECALCULATE, row).result == "done"
    row = world.sub("carl.example")
    assert (row.is_suspended, row.is_overused, row.usage["disk"]) == (False, False, 9)


def test_who_still_uses_too_much_is_told_of_what(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 30, 10, FORBIDDEN)
    disk[world.sub("carl.example").pk] = 20
    outcome = world.perform("carl", RECALCULATE, world.sub("carl.example"))
    assert outcome.counts == {"done": 1}
    assert noted(outcome) == {
        "still_overused": "carl.example: still more than allowed (Disk space 20 B of 10 B).",
        "measured_soon": (
            "carl.example: being measured anew. What was freed counts as soon as the server has"
            " answered."
        ),
    }
    assert not world.runs_("carl.example")


def test_twice_changes_nothing(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, FORBIDDEN)
    outcome = world.perform("carl", RECALCULATE, world.sub("carl.example"))
    assert outcome.counts == {"unchanged": 1}


def test_another_suspension_beside_it_stays(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, FORBIDDEN)
    world.suspend("ada", "carl.example")
    disk[world.sub("carl.example").pk] = 1
    outcome = world.perform("carl", RECALCULATE, world.sub("carl.example"))
    assert "runs_again" not in noted(outcome)
    assert world.entries("carl.example") == {("reseller", "other")}
    assert not world.runs_("carl.example")


def test_unknown_usage_changes_nothing(world: HostingWorld, disk: dict):
    fill(world, "carl.example", 11, 10, FORBIDDEN)
    disk.clear()
    assert world.finding("carl", RECALCULATE, world.sub("carl.example")).result == "unchanged"
    assert not world.runs_("carl.example")


def test_the_neighbours_is_not_found(world: HostingWorld):
    for who in ("cleo", "ben", "nora"):
        assert world.finding(who, RECALCULATE, world.sub("carl.example")).result == "missing"


def test_a_subscriber_that_is_shut_for_overuse_only_logs_in_and_reduces(
    world: HostingWorld, disk: dict
):
    """The panel stays open to reduce; under any other suspension it is read-only."""
    site = world.domain("carl.example", "more.example")
    fill(world, "carl.example", 11, 10, FORBIDDEN)
    client = world.client("carl")
    page = Page.open(client, f"/subscriptions/{world.sub('carl.example').pk}/")
    assert "More is used than allowed: Disk space." in page.text
    assert page.has("Recalculate")
    assert world.finding("carl", "domain.remove", site).result == "done"
    disk[world.sub("carl.example").pk] = 5
    page = page.press("Recalculate")
    assert "carl.example: no longer over its limits, and active again." in page.text
    assert not page.has("Recalculate")
    site = world.domain("carl.example", "again.example")
    world.suspend("ada", "carl.example")
    assert world.finding("carl", "domain.remove", site).code == "read_only"


def test_no_button_where_nothing_is_over(world: HostingWorld):
    page = Page.open(world.client("carl"), f"/subscriptions/{world.sub('carl.example').pk}/")
    assert not page.has("Recalculate")


# The daily run.


def used(world: HostingWorld, disk: dict, name: str, figure: int) -> None:
    """A figure that nobody judged yet."""
    fill(world, name, 1, 10, FORBIDDEN)
    disk[world.sub(name).pk] = figure


def test_the_daily_run_shuts_and_opens(world: HostingWorld, disk: dict):
    used(world, disk, "carl.example", 11)
    fill(world, "nora.example", 11, 10, FORBIDDEN)
    disk[world.sub("nora.example").pk] = 9
    daily.recalculate()
    assert not world.runs_("carl.example")
    assert world.runs_("nora.example")
    assert world.runs_("cleo.example")
    entry = Activity.objects.get(action="subscription.overuse")
    assert entry.target_label == "carl.example"
    page = Page.open(
        world.client("ada"), f"/subscriptions/{world.sub('carl.example').pk}/activity/"
    )
    assert "Suspended for overuse" in page.text


def test_it_runs_once_a_day(world: HostingWorld, disk: dict):
    daily.recalculate()
    used(world, disk, "carl.example", 11)
    daily.recalculate()
    assert world.runs_("carl.example")
    cache.clear()
    daily.recalculate()
    assert not world.runs_("carl.example")


def test_it_stops_where_it_would_suspend_too_many(world: HostingWorld, disk: dict, monkeypatch):
    """A daily run that would suspend more than max(10, 5 %) stops, tells and waits."""
    monkeypatch.setattr(conditions, "brake", lambda: 1)
    for name in ("carl.example", "nora.example"):
        used(world, disk, name, 11)
    daily.recalculate()
    assert world.runs_("carl.example")
    assert "2 subscriptions would be suspended for overuse" in Message.objects.get().subject


def overdue(name: str) -> None:
    day = conditions.today() - timedelta(days=1)
    Subscription.objects.filter(name=name).update(expires_on=day)


@pytest.mark.parametrize("seconds", [-90_000, 90_000])
def test_nothing_expires_by_a_clock_that_jumped_a_day(
    world: HostingWorld, monkeypatch, seconds: int
):
    """…or finds the clock more than a day off."""
    overdue("carl.example")
    wall, steady = daily._BEGAN
    monkeypatch.setattr(daily, "_BEGAN", (wall + seconds, steady))
    daily.expire()
    daily.expire()
    assert world.runs_("carl.example")
    assert "clock was set" in Message.objects.get().body
    monkeypatch.setattr(daily, "_BEGAN", (wall, steady))
    daily.expire()
    assert not world.runs_("carl.example")


def test_nothing_expires_while_the_log_is_ahead_of_the_clock(world: HostingWorld, monkeypatch):
    overdue("carl.example")
    world.suspend("ada", "cleo.example")
    before = timezone.now() - timedelta(days=2)
    with monkeypatch.context() as patch:
        patch.setattr(daily.timezone, "now", lambda: before)
        assert daily.is_clock_off()
    assert not daily.is_clock_off()

"""What the daily run held back: Home leads to it, the administrator has it go on."""

import pytest

from hosting import conditions, daily, held
from hosting.models.subscriptions import Subscription
from panel.core import setting
from panel.core.log import Activity
from tests.hosting.test_recalculate import used
from tests.hosting.test_subscriptions_expiry import overdue
from tests.hosting.world import DOORS, HostingWorld
from tests.pages import Page

pytestmark = pytest.mark.django_db
LETS_GO = "settings.suspend-held"


@pytest.fixture(autouse=True)
def braked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "brake", lambda: 1)


def row() -> setting.Settings:
    return setting.Settings.objects.get()


def test_home_says_what_waits_and_its_page_lets_it_go_on(world: HostingWorld, disk: dict):
    overdue("carl.example", "nora.example")
    for name in ("cleo.example", "dora.example"):
        used(world, disk, name, 11)
    daily.expire()
    daily.recalculate()
    home = Page.open(world.client("admin"), "/")
    assert "2 subscriptions would expire at once: the daily run waits" in home.text
    assert "2 subscriptions would be suspended for overuse at once" in home.text
    for who in ("ada", "carl"):
        client = world.client(who)
        assert "the daily run waits" not in Page.open(client, "/").text
        assert client.get("/daily-run/").status_code == 404
    page = Page.open(world.client("admin"), "/daily-run/")
    for words in (
        "so many look like a wrong clock",
        "carl.example",
        "nora.example",
        "dora.example",
    ):
        assert words in page.text
    assert "ada.example" not in page.text
    assert world.runs_("carl.example")
    page = page.press("Suspend them")
    assert page.url == "/"
    assert "Suspend what was held back: done." in page.text
    assert "the daily run waits" not in page.text
    for name in ("carl", "nora", "cleo", "dora"):
        assert not world.runs_(f"{name}.example"), name
    assert world.runs_("ada.example")
    done = Activity.objects.filter(action__in=("subscription.expire", "subscription.overuse"))
    assert {entry.actor_name for entry in done} == {"admin"}
    assert done.count() == 4
    assert Activity.objects.get(action=LETS_GO).new == {"expiry": 2, "overuse": 2}


@pytest.mark.parametrize("door", DOORS[1:])
def test_by_every_other_door_and_twice_changes_nothing(world: HostingWorld, door: str):
    overdue("carl.example", "nora.example")
    daily.expire()
    assert world.through(door, "admin", LETS_GO, row()).result == "done"
    assert not world.runs_("carl.example")
    assert world.runs_("cleo.example")
    assert not held.found()
    assert world.finding("admin", LETS_GO, row()).result == "unchanged"


def test_nobody_else_lets_it_go_on(world: HostingWorld):
    overdue("carl.example", "nora.example")
    daily.expire()
    for who in ("ada", "carl"):
        assert world.finding(who, LETS_GO, row()).result == "refused"
    assert world.runs_("carl.example")


def test_what_was_put_right_meanwhile_waits_no_more(world: HostingWorld, disk: dict):
    overdue("carl.example", "nora.example")
    for name in ("cleo.example", "dora.example"):
        used(world, disk, name, 11)
    daily.expire()
    daily.recalculate()
    Subscription.objects.update(expires_on=None)
    daily.expire()
    assert set(held.found()) == {"overuse"}
    disk.clear()
    page = Page.open(world.client("admin"), "/daily-run/")
    assert "Nothing waits" in page.text
    page = page.press("OK")
    assert "the daily run waits" not in page.text
    assert world.runs_("dora.example")

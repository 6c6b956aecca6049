"""Disk space and traffic: asked of the node, kept by day, judged, and shown."""

import csv
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account
from hosting import conditions, daily, measuring, totals, worker_jobs
from hosting.forms_plans import SizeField, limit_text
from hosting.models.plans import OverusePolicy
from hosting.models.questions import Question
from hosting.models.usage import UsageDay
from panel.core.markup import size
from tests.hosting.recording_agent import RecordingAgent
from tests.hosting.world import PERMISSIONS, HostingWorld, every_limit, room

pytestmark = pytest.mark.django_db
GIB = 1024**3


class Node(RecordingAgent):
    """An agent that measures what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.disk: dict[int, int] = {}
        self.days: dict[str, dict[int, int]] = {}
        self.boxes: dict[int, int] = {}

    def measure(self, subscriptions, since=None):
        self._answer("measure", list(subscriptions))
        wanted = set(subscriptions)
        told = {"disk": {pk: size for pk, size in self.disk.items() if pk in wanted}}
        for day, amounts in self.days.items():
            if since is not None and day >= since:
                told[f"traffic {day}"] = {pk: n for pk, n in amounts.items() if pk in wanted}
        return told | {"mailbox": self.boxes}


@pytest.fixture
def node() -> Node:
    return Node()


def strict(world: HostingWorld, name: str, **limits: int) -> int:
    row = world.sub(name)
    row.limits |= limits
    row.overuse_policy = OverusePolicy.FORBIDDEN
    row.save()
    return row.pk


def measure_all(world: HostingWorld, node: Node) -> None:
    row = world.sub("carl.example")
    hourly = measuring.Hourly(row.node_id, node, threading.Event())
    while hourly.step() < 1.0:
        pass


def test_what_is_over_its_disk_space_is_shut_and_runs_when_it_was_reduced(
    world: HostingWorld, node: Node
):
    carl, nora = strict(world, "carl.example", disk=GIB), strict(world, "nora.example")
    node.disk = {carl: GIB + 1, nora: 5 * GIB}
    measure_all(world, node)
    row = world.sub("carl.example")
    assert (row.usage["disk"], row.is_overused, row.is_overuse_only) == (GIB + 1, True, True)
    assert world.runs_("nora.example")
    assert totals.usage([row.reseller_id])[row.reseller_id]["disk"] == GIB + 1
    # Its subscriber frees something and says so: the worker asks the node at once.
    node.disk[carl] = GIB
    for _twice in range(2):
        world.perform("carl", "subscription.recalculate", row)
    assert not world.runs_("carl.example")
    assert Question.objects.unscoped("test").filter(verb="measure").count() == 1
    worker_jobs.Questions(row.node_id, node).step()
    assert world.runs_("carl.example")
    assert world.sub("carl.example").usage["disk"] == GIB


def test_traffic_counts_by_calendar_month_and_its_overuse_ends_with_it(
    world: HostingWorld, node: Node, monkeypatch: pytest.MonkeyPatch
):
    carl = strict(world, "carl.example", traffic=1000)
    first = conditions.today().replace(day=1)
    node.days = {
        (first - timedelta(days=1)).isoformat(): {carl: 5000},
        first.isoformat(): {carl: 600},
    }
    measure_all(world, node)
    assert (world.sub("carl.example").usage["traffic"], world.runs_("carl.example")) == (600, True)
    node.days[conditions.today().isoformat()] = {carl: 1001}
    measure_all(world, node)
    assert not world.runs_("carl.example")
    later = (first + timedelta(days=32)).replace(day=1)
    monkeypatch.setattr(conditions, "today", lambda: later)
    daily.recalculate()
    assert (world.sub("carl.example").usage["traffic"], world.runs_("carl.example")) == (0, True)


def test_measured_twice_nothing_is_written_twice_and_what_is_not_said_stands(
    world: HostingWorld, node: Node
):
    carl, today = strict(world, "carl.example", disk=GIB), conditions.today().isoformat()
    node.disk, node.days = {carl: GIB + 1}, {today: {carl: 5}}
    measure_all(world, node)
    assert measuring.record([carl], node.measure([carl], today)) == []
    node.disk, node.days = {}, {today: {carl: 7}}
    assert measuring.record([carl], node.measure([carl], today)) == [carl]
    row = UsageDay.objects.get()
    assert (row.subscription_id, row.disk, row.traffic) == (carl, GIB + 1, 7)
    measure_all(world, node)
    assert world.sub("carl.example").usage["disk"] == GIB + 1
    assert not world.runs_("carl.example")


def test_a_node_that_is_away_is_asked_again_and_changes_nothing(world: HostingWorld, node: Node):
    row = world.sub("carl.example")
    node.is_away = True
    hourly = measuring.Hourly(row.node_id, node, threading.Event())
    assert hourly.step() == 10.0
    assert not UsageDay.objects.exists()
    node.is_away, node.disk = False, {row.pk: 1}
    measure_all(world, node)
    assert world.sub("carl.example").usage["disk"] == 1


def test_more_than_a_plausible_number_waits_for_the_daily_run(world: HostingWorld, node: Node):
    carl = strict(world, "carl.example", disk=1)
    node.disk = {carl: 2}
    assert measuring.note([carl], node.measure([carl]), allowed=0) == 1
    assert world.runs_("carl.example")
    assert measuring.note([carl], {"disk": {carl: 3}}, allowed=1) == 1
    measuring.recount_above([carl])
    assert not world.runs_("carl.example")


@pytest.mark.parametrize(
    ("door", "typed"), [("page", "2 GiB"), ("api", 2 * GIB), ("api", "2gb"), ("cli", "2 GiB")]
)
def test_a_limit_is_set_by_every_door_and_judged_at_once(
    world: HostingWorld, node: Node, door: str, typed: str | int
):
    carl = strict(world, "carl.example")
    node.disk = {carl: 2 * GIB}
    measure_all(world, node)
    row, edit = world.sub("carl.example"), "subscription.customize"
    given = {**every_limit("1"), "overuse_policy": "forbidden"}
    if door == "page":
        given["version"] = str(row.version)
    answer = world.through(door, "ada", edit, row, **{**given, "limit_disk": "2"})
    assert (answer.result, list(answer.errors)) == ("invalid", ["limit_disk"])
    assert world.through(door, "ada", edit, row, **given).result == "done"
    assert not world.runs_("carl.example")
    if door == "page":
        given["version"] = str(world.sub("carl.example").version)
    answer = world.through(door, "ada", edit, row, **{**given, "limit_disk": typed})
    assert (answer.result, world.sub("carl.example").limits["disk"]) == ("done", 2 * GIB)
    assert world.runs_("carl.example")
    assert world.runs_("cleo.example")


def test_nobody_is_refused_for_what_is_measured(world: HostingWorld, node: Node):
    """Neither who adds nor who comes to a reseller that is over: both show as overused."""
    carl = world.sub("carl.example")
    given = {**every_limit("1"), "limit_domains": "5", "overuse_policy": "space"}
    world.perform("ada", "subscription.customize", carl, **given)
    node.disk = {carl.pk: 2 * GIB}
    measure_all(world, node)
    assert world.finding("ada", "subscription.add-domain", carl, name="x.example").result == "done"
    room(world, "ben", disk=GIB)
    Account.objects.filter(pk=world.ben.pk).update(permissions=[*PERMISSIONS, "oversell"])
    moved = world.finding("admin", "customer.move", world.carl, owner=str(world.ben.pk))
    assert (moved.result, moved.code) == ("done", "")
    ben = world.fresh("ben")
    assert (ben.usage["disk"], ben.is_overused, world.fresh("ada").usage["disk"]) == (
        2 * GIB,
        True,
        0,
    )
    assert world.sub("carl.example").is_overused
    assert world.runs_("carl.example")
    assert not world.sub("nora.example").is_overused


def test_days_that_nobody_is_shown_go(world: HostingWorld):
    carl = world.sub("carl.example").pk
    for age in (0, 99, 101):
        UsageDay.objects.create(subscription_id=carl, day=conditions.today() - timedelta(days=age))
    daily.sweep_usage()
    assert UsageDay.objects.count() == 2


def test_its_page_shows_usage_by_day_and_month_and_the_neighbour_s_nothing(
    world: HostingWorld, node: Node
):
    carl = strict(world, "carl.example", disk=2 * GIB)
    node.disk = {carl: GIB}
    node.days = {conditions.today().isoformat(): {carl: 3 * 1024}}
    measure_all(world, node)
    page = world.client("carl").get(f"/subscriptions/{carl}/resources/").content.decode()
    assert "1.0 GiB / 2.0 GiB" in page
    assert f"{conditions.today():%Y-%m}" in page
    assert "3.0 KiB" in page
    nora = world.sub("nora.example").pk
    other = world.client("nora").get(f"/subscriptions/{nora}/resources/").content.decode()
    assert "GiB" not in other
    listed = world.client("carl").get("/subscriptions/").content.decode()
    assert (
        f"max={2 * GIB} value={GIB} aria-hidden=true></progress>1.0 GiB</div><div>3.0 KiB" in listed
    )
    export = b"".join(world.client("carl").get("/subscriptions/export.csv")).decode("utf-8-sig")
    (told,) = csv.DictReader(export.splitlines())
    assert (told["Disk space"], told["Traffic per month"]) == (str(GIB), "3072")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("4096 B", 4096),
        ("10 GiB", 10 * GIB),
        ("10gb", 10 * GIB),
        ("1.5 G", 3 * GIB // 2),
        ("512 MiB", 512 * 1024**2),
        ("unlimited", None),
    ],
)
def test_a_size_is_typed_in_binary_units_and_comes_back_as_it_was(text: str, number: int | None):
    field = SizeField(label="Disk space")
    assert field.clean(text) == number
    assert field.clean(str(limit_text(number, "bytes"))) == number


@pytest.mark.parametrize(
    "text", ["10", "ten", "-5", "1e3", "10 XB", "1.2.3 GB", "9" * 17, "9000 PiB"]
)
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValidationError):
        SizeField(label="Disk space").clean(text)


def test_sizes_are_written_in_binary_units():
    written = [size(n) for n in (0, 1023, 1024, 1536, 1024**2 - 1, GIB, 5 * 1024**4)]
    assert written == ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 GiB", "5.0 TiB"]

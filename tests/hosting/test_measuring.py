"""Disk space and traffic: asked of the node, kept by day, and shown."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from hosting import conditions, daily, measuring, worker_jobs
from hosting.forms_plans import SizeField, limit_text
from hosting.models.questions import Question
from hosting.models.usage import UsageDay
from panel.core.markup import size
from tests.hosting.recording_agent import RecordingAgent
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
GIB = 1024**3


class Node(RecordingAgent):
    """An agent that measures what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.disk: dict[int, int] = {}
        self.days: dict[str, dict[int, int]] = {}

    def measure(self, subscriptions, since=None):
        self._answer("measure", list(subscriptions))
        wanted = set(subscriptions)
        told = {"disk": {pk: size for pk, size in self.disk.items() if pk in wanted}}
        for day, amounts in self.days.items():
            if since is not None and day >= since:
                told[f"traffic {day}"] = {pk: n for pk, n in amounts.items() if pk in wanted}
        return told


@pytest.fixture
def node() -> Node:
    return Node()


def measure_all(world: HostingWorld, node: Node) -> None:
    row = world.sub("carl.example")
    hourly = measuring.Hourly(row.node_id, node, threading.Event())
    while hourly.step() < 1.0:
        pass


def test_a_node_that_is_away_is_asked_again_and_changes_nothing(world: HostingWorld, node: Node):
    row = world.sub("carl.example")
    node.is_away = True
    hourly = measuring.Hourly(row.node_id, node, threading.Event())
    assert hourly.step() == 10.0
    assert not UsageDay.objects.exists()
    node.is_away, node.disk = False, {row.pk: 1}
    measure_all(world, node)
    assert UsageDay.objects.get().disk == 1


def test_days_that_nobody_is_shown_go(world: HostingWorld):
    carl = world.sub("carl.example").pk
    for age in (0, 99, 101):
        UsageDay.objects.create(subscription_id=carl, day=conditions.today() - timedelta(days=age))
    daily.sweep_usage()
    assert UsageDay.objects.count() == 2


def test_measured_twice_nothing_is_written_twice_and_what_is_not_said_stands(
    world: HostingWorld, node: Node
):
    carl, today = world.sub("carl.example").pk, conditions.today().isoformat()
    node.disk, node.days = {carl: GIB}, {today: {carl: 5}}
    measure_all(world, node)
    assert measuring.record([carl], node.measure([carl], today)) == []
    node.disk = {}
    node.days = {today: {carl: 7}}
    assert measuring.record([carl], node.measure([carl], today)) == [carl]
    row = UsageDay.objects.get()
    assert (row.subscription_id, row.disk, row.traffic) == (carl, GIB, 7)


def test_recalculate_has_the_node_asked_at_once(world: HostingWorld, node: Node):
    row = world.sub("carl.example")
    node.disk = {row.pk: GIB}
    world.perform("carl", "subscription.recalculate", row)
    world.perform("carl", "subscription.recalculate", row)
    assert Question.objects.unscoped("test").filter(verb="measure").count() == 1
    worker_jobs.Questions(row.node_id, node).step()
    assert UsageDay.objects.get().disk == GIB


def test_its_page_shows_usage_by_day_and_month_and_the_neighbour_s_nothing(
    world: HostingWorld, node: Node
):
    carl, today = world.sub("carl.example").pk, conditions.today()
    node.disk = {carl: GIB}
    node.days = {today.isoformat(): {carl: 3 * 1024}}
    measure_all(world, node)
    page = world.client("carl").get(f"/subscriptions/{carl}/resources/").content.decode()
    assert f"{today:%Y-%m}" in page
    assert "1.0 GiB" in page
    assert "3.0 KiB" in page
    nora = world.sub("nora.example").pk
    other = world.client("nora").get(f"/subscriptions/{nora}/resources/").content.decode()
    assert "GiB" not in other


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("4096", 4096),
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


@pytest.mark.parametrize("text", ["ten", "-5", "1e3", "10 XB", "1.2.3 GB", "9" * 17, "9000 PiB"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValidationError):
        SizeField(label="Disk space").clean(text)


def test_sizes_are_written_in_binary_units():
    written = [size(n) for n in (0, 1023, 1024, 1536, 1024**2 - 1, GIB, 5 * 1024**4)]
    assert written == ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 GiB", "5.0 TiB"]

"""Scheduled tasks: by every door, what nodes are told of them, and what they tell of runs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.cron.collecting import KEPT, collect
from hosting.services.cron.desired import desired
from hosting.services.cron.driver_desired import parse
from hosting.services.cron.models import ScheduledTask, TaskRun
from panel.core.mail import Message
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
ADD = "subscription.add-scheduled-task"
URL = {"kind": "url", "what": "https://carl.example/cron", "times": "daily", "at": "04:30"}
COMMAND = {"kind": "command", "what": "echo hello", "times": "line", "line": "*/5 * * * *"}


@pytest.fixture(autouse=True)
def _room(world: HostingWorld) -> None:
    """Everybody may have some tasks, and some may run commands."""
    Node.objects.update(services={"cron": {"php": ["8.2"]}})
    for row in Subscription.objects.all():
        row.limits = {**row.limits, "scheduled_tasks": 3}
        row.permissions = sorted({*row.permissions, "manage_cron", "manage_cron_commands"})
        row.save(update_fields=["limits", "permissions"])
    for account in world.accounts.values():
        account.refresh_from_db()
        if account.role == "reseller":
            account.limits = {**account.limits, "scheduled_tasks": None}
            account.permissions = sorted(
                {*account.permissions, "manage_cron", "manage_cron_commands"}
            )
            account.save(update_fields=["limits", "permissions"])


def told(world: HostingWorld, name: str) -> list[dict[str, Any]]:
    """What the node is told, which has to be sound there."""
    pk = world.sub(name).pk
    found = desired([pk])[pk]
    parse(found)
    return found["tasks"]


def add(world: HostingWorld, name: str = "carl.example", **given: Any) -> ScheduledTask:
    found = world.finding("admin", ADD, world.sub(name), **(URL | given))
    assert found.result == "done", found
    return ScheduledTask.objects.get(pk=found.created_id)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_task_is_added_run_and_removed_by_every_door(
    world: HostingWorld, door: str, who: str
) -> None:
    theirs = add(world, "nora.example")
    before = world.generation("carl.example")
    assert world.through(door, who, ADD, world.sub("carl.example"), **COMMAND).result == "done"
    row = ScheduledTask.objects.get(subscription=world.sub("carl.example"))
    assert (row.account, row.reseller, row.line) == (world.carl, world.ada, "*/5 * * * *")
    assert told(world, "carl.example")[0]["what"] == "echo hello"
    assert world.generation("carl.example") > before
    assert world.through(door, who, "scheduled-task.run-now", row).result == "done"
    assert told(world, "carl.example")[0]["asked"] > 0
    assert world.through(door, who, "scheduled-task.deactivate", row).result == "done"
    assert told(world, "carl.example")[0]["active"] is False
    assert world.finding(who, "scheduled-task.deactivate", row).result == "unchanged"
    assert world.through(door, who, "scheduled-task.activate", row).result == "done"
    assert world.through(door, who, "scheduled-task.remove", row).result == "done"
    assert told(world, "carl.example") == []
    assert [task["id"] for task in told(world, "nora.example")] == [theirs.pk]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"times": "hourly", "at": "04:07"}, "7 * * * *"),
        ({"times": "weekly", "at": "04:07", "weekday": "0"}, "7 4 * * 0"),
        ({"times": "monthly", "at": "04:07", "day": "31"}, "7 4 31 * *"),
        ({"times": "line", "line": " @weekly "}, "@weekly"),
    ],
)
def test_times_are_chosen_or_typed(world: HostingWorld, given: dict[str, str], line: str) -> None:
    assert add(world, **given).line == line


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"what": "file:///etc/passwd"}, "what"),
        ({"what": "http://carl:secret@carl.example/"}, "what"),
        ({"kind": "php", "what": "../../etc/x.php"}, "what"),
        ({"kind": "php", "what": "/etc/x.php"}, "what"),
        ({"kind": "command", "what": "echo\nrm"}, "what"),
        ({"times": "line", "line": "* * *"}, "line"),
        ({"times": "line", "line": "0 0 31 2 *"}, "line"),
        ({"times": "line", "line": "@reboot"}, "line"),
        ({"zone": "Nowhere/Land"}, "zone"),
        ({"seconds": 0}, "seconds"),
        ({"memory": 1}, "memory"),
        ({"mail_to": "nobody"}, "mail_to"),
    ],
)
def test_what_cannot_be_is_an_error_at_its_field(
    world: HostingWorld, given: dict[str, Any], field: str
) -> None:
    answer = world.through("api", "carl", ADD, world.sub("carl.example"), **(URL | given))
    assert (answer.result, list(answer.errors)) == ("invalid", [field])
    assert not ScheduledTask.objects.exists()


def test_the_next_five_runs_are_shown_before_anything_is_kept(world: HostingWorld) -> None:
    client, pk = world.client("carl"), world.sub("carl.example").pk
    url = f"/subscriptions/{pk}/add-scheduled-task/"
    page = client.post(url, COMMAND | {"zone": "Europe/Berlin", "confirmed": "1"})
    assert page.content.decode().count(" CE") >= 5
    # What the page asks for besides is what was seen, and nothing of the subscription's own.
    assert 'name="reviewed"' in page.content.decode()
    assert 'name="version"' not in page.content.decode()
    assert not ScheduledTask.objects.exists()
    task = add(world, zone="Europe/Berlin")
    assert client.get(f"/scheduled-tasks/{task.pk}/").content.decode().count(" CE") == 5
    assert world.client("nora").get(f"/scheduled-tasks/{task.pk}/").status_code == 404


def test_a_command_needs_more_than_an_address(world: HostingWorld) -> None:
    row = world.sub("carl.example")
    row.permissions = [name for name in row.permissions if name != "manage_cron_commands"]
    row.save(update_fields=["permissions"])
    assert world.finding("carl", ADD, row, **COMMAND).code == "no_permission"
    command = add(world, **COMMAND)
    address = add(world)
    for verb, given in (("run-now", {}), ("edit", COMMAND | {"line": "1 * * * *"})):
        found = world.finding("carl", f"scheduled-task.{verb}", command, **given)
        assert found.code == "no_permission"
    assert world.finding("carl", "scheduled-task.edit", address, **COMMAND).code == "no_permission"
    assert world.finding("carl", "scheduled-task.run-now", address).result == "done"


def test_an_edit_changes_what_the_node_is_told_and_twice_is_nothing_new(
    world: HostingWorld,
) -> None:
    row = add(world)
    given = COMMAND | {"version": row.version}
    assert world.finding("carl", "scheduled-task.edit", row, **given).result == "done"
    assert told(world, "carl.example")[0]["kind"] == "command"
    given = COMMAND | {"version": row.version + 1}
    assert world.finding("carl", "scheduled-task.edit", row, **given).result == "unchanged"


def test_so_many_tasks_and_no_more(world: HostingWorld) -> None:
    for _number in range(3):
        add(world)
    found = world.finding("carl", ADD, world.sub("carl.example"), **URL)
    assert (found.result, found.code) == ("refused", "limit_here")
    add(world, "cleo.example")


def test_what_was_switched_off_from_above_stays_off(world: HostingWorld) -> None:
    row = add(world)
    world.perform("ada", "scheduled-task.deactivate", row)
    assert world.finding("carl", "scheduled-task.activate", row).code == "task_off_above"
    assert world.finding("admin", "scheduled-task.activate", row).result == "done"


def test_while_suspended_nothing_is_run_or_changed(world: HostingWorld) -> None:
    row = add(world)
    world.suspend("ada", "carl.example", kind="unpaid")
    assert world.finding("carl", "scheduled-task.run-now", row).code == "read_only"
    assert world.finding("ada", "scheduled-task.run-now", row).code == "task_suspended"
    page = world.client("carl").get(f"/scheduled-tasks/{row.pk}/").content.decode()
    assert "nothing is run until it is activated" in page


class Teller:
    """A node that tells of runs."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []

    def add(self, task: int, **given: Any) -> None:
        number = len(self.runs) + 1
        at = datetime(2026, 11, 3, 4, 30, tzinfo=UTC).timestamp() + number
        run = {"id": number, "end": number, "task": task, "asked": 0, "started": at}
        run |= {"ended": at + 1, "code": 0, "cause": "", "output": f"run {number}\n"}
        self.runs.append(run | given)

    def since(self, after: int) -> list[dict[str, Any]]:
        return [run for run in self.runs if run["end"] > after][:7]


def test_runs_are_kept_and_shown_and_only_the_last_of_them(world: HostingWorld) -> None:
    row, node = add(world), Node.objects.get().pk
    teller = Teller()
    for _number in range(KEPT + 5):
        teller.add(row.pk, output="<b>\0hostile</b>")
    teller.add(10**9)
    after = collect(node, teller.since, None)
    assert after == KEPT + 6
    assert collect(node, teller.since, after) == after
    # A worker that starts again reads from what it has.
    collect(node, teller.since, None)
    assert TaskRun.objects.count() == KEPT
    page = world.client("carl").get(f"/scheduled-tasks/{row.pk}/").content.decode()
    assert "&lt;b&gt;" in page
    assert "<b>hostile" not in page


def test_who_wants_to_is_told_of_failures_and_not_of_each(world: HostingWorld) -> None:
    row, node = add(world, mail_to="carl@mail.example"), Node.objects.get().pk
    silent = add(world, "nora.example")
    teller = Teller()
    teller.add(row.pk)
    teller.add(silent.pk, code=1)
    after = collect(node, teller.since, None)
    assert not Message.objects.filter(subject__contains="Scheduled").exists()
    teller.add(row.pk, code=None, cause="stopped")
    teller.add(row.pk, code=2, output="it broke")
    teller.add(row.pk, code=None, cause="time")
    collect(node, teller.since, after)
    message = Message.objects.get(subject__contains="Scheduled task failed")
    assert message.to == "carl@mail.example"
    assert "it broke" in message.body

"""The worker's steps of provisioning, with an agent that keeps what it is told."""

import sqlite3
import threading

import pytest
from django.utils import timezone

from hosting import provisioning, provisioning_queue
from hosting.bell import Bell
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.worker import Loop, Worker
from hosting.worker_provisioning import FRAME, Applier, Switcher, settle
from tests.hosting import rows
from tests.hosting.databases import database_in, migrate
from tests.hosting.recording_agent import RecordingAgent

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


@pytest.fixture
def agent() -> RecordingAgent:
    return RecordingAgent()


def subscriptions(number: int) -> list:
    return [rows.subscription(f"s{index}.example") for index in range(number)]


def is_behind(row) -> bool:
    return rows.deployment(row).is_behind


# Switching.


def test_a_suspended_subscription_is_shut_and_its_neighbour_left_alone(agent):
    anna, bert = subscriptions(2)
    settle(anna.node_id, agent)
    agent.calls.clear()
    rows.suspend(anna)
    Switcher(anna.node_id, agent).step()
    assert agent.calls == [("switch", [anna.pk])]
    assert (agent.state[anna.pk], agent.state[bert.pk]) == ("shut", "open")
    assert rows.deployment(anna).switched == 2


def test_nothing_behind_sends_nothing(agent):
    [anna] = subscriptions(1)
    switcher, applier = Switcher(anna.node_id, agent), Applier(anna.node_id, agent)
    for _ in range(3):
        switcher.step()
        applier.step()
    agent.calls.clear()
    switcher.step()
    applier.step()
    assert agent.calls == []


def test_what_is_removed_is_shut_at_once(agent):
    [anna] = subscriptions(1)
    settle(anna.node_id, agent)
    rows.remove(anna)
    Switcher(anna.node_id, agent).step()
    assert agent.state[anna.pk] == "shut"


def test_while_the_database_is_locked_the_next_one_is_shut_all_the_same(agent, tmp_path):
    migrate(tmp_path)
    with database_in(tmp_path):
        anna, bert = subscriptions(2)
        settle(anna.node_id, agent)
        switcher = Switcher(anna.node_id, agent)
        other = sqlite3.connect(tmp_path / "panel.sqlite3", isolation_level=None)
        rows.suspend(anna)
        other.execute("BEGIN IMMEDIATE")
        assert switcher.step() < 0.1
        assert rows.deployment(anna).switched == 1
        other.execute("COMMIT")
        rows.suspend(bert)
        other.execute("BEGIN IMMEDIATE")
        agent.calls.clear()
        switcher.step()
        # What was told and not yet recorded is not told again.
        assert agent.calls == [("switch", [bert.pk])]
        other.close()
        switcher.step()
        assert rows.deployment(anna).switched == rows.deployment(bert).switched == 2


def test_a_switch_that_was_told_but_not_recorded_is_told_again_by_the_next_worker(agent):
    [anna] = subscriptions(1)
    settle(anna.node_id, agent)
    rows.suspend(anna)
    agent.switch([(anna.pk, 2, "shut")])
    settle(anna.node_id, agent)
    assert rows.deployment(anna).switched == 2
    assert agent.state[anna.pk] == "shut"


def test_a_stalled_worker_cannot_undo_what_another_did(agent):
    [anna] = subscriptions(1)
    settle(anna.node_id, agent)
    rows.suspend(anna)
    stalled = provisioning_queue.unswitched(anna.node_id, 10)
    rows.activate(anna)
    settle(anna.node_id, agent)
    Switcher(anna.node_id, agent)._tell(stalled)
    assert agent.state[anna.pk] == "open"
    assert rows.deployment(anna).generation == 3


def test_after_a_restored_backup_the_node_follows_the_database_again(agent):
    [anna] = subscriptions(1)
    for _ in range(3):
        provisioning.touch([anna.pk])
        settle(anna.node_id, agent)
    Deployment.objects.update(generation=2, applied=1, switched=1)
    rows.suspend(anna)
    settle(anna.node_id, agent)
    assert agent.state[anna.pk] == "shut"
    assert not is_behind(anna)


# Applying.


def test_what_is_behind_is_applied_with_everything_it_should_be(agent):
    [anna] = subscriptions(1)
    settle(anna.node_id, agent)
    assert not is_behind(anna)
    assert agent.frames[anna.pk]["web"]["sites"][0]["names"] == ["s0.example", "www.s0.example"]


def test_a_change_made_while_it_is_applied_is_applied_after(agent):
    [anna] = subscriptions(1)
    changes = iter([lambda: rows.suspend(anna)])
    agent.meanwhile = lambda: next(changes, lambda: None)()
    applier = Applier(anna.node_id, agent)
    applier.step()
    assert is_behind(anna)
    applier.step()
    assert not is_behind(anna)
    assert agent.frames[anna.pk]["state"] == "shut"


def test_frames_hold_no_more_than_the_agent_takes(agent):
    """No more than 500, and with as many as that, a place for what was raised last."""
    first = rows.subscription("s.example")
    Deployment.objects.bulk_create(
        Deployment(subscription_id=first.pk + 1 + number, node=first.node, is_present=False)
        for number in range(1200)
    )
    settle(first.node_id, agent)
    sizes = [len(ids) for ids in agent.calls_of("desired")]
    assert max(sizes) == FRAME
    assert sum(sizes) == 1201
    assert Deployment.objects.count() == 1


def test_one_that_fails_holds_up_nobody_and_shares_no_frame_again(agent):
    anna, bert, carl = subscriptions(3)
    agent.faults[bert.pk] = "no such file"
    settle(anna.node_id, agent)
    assert [is_behind(row) for row in (anna, bert, carl)] == [False, True, False]
    assert rows.deployment(bert).errors == {"web": {"kind": "check", "message": "no such file"}}
    agent.calls.clear()
    Deployment.objects.filter(subscription_id=bert.pk).update(retry_at=timezone.now())
    provisioning.touch([anna.pk, carl.pk])
    Applier(anna.node_id, agent).step()
    assert agent.calls_of("desired") == [[anna.pk, carl.pk], [bert.pk]]
    assert rows.deployment(bert).attempts == 2


def test_what_is_mended_is_applied_when_it_is_tried_again(agent):
    [anna] = subscriptions(1)
    agent.faults[anna.pk] = "no such file"
    settle(anna.node_id, agent)
    agent.faults.clear()
    provisioning.try_again([anna.pk])
    settle(anna.node_id, agent)
    assert not is_behind(anna)


def test_one_that_kills_the_agent_is_found_and_the_others_are_applied(agent, caplog):
    many = subscriptions(9)
    deadly = many[4]
    agent.deadly.add(deadly.pk)
    applier = Applier(deadly.node_id, agent)
    for _ in range(40):
        applier.step()
    assert [row for row in many if is_behind(row)] == [deadly]
    assert rows.deployment(deadly).attempts >= 1
    assert Node.objects.get().away_since is None


def test_one_that_the_agent_refuses_with_its_frame_is_found(agent, caplog):
    many = subscriptions(9)
    agent.confusing.add(many[7].pk)
    settle(many[0].node_id, agent)
    assert [row for row in many if is_behind(row)] == [many[7]]
    assert rows.deployment(many[7]).errors["agent"]["message"] == "what is this?"


def test_what_the_agent_says_nothing_about_has_failed(agent):
    [anna] = subscriptions(1)
    agent.is_silent = True
    Applier(anna.node_id, agent).step()
    assert "nothing" in rows.deployment(anna).errors["agent"]["message"]


def test_a_removed_subscription_is_forgotten_by_node_and_queue(agent):
    anna, bert = subscriptions(2)
    settle(anna.node_id, agent)
    rows.remove(anna)
    settle(anna.node_id, agent)
    assert agent.frames[anna.pk]["present"] is False
    assert [each.subscription_id for each in Deployment.objects.all()] == [bert.pk]


# The node.


def test_while_the_node_is_away_everything_waits_and_nothing_fails(agent, caplog):
    [anna] = subscriptions(1)
    agent.is_away = True
    switcher, applier = Switcher(anna.node_id, agent), Applier(anna.node_id, agent)
    pauses = [applier.step() for _ in range(6)]
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 2.0
    assert switcher.step() > 0
    node = Node.objects.get()
    assert provisioning.state_of(rows.deployment(anna), node).progress == "waiting"
    assert rows.deployment(anna).attempts == 0
    agent.is_away = False
    settle(anna.node_id, agent)
    assert not is_behind(anna)
    assert Node.objects.get().away_since is None


def test_a_single_change_is_not_blamed_for_an_agent_that_restarts(agent):
    [anna] = subscriptions(1)
    applier = Applier(anna.node_id, agent)
    applier.step()
    agent.is_away = True
    provisioning.touch([anna.pk])
    for _ in range(10):
        applier.step()
    assert rows.deployment(anna).attempts == 0


def test_a_node_that_lost_everything_gets_it_again(agent, caplog):
    anna, bert = subscriptions(2)
    applier = Applier(anna.node_id, agent)
    applier.step()
    agent.is_away = True
    provisioning.touch([anna.pk])
    applier.step()
    fresh = RecordingAgent()
    applier._agent = fresh
    applier.step()
    applier.step()
    assert fresh.applied.keys() == {anna.pk, bert.pk}


def test_what_is_wrong_with_a_daemon_stands_on_the_node(agent):
    [anna] = subscriptions(1)
    agent.problems["web"] = "nginx does not start"
    Applier(anna.node_id, agent).step()
    assert Node.objects.get().last_error == "web: nginx does not start"


def test_two_workers_at_once_do_no_harm(agent):
    many = subscriptions(5)
    node_id = many[0].node_id
    one, two = Applier(node_id, agent), Applier(node_id, agent)
    agent.meanwhile = lambda: None
    nested = iter([two.step])
    # The second works through the same frame while the first has it under way.
    agent.meanwhile = lambda: next(nested, lambda: None)()
    one.step()
    assert not any(is_behind(row) for row in many)
    assert Deployment.objects.exclude(attempts=0).count() == 0


# Loops.


def test_a_loop_survives_what_happens_in_it(caplog):
    bell, seen = Bell(), []

    def step() -> float:
        seen.append(len(seen))
        if len(seen) == 1:
            raise ValueError("this time")
        bell.stop()
        return 0.0

    Loop("test", step).run(bell)
    assert seen == [0, 1]
    assert "this time" in caplog.text


class Overslept(threading.Event):
    """Takes down how long it was waited for, and ends the loop instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self.set()
        return True


@pytest.mark.parametrize(("by_clock", "times", "waits"), [(True, 1, [3600.0]), (False, 2, [])])
def test_what_goes_by_the_clock_is_not_woken_by_what_is_committed(by_clock, times, waits):
    """A round of measuring walks through every home: after each commit it would never end."""
    bell, seen = Bell(), []
    bell.stopping = Overslept()

    def step() -> float:
        seen.append(len(seen))
        bell.ring()
        if len(seen) == 2:
            bell.stop()
        return 3600.0

    Loop("test", step, by_clock=by_clock).run(bell)
    assert len(seen) == times
    assert bell.stopping.waits == waits


def test_measuring_goes_by_the_clock_and_applying_does_not(tmp_path, monkeypatch):
    found: dict[str, bool] = {}
    monkeypatch.setattr(Worker, "_go", lambda _self, loop: found.update({loop.name: loop.by_clock}))
    worker = Worker(tmp_path, tmp_path / "agent.sock")
    worker._provision(1)
    worker._claims.close()
    assert {name for name, by_clock in found.items() if by_clock} == {"measure", "drift"}
    assert {"switch", "apply", "questions"} <= found.keys()


def test_the_bell_rings_for_a_commit(tmp_path):
    """SQLite: by looking. PostgreSQL has a test of its own."""
    migrate(tmp_path)
    with database_in(tmp_path) as database:
        bell = Bell()
        it_rings(bell, threading.Thread(target=listen_in, args=(bell, database)))


def listen_in(bell: Bell, database) -> None:
    with database_in(database.data):
        bell.listen()


def it_rings(bell: Bell, listener: threading.Thread) -> None:
    anna = rows.subscription("anna.example")
    listener.start()
    bell.wait(0, 30)
    rung = bell.rung
    provisioning.touch([anna.pk])
    bell.wait(rung, 30)
    assert bell.rung > rung
    bell.stop()
    listener.join()


@pytest.mark.postgres(only=True)
@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_for_a_notification():
    bell = Bell()
    it_rings(bell, threading.Thread(target=bell.listen))

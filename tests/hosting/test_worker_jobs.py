"""What the worker does besides provisioning: runs, mail, seals, questions, jobs by the clock."""

import contextlib
import logging
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts import actors
from accounts.password_reset import PasswordResetRequest
from hosting import daily, provisioning
from hosting.bell import Bell
from hosting.exclusive import only_one
from hosting.models.deployments import Deployment
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.worker import Worker
from hosting.worker_jobs import Claims, Questions, Queue, Runs, seal
from panel.core import log, runs
from panel.core.access import Actor
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.mail import Message
from panel.core.operations import ANY_ROLE, Noun, Operation, nouns, operations
from panel.core.work import QUEUES, State
from tests.hosting import rows
from tests.hosting.recording_agent import RecordingAgent

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def subscriptions(number: int) -> list[int]:
    return [rows.subscription(f"s{index}.example").pk for index in range(number)]


@pytest.fixture
def administrator() -> Actor:
    return actors.actor_of(rows.login())


class Touch(Operation):
    """Raises subscriptions: enough of an operation to be carried out."""

    noun = "deployed"
    verb = "touch"
    label = "Touch"
    roles = ANY_ROLE
    chunk_size = 2

    def __init__(self) -> None:
        self.within = lambda: None

    def visible(self, actor):
        return Subscription.objects.unscoped("a test")

    def lock(self, actor, ids):
        pass

    def perform(self, step):
        provisioning.touch(step.open_ids)
        self.within()


@pytest.fixture
def touch(monkeypatch):
    """The operation, known to everybody as long as the test lasts."""
    operation = Touch()
    monkeypatch.setitem(operations, operation.name, operation)
    noun = Noun("deployed", "deployed", Subscription, "Deployed", "Deployed")
    monkeypatch.setitem(nouns, "deployed", noun)
    return operation


@pytest.fixture
def claims(tmp_path):
    claims = Claims(tmp_path / "worker.lock")
    yield claims
    claims.close()


@pytest.fixture
def run(touch, administrator) -> BulkRun:
    """Five targets, in chunks of two."""
    return runs.start(touch, administrator, subscriptions(5))


def outcome(run: BulkRun) -> tuple[str, dict[str, int]]:
    run.refresh_from_db()
    return run.state, run.counts


def work_at_runs(claims: Claims, bell: Bell | None = None) -> None:
    Runs(claims, (bell or Bell()).stopping).step()


def test_a_run_is_carried_out(run, claims):
    work_at_runs(claims)
    assert outcome(run) == (State.DONE, {"done": 5})


def test_a_cancelled_run_says_so_for_all_that_was_left(run, touch, claims):
    touch.within = lambda: BulkRun.objects.update(cancel_requested=True)
    work_at_runs(claims)
    assert outcome(run) == (State.CANCELLED, {"done": 2, "unchanged": 3})
    left = BulkTarget.objects.filter(run=run, result="unchanged")
    assert set(left.values_list("code", flat=True)) == {"cancelled"}


def test_a_run_that_was_cancelled_before_it_began_does_nothing(run, claims):
    BulkRun.objects.update(cancel_requested=True)
    work_at_runs(claims)
    assert outcome(run) == (State.CANCELLED, {"unchanged": 5})
    assert not Deployment.objects.filter(generation__gt=1).exists()


def test_a_worker_that_is_stopped_gives_the_run_back(run, touch, claims):
    bell = Bell()
    touch.within = bell.stop
    work_at_runs(claims, bell)
    assert outcome(run) == (State.QUEUED, {"done": 2})
    work_at_runs(claims)
    assert outcome(run) == (State.DONE, {"done": 5})
    assert set(Deployment.objects.values_list("generation", flat=True)) == {2}


class Killed(BaseException):
    """As good as kill -9: nothing that catches errors catches this."""


def test_a_run_goes_on_at_once_after_its_worker_was_killed(run, touch, tmp_path):
    path, moments = tmp_path / "worker.lock", []

    def die_in_the_second_chunk() -> None:
        moments.append(path.read_text())
        if len(moments) == 2:
            raise Killed

    touch.within = die_in_the_second_chunk
    first = Claims(path)
    with pytest.raises(Killed):
        work_at_runs(first)
    # As the dead leave it: the file as it was then, without its lock; and no sum.
    first.close()
    path.write_text(moments[1])
    BulkRun.objects.update(counts={})
    second = Claims(path)
    work_at_runs(second)
    second.close()
    assert outcome(run) == (State.DONE, {"done": 5})
    assert set(Deployment.objects.values_list("generation", flat=True)) == {2}


def test_a_run_whose_worker_was_killed_after_the_last_chunk_tells_of_all(run, claims):
    work_at_runs(claims)
    BulkRun.objects.update(
        state=State.RUNNING, counts={"done": 4}, lease_until=timezone.now() - timedelta(seconds=1)
    )
    work_at_runs(claims)
    assert outcome(run) == (State.DONE, {"done": 5})


def test_without_the_file_it_goes_on_when_the_lease_is_over(run, claims):
    BulkRun.claim()
    work_at_runs(claims)
    assert outcome(run)[0] == State.RUNNING
    BulkRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work_at_runs(claims)
    assert outcome(run) == (State.DONE, {"done": 5})


def test_a_living_worker_s_run_is_left_to_it(run, claims, tmp_path):
    claimed = BulkRun.claim()
    second = Claims(tmp_path / "worker.lock")
    with claims.holding(claimed):
        work_at_runs(second)
    second.close()
    assert outcome(run)[0] == State.RUNNING


def test_a_run_of_an_unknown_operation_is_given_up_after_a_while(run, claims):
    BulkRun.objects.update(operation="no.such")
    for _ in range(6):
        BulkRun.objects.update(run_after=timezone.now())
        with contextlib.suppress(KeyError):
            work_at_runs(claims)
    assert outcome(run)[0] == State.FAILED


# Mail and seals.


def test_a_message_is_sent_once_and_forgotten(claims):
    Message.put("anna@anna.example", "Your new password", "A link")
    worker = Queue(claims, Message)
    worker.step()
    worker.step()
    assert [message.subject for message in mail.outbox] == ["Your new password"]
    assert not Message.objects.exists()


def test_a_message_that_cannot_be_sent_waits(claims, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    Message.put("anna@anna.example", "Your new password", "A link")
    Queue(claims, Message).step()
    message = Message.objects.get()
    assert (message.state, message.run_after > timezone.now()) == (State.QUEUED, True)


def test_the_worker_looks_after_every_queue_there_is(monkeypatch, tmp_path):
    """A forgotten password is one of them: its link is sent by nobody else."""
    started: list[str] = []
    monkeypatch.setattr(Worker, "_go", lambda _self, loop: started.append(loop.name))
    worker = Worker(tmp_path, tmp_path / "no.sock")
    worker.stop()
    worker.run()
    assert PasswordResetRequest in QUEUES
    assert {str(kind._meta.verbose_name) for kind in QUEUES} <= set(started)


def test_a_forgotten_password_is_looked_at_once_and_its_link_sent(claims):
    user = rows.login()
    PasswordResetRequest.put(user.username, user.account.email)
    assert Queue(claims, PasswordResetRequest).step() == 0.0
    Queue(claims, Message).step()
    assert [message.to for message in mail.outbox] == [[user.account.email]]
    assert not PasswordResetRequest.objects.exists()


def test_new_entries_of_the_log_are_sealed(administrator):
    anna = rows.subscription("anna.example")
    log.write(administrator, [log.Entry("subscription.test", "subscription", anna)])
    seal()
    assert not log.Activity.objects.filter(seal=None).exists()
    assert log.verify() == []


# Questions.


@pytest.fixture
def agent() -> RecordingAgent:
    return RecordingAgent()


def ask(verb: str) -> Question:
    anna = rows.subscription("anna.example")
    return Question.objects.create(subscription=anna, account=anna.account, verb=verb)


def answer_to(question: Question, agent: RecordingAgent) -> dict | None:
    Questions(question.subscription.node_id, agent).step()
    question.refresh_from_db()
    assert (question.answered_at is None) == (question.answer is None)
    return question.answer


def test_a_question_is_answered(agent):
    question = ask("plan")
    answer = answer_to(question, agent)
    assert answer["ok"] is True
    assert [plan["subscription"] for plan in answer["plans"]] == [question.subscription_id]


def test_disk_usage_is_measured(agent):
    assert answer_to(ask("measure"), agent) == {"ok": True, "disk": 4096}


def test_a_question_to_a_node_that_is_away_is_answered_so_after_a_while(agent):
    question = ask("measure")
    agent.is_away = True
    assert answer_to(question, agent) is None
    Question.objects.update(asked_at=timezone.now() - timedelta(seconds=10))
    assert answer_to(question, agent)["kind"] == "away"


def test_an_unknown_question_is_refused(agent):
    assert answer_to(ask("delete"), agent)["kind"] == "invalid"


# Jobs by the clock.


def test_a_job_that_fails_holds_up_no_other(caplog):
    done = []

    def fail() -> None:
        raise ValueError("not today")

    jobs = [daily.Job("a", 60, fail), daily.Job("b", 60, lambda: done.append("b"))]
    schedule = daily.Schedule(jobs)
    assert 50 < schedule.step() <= 60
    schedule.step()
    assert done == ["b"]
    assert "not today" in caplog.text


def test_a_job_runs_in_one_worker_at_a_time():
    if connection.vendor == "postgresql":
        pytest.skip("an advisory lock is the session's: one connection cannot meet itself")
    done = []
    jobs = [daily.Job("a", 60, lambda: done.append("a"))]
    with only_one("job-a") as is_ours:
        assert is_ours
        daily.Schedule(jobs).step()
    assert done == []
    daily.Schedule(jobs).step()
    assert done == ["a"]


def test_every_job_runs_on_an_empty_panel(caplog):
    daily.Schedule().step()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_drafts_that_nobody_confirmed_go(touch, administrator):
    ids = subscriptions(2)
    old = runs.start(touch, administrator, ids, state=State.DRAFT)
    new = runs.start(touch, administrator, ids, state=State.DRAFT)
    BulkRun.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    daily.sweep_runs()
    assert [run.pk for run in BulkRun.objects.all()] == [new.pk]
    assert BulkTarget.objects.count() == 2


def test_mail_that_could_not_be_sent_goes_after_a_day():
    Message.put("anna@anna.example", "Old", "A link")
    Message.objects.update(state=State.FAILED, created_at=timezone.now() - timedelta(days=2))
    Message.put("anna@anna.example", "New", "A link")
    daily.sweep_messages()
    assert [message.subject for message in Message.objects.all()] == ["New"]


def test_a_deployment_whose_row_went_after_the_node_had_forgotten_it_is_swept():
    anna = rows.subscription("anna.example")
    Deployment.objects.update(is_present=False, applied=1)
    daily.sweep_deployments()
    assert Deployment.objects.exists()
    anna.domains.all().delete()
    anna.delete()
    daily.sweep_deployments()
    assert not Deployment.objects.exists()


def test_what_was_removed_goes_when_its_time_is_up(administrator):
    anna, bert, carl = (rows.subscription(f"{name}.example") for name in ("anna", "bert", "carl"))
    now = timezone.now()
    Subscription.objects.filter(pk=anna.pk).update(removing_at=now, purge_at=now)
    Subscription.objects.filter(pk=bert.pk).update(
        removing_at=now, purge_at=now + timedelta(days=1)
    )
    daily.purge()
    assert set(Subscription.objects.values_list("pk", flat=True)) == {bert.pk, carl.pk}
    assert not Deployment.objects.get(subscription_id=anna.pk).is_present
    entry = log.Activity.objects.get(action="subscription.purge")
    assert (entry.target_label, entry.actor_name) == ("anna.example", "daily run")


def expired(ids: list[int]) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    Subscription.objects.filter(pk__in=ids).update(expires_on=yesterday)


def suspended() -> set[int]:
    return set(Subscription.objects.filter(is_suspended=True).values_list("pk", flat=True))


def test_what_has_expired_is_suspended_and_its_node_told():
    first, second = subscriptions(2)
    expired([first])
    daily.expire()
    assert suspended() == {first}
    assert Deployment.objects.get(subscription_id=first).generation == 2
    assert Deployment.objects.get(subscription_id=second).generation == 1
    entry = log.Activity.objects.get()
    assert (entry.action, entry.target_id) == ("subscription.expire", first)


def test_so_many_at_once_are_taken_for_a_wrong_clock(caplog):
    ids = subscriptions(12)
    expired(ids[:11])
    daily.expire()
    daily.expire()
    assert suspended() == set()
    assert [message.to for message in Message.objects.all()] == [rows.administrator().email]

"""Raising generations, recording what came of them, and what a page may say."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from hosting import provisioning, provisioning_queue
from hosting.models.deployments import Deployment
from hosting.models.subscriptions import Subscription
from hosting.provisioning import Progress, state_of
from hosting.provisioning_queue import Behind, Result
from tests.hosting import rows

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

WORDS = {"web": {"kind": "check", "message": 'unknown directive "lsiten"'}}


def sent(row: Subscription) -> Behind:
    """What the worker would send now."""
    found = rows.deployment(row)
    return Behind(found.pk, row.pk, found.generation, found.is_present, found.attempts)


def apply(row: Subscription) -> None:
    provisioning_queue.record([Result(sent(row))])


def fail(row: Subscription) -> None:
    provisioning_queue.record([Result(sent(row), WORDS)])


def progress(row: Subscription) -> provisioning.State:
    found = rows.deployment(row)
    return state_of(found, found.node)


def is_failed(row: Subscription) -> bool:
    return Subscription.objects.values_list("is_failed", flat=True).get(pk=row.pk)


def test_deploying_makes_one_deployment_that_is_behind():
    anna = rows.subscription("anna.example")
    found = rows.deployment(anna)
    assert (found.generation, found.applied, found.node) == (1, 0, anna.node)


def test_deploying_twice_raises_the_one_there_is():
    anna = rows.subscription("anna.example")
    provisioning.deploy([anna.pk])
    assert Deployment.objects.count() == 1
    assert rows.deployment(anna).generation == 2


def test_deploying_what_was_to_be_forgotten_brings_it_back():
    anna = rows.subscription("anna.example")
    provisioning.forget([anna.pk])
    provisioning.deploy([anna.pk])
    assert rows.deployment(anna).is_present


def test_touching_raises_those_and_no_neighbour():
    anna, bert = rows.subscription("anna.example"), rows.subscription("bert.example")
    provisioning.touch([anna.pk])
    assert (rows.deployment(anna).generation, rows.deployment(bert).generation) == (2, 1)


def test_touching_takes_no_more_statements_for_many(django_assert_max_num_queries):
    ids = [rows.subscription(f"s{number}.example").pk for number in range(20)]
    with django_assert_max_num_queries(6):
        provisioning.touch(ids)


def test_touching_forgets_earlier_failures():
    anna = rows.subscription("anna.example")
    fail(anna)
    assert is_failed(anna)
    provisioning.touch([anna.pk])
    found = rows.deployment(anna)
    assert (found.attempts, found.retry_at, is_failed(anna)) == (0, None, False)


def test_touching_more_than_one_statement_takes():
    provisioning.touch(range(1, 25_000))
    assert not Deployment.objects.exists()


def test_what_was_raised_meanwhile_stays_behind():
    anna = rows.subscription("anna.example")
    earlier = sent(anna)
    provisioning.touch([anna.pk])
    provisioning_queue.record([Result(earlier)])
    found = rows.deployment(anna)
    assert (found.applied, found.generation, found.is_behind) == (1, 2, True)


def test_an_older_result_does_not_undo_a_newer_one():
    anna = rows.subscription("anna.example")
    earlier = sent(anna)
    provisioning.touch([anna.pk])
    apply(anna)
    provisioning_queue.record([Result(earlier)])
    provisioning_queue.record([Result(earlier, WORDS)])
    found = rows.deployment(anna)
    assert (found.applied, found.switched, found.errors) == (2, 2, {})


def test_a_failure_of_an_older_generation_is_not_the_new_one_s():
    anna = rows.subscription("anna.example")
    earlier = sent(anna)
    provisioning.touch([anna.pk])
    provisioning_queue.record([Result(earlier, WORDS)])
    found = rows.deployment(anna)
    assert (found.attempts, found.errors, is_failed(anna)) == (0, {}, False)


def test_a_generation_that_was_never_raised_is_not_recorded():
    anna = rows.subscription("anna.example")
    found = rows.deployment(anna)
    provisioning_queue.record([Result(Behind(found.pk, anna.pk, 7))])
    provisioning_queue.record_switched({found.pk: 7})
    found = rows.deployment(anna)
    assert (found.applied, found.switched) == (0, 0)


def test_applying_counts_as_switched():
    anna = rows.subscription("anna.example")
    apply(anna)
    assert rows.deployment(anna).switched == 1


def test_failures_are_tried_again_ever_later():
    anna = rows.subscription("anna.example")
    waits = []
    for _ in range(3):
        fail(anna)
        waits.append(rows.deployment(anna).retry_at - timezone.now())
    expected = [timedelta(seconds=seconds) for seconds in (5, 10, 20)]
    assert all(
        abs(wait - wanted) < timedelta(seconds=4)
        for wait, wanted in zip(waits, expected, strict=True)
    )
    assert rows.deployment(anna).attempts == 3
    assert provisioning_queue.retry_delay(500) == timedelta(hours=1)


def test_what_failed_is_due_only_when_its_time_has_come():
    anna = rows.subscription("anna.example")
    fail(anna)
    assert provisioning_queue.behind(anna.node_id, 10) == []
    assert provisioning_queue.overdue(anna.node_id, 10) == []
    Deployment.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    assert [each.subscription_id for each in provisioning_queue.overdue(anna.node_id, 10)] == [
        anna.pk
    ]


def test_trying_again_makes_it_due_at_once():
    anna = rows.subscription("anna.example")
    fail(anna)
    provisioning.try_again([anna.pk])
    assert [each.subscription_id for each in provisioning_queue.behind(anna.node_id, 10)] == [
        anna.pk
    ]
    assert rows.deployment(anna).generation == 1


def test_a_failed_subscription_is_marked_until_it_is_applied():
    anna, bert = rows.subscription("anna.example"), rows.subscription("bert.example")
    fail(anna)
    apply(bert)
    assert (is_failed(anna), is_failed(bert)) == (True, False)
    apply(anna)
    assert not is_failed(anna)
    assert rows.deployment(anna).errors == {}


def test_a_removed_subscription_s_deployment_goes_when_the_node_has_forgotten_it():
    anna, bert = rows.subscription("anna.example"), rows.subscription("bert.example")
    rows.remove(anna)
    apply(anna)
    apply(bert)
    assert [each.subscription_id for each in Deployment.objects.all()] == [bert.pk]


def test_a_deployment_stays_while_its_subscription_is_there():
    anna = rows.subscription("anna.example")
    provisioning.forget([anna.pk])
    apply(anna)
    assert Deployment.objects.exists()


def test_a_removal_that_fails_keeps_the_deployment():
    anna = rows.subscription("anna.example")
    rows.remove(anna)
    fail(anna)
    assert Deployment.objects.get().attempts == 1


def test_a_change_waits_for_no_big_run():
    """What was raised with few others goes first, and among equals what was raised first."""
    ids = [rows.subscription(f"s{number}.example").pk for number in range(12)]
    provisioning.touch(ids[:8])
    provisioning.touch([ids[10]])
    provisioning.touch([ids[11]])
    provisioning.touch([ids[8], ids[9]])
    frame = [each.subscription_id for each in provisioning_queue.behind(rows.node().pk, 6)]
    assert frame == [ids[10], ids[11], ids[8], ids[9], ids[0], ids[1]]


def test_a_node_is_told_nothing_of_another_node_s_subscriptions():
    anna = rows.subscription("anna.example")
    bert = rows.subscription("bert.example", on=rows.node("two"))
    assert [each.subscription_id for each in provisioning_queue.behind(anna.node_id, 10)] == [
        anna.pk
    ]
    assert [each.subscription_id for each in provisioning_queue.unswitched(bert.node_id, 10)] == [
        bert.pk
    ]


def test_what_the_node_has_lost_is_behind_again():
    anna, bert = rows.subscription("anna.example"), rows.subscription("bert.example")
    apply(anna)
    apply(bert)
    lost = provisioning_queue.reconcile(anna.node_id, {bert.pk: 1})
    assert lost == 1
    assert rows.deployment(anna).is_behind
    assert not rows.deployment(bert).is_behind


def test_a_database_older_than_the_node_goes_past_it():
    anna = rows.subscription("anna.example")
    provisioning_queue.overtake([sent(anna)])
    assert rows.deployment(anna).generation > 1000


def test_being_late_is_no_reason_to_overtake():
    anna = rows.subscription("anna.example")
    earlier = sent(anna)
    provisioning.touch([anna.pk])
    provisioning_queue.overtake([earlier])
    assert rows.deployment(anna).generation == 2


def test_a_page_says_how_far_it_is():
    anna = rows.subscription("anna.example")
    assert progress(anna).progress == Progress.APPLYING
    fail(anna)
    state = progress(anna)
    assert (state.progress, state.failures[0].service) == (Progress.FAILED, "web")
    assert state.failures[0].message == 'unknown directive "lsiten"'
    assert state.retry_at is not None
    apply(anna)
    assert progress(anna).progress == Progress.APPLIED


def test_a_page_says_since_when_the_node_is_away():
    anna, since = rows.subscription("anna.example"), timezone.now()
    apply(anna)
    type(anna.node).objects.update(away_since=since)
    assert progress(anna).progress == Progress.APPLIED
    provisioning.touch([anna.pk])
    assert (progress(anna).progress, progress(anna).since) == (Progress.WAITING, since)


def test_looking_uses_the_partial_indexes():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by size; its plans have a test of their own")
    for column, index in (("applied", "behind"), ("switched", "unswitched")):
        queue = Deployment.objects.filter(node_id=1, generation__gt=F(column)).order_by("pk")
        assert f"hosting_deployment_{index}" in queue.explain()

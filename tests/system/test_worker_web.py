"""From a commit to what visitors get: real worker, real agent, real nginx, killed in between."""

import random
import shutil
import time

import pytest
from django.db.models import F
from django.utils import timezone

from accounts import actors
from hosting import provisioning
from hosting.models.deployments import Deployment
from hosting.models.domains import AliasMode, Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from hosting.services.web.driver_pages import MARKER
from panel.core import runs
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.operations import operations
from panel.core.work import State
from tests.hosting import rows
from tests.hosting.databases import database_in
from tests.system.conftest import wait_until
from tests.system.worker import Machine

pytestmark = pytest.mark.system


@pytest.fixture
def machine(tmp_path, web, empty_database, django_db_blocker):
    """All of it, without subscriptions; the worker has not been started."""
    shutil.copy(empty_database, tmp_path)
    machine = Machine(tmp_path, web)
    with django_db_blocker.unblock(), database_in(tmp_path):
        rows.node()
        yield machine
        machine.worker.clean()


@pytest.fixture
def anna(machine):
    """A subscription that serves, and a neighbour that serves before and after."""
    anna, _bert = rows.subscription("anna.example"), rows.subscription("bert.example")
    machine.worker.start()
    machine.await_steady("anna.example", 200)
    machine.await_steady("bert.example", 200)
    yield anna
    assert machine.web.status("bert.example") == 200


def await_applied():
    behind = Deployment.objects.filter(generation__gt=F("applied"))
    wait_until(lambda: not behind.exists(), "everything is applied")


def test_suspended_is_503_and_activated_serves_again(machine, anna):
    rows.suspend(anna)
    machine.await_status("anna.example", 503)
    assert MARKER in machine.web.get("www.anna.example").body
    rows.activate(anna)
    machine.await_status("anna.example", 200)
    await_applied()
    assert rows.deployment(anna).switched == rows.deployment(anna).generation


def done(operation: str, row, **params):
    """One operation as the administrator; the number of what it made."""
    actor = actors.actor_of(rows.login())
    outcome = runs.perform(operations[operation], actor, [row.pk], params=params)
    (finding,) = outcome.findings
    assert finding.result == "done", finding
    return finding.created_id


def test_names_lead_where_they_were_told_to_and_nowhere_while_shut(machine, anna):
    """By operations, to what visitors get: forwarding, a preferred name, a rename, and the gate."""
    pk = done("account.add-subscription", rows.administrator(), domain="carl.example")
    carl = Subscription.objects.get(pk=pk)
    main = carl.domains.get()
    away = {
        "hosting_type": "forwarding",
        "forward_to": "https://new.example",
        "forward_code": "302",
    }
    done("domain.add-subdomain", main, name="away", **away)
    done("domain.hosting-settings", main, preferred_name="www")
    done("domain.rename", main, name="carla.example", keeps_old_name="on")
    leads = {
        "carla.example": (301, f"http://www.carla.example:{machine.web.port}/a?b"),
        "carl.example": (301, f"http://www.carla.example:{machine.web.port}/a?b"),
        "away.carla.example": (302, "https://new.example/a?b"),
        "away.carl.example": (301, f"http://away.carla.example:{machine.web.port}/a?b"),
    }
    machine.await_status("www.carla.example", 200)
    await_applied()

    def leads_to(name):
        answer = machine.web.get(name, "/a?b")
        return answer.status, answer.location

    # nginx takes its configuration over a process at a time: an old one may answer once more.
    for name, wanted in leads.items():
        wait_until(lambda n=name, w=wanted: leads_to(n) == w, f"{name} leads to {wanted}")
    done("subscription.suspend", carl, kind="unpaid")
    for name in (*leads, "www.carla.example"):
        machine.await_status(name, 503)
        answer = machine.web.get(name, "/a?b")
        assert (answer.location, MARKER in answer.body) == (None, True), name
    probe = "/.well-known/acme-challenge/freehold-probe"
    assert {machine.web.status(name, probe) for name in leads} == {200}
    done("subscription.activate", carl)
    machine.await_status("away.carla.example", 302)


def test_domains_and_aliases_come_and_go(machine, anna):
    domain = rows.domain(anna, "second.example")
    rows.alias(domain, "alias.example", AliasMode.REDIRECT)
    provisioning.touch([anna.pk])
    machine.await_status("second.example", 200)
    machine.await_status("alias.example", 301)
    Domain.objects.filter(pk=domain.pk).update(removing_at=timezone.now())
    provisioning.touch([anna.pk])
    machine.await_status("second.example", 404)
    assert machine.web.status("anna.example") == 200


def test_a_removed_subscription_is_not_found_and_its_deployment_goes(machine, anna):
    rows.remove(anna)
    machine.await_status("anna.example", 404)
    gone = Deployment.objects.filter(subscription_id=anna.pk)
    wait_until(lambda: not gone.exists(), "the deployment is gone")


def test_what_nginx_cannot_serve_is_marked_and_holds_up_nobody(machine, anna):
    Domain.objects.filter(subscription=anna).update(document_root="../../etc")
    provisioning.touch([anna.pk])
    wait_until(lambda: Subscription.objects.get(pk=anna.pk).is_failed, "it is marked")
    assert "document_root" in rows.deployment(anna).errors["web"]["message"]
    carl = rows.subscription("carl.example")
    machine.await_status("carl.example", 200)
    # What was served before is served still, and what is urgent does not wait for the mending.
    assert machine.web.status("anna.example") == 200
    rows.suspend(anna)
    machine.await_status("anna.example", 503)
    Domain.objects.filter(subscription=anna).update(document_root="httpdocs")
    rows.activate(anna, carl)
    machine.await_status("anna.example", 200)
    await_applied()
    assert not Subscription.objects.get(pk=anna.pk).is_failed


def test_changes_wait_for_an_agent_that_is_away(machine, anna):
    machine.web.kill()
    rows.suspend(anna)
    wait_until(lambda: Node.objects.get().away_since is not None, "the node is away")
    assert provisioning.state_of(rows.deployment(anna), Node.objects.get()).progress == "waiting"
    machine.restart_agent()
    machine.await_status("anna.example", 503)
    wait_until(lambda: Node.objects.get().away_since is None, "the node is back")
    await_applied()
    assert rows.deployment(anna).attempts == 0


def test_changes_wait_for_a_worker_that_is_dead(machine, anna):
    machine.worker.kill()
    rows.suspend(anna)
    dora = rows.subscription("dora.example")
    machine.worker.start()
    machine.await_status("anna.example", 503)
    machine.await_status("dora.example", 200)
    assert machine.web.status("bert.example") == 200
    assert not rows.deployment(dora).attempts


def test_a_node_that_lost_its_state_is_filled_again(machine, anna):
    machine.web.stop()
    rows.suspend(anna)
    shutil.rmtree(machine.web.directory / "web")
    for path in machine.web.directory.glob("agent.sqlite3*"):
        path.unlink()
    machine.restart_agent()
    machine.await_status("anna.example", 503)
    machine.await_steady("bert.example", 200)


def test_two_workers_at_once_end_where_one_would(machine, anna):
    machine.worker.start()
    for _ in range(10):
        rows.suspend(anna)
        rows.activate(anna)
        rows.suspend(anna)
    machine.await_status("anna.example", 503)
    await_applied()
    assert machine.web.status("anna.example") == 503
    assert rows.deployment(anna).attempts == 0


@pytest.mark.slow
def test_killed_between_any_two_steps_it_ends_where_it_should(machine, anna):
    chance = random.Random(11)
    others = [rows.subscription(f"s{number}.example") for number in range(20)]
    shut = set()
    for _ in range(12):
        some = chance.sample(others, 5)
        for row in some:
            shut ^= {row.pk}
            (rows.suspend if row.pk in shut else rows.activate)(row)
        time.sleep(chance.uniform(0, 0.03))
        if chance.random() < 0.5:
            machine.worker.kill()
            machine.worker.start()
        else:
            machine.web.kill()
            machine.restart_agent()
    await_applied()
    for row in others:
        machine.await_status(row.name, 503 if row.pk in shut else 200)
    assert not Subscription.objects.filter(is_failed=True).exists()


def test_a_run_survives_its_workers(machine):
    """Killed again and again, it does each target once and tells of every one."""
    ids = [rows.subscription(f"s{number}.example", deployed=False).pk for number in range(1200)]
    actor = actors.actor_of(rows.login())
    run = runs.start(operations["subscription.suspend"], actor, ids, params={"kind": "unpaid"})
    finished = BulkTarget.objects.filter(run=run, result__isnull=False)
    for _ in range(3):
        before = finished.count()
        machine.worker.start()
        wait_until(lambda so_far=before: finished.count() > so_far or is_done(run), "it goes on")
        machine.worker.kill()
    machine.worker.start()
    wait_until(lambda: is_done(run), "the run is done")
    run.refresh_from_db()
    assert run.counts == {"done": 1200}
    assert SuspensionEntry.objects.count() == 1200
    assert Subscription.objects.filter(is_suspended=True).count() == 1200


def is_done(run: BulkRun) -> bool:
    return BulkRun.objects.get(pk=run.pk).state == State.DONE


def test_asked_to_end_it_ends(machine, anna):
    assert machine.worker.stop() == 0

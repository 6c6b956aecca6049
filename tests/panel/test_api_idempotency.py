"""A request that is sent again is answered as before, and nothing is done twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from panel.core import runs
from panel.core.api_keys import IdempotencyKey
from panel.core.bulk import BulkRun
from tests.panel.api_client import Api, fields, roomy, told
from tests.panel.test_api_operations import NEW
from tests.world import World

KEY = {"Idempotency-Key": "invoice-1042"}


def test_the_same_request_is_answered_as_before(world: World) -> None:
    roomy(world.ada)
    api = Api(world, "ada")
    first = api.post("/customers", NEW, KEY)
    again = api.post("/customers", NEW, KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Account.objects.filter(username="nina").count() == 1
    assert BulkRun.objects.count() == 1


def test_the_answer_stays_although_the_world_has_changed(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    first = api.post(path, {}, KEY)
    world.perform("ada", "customer.activate", world.carl)
    assert api.post(path, {}, KEY).content == first.content
    assert not world.fresh("carl").is_suspended


def test_another_request_with_the_key_is_refused(world: World) -> None:
    api = Api(world, "ada")
    assert api.post(f"/customers/{world.carl.pk}/suspend", {}, KEY).status_code == 200
    for path, body in (
        (f"/customers/{world.cleo.pk}/suspend", {}),
        (f"/customers/{world.carl.pk}/suspend", {"kind": "unpaid"}),
    ):
        response = api.post(path, body, KEY)
        assert response.status_code == 409
        assert told(response)["error"]["code"] == "idempotency_key_reused"
    assert not world.fresh("cleo").is_suspended


def test_keys_of_different_accounts_do_not_meet(world: World) -> None:
    assert Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend", {}, KEY).status_code == 200
    assert Api(world, "ben").post(f"/customers/{world.nora.pk}/suspend", {}, KEY).status_code == 200


def test_another_user_of_the_account_does_not_get_the_answer(world: World) -> None:
    world.add_user("ada", "helper", user_role="owner")
    path = f"/customers/{world.carl.pk}/suspend"
    assert Api(world, "ada").post(path, {}, KEY).status_code == 200
    assert Api(world, "helper").post(path, {}, KEY).status_code == 409


def test_what_was_not_valid_may_be_corrected(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    assert api.post(path, {"kind": "nothing"}, KEY).status_code == 422
    assert api.post(path, {"kind": "unpaid"}, KEY).status_code == 200


def test_a_refusal_is_answered_as_before_too(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/activate"
    first = api.post(path, {}, KEY)
    assert first.status_code == 409
    assert api.post(path, {}, KEY).content == first.content


def test_while_the_first_is_under_way_the_second_waits(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    api.post(path, {}, KEY)
    IdempotencyKey.objects.update(status=None, answer="0123456789abcdef")
    response = api.post(path, {}, KEY)
    assert response.status_code == 409
    assert told(response)["error"]["code"] == "in_progress"
    assert response["Retry-After"]


def test_a_request_that_died_before_it_began_is_done(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    api.post(path, {}, KEY)
    world.perform("ada", "customer.activate", world.carl)
    long_ago = timezone.now() - timedelta(minutes=5)
    IdempotencyKey.objects.update(status=None, answer="0123456789abcdef", created_at=long_ago)
    assert api.post(path, {}, KEY).status_code == 200
    assert world.fresh("carl").is_suspended


def test_a_request_that_died_before_its_answer_is_answered_from_its_run(world: World) -> None:
    roomy(world.ada)
    api = Api(world, "ada")
    first = api.post("/customers", NEW, KEY)
    IdempotencyKey.objects.update(status=None, answer=BulkRun.objects.get().request_id)
    again = api.post("/customers", NEW, KEY)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert Account.objects.filter(username="nina").count() == 1


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    api.post(path, {}, KEY)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert api.post(path, {}, KEY).json()["unchanged"]
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 101, "a b", "ü"])
def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    api = Api(world, "ada")
    response = api.post(f"/customers/{world.carl.pk}/suspend", {}, {"Idempotency-Key": key})
    assert list(fields(response)) == ["Idempotency-Key"]


def test_a_dry_run_takes_no_key(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    assert api.post(path, {"dry_run": True}, KEY).status_code == 200
    assert not IdempotencyKey.objects.exists()


def test_a_run_for_the_worker_is_begun_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "IN_REQUEST", 1)
    api = Api(world, "ada")
    body = {"ids": [world.carl.pk, world.cleo.pk]}
    first = api.post("/customers/suspend", body, KEY)
    again = api.post("/customers/suspend", body, KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert BulkRun.objects.count() == 1


def test_an_undo_is_done_once(world: World) -> None:
    api = Api(world, "ada")
    run = api.post(f"/customers/{world.carl.pk}/suspend").json()["run"]
    first = api.post(f"/runs/{run}/undo", {}, KEY)
    again = api.post(f"/runs/{run}/undo", {}, KEY)
    assert (
        (first.status_code, first.content)
        == (again.status_code, again.content)
        == (200, first.content)
    )

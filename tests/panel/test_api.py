"""The frame of the API: who is let in, what bodies are taken, one shape for all errors."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from panel.core import api as api_module
from panel.core.log import Activity
from tests.panel.api_client import Api, fields, told
from tests.world import World

BACKSLASH = "\\"


def suspend(world: World, name: str) -> None:
    assert world.perform("admin", "customer.suspend", world.accounts[name]).is_clean


def test_me_says_whose_token_it_is(world: World) -> None:
    told_of = Api(world, "ada", "read").get("/me").json()
    assert told_of["username"] == "ada"
    assert (told_of["role"], told_of["scopes"]) == ("reseller", ["read"])


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer fh_wrong", "Basic YTpi", "Bearer \x00"])
def test_without_a_valid_token_nothing_is_told(world: World, header: str) -> None:
    client = Client(raise_request_exception=False)
    for path in ("/api/v1/customers", "/api/v1/nothing", f"/api/v1/customers/{world.carl.pk}"):
        response = client.get(path, headers={"Authorization": header} if header else {})
        assert response.status_code == 401
        assert told(response)["error"]["code"] == "unauthorized"


def test_a_session_is_no_token(world: World) -> None:
    assert world.client("admin").get("/api/v1/me").status_code == 401


def test_an_expired_token_is_refused(world: World) -> None:
    late = timezone.now() - timedelta(seconds=1)
    assert Api(world, "ada", expires_at=late).get("/me").status_code == 401


def test_a_token_of_a_suspended_account_is_refused_and_works_again_after(world: World) -> None:
    api = Api(world, "carl")
    assert api.get("/me").status_code == 200
    suspend(world, "carl")
    assert api.get("/me").status_code == 401
    assert world.perform("admin", "customer.activate", world.carl).is_clean
    assert api.get("/me").status_code == 200


def test_a_token_of_a_deactivated_user_is_refused(world: World) -> None:
    world.add_user("carl", "helper", user_role="webmaster")
    api = Api(world, "helper")
    User.objects.filter(username="helper").update(is_active=False)
    assert api.get("/me").status_code == 401


def test_a_token_that_only_reads_changes_nothing(world: World) -> None:
    response = Api(world, "ada", "read").post(f"/customers/{world.carl.pk}/suspend")
    assert response.status_code == 403
    assert not world.fresh("carl").is_suspended


def test_a_token_for_one_area_reaches_only_that(world: World) -> None:
    api = Api(world, "ada", "suspension")
    assert api.get("/customers").status_code == 403
    assert api.post(f"/customers/{world.carl.pk}/remove").status_code == 403
    assert api.post(f"/customers/{world.carl.pk}/suspend").status_code == 200


def test_a_billing_token_sets_and_lifts_unpaid_only(world: World) -> None:
    api = Api(world, "ada", "billing")
    path = f"/customers/{world.carl.pk}"
    assert api.post(f"{path}/suspend", {"kind": "abuse"}).status_code == 409
    assert api.post(f"{path}/suspend").status_code == 200
    assert world.perform("ada", "customer.suspend", world.carl, kind="other").is_clean
    assert api.post(f"{path}/activate").status_code == 200
    assert world.fresh("carl").is_suspended, "what was set for another reason stays"


def test_a_billing_token_does_not_undo_what_a_person_did(world: World) -> None:
    run = world.perform("ada", "customer.suspend", world.carl, kind="abuse").run
    assert Api(world, "ada", "billing").post(f"/runs/{run.pk}/undo").status_code == 403
    assert world.fresh("carl").is_suspended


def test_a_billing_token_of_somebody_who_may_not_suspend_may_not_either(world: World) -> None:
    world.add_user("ada", "viewer", user_role="viewer")
    response = Api(world, "viewer", "billing").post(f"/customers/{world.carl.pk}/suspend")
    assert response.status_code == 403


def test_every_error_has_one_shape(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    answers = {
        400: api.post(path, "{"),
        403: Api(world, "carl").post(f"/customers/{world.carl.pk}/suspend"),
        404: api.get("/customers/999999"),
        405: api.get(path),
        413: api.post(path, '{"message": "' + "x" * 1_100_000 + '"}'),
        415: api.post(path, "kind=unpaid", content_type="application/x-www-form-urlencoded"),
        422: api.post(path, {"kind": "nothing"}),
    }
    for status, response in answers.items():
        assert response.status_code == status
        assert response["Content-Type"].startswith("application/json")
        error = response.json()["error"]
        assert error["code"]
        assert error["message"]
        assert error["request_id"] == response["X-Request-Id"]


def test_an_address_that_does_not_exist_is_told_in_json(world: World) -> None:
    api = Api(world, "admin")
    for path in ("/nothing", "/customers/", "/customers/1/nothing", "/", "/docs"):
        response = api.get(path)
        assert response.status_code == 404, path
        assert told(response)["error"]["code"] == "not_found"


def test_a_method_that_an_address_does_not_take_is_named_with_those_it_takes(world: World) -> None:
    api = Api(world, "admin")
    for method in ("put", "patch", "delete"):
        send = getattr(api.client, method)
        response = send("/api/v1/customers", headers=api.headers)
        assert response.status_code == 405
        assert set(response["Allow"].split(", ")) == {"GET", "POST"}


def test_a_method_in_a_header_is_ignored(world: World) -> None:
    api = Api(world, "admin")
    headers = {"X-HTTP-Method-Override": "POST"}
    assert api.get(f"/customers/{world.carl.pk}/suspend", headers).status_code == 405


def test_head_is_get_without_a_body(world: World) -> None:
    api = Api(world, "admin")
    response = api.client.head(f"/api/v1/customers/{world.carl.pk}", headers=api.headers)
    assert (response.status_code, response.content) == (200, b"")
    assert response["ETag"]


def test_a_get_with_a_body_is_a_get(world: World) -> None:
    api = Api(world, "admin")
    response = api.client.generic(
        "GET", "/api/v1/me", b'{"x":', content_type="application/json", headers=api.headers
    )
    assert response.status_code == 200


def test_no_body_and_an_empty_object_are_the_same(world: World) -> None:
    api = Api(world, "ada")
    path = f"/api/v1/customers/{world.carl.pk}/suspend"
    assert api.client.post(path, headers=api.headers).status_code in {200, 415}
    response = api.client.generic("POST", path, b"", headers=api.headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b'{"kind": NaN}',
        b'{"kind": Infinity}',
        b'{"kind": 1e999}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"kind": "\xff"}',
        b'{"message": "\\ud800"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 100_000,
        b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"kind": ' + b"9" * 5000 + b"}",
        b"{'kind': 'unpaid'}",
        b'{"kind": "unpaid",}',
    ],
)
def test_what_is_no_json_object_is_refused(world: World, body: bytes) -> None:
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend", body)
    assert response.status_code == 400, response.content
    assert told(response)["error"]["code"] == "malformed"
    assert not world.fresh("carl").is_suspended


def test_a_key_that_is_given_twice_is_refused(world: World) -> None:
    body = '{"kind": "unpaid", "kind": "abuse"}'
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend", body)
    assert list(fields(response)) == ["kind"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"kind": 1}, "kind"),
        ({"kind": ["unpaid"]}, "kind"),
        ({"kind": {"a": 1}}, "kind"),
        ({"kind": True}, "kind"),
        ({"kind": "UNPAID"}, "kind"),
        ({"kind": "unpaid "}, "kind"),
        ({"message": "a\nb"}, "message"),
        ({"message": "a\x00b"}, "message"),
        ({"message": "a" + "\u2028" + "b"}, "message"),
        ({"message": "x" * 501}, "message"),
        ({"scope": "everything"}, "scope"),
        ({"nothing": 1}, "nothing"),
        ({"dry_run": "true"}, "dry_run"),
        ({"dry_run": 1}, "dry_run"),
        ({"ids": [1]}, "ids"),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(world: World, body: dict, name: str) -> None:
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend", body)
    assert list(fields(response)) == [name]
    assert not world.fresh("carl").is_suspended


def test_markup_and_bidi_come_back_as_they_were(world: World) -> None:
    text = "<script>alert(1)</script> \u202etxt.exe “ü” \U0001f600"
    api = Api(world, "ada")
    response = api.post(f"/customers/{world.carl.pk}/edit-contact-info", {"company": text})
    assert response.status_code == 200, response.content
    shown = api.get(f"/customers/{world.carl.pk}")
    assert shown.json()["company"] == text
    assert shown["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.0", "1e3", "²", "١", "100000000000000000000", "+1", "0x1", "%00", "a"]
)
def test_what_is_no_id_is_not_found(world: World, text: str) -> None:
    api = Api(world, "admin")
    assert api.get(f"/customers/{text}").status_code == 404
    assert api.post(f"/customers/{text}/suspend").status_code == 404


def test_an_id_of_another_kind_with_the_same_number_is_not_found(world: World) -> None:
    api = Api(world, "admin")
    assert api.get(f"/customers/{world.ada.pk}").status_code == 404
    assert api.post(f"/customers/{world.ada.pk}/suspend").status_code == 404
    assert api.get(f"/resellers/{world.carl.pk}").status_code == 404


def test_too_many_requests_of_a_token_are_slowed_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "REQUESTS_A_MINUTE", 2)
    api = Api(world, "ada")
    statuses = [api.get("/me").status_code for _number in range(5)]
    assert 429 in statuses
    response = api.get("/me")
    if response.status_code == 429:
        assert 0 < int(response["Retry-After"]) <= 60
    assert Api(world, "ada").get("/me").status_code == 200, "another token counts by itself"


def test_answers_are_never_cached(world: World) -> None:
    assert Api(world, "ada").get("/me")["Cache-Control"] == "no-store"


def test_what_is_done_through_the_api_is_logged_with_door_and_request(world: World) -> None:
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend")
    entry = Activity.objects.get(action="customer.suspend")
    assert (entry.door, entry.actor_name, entry.target_id) == ("api", "ada", world.carl.pk)
    assert entry.request_id == response["X-Request-Id"]


def test_a_password_is_in_no_answer_log_or_run(world: World) -> None:
    from panel.core.bulk import BulkRun

    secret = "Planted-Secret-4711!"
    response = Api(world, "admin").post(
        f"/customers/{world.carl.pk}/change-login-info", {"password": secret}
    )
    assert response.status_code == 200, response.content
    assert world.user("carl").check_password(secret)
    rows = [*BulkRun.objects.values(), *Activity.objects.values()]
    assert secret not in json.dumps(rows, default=str) + response.content.decode()


def test_the_document_needs_no_token_and_reads_no_rows(
    world: World, django_assert_num_queries: object
) -> None:
    Account.objects.filter(pk=world.carl.pk).update(contact_name="Canary")
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.")
    assert "Canary" not in response.content.decode()

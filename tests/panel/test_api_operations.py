"""Operations through the API: on one, on many, a new one, and what came of it."""

from typing import Any

import pytest

from accounts.creation import add_account
from accounts.models import Account
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.access import Role
from panel.core.bulk import BulkRun
from panel.core.work import State
from tests.panel.api_client import Api, fields, ids, roomy, told
from tests.world import World

NEW = {
    "contact_name": "Nina New",
    "email": "nina@mail.example",
    "username": "nina",
    "password": "correct horse battery",
    "create_subscription": False,
}


def make_customers(provider: Account, count: int) -> list[int]:
    made = [
        add_account(
            Role.CUSTOMER,
            provider,
            username=f"many{number}",
            contact_name=f"Many {number}",
            email="many@mail.example",
        )
        for number in range(count)
    ]
    return [account.pk for account in made]


def test_one_is_suspended(world: World) -> None:
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/suspend", {"kind": "unpaid"})
    assert response.status_code == 200
    assert response.json()["done"] == [{"id": world.carl.pk}]
    assert world.fresh("carl").is_suspended


def test_suspending_twice_changes_nothing(world: World) -> None:
    api = Api(world, "ada")
    api.post(f"/customers/{world.carl.pk}/suspend")
    response = api.post(f"/customers/{world.carl.pk}/suspend")
    assert response.status_code == 200
    (unchanged,) = response.json()["unchanged"]
    assert unchanged["code"] == "suspended_already"
    assert unchanged["reason"]


def test_one_that_is_refused_is_a_conflict_with_the_reason(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    response = Api(world, "ada").post(f"/customers/{world.carl.pk}/activate")
    assert response.status_code == 409
    answer = response.json()
    assert ids(answer["refused"]) == [world.carl.pk]
    assert answer["error"]["code"] == answer["refused"][0]["code"] == "level_above"


def test_the_neighbour_is_answered_like_nobody(world: World) -> None:
    api = Api(world, "ada")
    bodies = {
        str(told(api.post(f"/customers/{pk}/suspend"))) for pk in (world.nora.pk, 999_999, 10**18)
    }
    assert len(bodies) == 1
    assert not world.fresh("nora").is_suspended


def test_a_role_that_may_not_is_told_so_where_it_sees_the_object(world: World) -> None:
    assert Api(world, "carl").post(f"/customers/{world.carl.pk}/suspend").status_code == 403
    assert Api(world, "carl").post(f"/customers/{world.cleo.pk}/suspend").status_code == 404
    assert Api(world, "carl").post("/customers/suspend", {"ids": [1]}).status_code == 403


def test_an_additional_user_is_cut_down_to_its_role(world: World) -> None:
    world.add_user("ada", "webmaster", user_role="webmaster")
    response = Api(world, "webmaster").post(f"/customers/{world.carl.pk}/suspend")
    assert response.status_code == 403


def test_many_are_answered_one_by_one(world: World) -> None:
    api = Api(world, "ada")
    api.post(f"/customers/{world.cleo.pk}/suspend")
    chosen = [world.carl.pk, world.cleo.pk, world.nora.pk, 999_999]
    response = api.post("/customers/suspend", {"ids": chosen})
    assert response.status_code == 200
    answer = response.json()
    assert ids(answer["done"]) == [world.carl.pk]
    assert ids(answer["unchanged"]) == [world.cleo.pk]
    missing = {one["id"]: (one["code"], one["reason"]) for one in answer["missing"]}
    assert missing.keys() == {world.nora.pk, 999_999}
    assert len(set(missing.values())) == 1, "the neighbour's and the non-existing read the same"


def test_ids_given_twice_count_once(world: World) -> None:
    chosen = [world.carl.pk, world.carl.pk]
    answer = Api(world, "ada").post("/customers/suspend", {"ids": chosen}).json()
    assert ids(answer["done"]) == [world.carl.pk]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"filter": {}},
        {"filter": {"status": ""}},
        {"filter": {"q": " "}},
        {"filter": []},
        {"filter": "active"},
        {"filter": None, "ids": None},
        {"ids": "all"},
        {"ids": {"12": {}}},
        {"ids": [True]},
        {"ids": [1.0]},
        {"ids": ["1"]},
        {"ids": [0]},
        {"ids": [-1]},
        {"ids": [10**20]},
        {"ids": [[1]]},
        {"ids": [None]},
        {"ids": list(range(1, 10_002))},
        {"ids": [1], "filter": {"status": "active"}},
        {"filter": {"status": "nothing"}},
        {"filter": {"nothing": "x"}},
        {"filter": {"status": ["active"]}},
        {"filter": {"status": "active", "limit": "1"}},
        {"filter": {"q": "a\x00b"}},
        {"ids": [1], "items": {"1": {"kind": "unpaid"}}},
        {"ids": [1], "items": {"2": {}}},
        {"ids": [1], "items": {"²": {}}},
        {"items": {}},
    ],
)
def test_a_selection_that_is_not_one_is_refused(world: World, body: dict[str, Any]) -> None:
    assert fields(Api(world, "ada").post("/customers/suspend", body))
    assert not Account.objects.filter(is_suspended=True).exists()


def test_a_filter_means_what_the_list_shows(world: World) -> None:
    api = Api(world, "ada")
    api.post(f"/customers/{world.cleo.pk}/suspend")
    answer = api.post("/customers/suspend", {"filter": {"status": "active"}}).json()
    assert ids(answer["done"]) == [world.carl.pk]
    assert not world.fresh("nora").is_suspended


def test_a_filter_that_matches_nothing_does_nothing(world: World) -> None:
    response = Api(world, "ada").post("/customers/suspend", {"filter": {"q": "nobody here"}})
    assert response.status_code == 200
    assert response.json()["run"] is None


def test_an_edit_keeps_what_is_not_given(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/edit-contact-info"
    assert api.post(path, {"city": "Rome", "phone": "1"}).status_code == 200
    assert api.post(path, {"city": "Oslo"}).status_code == 200
    carl = world.fresh("carl")
    assert (carl.city, carl.phone, carl.contact_name) == ("Oslo", "1", "Carl Customer")
    assert api.post(path, {"phone": None}).status_code == 200
    assert world.fresh("carl").phone == ""


def test_a_stale_version_changes_nothing(world: World) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}"
    tag = api.get(path)["ETag"]
    edit = f"{path}/edit-contact-info"
    assert api.post(edit, {"city": "Rome"}, {"If-Match": tag}).status_code == 200
    assert api.post(edit, {"city": "Oslo"}, {"If-Match": tag}).status_code == 412
    for wrong in ('W/"2"', "2", '"x"', '"99999999999999999999"', ""):
        assert api.post(edit, {"city": "Oslo"}, {"If-Match": wrong}).status_code == 412
    assert world.fresh("carl").city == "Rome"
    assert api.post(edit, {"city": "Oslo"}, {"If-Match": "*"}).status_code == 200


def test_a_version_is_for_one_object(world: World) -> None:
    body = {"ids": [world.carl.pk]}
    response = Api(world, "ada").post("/customers/suspend", body, {"If-Match": '"1"'})
    assert list(fields(response)) == ["If-Match"]


@pytest.mark.parametrize("where", ["body", "query"])
def test_a_dry_run_says_what_would_happen_and_changes_nothing(world: World, where: str) -> None:
    api = Api(world, "ada")
    path = f"/customers/{world.carl.pk}/suspend"
    body = {"dry_run": True} if where == "body" else {}
    response = api.post(path if body else f"{path}?dry_run=true", body)
    answer = response.json()
    assert response.status_code == 200
    assert (answer["dry_run"], ids(answer["done"])) == (True, [world.carl.pk])
    assert answer["consequences"][0]["text"]
    assert not world.fresh("carl").is_suspended
    assert not BulkRun.objects.exists()


def test_a_dry_run_of_many_names_what_stands_against_it(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    chosen = [world.carl.pk, world.cleo.pk, world.nora.pk]
    body = {"ids": chosen, "dry_run": True}
    answer = Api(world, "ada").post("/customers/activate", body).json()
    assert ids(answer["refused"]) == [world.carl.pk]
    assert ids(answer["unchanged"]) == [world.cleo.pk]
    assert ids(answer["missing"]) == [world.nora.pk]
    assert world.fresh("carl").is_suspended


def test_a_dry_run_of_a_filter_changes_nothing(world: World) -> None:
    body = {"filter": {"status": "active"}, "dry_run": True}
    answer = Api(world, "ada").post("/customers/suspend", body).json()
    assert set(ids(answer["done"])) == {world.carl.pk, world.cleo.pk}
    assert not world.fresh("carl").is_suspended


def test_a_customer_is_made(world: World) -> None:
    roomy(world.ada)
    response = Api(world, "ada").post("/customers", NEW)
    assert response.status_code == 201, response.content
    made = Account.objects.get(username="nina")
    assert response.json()["created"] == made.pk
    assert response["Location"] == f"/api/v1/customers/{made.pk}"
    assert (made.provider_id, made.reseller_id) == (world.ada.pk, world.ada.pk)
    assert world.user("nina").check_password(NEW["password"])


def test_a_subscription_is_made_below_the_account_that_is_named(world: World) -> None:
    roomy(world.ada)
    body = {"domain": "carl.example", "parent": world.carl.pk}
    response = Api(world, "ada").post("/subscriptions", body)
    assert response.status_code == 201, response.content
    made = Subscription.objects.get(pk=response.json()["created"])
    assert (made.account_id, made.reseller_id) == (world.carl.pk, world.ada.pk)
    path = f"/subscriptions/{made.pk}/add-domain"
    domain = Api(world, "ada").post(path, {"name": "more.example"})
    # One domain is what a Custom plan starts with; the limit is told, not passed.
    assert (domain.status_code, domain.json()["error"]["code"]) == (409, "limit_here")


def test_a_dry_run_of_a_creation_finds_the_limit_and_makes_nothing(world: World) -> None:
    api = Api(world, "ada")
    answer = api.post("/customers", {**NEW, "dry_run": True}).json()
    assert [one["code"] for one in answer["refused"]] == ["limit"]
    roomy(world.ada)
    answer = api.post("/customers", {**NEW, "dry_run": True}).json()
    assert (ids(answer["done"]), answer["refused"]) == ([world.ada.pk], [])
    assert not Account.objects.filter(username="nina").exists()


def test_nothing_is_made_below_the_neighbour(world: World) -> None:
    api = Api(world, "ada")
    answers = [api.post("/customers", {**NEW, "parent": pk}) for pk in (world.ben.pk, 999_999)]
    assert [list(fields(answer)) for answer in answers] == [["parent"], ["parent"]]
    assert told(answers[0]) == told(answers[1])
    for wrong in (True, 1.5, [], {}, "", "external:"):
        assert list(fields(api.post("/customers", {**NEW, "parent": wrong}))) == ["parent"]


def test_what_is_required_is_named(world: World) -> None:
    response = Api(world, "admin").post("/customers", {})
    assert {"contact_name", "email", "username", "password"} <= set(fields(response))


def test_a_create_with_an_external_id_that_exists_returns_that_one(world: World) -> None:
    roomy(world.ada)
    api = Api(world, "ada")
    first = api.post("/customers", {**NEW, "external_id": "42"})
    again = api.post("/customers", {**NEW, "username": "other", "external_id": "42"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["created"] == first.json()["created"]
    assert ids(again.json()["unchanged"]) == [first.json()["created"]]
    assert Account.objects.filter(external_id="42").count() == 1


def test_an_external_id_stands_for_a_number_everywhere(world: World) -> None:
    Account.objects.filter(pk=world.carl.pk).update(external_id="A-17 ü")
    Account.objects.filter(pk=world.nora.pk).update(external_id="A-18")
    api = Api(world, "ada")
    assert api.get("/customers/external:A-17 ü").json()["id"] == world.carl.pk
    assert api.post("/customers/external:A-17 ü/suspend").status_code == 200
    assert api.get("/customers/external:A-18").status_code == 404
    body = {"ids": ["external:A-17 ü", "external:A-18", "external:"]}
    answer = api.post("/customers/activate", body).json()
    assert ids(answer["done"]) == [world.carl.pk]
    assert ids(answer["missing"]) == ["external:A-18", "external:"]


def test_of_two_equal_external_ids_the_own_customers_counts(world: World) -> None:
    Account.objects.filter(pk__in=[world.carl.pk, world.dora.pk]).update(external_id="7")
    assert Api(world, "admin").get("/customers/external:7").json()["id"] == world.dora.pk


def test_more_than_a_requests_worth_goes_to_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "IN_REQUEST", 2)
    chosen = make_customers(world.ada, 3)
    api = Api(world, "ada")
    response = api.post("/customers/suspend", {"ids": chosen, "kind": "unpaid"})
    assert response.status_code == 202
    run = response.json()["id"]
    assert response["Location"] == f"/api/v1/runs/{run}"
    assert api.get(f"/runs/{run}").json()["state"] == "queued"
    runs.carry_out(BulkRun.objects.get(pk=run))
    answer = api.get(f"/runs/{run}").json()
    assert (answer["state"], answer["done"], answer["total"]) == ("done", 3, 3)
    assert answer["counts"]["done"] == 3
    pages = api.get(f"/runs/{run}/targets", limit=2).json()
    rest = api.get(f"/runs/{run}/targets", limit=2, after=pages["next"]).json()
    assert [*ids(pages["items"]), *ids(rest["items"])] == chosen
    assert rest["next"] is None


def test_a_filter_of_many_goes_to_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "IN_REQUEST", 1)
    response = Api(world, "ada").post("/customers/suspend", {"filter": {"status": "active"}})
    assert response.status_code == 202
    assert response.json()["total"] == 2


def test_what_a_narrow_token_began_goes_on_with_its_rights_in_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user behind a billing token may do more; the token may not, whoever carries it out."""
    monkeypatch.setattr(runs, "IN_REQUEST", 1)
    world.perform("ada", "customer.suspend", world.carl, kind="abuse")
    api = Api(world, "ada", "billing")
    body = {"ids": [world.carl.pk, world.cleo.pk], "kind": "unpaid"}
    suspending = BulkRun.objects.get(pk=api.post("/customers/suspend", body).json()["id"])
    assert suspending.scopes == ["billing"]
    runs.carry_out(suspending)
    body = {"ids": [world.carl.pk, world.cleo.pk]}
    activating = BulkRun.objects.get(pk=api.post("/customers/activate", body).json()["id"])
    runs.carry_out(activating)

    left = SuspensionEntry.objects.values_list("account__username", "kind")
    assert list(left) == [("carl", "abuse")]


def test_a_run_is_told_like_the_answer_to_its_request(world: World) -> None:
    api = Api(world, "ada")
    chosen = [world.carl.pk, 999_999]
    answer = api.post("/customers/suspend", {"ids": chosen}).json()
    shown = api.get(f"/runs/{answer['run']}").json()
    assert shown["outcome"] == answer


def test_a_neighbours_run_is_not_found(world: World) -> None:
    run = world.perform("ben", "customer.suspend", world.nora).run
    api = Api(world, "ada")
    for path in (f"/runs/{run.pk}", f"/runs/{run.pk}/targets", "/runs/999999", "/runs/x"):
        assert api.get(path).status_code == 404
    for verb in ("cancel", "undo"):
        assert api.post(f"/runs/{run.pk}/{verb}").status_code == 404
    assert world.fresh("nora").is_suspended


def test_a_run_is_undone_once(world: World) -> None:
    api = Api(world, "ada")
    run = api.post(f"/customers/{world.carl.pk}/suspend").json()["run"]
    assert api.get(f"/runs/{run}").json()["can_undo"]
    assert api.post(f"/runs/{run}/undo").status_code == 200
    assert not world.fresh("carl").is_suspended
    assert api.post(f"/runs/{run}/undo").status_code == 409


def test_a_run_is_stopped(world: World) -> None:
    api = Api(world, "ada")
    run = runs.start(
        runs.operations["customer.suspend"], world.actor("ada"), [world.carl.pk], state=State.QUEUED
    )
    assert api.post(f"/runs/{run.pk}/cancel").status_code == 200
    run.refresh_from_db()
    assert run.cancel_requested
    assert list(fields(api.post(f"/runs/{run.pk}/cancel", {"x": 1}))) == ["x"]


def test_hidden_operations_have_no_address(world: World) -> None:
    api = Api(world, "admin")
    assert api.post(f"/customers/{world.carl.pk}/lift", {"run": 1}).status_code == 404
    assert api.post("/customers/lift", {"ids": [1], "run": 1}).status_code in {404, 405}


def test_what_is_for_one_has_no_address_for_many(world: World) -> None:
    body = {"ids": [world.carl.pk], "city": "Rome"}
    assert Api(world, "admin").post("/customers/edit-contact-info", body).status_code == 405

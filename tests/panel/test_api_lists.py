"""Lists and rows through the API: what is shown, to whom, and in which order."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from panel.core import search
from panel.core.lists import list_pages
from panel.core.operations import nouns
from tests.panel.api_client import Api, fields, ids, told
from tests.panel.test_api_operations import make_customers
from tests.world import World

# Everything of the neighbour's that could slip through holds this word.
CANARY = "Canarybird"


def listed(api: Api, path: str, **query: Any) -> list[int]:
    response = api.get(path, **query)
    assert response.status_code == 200, response.content
    return ids(response.json()["items"])


def mark_the_neighbour(world: World) -> None:
    for account in (world.ben, world.nora):
        words = dict.fromkeys(("contact_name", "company", "city", "description"), CANARY)
        Account.objects.filter(pk=account.pk).update(**words, external_id=f"{CANARY}{account.pk}")
    search.refresh("customer", [world.nora.pk])
    search.refresh("reseller", [world.ben.pk])


def test_a_list_shows_what_one_may_see(world: World) -> None:
    assert listed(Api(world, "ada"), "/customers") == [world.carl.pk, world.cleo.pk]
    assert listed(Api(world, "ben"), "/customers") == [world.nora.pk]
    everyone = {world.carl.pk, world.cleo.pk, world.dora.pk, world.nora.pk}
    assert set(listed(Api(world, "admin"), "/customers")) == everyone
    assert set(listed(Api(world, "admin"), "/resellers")) == {world.ada.pk, world.ben.pk}


def test_a_list_that_is_not_for_a_role_is_forbidden(world: World) -> None:
    assert Api(world, "ada").get("/resellers").status_code == 403


def test_the_neighbour_is_met_nowhere(world: World) -> None:
    mark_the_neighbour(world)
    api = Api(world, "ada")
    found = []
    for noun in nouns.values():
        for path in (f"/{noun.plural}", f"/{noun.plural}?q={CANARY}", f"/{noun.plural}?limit=100"):
            found.append(api.get(path).content.decode())
        guesses = [world.ben.pk, world.nora.pk, f"external:{CANARY}{world.nora.pk}", 999_999]
        answers = [api.get(f"/{noun.plural}/{guess}") for guess in guesses]
        if noun.api_fields and noun.name in {"customer", "reseller"}:
            assert {answer.status_code for answer in answers} == {404}
            assert len({json.dumps(told(answer)) for answer in answers}) == 1
        found += [answer.content.decode() for answer in answers]
    found.append(api.post("/customers/suspend", {"ids": [world.nora.pk]}).content.decode())
    found.append(api.post("/customers/suspend", {"filter": {"q": CANARY}}).content.decode())
    assert CANARY not in " ".join(found)
    assert not world.fresh("nora").is_suspended


def test_a_row_shows_the_allowed_fields_and_nothing_else(world: World) -> None:
    for name, noun in nouns.items():
        columns = {field.name for field in noun.model._meta.concrete_fields}
        secret = {"password", "digest", "admin_note", "epoch", "name_key", "token", "text"}
        assert not secret & set(noun.api_fields), name
        # A record of the template has nothing but what it says.
        if noun.api_fields and name != "template-record":
            assert set(noun.api_fields) != columns, name
    row = Api(world, "ada").get(f"/customers/{world.carl.pk}").json()
    assert set(row) == set(nouns["customer"].api_fields)


def test_the_providers_description_is_not_for_the_one_described(world: World) -> None:
    Account.objects.filter(pk=world.carl.pk).update(description="Slow payer", admin_note="Watch")
    Account.objects.filter(pk=world.ada.pk).update(description="Big reseller")
    own = Api(world, "carl").get(f"/customers/{world.carl.pk}")
    assert own.status_code == 200
    assert "Slow payer" not in own.content.decode()
    assert (
        Api(world, "ada").get(f"/customers/{world.carl.pk}").json()["description"] == "Slow payer"
    )
    assert (
        "Big reseller" not in Api(world, "ada").get(f"/resellers/{world.ada.pk}").content.decode()
    )
    shown = Api(world, "admin").get(f"/resellers/{world.ada.pk}").json()
    assert shown["description"] == "Big reseller"


def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    made = make_customers(world.ada, 7)
    api = Api(world, "ada")
    sorts = [sort.name for sort in list_pages["customer"].sorts]
    for sort in [*sorts, *(f"-{name}" for name in sorts)]:
        seen: list[int] = []
        after: str | None = ""
        while after is not None:
            query = {"sort": sort, "limit": 2, **({"after": after} if after else {})}
            page = api.get("/customers", **query).json()
            seen += ids(page["items"])
            after = page["next"]
        assert sorted(seen) == sorted([world.carl.pk, world.cleo.pk, *made]), sort


def test_a_list_is_narrowed_and_searched(world: World) -> None:
    api = Api(world, "ada")
    world.perform("ada", "customer.suspend", world.carl)
    search.refresh("customer", [world.carl.pk, world.cleo.pk])
    assert listed(api, "/customers", status="suspended") == [world.carl.pk]
    assert listed(api, "/customers", status="active") == [world.cleo.pk]
    assert listed(api, "/customers", q="cleo") == [world.cleo.pk]
    assert listed(api, "/customers", q="cleo", status="suspended") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bo Li", True),
        ("bo", True),
        ("li bo", False),
        ("Bo Li 21", True),
        ("21 bolimited", True),
        ("bolimited li", True),
        ("bolimited xy", False),
        ("bolimited 22", False),
    ],
)
def test_short_words_narrow_a_search_beside_longer_ones(
    world: World, text: str, found: bool
) -> None:
    """By itself a word of two letters is looked up as a beginning; beside others anywhere."""
    Account.objects.filter(pk=world.carl.pk).update(contact_name="Bo Li", company="Bolimited 21")
    search.refresh("customer", [world.carl.pk, world.cleo.pk])
    assert listed(Api(world, "ada"), "/customers", q=text) == ([world.carl.pk] if found else [])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=-1", "limit"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=²", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=100000000000000000000", "limit"),
        ("limit=1&limit=2", "limit"),
        ("sort=password", "sort"),
        ("sort=--id", "sort"),
        ("sort=", "sort"),
        ("after=x", "after"),
        ("after=eA", "after"),
        ("after=W10", "after"),
        ("after=WyJhIiwgMTAwMDAwMDAwMDAwMDAwMDAwMDAwMF0", "after"),
        ("status=nothing", "status"),
        ("status=%00", "status"),
        ("created_from=yesterday", "created_from"),
        ("provider=ada", "provider"),
        ("password=x", "password"),
        ("q=%00", "q"),
        ("q=" + "x" * 201, "q"),
        ("before=x", "before"),
        ("select=id", "select"),
    ],
)
def test_a_query_that_is_not_valid_is_named(world: World, query: str, name: str) -> None:
    assert list(fields(Api(world, "ada").get(f"/customers?{query}"))) == [name]


def test_a_token_of_another_order_is_refused(world: World) -> None:
    make_customers(world.ada, 3)
    api = Api(world, "ada")
    after = api.get("/customers", sort="name", limit=1).json()["next"]
    response = api.get("/customers", sort="subscriptions", after=after)
    assert list(fields(response)) == ["after"]


def test_a_search_is_text_and_nothing_else(world: World) -> None:
    api = Api(world, "ada")
    for text in ('"', "'; DROP TABLE", "a OR b", "*", "NEAR(a b)", "%", "_", "\\", "ı", "İ", "ß"):
        assert api.get("/customers", q=text).status_code == 200, text


def test_a_page_of_many_costs_as_many_statements_as_a_page_of_few(world: World) -> None:
    make_customers(world.ada, 40)
    api = Api(world, "ada")
    api.get("/customers", limit=1)
    counts = []
    for limit in (2, 40):
        with CaptureQueriesContext(connection) as captured:
            assert len(listed(api, "/customers", limit=limit)) == limit
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 4, counts


def test_any_account_one_sees_is_read_by_its_number(world: World) -> None:
    own = Api(world, "admin").get(f"/accounts/{world.admin.pk}")
    assert own.json() | {"role": "administrator", "username": "admin"} == own.json()
    assert own["ETag"] == f'"{world.fresh("admin").version}"'
    api = Api(world, "ada")
    assert api.get(f"/accounts/{world.carl.pk}").json()["role"] == "customer"
    for other in (world.admin, world.ben, world.nora):
        assert api.get(f"/accounts/{other.pk}").status_code == 404
    Account.objects.filter(pk=world.carl.pk).update(description="Slow payer")
    shown = Api(world, "carl").get(f"/accounts/{world.carl.pk}").json()
    assert "description" not in shown
    assert shown["email"] == world.carl.email


def test_one_reads_ones_own_tokens_and_never_their_text(world: World) -> None:
    reading, other, neighbour = Api(world, "carl", "read"), Api(world, "carl"), Api(world, "nora")
    first = reading.get("/tokens", limit=1).json()
    second = reading.get("/tokens", limit=1, after=first["next"]).json()
    assert ids([*first["items"], *second["items"]]) == [reading.token.pk, other.token.pk]
    assert second["next"] is None
    row = reading.get(f"/tokens/{other.token.pk}").json()
    assert (row["scopes"], row["expires_at"]) == (["read", "write"], None)
    text = other.headers["Authorization"].removeprefix("Bearer ")
    assert text.startswith(row["hint"])
    assert text not in json.dumps(row)
    assert reading.get(f"/tokens/{neighbour.token.pk}").status_code == 404
    assert Api(world, "ada").get(f"/tokens/{other.token.pk}").status_code == 404
    assert listed(reading, "/tokens", q="nothing") == []


@pytest.mark.parametrize(
    "noun", ["customer", "reseller", "subscription", "domain", "plan", "user", "token"]
)
def test_every_list_of_the_panel_is_one_of_the_api(world: World, noun: str) -> None:
    assert noun in list_pages
    response = Api(world, "admin").get(f"/{nouns[noun].plural}")
    assert response.status_code == 200
    assert set(response.json()) == {"items", "next"}

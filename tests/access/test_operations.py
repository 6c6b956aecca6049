"""Who may do what, to whose objects, by every door, against a table in words.

operations.txt: "own/neighbour's"; "yes", "no" (the object is seen, the operation is not for this
person), "-" (the object is not even seen). An operation that is not in it fails.
"""

import json
from typing import Any

import pytest
from django.db import transaction
from django.template.backends.django import Template
from django.test import Client
from django.urls import reverse

from panel.core import runs
from panel.core.access import Actor
from panel.core.log import Activity
from panel.core.operations import Operation, Result, nouns, operations
from tests.access import table
from tests.access.dump import changed, dump
from tests.access.world import PEOPLE, AccessWorld, Tenant

pytestmark = pytest.mark.census

LINES = table.rows("operations.txt")
ABLE = [person for person in PEOPLE if person not in {"suspended", "removed"}]
OURS = [(person, "ours") for person in ABLE]
SIDES = [*OURS, ("customer", "theirs"), ("reseller", "theirs")]
# What stands between an operation and its doing, other than rights: nothing was typed.
WITHOUT_RIGHT = {"missing", "not_allowed"}
WEB = {"no": {403}, "-": {404, 403}}
# A new object is asked for on its collection: a parent that one does not see is a bad parameter.
API = {"no": {403}, "-": {404, 403, 422}}


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Template, "render", lambda *_args, **_kwargs: "")


def cells(world: AccessWorld, person: str, side: str) -> list[tuple[Operation, Tenant, int, str]]:
    """(operation, whose object, its number, what the table says) for this person."""
    own, other = (world.ours, world.theirs) if side == "ours" else (world.theirs, world.ours)
    found = []
    for line in LINES:
        for tenant, word in zip((own, other), line[person].split("/"), strict=True):
            found.append((operations[line["operation"]], tenant, tenant.pk(line["object"]), word))
    return found


def test_every_operation_is_in_the_table() -> None:
    assert [line["operation"] for line in LINES] == sorted(operations)


def logged(operation: Operation, actor: Actor, outcome: runs.Outcome) -> bool:
    behind = actor.real.username if actor.real else ""
    entries = Activity.objects.filter(run_id=outcome.run.pk, action=operation.name)
    return entries.filter(actor_name=actor.username, real_name=behind).exists()


@pytest.mark.parametrize(("person", "side"), SIDES)
def test_the_operation_itself(world: AccessWorld, person: str, side: str) -> None:
    """`runs.perform`, which every door ends at. What is done leaves an entry in the activity log:
    by whom, and on whose behalf."""
    actor, before, wrong = world.who(person, side), dump(), []
    for operation, tenant, pk, word in cells(world, person, side):
        with transaction.atomic():
            outcome = runs.perform(operation, actor, [pk])
            is_done = outcome.findings[0].result == Result.DONE
            if is_done and not logged(operation, actor, outcome):
                wrong.append(f"{operation.name} of {tenant.customer}: left no entry")
            # What is allowed is taken back; what is refused has to have left nothing.
            transaction.set_rollback(word == "yes")
        finding = outcome.findings[0]
        is_without_right = finding.code in WITHOUT_RIGHT
        if is_without_right != (word != "yes") or finding.result == Result.FAILED:
            told = f"{finding.result} {finding.code}"
            wrong.append(f"{operation.name} of {tenant.customer}: {told}, not {word}")
    assert not wrong
    assert not changed(before, dump())


def page_of(operation: Operation, pk: int) -> tuple[str, dict[str, Any]] | None:
    """Address and form of an operation on one object; None where no address takes a number."""
    if operation.creates and operation.noun == "account":
        return reverse(f"{nouns[operation.creates].url_name}_add"), {"parent": pk}
    noun = nouns[operation.noun]
    if operation.noun in {"account", "login", "token", "settings"}:
        return None
    return reverse(f"{noun.url_name}_operation", args=[pk, operation.verb]), {"confirmed": "1"}


# Doors are the same for both sides, and end at the same operation: one side each.
@pytest.mark.parametrize(("person", "side"), OURS)
def test_its_page(world: AccessWorld, person: str, side: str) -> None:
    client, before, wrong = world.browser(person, side), dump(), []
    for operation, tenant, pk, word in cells(world, person, side):
        if (page := page_of(operation, pk)) is None:
            continue
        url, form = page
        with transaction.atomic():
            answer = client.post(url, form)
            transaction.set_rollback(word == "yes")
        expected = {404} if operation.hidden else WEB.get(word, {200, 303, 409, 422})
        if answer.status_code not in expected:
            where = f"{operation.name} of {tenant.customer}"
            wrong.append(f"{where}: {answer.status_code}, not {word}")
    assert not wrong
    assert not changed(before, dump())


@pytest.mark.parametrize(("person", "side"), OURS)
def test_its_button_over_the_list(world: AccessWorld, person: str, side: str) -> None:
    """A selection that was made up: what one does not see is missing from it."""
    client, before, wrong = world.browser(person, side), dump(), []
    for operation, tenant, pk, word in cells(world, person, side):
        noun = nouns[operation.noun]
        if operation.creates or not noun.url_name or noun.list_name:
            continue
        with transaction.atomic():
            url = reverse(f"{noun.url_name}_bulk", args=[operation.verb])
            answer = client.post(url, {"ids": [pk]})
            transaction.set_rollback(word == "yes")
        takes_many = operation.bulk and not operation.hidden
        expected = {"yes": {303}, "no": {403}, "-": {303, 403}}[word] if takes_many else {403, 404}
        if answer.status_code not in expected:
            where = f"{operation.name} of {tenant.customer}"
            wrong.append(f"{where}: {answer.status_code}, not {word}")
    assert not wrong
    assert not changed(before, dump())


@pytest.mark.parametrize(("person", "side"), [one for one in OURS if one[0] != "entered"])
def test_its_address_in_the_api(world: AccessWorld, person: str, side: str) -> None:
    headers, client = world.bearer(person, side), Client(raise_request_exception=False)
    before, wrong = dump(), []
    for operation, tenant, pk, word in cells(world, person, side):
        if operation.hidden:
            continue
        url, body = f"/api/v1/{nouns[operation.noun].plural}/{pk}/{operation.verb}", {}
        if operation.creates and operation.noun == "account":
            url, body = f"/api/v1/{nouns[operation.creates].plural}", {"parent": pk}
        with transaction.atomic():
            answer = client.post(
                url, json.dumps(body), content_type="application/json", headers=headers
            )
            transaction.set_rollback(word == "yes")
        expected = API.get(word, {200, 201, 409, 422})
        if answer.status_code not in expected:
            where = f"{operation.name} of {tenant.customer}"
            wrong.append(f"{where}: {answer.status_code}, not {word}")
    assert not wrong
    assert not changed(before, dump())


def test_without_a_token_the_api_says_nothing(world: AccessWorld) -> None:
    client = Client(raise_request_exception=False)
    for line in LINES:
        operation = operations[line["operation"]]
        url = f"/api/v1/{nouns[operation.noun].plural}/1/{operation.verb}"
        for headers in ({}, {"Authorization": "Bearer fh_made-up"}):
            answer = client.post(url, "{}", content_type="application/json", headers=headers)
            assert answer.status_code == 401, url
    inside = world.browser("admin")
    assert inside.get("/api/v1/customers").status_code == 401, "a session is no token"


@pytest.mark.parametrize("person", ["suspended", "removed"])
def test_a_token_of_who_was_shut_out_is_refused(world: AccessWorld, person: str) -> None:
    headers = world.bearer(person)
    answer = Client().get("/api/v1/me", headers=headers)
    assert answer.status_code == 401


def test_nobody_does_it_to_oneself_or_above(world: AccessWorld) -> None:
    """Suspend, remove, and what comes back to the own account by another noun."""
    before = dump()
    for who, operation, target in (
        ("ada", "reseller.suspend", world.ada),
        ("ada", "customer.suspend", world.ada),
        ("ada", "reseller.remove", world.ada),
        ("ada", "customer.suspend", world.admin),
        ("ada", "reseller.edit-contact-info", world.admin),
        ("admin", "reseller.suspend", world.admin),
        ("admin", "customer.remove", world.admin),
        ("carl", "customer.activate", world.carl),
        ("carl", "account.edit-contact-info", world.ada),
    ):
        finding = world.perform(who, operation, target).findings[0]
        assert finding.code in WITHOUT_RIGHT, (who, operation, finding)
    assert not changed(before, dump())

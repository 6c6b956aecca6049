"""The census: every address, by every method, as everybody, against a table in words.

urls.txt holds what GET and POST answer: "own/neighbour's" where the address names an object, one
number where it does not, "in" where one is sent to log in. An address that is not in it fails.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.template.backends.django import Template
from django.test import Client

from panel.core.operations import operations
from tests.access import table
from tests.access.routes import address, patterns, without_noise
from tests.access.world import PEOPLE, AccessWorld

pytestmark = pytest.mark.census

LINES = table.rows("urls.txt")
EVERYBODY = [("anonymous", "ours"), *((person, "ours") for person in PEOPLE)]
MIRRORED = [("customer", "theirs"), ("reseller", "theirs")]
# Methods that no address of ours knows. The login library's own pages answer OPTIONS with a list
# of methods and HEAD as GET; nothing more.
OTHERS = ("PUT", "PATCH", "DELETE", "OPTIONS")
LIBRARY = {"account_login", "account_logout"}


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses only: what pages look like is looked at elsewhere."""
    monkeypatch.setattr(Template, "render", lambda *_args, **_kwargs: "")


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Whatever the request does is taken back, and the browser keeps its session."""
    jar = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies.clear()
    for name, value in jar.items():
        client.cookies[name] = value


def status(client: Client, method: str, url: str) -> str:
    with undone(client):
        answer = client.generic(method, url)
        if answer.status_code in {302, 303} and "/login/" in answer.get("Location", ""):
            return "in"
        return str(answer.status_code)


def test_every_address_is_in_the_table() -> None:
    named = {line["route"].partition(":")[0] for line in LINES}
    there = {name for name, _pattern in patterns()}
    assert there - named == {"api"}, "the API has a table of its own"
    assert not named - there, "gone from the addresses, still in the table"
    for line in LINES:
        noun, _op, verb = line["route"].partition("_operation:")
        if verb and f"{noun}.{verb}" in operations:
            assert operations[f"{noun}.{verb}"].noun == noun


@pytest.mark.parametrize(("person", "side"), [*EVERYBODY, *MIRRORED])
def test_everybody_gets_what_the_table_says(
    world: AccessWorld, unrendered: None, person: str, side: str
) -> None:
    client = world.browser(person, side)
    own, other = (world.ours, world.theirs) if side == "ours" else (world.theirs, world.ours)
    wrong = []
    for line in LINES:
        tenants = [own] if line["object"] == "-" else [own, other]
        urls = [address(line["route"], line["object"], tenant) for tenant in tenants]
        found = "/".join(status(client, line["method"], url) for url in urls)
        if found != line[person]:
            wrong.append(f"{line['method']} {line['route']} {line['object']}: {found}")
    assert not wrong


@pytest.mark.parametrize(("person", "side"), EVERYBODY)
def test_no_other_method_gets_anybody_anywhere(
    world: AccessWorld, unrendered: None, person: str, side: str
) -> None:
    """405, or whatever refused the person before the method was looked at; HEAD is GET."""
    client = world.browser(person, side)
    wrong = []
    # One line for each address; the tables' other objects differ in sight, not in methods.
    for line in {
        line["route"]: line for line in reversed(LINES) if line["method"] == "GET"
    }.values():
        url = address(line["route"], line["object"], world.ours)
        for method in OTHERS:
            found = status(client, method, url)
            is_library = line["route"] in LIBRARY
            allowed = {"405", "in", "403", "404"} | ({"200", "302"} if is_library else set())
            if found not in allowed:
                wrong.append(f"{method} {line['route']}: {found}")
        if (found := status(client, "HEAD", url)) != line[person].split("/")[0]:
            wrong.append(f"HEAD {line['route']}: {found}")
    assert not wrong


@pytest.mark.parametrize("person", ["customer", "limited", "reseller", "entered"])
def test_a_neighbours_object_is_answered_as_one_that_does_not_exist(
    world: AccessWorld, person: str
) -> None:
    """The same status and the same page, but for the request's id."""
    client = world.browser(person)
    wrong = []
    for line in LINES:
        if line["object"] == "-" or not line[person].endswith("/404"):
            continue
        url = address(line["route"], line["object"], world.theirs)
        nowhere = url.replace(str(world.theirs.pk(line["object"])), "987654", 1)
        with undone(client):
            real = client.generic(line["method"], url)
        with undone(client):
            unreal = client.generic(line["method"], nowhere)
        bodies = [
            without_noise(answer.content).replace(path, "")
            for answer, path in ((real, url), (unreal, nowhere))
        ]
        if real.status_code != unreal.status_code or bodies[0] != bodies[1]:
            wrong.append(f"{line['method']} {line['route']} {line['object']}")
    assert not wrong

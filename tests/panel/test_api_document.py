"""docs/openapi.json: it is current, complete, and only grows."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from panel.core.api_document import document, narrowed, written
from panel.core.operations import nouns, operations

pytestmark = pytest.mark.django_db
FILE = Path(settings.BASE_DIR) / "docs" / "openapi.json"


@pytest.fixture
def made() -> dict[str, Any]:
    return document()


def test_the_committed_document_is_current_and_promises_no_less(made: dict[str, Any]) -> None:
    committed = json.loads(FILE.read_text())
    assert narrowed(committed, made) == []
    assert FILE.read_text() == written(made), "run manage.py openapi"


def test_every_operation_that_people_choose_has_an_address(made: dict[str, Any]) -> None:
    for operation in operations.values():
        plural = nouns[operation.noun].plural
        one = f"/api/v1/{plural}/{{id}}/{operation.verb}"
        many = f"/api/v1/{plural}/{operation.verb}"
        if operation.hidden:
            assert one not in made["paths"]
            assert many not in made["paths"]
        elif operation.creates and operation.noun == "account":
            assert "post" in made["paths"][f"/api/v1/{nouns[operation.creates].plural}"]
        else:
            assert "post" in made["paths"][one]
            is_many = operation.bulk and not operation.creates
            assert ("post" in made["paths"].get(many, {})) == is_many


def test_every_address_declares_its_errors(made: dict[str, Any]) -> None:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            expected = {"401", "403", "405", "429", "500"}
            if "{id}" in path:
                expected.add("404")
            if method == "post":
                expected |= {"400", "409", "413", "415", "422"}
            assert expected <= set(operation["responses"]), (method, path)


def test_numbers_are_bounded(made: dict[str, Any]) -> None:
    def look(schema: Any, where: str) -> None:
        if isinstance(schema, dict):
            kinds = schema.get("type")
            if "integer" in (kinds if isinstance(kinds, list) else [kinds]):
                assert "minimum" in schema, where
                assert "maximum" in schema, where
            for key, inner in schema.items():
                look(inner, f"{where}.{key}")
        elif isinstance(schema, list):
            for inner in schema:
                look(inner, where)

    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            look(operation.get("requestBody"), f"{method} {path}")
            look(operation["parameters"], f"{method} {path}")


def test_references_lead_somewhere(made: dict[str, Any]) -> None:
    text = json.dumps(made)
    for kind in ("schemas", "responses"):
        for piece in text.split(f'"#/components/{kind}/')[1:]:
            assert piece.split('"')[0] in made["components"][kind]


def test_passwords_are_marked_as_secret(made: dict[str, Any]) -> None:
    body = made["paths"]["/api/v1/customers"]["post"]["requestBody"]
    password = body["content"]["application/json"]["schema"]["properties"]["password"]
    assert (password["format"], password["writeOnly"]) == ("password", True)


def test_what_is_gone_is_noticed(made: dict[str, Any]) -> None:
    path = "/api/v1/customers/{id}/suspend"
    body = ["requestBody", "content", "application/json", "schema"]

    def without(*keys: str) -> list[str]:
        new = copy.deepcopy(made)
        inner = new
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        return narrowed(made, new)

    assert without("paths", path) == [f"POST {path} is gone"]
    assert without("paths", path, "post", *body, "properties", "kind") == [
        f"POST {path} body: kind is gone"
    ]
    assert without("paths", path, "post", *body, "properties", "kind", "enum") == []
    assert without("components", "schemas", "Customer", "properties", "email") == [
        "Customer: email is gone"
    ]
    new = copy.deepcopy(made)
    new["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"][
        "required"
    ] = ["kind"]
    assert narrowed(made, new) == [f"POST {path} body: kind is required now"]
    new = copy.deepcopy(made)
    new["paths"]["/api/v1/customers"]["get"]["parameters"] = []
    assert "GET /api/v1/customers no longer takes sort" in narrowed(made, new)


def test_the_command_refuses_to_promise_less(made: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    call_command("openapi", file=file, verbosity=0)
    call_command("openapi", file=file, check=True)
    more = copy.deepcopy(made)
    more["paths"]["/api/v1/old"] = {"get": {"responses": {}}}
    file.write_text(written(more))
    with pytest.raises(CommandError, match="GET /api/v1/old is gone"):
        call_command("openapi", file=file)
    call_command("openapi", file=file, narrow=True)
    assert file.read_text() == written(made)
    file.write_text(written({**made, "servers": ["x"]}))
    with pytest.raises(CommandError, match="not current"):
        call_command("openapi", file=file, check=True)

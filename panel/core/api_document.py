"""The OpenAPI document as a file, and what one document promises that another does not."""

import json
from importlib import import_module
from typing import Any

from django.conf import settings


def document() -> dict[str, Any]:
    """The document as the API serves it, as plain data."""
    # The lists become known as the addresses of their pages are read.
    import_module(settings.ROOT_URLCONF)
    api = import_module("panel.core.api").api
    return json.loads(json.dumps(api.get_openapi_schema()))


def written(data: dict[str, Any]) -> str:
    """As it stands in the file: sorted, so that a change shows as what it is."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def narrowed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What the old document promises and the new one does not keep, in words.

    An address, a method, a parameter, a field of an answer may be added; none may go, and no new
    parameter may be required, or clients that work today stop working.
    """
    found: list[str] = []
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            after = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if after is None:
                found.append(f"{where} is gone")
                continue
            found += _parameters(where, before, after)
            found += _schema(f"{where} body", _body(before), _body(after), is_input=True)
            found += [
                f"{where} no longer answers {status}"
                for status in before["responses"]
                if status.startswith("2") and status not in after["responses"]
            ]
    schemas = new["components"]["schemas"]
    for name, before in old["components"]["schemas"].items():
        if name in schemas:
            found += _schema(name, before, schemas[name], is_input=False)
        else:
            found.append(f"{name} is gone")
    return found


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("schema", {})


def _parameters(where: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = {parameter["name"] for parameter in after.get("parameters", ())}
    return [
        f"{where} no longer takes {parameter['name']}"
        for parameter in before.get("parameters", ())
        if parameter["name"] not in names
    ]


def _schema(where: str, before: Any, after: Any, *, is_input: bool) -> list[str]:
    old, new = before.get("properties", {}), after.get("properties", {})
    found = [f"{where}: {name} is gone" for name in old if name not in new]
    for name in old.keys() & new.keys():
        found += _values(f"{where}: {name}", old[name], new[name], is_input=is_input)
    if is_input:
        more = set(after.get("required", ())) - set(before.get("required", ()))
        found += [f"{where}: {name} is required now" for name in sorted(more)]
    return found


def _values(where: str, before: Any, after: Any, *, is_input: bool) -> list[str]:
    found = []
    if before.get("type") != after.get("type") and "type" in before:
        found.append(f"{where} is of another type")
    lost = set(map(str, before.get("enum", ()))) - set(map(str, after.get("enum", ())))
    if is_input and lost and "enum" in after:
        found.append(f"{where} no longer takes {', '.join(sorted(lost))}")
    return found

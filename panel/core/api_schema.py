"""What the OpenAPI document says of parameters, from the operations' forms, and of errors."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.db import connection
from pydantic.json_schema import models_json_schema

from panel.core import api_models
from panel.core.access import Actor, Role
from panel.core.door import MAX_ID, blank_form, is_repetition
from panel.core.door_lists import widget_keys
from panel.core.lists import ListPage
from panel.core.operations import Operation, Result

# Who the forms are shown to while the document is written: the one who sees most of them.
_READER = Actor(role=Role.ADMINISTRATOR, account_id=0, username="")
# Longer lists of choices (countries, time zones) would be most of the document.
_LISTED_CHOICES = 30

# Statuses that an address may answer with besides its successes.
ERRORS = (401, 403, 405, 429, 500, 503)
LISTING = (*ERRORS, 422)
READING = (*ERRORS, 404)
WRITING = (*READING, 400, 409, 412, 413, 415, 422)
# Of these, those that hold the outcome too, where there is one target.
WITH_OUTCOME = (409, 500)


class _ReadsRows(Exception):
    """A form asked the database while it was only to be described."""


def _no_rows(*_call: Any) -> Any:
    raise _ReadsRows


def form_fields(form_class: type[forms.Form] | None) -> dict[str, forms.Field]:
    """All parameters that a form may have; some are there for some targets or roles only.

    SECURITY: the document is public, so nothing in it may come from rows. A form that reads some
    to be made is described by what it declares.
    """
    if form_class is None:
        return {}
    found = dict(form_class.base_fields)
    try:
        with connection.execute_wrapper(_no_rows):
            made = blank_form(form_class, _READER, ()).fields
    except _ReadsRows:
        return found
    return {**made, **found}


def form_schema(operation: Operation) -> dict[str, Any]:
    """The parameters of an operation: those for all, and those for each that all may share."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for form_class in (operation.form_class, operation.item_form_class):
        secret = getattr(form_class, "secret_fields", ())
        for name, form_field in form_fields(form_class).items():
            if is_repetition(form_class, name):
                continue
            properties[name] = field_schema(form_field, is_secret=name in secret)
            is_own = form_class is operation.form_class
            if is_own and operation.creates and form_field.required and form_field.initial is None:
                required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schema["additionalProperties"] = False
    # On an edit nothing is required: what is not given stays as it is.
    return schema | ({"required": sorted(required)} if required else {})


def making_schema(operation: Operation) -> dict[str, Any]:
    """The parameters of what makes something, and below which row it is made."""
    schema = form_schema(operation)
    parent = {"anyOf": [_bounded(1, MAX_ID), {"type": "string", "maxLength": 120}]}
    about = f"Below which {operation.noun}; by default your own account."
    if operation.noun != "account":
        about = f"Below which {operation.noun}."
        schema["required"] = sorted([*schema.get("required", []), "parent"])
    schema["properties"]["parent"] = {**parent, "description": about}
    return schema


def field_schema(form_field: forms.Field, *, is_secret: bool = False) -> dict[str, Any]:
    """A form field in JSON Schema, as `door.as_raw` takes it."""
    schema: dict[str, Any] = dict(getattr(form_field, "json_schema", None) or _kind(form_field))
    choices = _choices(form_field)
    if choices and schema.get("type") == "array":
        schema["items"] = {"type": "string", "enum": choices}
    elif choices:
        schema["enum"] = choices
    if is_secret:
        schema |= {"format": "password", "writeOnly": True}
    if isinstance(form_field, forms.BooleanField) and isinstance(form_field.initial, bool):
        schema["default"] = form_field.initial
    if form_field.label:
        schema["title"] = str(form_field.label)
    if form_field.help_text:
        # What only JSON needs to know says the field itself.
        schema.setdefault("description", str(form_field.help_text))
    return schema


def _kind(form_field: forms.Field) -> dict[str, Any]:
    if isinstance(form_field, forms.ModelMultipleChoiceField):
        return {"type": "array", "items": _bounded(1, MAX_ID), "maxItems": 1000}
    if isinstance(form_field, forms.MultipleChoiceField):
        return {"type": "array", "items": {"type": "string"}, "maxItems": 1000}
    if isinstance(form_field, forms.BooleanField):
        return {"type": "boolean"}
    if isinstance(form_field, (forms.FloatField, forms.DecimalField)):
        return {"type": "number"}
    if isinstance(form_field, forms.IntegerField):
        low, high = form_field.min_value, form_field.max_value
        return _bounded(
            low if isinstance(low, int) else -MAX_ID, high if isinstance(high, int) else MAX_ID
        )
    if isinstance(form_field, forms.ModelChoiceField):
        nothing = [] if form_field.required else ["null"]
        return {**_bounded(1, MAX_ID), "type": ["integer", *nothing]}
    if isinstance(form_field, forms.DateTimeField):
        return {"type": "string", "format": "date-time"}
    if isinstance(form_field, forms.DateField):
        return {"type": ["string", "null"], "format": "date"}
    schema: dict[str, Any] = {"type": "string"}
    if getattr(form_field, "max_length", None):
        schema["maxLength"] = form_field.max_length  # type: ignore[attr-defined]
    return schema


def _bounded(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _choices(form_field: forms.Field) -> list[str]:
    if isinstance(form_field, forms.ModelChoiceField):
        return []
    choices: Sequence[Any] = list(getattr(form_field, "choices", ()))
    values = [str(value) for value, label in choices if not isinstance(label, (list, tuple))]
    return values if 0 < len(values) <= _LISTED_CHOICES else []


def selection_schema(operation: Operation) -> dict[str, Any]:
    """The body for many: which, and the operation's parameters beside it."""
    schema = form_schema(operation)
    text_or_id = {"anyOf": [_bounded(1, MAX_ID), {"type": "string", "maxLength": 120}]}
    about = "Instead of ids: what a list's filter takes. At least one condition."
    schema["properties"] |= {
        "ids": {"type": "array", "items": text_or_id, "minItems": 1, "maxItems": 10_000},
        "filter": {"type": "object", "minProperties": 1, "description": about},
    }
    if operation.item_form_class is not None:
        one = {
            "type": "object",
            "properties": {
                name: field_schema(form_field)
                for name, form_field in form_fields(operation.item_form_class).items()
            },
            "additionalProperties": False,
        }
        schema["properties"]["items"] = {"type": "object", "additionalProperties": one}
    return schema


def body(schema: dict[str, Any], operation: Operation, *, is_single: bool = True) -> dict[str, Any]:
    """The OpenAPI extras of a POST: its body and its headers."""
    dry = {"type": "boolean", "default": False, "description": "Say what would happen; do nothing."}
    properties = {**schema["properties"], "dry_run": dry}
    content = {"application/json": {"schema": {**schema, "properties": properties}}}
    extras: dict[str, Any] = {
        "requestBody": {"content": content, "required": bool(schema.get("required"))},
        "parameters": [header("Idempotency-Key", "The same key once more: the same answer.")],
    }
    if is_single and not operation.creates:
        extras["parameters"].append(header("If-Match", "The ETag of the row; 412 if it changed."))
    return extras


def header(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": 100}
    return {"in": "header", "name": name, "schema": schema, "description": description}


def list_parameters(page: type[ListPage]) -> list[dict[str, Any]]:
    """The query of a list, from the FilterSet and the sorts that its page has."""
    sorts = [sign + sort.name for sort in page.sorts for sign in ("", "-")]
    schemas: dict[str, dict[str, Any]] = {
        "q": {"type": "string", "maxLength": 200, "description": "Words that all have to occur."},
        "sort": {"type": "string", "enum": sorts, "default": page.default_sort},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
        "after": {"type": "string", "maxLength": 1000, "description": "`next` of the page before."},
    }
    for name, item in page.filterset_class.base_filters.items():
        for key in widget_keys(name, item.field.widget):
            schemas[key] = field_schema(item.field)
    return [{"in": "query", "name": name, "schema": schema} for name, schema in schemas.items()]


def run_target_parameters() -> list[dict[str, Any]]:
    """The query of a run's targets."""
    schemas: dict[str, dict[str, Any]] = {
        "result": {"type": "string", "enum": list(Result.values)},
        "limit": _bounded(1, 1000) | {"default": 100},
        "after": _bounded(1, MAX_ID),
    }
    return [{"in": "query", "name": name, "schema": schema} for name, schema in schemas.items()]


def errors(statuses: Sequence[int], *, is_single: bool) -> dict[str, Any]:
    """An address's errors. Each is said once for all: a hundred addresses have the same dozen."""
    return {
        str(status): {"$ref": f"#/components/responses/{_shared_name(status, is_single)}"}
        for status in statuses
    }


def _shared_name(status: int, is_single: bool) -> str:
    return f"{'Refusal' if is_single and status in WITH_OUTCOME else 'Error'}{status}"


def complete(document: dict[str, Any]) -> None:
    """What addresses refer to: the errors, and the way to authenticate."""
    components = document["components"]
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    _keys, made = models_json_schema(
        [(api_models.Error, "serialization"), (api_models.Refusal, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    components["schemas"] |= made["$defs"]
    error, refusal = ({"$ref": f"#/components/schemas/{name}"} for name in ("Error", "Refusal"))
    shared = components["responses"] = {}
    for status in sorted(WRITING):
        for is_single in {False, status in WITH_OUTCOME}:
            schema = {"anyOf": [refusal, error]} if is_single else error
            shared[_shared_name(status, is_single)] = {
                "description": HTTPStatus(status).phrase,
                "content": {"application/json": {"schema": schema}},
            }

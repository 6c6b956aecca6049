"""The shapes of the API's answers, for its document."""

from typing import Annotated, Any, get_type_hints

from django.db import models
from ninja import Schema
from pydantic import Field, create_model

from panel.core.door import MAX_ID
from panel.core.operations import Noun

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Count = Annotated[int, Field(ge=0, le=MAX_ID)]


class Done(Schema):
    """A target that it was done to, and what was made on it."""

    id: Id
    created: Id | None = None


class Told(Schema):
    """A target with a code that stays as it is, and words in the reader's language."""

    id: Id | str
    code: str
    reason: str
    created: Id | None = None


class Note(Schema):
    """What one should know besides."""

    code: str
    text: str
    count: Count | None = None
    names: list[str] | None = None


class Consequence(Schema):
    """What would happen."""

    text: str
    tone: str
    items: list[str]


class Outcome(Schema):
    """What became of each target; with dry_run: what would. Nothing is dropped in silence."""

    done: list[Done]
    unchanged: list[Told]
    refused: list[Told]
    missing: list[Told]
    failed: list[Told]
    notes: list[Note]
    run: Id | None
    created: Id | None
    dry_run: bool | None = None
    consequences: list[Consequence] | None = None
    checked: Count | None = None
    total: Count | None = None


class ErrorDetail(Schema):
    """What is wrong; `fields` where it is about parameters ("*" for all of them together)."""

    code: str
    message: str
    fields: dict[str, list[str]] | None = None
    request_id: str


class Error(Schema):
    """The one shape of errors."""

    error: ErrorDetail


class Refusal(Outcome):
    """The outcome for one target that was refused, or failed, with the reason as an error."""

    error: ErrorDetail


class Run(Schema):
    """An operation on its way, or over. `outcome` where it has few targets."""

    id: Id
    operation: str
    state: str
    total: Count
    done: Count
    counts: dict[str, Count]
    started: str
    finished: str | None
    can_undo: bool
    notes: list[Note]
    outcome: Outcome | None = None


class RunTarget(Schema):
    """What became of one target of a run."""

    id: Id
    result: str | None
    code: str
    reason: str
    created: Id | None


class RunTargets(Schema):
    """Targets of a run, by id."""

    items: list[RunTarget]
    next: str | None


class Me(Schema):
    """Whose token this is, and what it reaches."""

    username: str
    role: str
    account_id: Id
    scopes: list[str]
    areas: list[str] | None
    subscriptions: list[Id] | None


SINGLE = {200: Outcome}
CREATE = {200: Outcome, 201: Outcome}
MANY = {200: Outcome, 202: Run}

_TYPES: tuple[tuple[type[models.Field], Any], ...] = (
    (models.BooleanField, bool),
    (models.JSONField, Any),
    (models.IntegerField, int),
    (models.DateField, str),
)


def row_model(noun: Noun) -> type[Schema]:
    """What the API shows of a row. Allow-listed; fields for accounts above may be absent."""
    shown: dict[str, Any] = {}
    for name in noun.api_fields:
        kind, can_be_null = _type_of(noun.model, name)
        if name in noun.api_provider_fields:
            shown[name] = (kind | None, None)
        else:
            shown[name] = (kind | None if can_be_null else kind, ...)
    return create_model(_title(noun.name), __base__=Schema, **shown)


def _type_of(model: type[models.Model], name: str) -> tuple[Any, bool]:
    column = next((f for f in model._meta.concrete_fields if name in {f.name, f.attname}), None)
    if column is None:
        made = getattr(getattr(model, name, None), "fget", None)
        return get_type_hints(made).get("return", str) if made else str, False
    if name == "id" or column.is_relation:
        return Id, column.null
    return next((kind for field, kind in _TYPES if isinstance(column, field)), str), column.null


def list_model(noun: Noun) -> type[Schema]:
    """A page of a list; `next` is the token for `after`."""
    row: Any = row_model(noun)
    name = _title(noun.plural)
    return create_model(name, __base__=Schema, items=(list[row], ...), next=(str | None, ...))


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))

"""Pages by key: after this row, before that one. Never by counting rows off from the first."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from django.db import models


def order(column: str, descending: bool) -> list[str]:
    """By the column, ties broken by id: what an index holds and a token names."""
    sign = "-" if descending else ""
    return [f"{sign}{column}", f"{sign}pk"] if column != "pk" else [f"{sign}pk"]


def beyond(rows: Any, column: str, anchor: tuple[Any, int], descending: bool) -> Any:
    """Rows after the anchor. Bounded on the first column, so that both databases seek in the index
    instead of walking it: `a <= x AND (a < x OR id < y)`, never `a < x OR (a = x AND id < y)`."""
    value, pk = anchor
    than = "lt" if descending else "gt"
    if column == "pk":
        return rows.filter(**{f"pk__{than}": pk})
    is_moment = isinstance(rows.model._meta.get_field(column), models.DateTimeField)
    if is_moment and isinstance(value, str):
        value = _moment(value)
    return rows.filter(
        models.Q(**{f"{column}__{than}e": value})
        & (models.Q(**{f"{column}__{than}": value}) | models.Q(**{f"pk__{than}": pk}))
    )


def make_token(row: Any, column: str) -> str:
    value = row.pk if column == "pk" else getattr(row, column)
    if isinstance(value, datetime):
        value = value.isoformat()
    return base64.urlsafe_b64encode(json.dumps([value, row.pk]).encode()).decode().rstrip("=")


def _moment(text: str) -> datetime:
    """The moment in a token; one that somebody made up is the beginning of time."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime(1970, 1, 1, tzinfo=UTC)


def read_token(text: str | None) -> tuple[Any, int] | None:
    """The anchor in a token, or None: a token somebody made up shows the first page."""
    if not text:
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        value, pk = json.loads(decoded)
    except (ValueError, binascii.Error, TypeError, RecursionError):
        return None
    is_id = isinstance(pk, int) and not isinstance(pk, bool) and 0 <= pk < 2**63
    is_value = isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    )
    if not (is_id and is_value) or (isinstance(value, str) and "\x00" in value):
        return None
    return value, pk

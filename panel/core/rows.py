"""Many rows at once, written and read without a model's instance for each."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from django.db import connection, models
from django.db.models.expressions import RawSQL


def insert(model: type[models.Model], columns: str, rows: Iterable[tuple]) -> None:
    """Insert rows given as tuples of `columns` (names in a line), in the caller's transaction.

    All other columns get the model's own defaults. Values are as the database stores them: `stored`
    prepares what needs it. Ten thousand instances would cost more than what they are written for.
    """
    given = columns.split()
    known = {field.attname: field for field in model._meta.concrete_fields}
    rest = [field for name, field in known.items() if name not in given]
    rest = [field for field in rest if not (field.primary_key and not field.has_default())]
    rest = [field for field in rest if not field.generated]
    constants = tuple(stored(field.get_default()) for field in rest)
    quote = connection.ops.quote_name
    names = [*(known[name].column for name in given), *(field.column for field in rest)]
    table, listed = quote(model._meta.db_table), ", ".join(quote(str(name)) for name in names)
    complete = (row + constants for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Made before they are sent: what makes a row may ask the database, and the connection
            # answers nothing while it copies.
            while some := list(itertools.islice(complete, 10_000)):
                with cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                    for row in some:
                        copy.write_row(row)
        else:
            marks = ", ".join(["?"] * len(names))
            statement = f"INSERT INTO {table} ({listed}) VALUES ({marks})"  # noqa: S608  our models
            # The driver's own: Django's would translate the placeholders of each row.
            with connection.wrap_database_errors:
                connection.connection.executemany(statement, complete)


def one(found: models.QuerySet) -> Any:
    """The row of a unique key, or None. `first()` would put it in order, which takes Django a third
    of the whole look-up; every request begins with one."""
    return next(iter(found), None)


def among(ids: Iterable[int]) -> RawSQL:
    """For `…__in`: any number of ids as one parameter.

    A parameter for each takes Django as long as the statement takes the database, and SQLite has a
    limit to them, which depends on who compiled it.
    """
    every = list(ids)
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [every])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(every)])


def stored(value: Any) -> Any:
    """A default as the database driver takes it, without Django's wrappers."""
    if isinstance(value, dict | list):
        return stored_json(value)
    return connection.ops.adapt_datetimefield_value(value) if hasattr(value, "hour") else value


def stored_json(value: Any) -> str:
    """A value of a JSON column."""
    return json.dumps(value)


class Row:
    """A row of a lean listing: the columns that cells read, and its name.

    Making a model's instance of it takes as long as all of its cells do.
    """

    def __init__(self, values: dict[str, Any], model: type[models.Model]) -> None:
        self.__dict__.update(values)
        self.pk = values["id"]
        self._model = model

    def __str__(self) -> str:
        return self._model.__str__(self)

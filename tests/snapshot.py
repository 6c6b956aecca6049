"""Rows of a world, kept as they were made and put back for each test that wants them.

Making a world anew takes longer than most tests; its rows go in by one statement a table.
"""

import functools
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.db import connection, transaction

from accounts.models import Account
from tests.world import World

Made = TypeVar("Made", bound=World)
# What was done, what is to be said or sent, and who came in when: nobody's state depends on it.
_PAST = {
    "accounts_apitoken",
    "accounts_passwordresetrequest",
    "core_activity",
    "core_bulkrun",
    "core_bulktarget",
    "core_idempotencykey",
    "core_message",
    "core_seal",
    "core_searchtext",
    "django_session",
    "hosting_deployment",
}
_MARKS = ("last_login", "version", "epoch")
Rows = list[tuple[Any, ...]]


class Snapshot(Generic[Made]):
    """What `make` writes into an empty database, and whom it returns."""

    def __init__(self, make: Callable[[], Made]) -> None:
        with transaction.atomic():
            before = _tables()
            self.kind = type(make())
            after = _tables()
            transaction.set_rollback(True)
        self.emptied = [name for name in after if before[name] and before[name] != after[name]]
        self.filled = {_insert(name): rows for name, rows in after.items() if rows != before[name]}

    def put(self) -> Made:
        """The same rows with the same numbers, and the people among them."""
        with transaction.atomic(), connection.cursor() as cursor:
            for name in self.emptied:
                cursor.execute(f"DELETE FROM {name}")
            for statement, rows in self.filled.items():
                cursor.executemany(statement, rows)
        return self.kind({row.username: row for row in Account.objects.unscoped("a snapshot")})


def digest() -> bytes:
    """Of all rows that say what there is: not of what was done, nor of who logged in when."""
    found = blake2b()
    for name, rows in _tables(*_MARKS).items():
        if name not in _PAST:
            found.update(repr((name, sorted(map(repr, rows)))).encode())
    return found.digest()


def _tables(*but: str) -> dict[str, Rows]:
    """All rows by table, without some columns."""
    found = {}
    with connection.cursor() as cursor:
        for name, written in _columns().items():
            columns = [column for column in written if column.strip('"') not in but]
            cursor.execute(f"SELECT {', '.join(columns)} FROM {name}")
            found[name] = cursor.fetchall()
    return found


def _insert(name: str) -> str:
    columns = _columns()[name]
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"


@functools.cache
def _columns() -> dict[str, list[str]]:
    """What can be written, by table: some columns the database works out itself."""
    return {
        model._meta.db_table: [
            connection.ops.quote_name(column.column)
            for column in model._meta.local_concrete_fields
            if not column.generated
        ]
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }

"""Databases on disk, for tests that need more than one connection or process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler

from panel import configuration


@dataclass(frozen=True)
class Database:
    """A SQLite database in a directory, as PANEL_DATA has it."""

    data: Path

    @property
    def file(self) -> Path:
        return self.data / "panel.sqlite3"


@contextmanager
def database_in(data: Path) -> Iterator[Database]:
    """While this lasts, this thread reads and writes the database that a worker on `data` has."""
    before = connections["default"]
    ours = ConnectionHandler({"default": configuration.database("", data)})["default"]
    connections["default"] = ours
    try:
        yield Database(data)
    finally:
        ours.close()
        connections["default"] = before


def migrate(data: Path) -> Database:
    """Make an empty database, all of it in the one file, so that it can be copied."""
    with database_in(data) as database:
        call_command("migrate", verbosity=0)
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database

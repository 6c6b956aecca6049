"""Writes rows by the hundred thousand: whole tables at once, their indexes built afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.management.color import no_style
from django.db import connection, models

from panel.core.search import SearchText


@contextmanager
def without_indexes(several: Sequence[type[models.Model]]) -> Iterator[None]:
    """Build these tables' indexes once at the end, instead of a little with each row.

    Those that a constraint rests on stay. In the caller's transaction: nothing is lost if it fails.
    """
    tables = [model._meta.db_table for model in several]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indexname, indexdef, tablename FROM pg_indexes WHERE tablename = ANY(%s)"
                " AND schemaname = current_schema() AND indexname NOT IN"
                " (SELECT conname FROM pg_constraint)",
                [tables],
            )
        else:
            cursor.execute(
                "SELECT name, sql, tbl_name FROM sqlite_master"
                " WHERE type = 'index' AND sql IS NOT NULL"
            )
        indexes = [row[:2] for row in cursor.fetchall() if row[2] in tables]
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        yield
        if connection.vendor == "postgresql":
            # Foreign keys that still wait to be looked at would be in the way of an index.
            connection.check_constraints()
        for _name, definition in indexes:
            # Not through Django's formatting: a definition may hold percent signs.
            cursor.execute(definition)


@contextmanager
def pieces_at_once() -> Iterator[None]:
    """On SQLite, cut the search text of new rows into three-letter pieces in one statement at the
    end: a trigger for each row takes twice as long."""
    if connection.vendor != "sqlite":
        yield
        return
    table, last = SearchText._meta.db_table, next_id(SearchText) - 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name = %s",
            [f"{table}_ai"],
        )
        name, definition = cursor.fetchone()
        cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
        yield
        cursor.execute(
            "INSERT INTO core_searchtext_fts (rowid, text)"
            " SELECT id, text FROM core_searchtext WHERE id > %s ORDER BY id",
            [last],
        )
        cursor.execute(definition)


@contextmanager
def much_memory() -> Iterator[None]:
    """Keep SQLite from writing to disk what the same transaction changes again."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        size = cursor.execute("PRAGMA cache_size").fetchone()[0]
        cursor.execute("PRAGMA cache_size = -524288")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {int(size)}")


def next_id(model: type[models.Model]) -> int:
    """The first number that is free."""
    return (model._base_manager.aggregate(top=models.Max("pk"))["top"] or 0) + 1


def reset_sequences(several: Sequence[type[models.Model]]) -> None:
    """Numbers that were given out by hand are not given out again."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(several)):
            cursor.execute(statement)


def collect_statistics() -> None:
    """Let PostgreSQL know what its tables hold now, instead of some minutes later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

"""What the ORM does not say about tables: collations, triggers, search indexes. For migrations."""

from typing import Any


def run_on(vendor: str, forward: list[str], backward: list[str]) -> tuple[Any, Any]:
    """The two functions of a RunPython that runs plain SQL on one kind of database only."""

    def functions(statements: list[str]) -> Any:
        def run(_apps: Any, schema_editor: Any) -> None:
            if schema_editor.connection.vendor != vendor:
                return
            # A cursor, not schema_editor.execute(): that one would split at semicolons or ask for
            # parameters; a trigger's body has both.
            with schema_editor.connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

        return run

    return functions(forward), functions(backward)


def byte_order(table: str, column: str, length: int) -> tuple[Any, Any]:
    """Order a folded text column by bytes on PostgreSQL, as SQLite does, whatever the locale."""
    change = f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE varchar({length})'
    return run_on("postgresql", [f'{change} COLLATE "C"'], [f'{change} COLLATE "default"'])

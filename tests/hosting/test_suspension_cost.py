"""Suspending many asks the database as often as suspending a few, and brings only what is read."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from panel.core import runs
from panel.core.operations import operations
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db

# A run of one chunk, whatever the number of customers. PostgreSQL is asked for locks besides, and
# told to wake the workers.
MOST = {"sqlite": 22, "postgresql": 30}
HEAVY = ("limits", "permissions", "usage", "admin_note")


def asked(
    world: HostingWorld, name: str, rows: Sequence[Any], **params: Any
) -> tuple[list[str], str]:
    """The statements of an operation on these rows, all of which it is done to; and its run."""
    actor, ids = world.actor("admin"), [row.pk for row in rows]
    with CaptureQueriesContext(connection) as found:
        outcome = runs.perform(operations[name], actor, ids, params=params)
    assert outcome.counts == {"done": len(rows)}
    assert outcome.run is not None
    return [query["sql"] for query in found.captured_queries], str(outcome.run.pk)


@pytest.fixture
def customers(world: HostingWorld) -> list[Any]:
    made = [world.customer("ada", f"many{number}") for number in range(8)]
    for row in made:
        world.space(row.username, f"{row.username}.example")
    return made


@pytest.mark.parametrize("noun", ["customer", "subscription"])
def test_many_take_as_many_statements_as_a_few(
    world: HostingWorld, customers: list[Any], noun: str
):
    every = customers
    if noun == "subscription":
        every = [world.sub(f"{row.username}.example") for row in customers]
    few, many = every[:2], every[2:]
    counts = []
    for rows in (few, many):
        suspended, run = asked(world, f"{noun}.suspend", rows)
        undone, _run = asked(world, f"{noun}.lift", rows, run=run)
        asked(world, f"{noun}.suspend", rows)
        activated, _run = asked(world, f"{noun}.activate", rows)
        counts.append((len(suspended), len(undone), len(activated)))
    assert counts[0] == counts[1]


def test_a_chunk_of_customers_takes_few_statements_and_reads_few_columns(
    world: HostingWorld, customers: list[Any]
):
    statements, _run = asked(world, "customer.suspend", customers)
    assert len(statements) <= MOST[connection.vendor], "\n".join(statements)
    table = '"accounts_account"'
    read = [sql for sql in statements if sql.startswith("SELECT") and f"FROM {table}" in sql]
    assert read
    for sql in read:
        columns = sql.partition(" FROM ")[0]
        assert not [name for name in HEAVY if f'{table}."{name}"' in columns], sql

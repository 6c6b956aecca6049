"""The world of people for tests of accounts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.snapshot import Snapshot
    from tests.world import World

# Imported inside: pytest may read this file before Django is set up.


@pytest.fixture
def world(people: "Snapshot[World]", db: None) -> "World":
    return people.put()


@pytest.fixture(autouse=True)
def _no_throttling_left() -> Iterator[None]:
    """Wrong passwords of one test do not slow the next."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()

"""The world of people for tests of accounts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.world import World

# Imported inside: pytest may read this file before Django is set up.


@pytest.fixture
def world(db: None) -> "World":
    from tests.world import make_world

    return make_world()


@pytest.fixture(autouse=True)
def _no_throttling_left() -> Iterator[None]:
    """Wrong passwords of one test do not slow the next."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()

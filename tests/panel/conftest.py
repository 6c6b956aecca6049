"""What the tests of the foundation share."""

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

if TYPE_CHECKING:
    from tests.snapshot import Snapshot
    from tests.world import World


@pytest.fixture
def world(people: "Snapshot[World]", db: None) -> "World":
    """The people of `tests.world`."""
    # Counters of requests are kept by the number of a token, and numbers start anew in each test.
    cache.clear()
    return people.put()

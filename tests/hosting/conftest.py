"""The world of people and what they host, checked once more after each test that had it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.hosting.world import HostingWorld
    from tests.snapshot import Snapshot

# Imported inside: pytest may read this file before Django is set up.


@pytest.fixture(scope="session")
def hosting_snapshot(django_db_setup: None, django_db_blocker: Any) -> "Snapshot[HostingWorld]":
    """Made before a test changes anything, so that it does not matter which comes first."""
    from tests.hosting.world import make_hosting_world
    from tests.snapshot import Snapshot

    with django_db_blocker.unblock():
        return Snapshot(make_hosting_world)


@pytest.fixture
def world(hosting_snapshot: "Snapshot[HostingWorld]", db: None) -> "Iterator[HostingWorld]":
    from tests.hosting.truth import check_everything

    yield hosting_snapshot.put()
    check_everything()


@pytest.fixture
def disk(db: None) -> Iterator[dict[int, int]]:
    """Disk space as a service measures it: what is set here is used."""
    from hosting import counters
    from hosting.services import base
    from tests.hosting.disk import DISK, RESOURCE

    config = next(one for one in base.services() if one.service == "web")
    DISK.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "resources", (RESOURCE,), raising=False)
        yield DISK
    # What is declared no longer counts nowhere, before the world is looked at for the last time.
    counters.recount_all()


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    """Throttles and the like of one test are not the next one's."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()

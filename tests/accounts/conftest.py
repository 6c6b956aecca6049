"""The world of people for tests of accounts."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time as it is for codes and for throttling; a test may put it on."""
    from allauth.core.internal import ratelimit

    from accounts import second_factor

    now = SimpleNamespace(at=1_800_000_000.0)
    there = SimpleNamespace(**{**vars(time), "time": lambda: now.at})
    for module in (second_factor, ratelimit):
        monkeypatch.setattr(module, "time", there)
    return now

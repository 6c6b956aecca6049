"""The world of two tenants, made once for each file: whatever a test changes is rolled back."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.access.world import AccessWorld

# Imported inside: pytest may read this file before Django is set up.


@pytest.fixture(scope="module")
def _made(django_db_setup: None, django_db_blocker: Any) -> "Iterator[AccessWorld]":
    from django.db import transaction

    from tests.access.world import make_access_world

    with django_db_blocker.unblock(), transaction.atomic():
        yield make_access_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(_made: "AccessWorld", db: None) -> "AccessWorld":
    """Two tenants, their people, and everybody around them."""
    return _made


@pytest.fixture(autouse=True)
def _no_throttling() -> Iterator[None]:
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()

"""What every test stands on: an environment of its own, and why some tests cannot run here."""

import atexit
import gc
import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import machine

if TYPE_CHECKING:
    from tests.snapshot import Snapshot
    from tests.world import World

# pytest imports this before any setting is read, which is what makes it the place to say where data
# goes. Nothing of the developer's own panel may leak in, but for a database that was asked for.
_DATA = tempfile.mkdtemp(prefix="freehold-test-")
_OWNER = os.getpid()


@atexit.register
def _remove_data() -> None:
    # A test that forks must not take the data along when its child ends.
    if os.getpid() == _OWNER:
        shutil.rmtree(_DATA, ignore_errors=True)


for _name in [name for name in os.environ if name.startswith("PANEL_")]:
    if _name != "PANEL_DATABASE_URL":
        del os.environ[_name]
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "panel.settings",
    "PANEL_DATA": _DATA,
    "PANEL_DEBUG": "1",
    "PANEL_EMAIL": "memory",
    # Argon2 takes as long as a hundred tests; the real parameters have a test of their own.
    "PANEL_FAST_HASHER": "1",
}

PARTS = ("unit", "postgres", "census", "system", "browser")


def pytest_sessionstart() -> None:
    """Everything that is loaded stays: looking for rubbish among it took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_addoption(parser: pytest.Parser) -> None:
    """--part chooses what belongs to one part of `make test`."""
    parser.addoption("--part", choices=PARTS, help="run one part of what `make test` runs")


def pytest_configure(config: pytest.Config) -> None:
    """Load the settings now: pytest-django sets Django up when it finds them loaded."""
    from django.conf import settings

    settings.DATABASES  # noqa: B018  reading loads them
    if Path(_DATA) != settings.DATA_DIR:
        # Read before this file: by a worker of xdist, which has its parent's environment, or
        # because DJANGO_SETTINGS_MODULE is exported. Two runs must not count attempts together.
        settings.DATA_DIR = Path(_DATA)
        settings.CACHES["default"]["LOCATION"] = Path(_DATA) / "cache"
        settings.EMAIL_FILE_PATH = Path(_DATA) / "mail"

    from django.db.models.signals import post_migrate

    post_migrate.connect(_refill, dispatch_uid="tests")


def _refill(sender: Any, **_given: Any) -> None:
    """What a migration wrote is there again after a test with transactions emptied every table."""
    from django.apps import apps

    if sender.label == "dns" and not sender.get_model("TemplateRecord").objects.exists():
        import_module("hosting.services.dns.migrations.0002_template").fill(apps, None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file without a test of the asked part: reading all takes each process eight seconds.
    What belongs to a part has its marker in its own file (tests/test_run.py)."""
    part = config.getoption("--part")
    if part in {None, "unit"} or not collection_path.match("test_*.py"):
        return None
    return True if f"mark.{part}" not in collection_path.read_text() else None


def part_of(item: pytest.Item) -> str:
    """The part of `make test` to which a test belongs."""
    return next((part for part in PARTS[2:] if item.get_closest_marker(part)), "unit")


def only_postgres(item: pytest.Item) -> bool:
    """Whether a test means nothing on SQLite: a race, an index, a lock of PostgreSQL's."""
    marker = item.get_closest_marker("postgres")
    return marker is not None and bool(marker.kwargs.get("only"))


def belongs(item: pytest.Item, part: str) -> bool:
    """Whether `part` runs this test. `postgres` runs again there, unless it runs only there."""
    if part == "postgres":
        return item.get_closest_marker("postgres") is not None
    return part_of(item) == part and not only_postgres(item)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the asked part; elsewhere skip, with a reason, what cannot run on this machine."""
    if part := config.getoption("--part"):
        chosen = [item for item in items if belongs(item, part)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    # Files with something slow first: where they come last, one process waits for the other.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    on_sqlite = not os.environ.get("PANEL_DATABASE_URL")
    for item in items:
        if on_sqlite and only_postgres(item):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL: set PANEL_DATABASE_URL"))
        if item.get_closest_marker("browser") and machine.chromium_path() is None:
            item.add_marker(pytest.mark.skip(reason="needs Chromium, which is not installed"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, for Playwright's executable_path."""
    path = machine.chromium_path()
    assert path is not None, "tests that use this are marked `browser`"
    return path


@pytest.fixture
def data_dir() -> Path:
    """PANEL_DATA of this test run."""
    return Path(_DATA)


@pytest.fixture(scope="session")
def people(django_db_setup: None, django_db_blocker: Any) -> "Snapshot[World]":
    """The people of tests.world, to be put into a test's database."""
    from tests.snapshot import Snapshot
    from tests.world import make_world

    with django_db_blocker.unblock():
        return Snapshot(make_world)

"""The disk of the panel's own database is full: nothing is half done, and reading goes on."""

import errno
import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from hosting.bell import Bell
from hosting.worker import Loop
from hosting.worker_jobs import Claims, Runs
from panel.core import full_disk, runs
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from panel.core.operations import operations
from panel.core.work import State
from tests.hosting.databases import database_in
from tests.panel.api_client import Api, told
from tests.world import World

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="only SQLite lets a test fill its database up"
)

# Text enough that a page of the database has no room left for it.
WORDS = {"kind": "unpaid", "message": "\N{SNOWMAN}" * 490, "note": "\N{SNOWMAN}" * 490}
NO_LIMIT = 1_073_741_823


@pytest.fixture
def world(world: World, tmp_path: Path) -> Iterator[World]:
    """The people in a file: SQLite gives a whole transaction up where it finds no room."""
    (tmp_path / "panel.sqlite3").write_bytes(connection.connection.serialize())
    with database_in(tmp_path):
        yield world


def pragma(words: str) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute(f"PRAGMA {words}").fetchone()[0])


@contextmanager
def full(room: int = 0) -> Iterator[None]:
    """So many pages can still be written; afterwards there is room again."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS filler (bytes BLOB)")
        # Pages that were given back would be room too.
        while free := pragma("freelist_count"):
            cursor.execute("INSERT INTO filler VALUES (zeroblob(%s))", [free * 4000])
    pragma(f"max_page_count = {pragma('page_count') + room}")
    try:
        yield
    finally:
        pragma(f"max_page_count = {NO_LIMIT}")


def written(world: World) -> tuple[Any, ...]:
    """What a suspension leaves behind."""
    entries = Activity.objects.filter(action="customer.suspend").count()
    done = BulkTarget.objects.filter(result__isnull=False).count()
    return world.fresh("carl").is_suspended, entries, done


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says, as the settings have it."""
    said, words = full_disk.SayOnce(), full_disk.InWords("%(message)s")
    return [words.format(record) for record in caplog.records if said.filter(record)]


def test_wherever_it_fills_up_the_page_says_so_and_nothing_is_half_done(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    browser = world.client("ada")
    browser.raise_request_exception = False
    url = f"/customers/{world.carl.pk}/"
    untouched = written(world)
    room = 0
    while written(world) == untouched:
        with full(room):
            answer = browser.post(f"{url}suspend/", {**WORDS, "confirmed": "1"})
            assert browser.get(url).status_code == 200
            assert browser.get("/customers/").status_code == 200
        if answer.status_code != 303:
            assert answer.status_code == 503
            assert "disk is full" in html.unescape(answer.content.decode())
            assert answer["Retry-After"] == "60"
        room += 1
    assert room > 1
    assert written(world) == (True, 1, 1)
    # The last room may have been too little for the end of the run: a worker takes that up.
    claims = Claims(tmp_path / "worker.lock")
    BulkRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    while Runs(claims, Bell().stopping).step() == 0.0:
        pass
    claims.close()
    assert set(BulkRun.objects.values_list("state", flat=True)) == {State.DONE}
    assert written(world)[:2] == (True, 1)
    assert not world.fresh("nora").is_suspended
    said = f"Service Unavailable: {url}suspend/: the disk is full; nothing is written"
    assert [line.startswith(said) for line in lines(caplog) if "full" in line] == [True]


def test_the_api_says_it_in_json_and_counts_no_request_it_cannot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(world, "ada")
    untouched = written(world)
    with full():
        answer = api.post(f"/customers/{world.carl.pk}/suspend", WORDS)
    assert (answer.status_code, told(answer)["error"]["code"]) == (503, "disk_full")
    assert answer["Retry-After"] == "60"
    assert written(world) == untouched
    assert api.post(f"/customers/{world.carl.pk}/suspend", WORDS).status_code == 200

    def no_room(*_given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(cache._connections["default"]), "set", no_room)
    assert api.get(f"/customers/{world.carl.pk}").status_code == 200


def test_the_command_line_says_it_in_words(world: World) -> None:
    words = ("customer", "suspend", "carl", "--as", "ada")
    given = [f"--set={name}={value}" for name, value in WORDS.items()]
    with full(), pytest.raises(CommandError, match=r"disk .* is full"):
        call_command("operate", *words, *given)
    assert not world.fresh("carl").is_suspended
    call_command("operate", *words, *given)
    assert world.fresh("carl").is_suspended


def test_the_worker_goes_on_when_there_is_room_and_has_said_it_once(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it was tried meanwhile, the run is not given up and no target has failed."""
    operation = operations["customer.suspend"]
    targets = [world.carl.pk, world.cleo.pk]
    run = runs.start(operation, world.actor("ada"), targets, params=WORDS)
    bell = Bell()
    claims = Claims(tmp_path / "worker.lock")
    step = Runs(claims, bell.stopping).step
    tries = []

    def now_full() -> float:
        tries.append(len(tries))
        BulkRun.objects.update(run_after=run.created_at)
        if len(tries) == 8:
            bell.stop()
        with full():
            return step()

    bell.stopping.wait = lambda timeout=None: bell.stopping.is_set()  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        Loop("runs", now_full).run(bell)
    assert len(tries) == 8
    assert written(world) == (False, 0, 0)
    assert len(lines(caplog)) == 1

    BulkRun.objects.update(run_after=run.created_at)
    assert step() == 0.0
    assert BulkRun.objects.get().state == State.DONE
    assert BulkRun.objects.get().counts == {"done": 2}
    claims.close()
    assert not world.fresh("nora").is_suspended


def test_only_a_full_disk_is_taken_for_one() -> None:
    class DiskFull(Exception):
        sqlstate = "53100"

    wrapped = OperationalError("could not extend file")
    wrapped.__cause__ = DiskFull()
    assert full_disk.is_cause(wrapped)
    assert full_disk.is_cause(OSError(errno.ENOSPC, "No space left on device"))
    assert not full_disk.is_cause(OperationalError("database is locked"))
    assert not full_disk.is_cause(OSError(errno.EACCES, "Permission denied"))
    assert not full_disk.is_cause(None)


def test_a_bug_is_still_a_bug(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "start", lambda *_given, **_more: 1 / 0)
    browser = Client(raise_request_exception=False)
    browser.force_login(world.user("ada"))
    path = f"/customers/{world.carl.pk}/suspend/"
    assert browser.post(path, {"kind": "unpaid", "confirmed": "1"}).status_code == 500

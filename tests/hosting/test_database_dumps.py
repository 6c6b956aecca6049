"""Dumps of databases: by every door, what the worker makes of them, and where their files go."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from hosting import daily, purge
from hosting.agent.client import AgentAway
from hosting.agent.protocol import AgentError
from hosting.models.nodes import Node
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Kind
from hosting.services.database import carrying, spool
from hosting.services.database.models import Database, DatabaseDump
from hosting.services.database.operations import recount
from panel.core import setting
from panel.core.log import Activity
from panel.core.work import MAX_ATTEMPTS, State
from tests.hosting.world import DOORS, HostingWorld, room

pytestmark = pytest.mark.django_db
EXPORT, IMPORT = "database.export-dump", "database.import-dump"
STOP, REMOVE = "database-dump.stop", "database-dump.remove"
SCRIPT = "CREATE TABLE t (i int);\n"


@pytest.fixture(autouse=True)
def _node(world: HostingWorld, settings: Any, tmp_path: Path) -> None:
    """A node with a server that makes dumps, and one that makes none; an empty spool."""
    settings.DATA_DIR = tmp_path
    offers = {"mariadb": {"dumps": True}, "postgresql": {"dumps": False}}
    Node.objects.update(services={"database": offers})
    for who in ("ada", "ben"):
        room(world, who, databases=None)
        account = world.fresh(who)
        account.permissions = sorted({*account.permissions, "manage_databases"})
        account.save(update_fields=["permissions"])
    for row in Subscription.objects.all():
        row.limits = {**row.limits, "databases": 3}
        row.permissions = sorted({*row.permissions, "manage_databases"})
        row.save(update_fields=["limits", "permissions"])


def database(world: HostingWorld, name: str, server: str = "mariadb", own: str = "wp") -> Database:
    row = world.sub(name)
    about = {"account_id": row.account_id, "reseller_id": row.reseller_id, "server": server}
    made = Database.objects.create(subscription=row, name=f"s{row.pk}_{own}", **about)
    recount([row.pk])
    return made


def dump(of: Database, **more: Any) -> DatabaseDump:
    """A dump that is here, with its file."""
    token = spool.new_token()
    spool.path(token).write_bytes(b"dumped")
    about = {name: getattr(of, f"{name}_id") for name in ("subscription", "account", "reseller")}
    given = {"name": "wp.sql.gz", "task": "export", "state": State.DONE, "is_whole": True, **more}
    ids = {f"{name}_id": value for name, value in about.items()}
    return DatabaseDump.objects.create(
        database=of, server=of.server, token=token, size=6, **ids, **given
    )


def files() -> set[str]:
    return {place.name for place in spool.directory().iterdir()}


class FakeAgent:
    """A node that fills a file with bytes, or reads it, and says how far it is."""

    def __init__(self, told: bytes = b"", error: Exception | None = None, steps: int = 1) -> None:
        self.told, self.error, self.steps = told, error, steps
        self.asked: list[Any] = []
        self.read = b""

    def transfer(self, about: Any, parameters: dict, file: int, go_on: Any) -> dict:
        self.asked.append((about, parameters))
        for step in range(self.steps):
            if not go_on(step):
                raise AgentError("refused", "it was stopped")
        if self.told:
            os.write(file, self.told)
        else:
            self.read = os.read(file, 1000)
        if self.error:
            raise self.error
        return {}


def carry(row: DatabaseDump, agent: FakeAgent) -> DatabaseDump:
    """As the worker does it: claim it, then carry it out."""
    claimed = DatabaseDump.claim()
    assert claimed is not None
    assert claimed.pk == row.pk
    carrying.perform(claimed, agent)  # type: ignore[arg-type]
    return DatabaseDump.objects.get(pk=row.pk)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["carl", "ada"])
def test_a_database_is_exported_by_every_door_and_its_dump_downloaded(
    world: HostingWorld, door: str, who: str
):
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    assert world.through(door, who, EXPORT, one).result == "done"
    row = DatabaseDump.objects.get(database=one)
    assert (row.state, row.is_whole, row.account, row.reseller) == (
        State.QUEUED, False, world.carl, world.ada,
    )  # fmt: skip
    url = f"/database-dumps/{row.pk}/file"
    assert world.client(who).get(url).status_code == 404, "not there yet"
    agent = FakeAgent(b"all of it")
    row = carry(row, agent)
    about = {"server": "mariadb", "database": "wp"}
    assert agent.asked == [(("database", "export", one.subscription_id), about)]
    assert (row.state, row.is_whole, row.size) == (State.DONE, True, 9)
    response = world.client(who).get(url)
    assert b"".join(response) == b"all of it"
    assert response["Content-Disposition"] == f'attachment; filename="{row.name}"'
    assert row.name.startswith(f"{one.name}-")
    for stranger in ("nora", "ben"):
        assert world.client(stranger).get(url).status_code == 404
    assert Activity.objects.filter(action=EXPORT).get().new == {"dump": row.name}
    assert DatabaseDump.objects.filter(pk=theirs.pk, state=State.DONE).exists()


def test_of_several_each_is_exported_and_what_cannot_be_is_refused(world: HostingWorld):
    good, other = database(world, "carl.example"), database(world, "cleo.example")
    without = database(world, "carl.example", "postgresql")
    outcome = world.perform("admin", EXPORT, [good, other, without])
    assert outcome.counts == {"done": 2, "refused": 1}
    again = world.perform("admin", EXPORT, [good])
    assert again.findings[0].code == "dump_under_way"
    setting.store(dumps_kept=2)
    DatabaseDump.objects.update(state=State.DONE)
    assert world.perform("admin", EXPORT, [good]).counts == {"done": 1}
    more = database(world, "carl.example", own="more")
    assert world.finding("admin", EXPORT, more).code == "too_many_dumps"
    assert world.finding("admin", EXPORT, other).result == "done", "the neighbour's are its own"


@pytest.mark.parametrize("door", DOORS)
def test_a_script_is_imported_by_every_door(world: HostingWorld, door: str):
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    params = {"file": SCRIPT, "recreate": True if door != "page" else "on"}
    if door == "cli":
        params["recreate"] = "true"
    assert world.through(door, "carl", IMPORT, one, **params).result == "done"
    row = DatabaseDump.objects.get(database=one)
    agent = FakeAgent()
    row = carry(row, agent)
    assert agent.read.strip() == SCRIPT.encode().strip()
    assert agent.asked[0][1] == {"server": "mariadb", "database": "wp", "recreate": True}
    assert (row.state, row.error) == (State.DONE, "")
    assert Question.objects.filter(subscription=one.subscription, verb="measure").exists()
    # It is a dump as any other now: it can be taken in again.
    assert world.through(door, "carl", IMPORT, one, dump=row.pk).result == "done"
    assert DatabaseDump.objects.get(database=one).state == State.QUEUED
    assert SCRIPT.strip() not in str(list(Activity.objects.values()))
    nobodys = world.through(door, "carl", IMPORT, one, dump=theirs.pk)
    assert nobodys.result == "invalid"
    assert "dump" in nobodys.errors


def upload(client: Client, one: Database, data: bytes, **more: Any) -> Any:
    """As a browser sends a file."""
    file = SimpleUploadedFile("shop.sql", data)
    url = f"/databases/{one.pk}/import-dump/"
    return client.post(url, {"file": file, "confirmed": "1", **more})


def test_a_file_is_kept_as_it_was_uploaded_and_only_for_who_may(world: HostingWorld):
    one = database(world, "carl.example")
    data = bytes(range(256)) * 3000
    assert upload(world.client("carl"), one, data).status_code == 303
    row = DatabaseDump.objects.get()
    assert (row.name, row.size, row.is_whole) == ("shop.sql", len(data), True)
    assert spool.path(row.token).read_bytes() == data
    assert spool.path(row.token).stat().st_mode & 0o077 == 0
    assert upload(world.client("nora"), one, data).status_code == 404
    assert upload(Client(), one, data).status_code == 302
    unsafe = Client(enforce_csrf_checks=True)
    unsafe.force_login(world.user("carl"))
    assert upload(unsafe, one, data).status_code == 403
    assert files() == {row.token}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PGDMP\x01\x0e", "archive of pg_dump"),
        (b"PK\x03\x04zip", "ZIP"),
        (b"x" * (1024**2 + 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_none_is_told_at_its_field_and_leaves_nothing(
    world: HostingWorld, data: bytes, words: str
):
    setting.store(dumps_largest_upload=1)
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    response = upload(world.client("carl"), one, data)
    assert response.status_code == 422
    assert words in str(response.context["page"]["form"].errors["file"])
    assert files() == {theirs.token}
    nothing = world.client("carl").post(f"/databases/{one.pk}/import-dump/", {"confirmed": "1"})
    assert "Choose a file" in str(nothing.context["page"]["form"].errors["file"])


def test_what_fails_says_why_and_an_interrupted_import_is_not_begun_again(world: HostingWorld):
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    failing = AgentError("check", "ERROR 1146 at line 2: no such table\0")
    world.perform("carl", IMPORT, one, file=SCRIPT)
    row = carry(DatabaseDump.objects.get(database=one), FakeAgent(error=failing))
    assert (row.state, row.error) == (State.FAILED, "ERROR 1146 at line 2: no such table\ufffd")
    page = world.client("carl").get(f"/databases/{one.pk}/dumps/").content.decode()
    assert "Import failed" in page
    assert "ERROR 1146 at line 2" in page
    # The node went away while it was at it.
    world.perform("carl", IMPORT, one, dump=row.pk)
    row = carry(row, FakeAgent(error=AgentAway("gone")))
    assert (row.state, row.error) == (State.FAILED, "gone")
    # The worker was killed.
    world.perform("carl", IMPORT, one, dump=row.pk)
    DatabaseDump.objects.filter(pk=row.pk).update(has_begun=True)
    agent = FakeAgent()
    row = carry(row, agent)
    assert (row.state, agent.asked) == (State.FAILED, [])
    assert "interrupted" in row.error
    assert DatabaseDump.objects.get(pk=theirs.pk).state == State.DONE


def test_a_node_that_is_away_is_asked_again_and_given_up_in_the_end(world: HostingWorld):
    one = database(world, "carl.example")
    world.perform("carl", EXPORT, one)
    row = DatabaseDump.objects.get()
    for _attempt in range(MAX_ATTEMPTS):
        row = carry(row, FakeAgent(error=AgentAway("away"), steps=0, told=b"part"))
        assert row.state == State.QUEUED
        DatabaseDump.objects.update(run_after=timezone.now())
    assert DatabaseDump.claim() is None
    assert DatabaseDump.objects.get().state == State.FAILED
    page = world.client("carl").get(f"/databases/{one.pk}/dumps/").content.decode()
    assert "The node did not answer" in page


@pytest.mark.parametrize("door", DOORS)
def test_one_that_is_stopped_is_over_and_can_be_removed_by_every_door(
    world: HostingWorld, door: str
):
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    world.perform("carl", EXPORT, one)
    row = DatabaseDump.objects.get(database=one)
    assert world.finding("carl", REMOVE, row).code == "dump_busy"
    assert world.through(door, "carl", STOP, row).result == "done"
    row = carry(row, FakeAgent(b"part"))
    assert (row.state, row.is_whole) == (State.CANCELLED, False)
    again = world.finding("carl", STOP, row)
    assert again.result == "unchanged"
    assert world.through(door, "nora", REMOVE, row).result in {"missing", "invalid"}
    assert world.through(door, "carl", REMOVE, row).result == "done"
    assert list(DatabaseDump.objects.all()) == [theirs]
    assert files() == {theirs.token}


def test_one_that_is_stopped_while_it_is_written_leaves_no_file(world: HostingWorld):
    one, theirs = database(world, "carl.example"), dump(database(world, "nora.example"))
    world.perform("carl", EXPORT, one)
    row = DatabaseDump.objects.get(database=one)

    class Stopping(FakeAgent):
        def transfer(self, about: Any, parameters: dict, file: int, go_on: Any) -> dict:
            world.perform("carl", STOP, row)
            return super().transfer(about, parameters, file, go_on)

    assert carry(row, Stopping(b"part")).state == State.CANCELLED
    assert files() == {theirs.token}


def test_the_suspended_import_nothing_and_are_exported_by_their_provider(world: HostingWorld):
    one, theirs = database(world, "carl.example"), database(world, "cleo.example")
    world.perform("ada", "subscription.suspend", world.sub("carl.example"), kind=Kind.UNPAID)
    assert world.finding("ada", IMPORT, one, file=SCRIPT).code == "dump_suspended"
    assert world.finding("ada", EXPORT, one).result == "done"
    assert world.finding("ada", IMPORT, theirs, file=SCRIPT).result == "done"
    assert len(files()) == 1


def test_old_dumps_and_files_of_nobody_are_swept(world: HostingWorld):
    one, theirs = dump(database(world, "carl.example")), dump(database(world, "nora.example"))
    DatabaseDump.objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(days=8))
    young, old = spool.new_token(), spool.new_token()
    for token in (young, old):
        spool.path(token).write_bytes(b"")
    os.utime(spool.path(old), (1, 1))
    (spool.directory() / "notes.txt").write_text("an operator's")
    (job,) = (job for job in daily.JOBS if job.name == "sweep-dumps")
    job.do()
    assert list(DatabaseDump.objects.all()) == [theirs]
    assert files() == {theirs.token, young, "notes.txt"}


def test_dumps_go_with_their_database_and_with_their_subscription(world: HostingWorld):
    theirs = dump(database(world, "nora.example"))
    one = database(world, "carl.example")
    dump(one)
    assert world.perform("carl", "database.remove", one).counts == {"done": 1}
    assert list(DatabaseDump.objects.all()) == [theirs]
    dump(database(world, "carl.example"))
    purge.subscriptions([world.sub("carl.example").pk])
    assert list(DatabaseDump.objects.all()) == [theirs]


def test_the_page_shows_what_there_is_and_what_may_be_done(world: HostingWorld):
    one = database(world, "carl.example")
    url = f"/databases/{one.pk}/dumps/"
    client = world.client("carl")
    assert "No dumps yet" in client.get(url).content.decode()
    row = dump(one)
    busy = dump(database(world, "carl.example", own="two"), state=State.RUNNING, progress=2048)
    page = client.get(url).content.decode()
    for words in ("wp.sql.gz", "6\xa0bytes", "Exported", f"/database-dumps/{row.pk}/file"):
        assert words in page
    assert f"/databases/{one.pk}/import-dump/?dump={row.pk}" in page
    form = client.get(f"/databases/{one.pk}/import-dump/?dump={row.pk}").content.decode()
    assert f'<option value="{row.pk}" selected>' in form
    page = client.get(f"/databases/{busy.database_id}/dumps/").content.decode()
    assert "2.0\xa0KB so far" in page
    assert "data-reload" in page
    assert f"/database-dumps/{busy.pk}/stop/" in page
    assert f"/database-dumps/{busy.pk}/file" not in page
    response = client.get(f"/database-dumps/{row.pk}/")
    assert response["Location"] == url
    assert world.client("nora").get(f"/database-dumps/{row.pk}/").status_code == 404

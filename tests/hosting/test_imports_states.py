"""What can be done with an import, by whom, and what becomes of it when something is in the way."""

from typing import Any

import pytest

from accounts.models import Account, User
from hosting import importing
from hosting.models.imports import Import, ImportRow
from panel.core.work import State
from tests.hosting.importing import imported, people, results, uploaded, worked
from tests.hosting.world import HostingWorld

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def test_an_import_is_ones_own(world: HostingWorld) -> None:
    """The administrator sees a reseller's, and makes nothing of it; a neighbour sees none."""
    source = uploaded(world, "ada", people("anna"))
    for verb in ("carry-out", "check", "stop", "remove"):
        finding = world.finding("ben", f"import.{verb}", source, mode="good")
        assert finding.result == "missing", verb
    finding = world.finding("admin", "import.carry-out", source, mode="good")
    assert (finding.result, finding.code) == ("refused", "not_applicable")
    assert world.client("admin").get(f"/imports/{source.pk}/").status_code == 200
    assert world.finding("admin", "import.remove", source).result == "done"
    assert not ImportRow.objects.exists()


def test_nothing_is_done_to_an_import_that_is_under_way(world: HostingWorld) -> None:
    source = uploaded(world, "ada", people("anna"))
    Import.objects.update(state=State.RUNNING)
    for verb in ("carry-out", "check", "remove"):
        assert world.finding("ada", f"import.{verb}", source, mode="good").code == "import_busy"


def test_a_stopped_import_leaves_the_rest_and_goes_on_after_a_check(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 1)
    source = uploaded(world, "ada", people("anna", "bert"))
    world.perform("ada", "import.carry-out", source, mode="good")
    renew, asked = Import.renew, []

    def stop(row: Import) -> bool:
        if not asked:
            asked.append(world.finding("ada", "import.stop", row).result)
        return renew(row)

    monkeypatch.setattr(Import, "renew", stop)
    source = worked(source)
    assert (asked, source.status) == (["done"], "stopped")
    assert results(source) == {2: "done", 3: "None"}
    assert world.finding("ada", "import.carry-out", source, mode="good").code == (
        "import_not_checked"
    )
    world.perform("ada", "import.check", source)
    source = imported(world, "ada", worked(source))
    assert source.counts == {"done": 2}
    assert Account.objects.filter(username__in=["anna", "bert"]).count() == 2


def test_an_import_that_its_worker_left_goes_on_where_it_was(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 1)
    source = uploaded(world, "ada", people("anna", "bert"))
    world.perform("ada", "import.carry-out", source, mode="good")
    monkeypatch.setattr(Import, "renew", lambda _row: False)
    assert results(worked_once(source)) == {2: "done", 3: "None"}
    monkeypatch.undo()
    Import.objects.update(state=State.QUEUED)
    assert worked(source).counts == {"done": 2}


def worked_once(source: Import) -> Import:
    Import.objects.filter(pk=source.pk).update(state=State.RUNNING, fence="x")
    importing.carry_out(Import.objects.get(pk=source.pk))
    return Import.objects.get(pk=source.pk)


def test_who_may_no_longer_act_imports_nothing(world: HostingWorld) -> None:
    source = uploaded(world, "ada", people("anna"))
    world.perform("ada", "import.carry-out", source, mode="good")
    world.suspend("admin", "ada")
    assert results(worked(source)) == {2: "refused not_allowed"}
    assert not User.objects.filter(username="anna").exists()


def test_a_row_that_fails_fails_alone(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("nobody thought of this")

    source = uploaded(world, "ada", people("anna", "bert"))
    keep = importing.Chunk._keep
    monkeypatch.setattr(
        importing.Chunk,
        "_keep",
        lambda chunk, row, *rest: broken() if row.username == "anna" else keep(chunk, row, *rest),
    )
    source = imported(world, "ada", source)
    assert results(source) == {2: "failed failed", 3: "done"}
    assert not User.objects.filter(username="anna").exists()
    assert "nobody thought of this" in caplog.text


def test_a_customer_imports_nothing(world: HostingWorld) -> None:
    for door in ("page", "api"):
        answer = world.through(door, "carl", "account.add-import", world.carl, file="username\na\n")
        assert answer.result == "not allowed"

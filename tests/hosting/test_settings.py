"""Edit Settings: typed, the administrator's alone, by every door, and nobody's edit is lost."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken
from hosting.settings import KEEP_REMOVED_DAYS
from hosting.validators import RESTRICTED_NAMES, clean_host_name, is_restricted
from panel.core import setting
from panel.core.log import Activity
from panel.core.operations import operations
from panel.core.setting import Settings
from tests.hosting.world import DOORS, HostingWorld

REMOVAL, NAMES = "/settings/removal/", "/settings/names/"


def row() -> Settings:
    return Settings.objects.get()


def edit(world: HostingWorld, who: str = "admin", **values: Any) -> Any:
    """Through the API's adapter: what is not given stays."""
    return world.through("api", who, "settings.edit", row(), **values)


def save(world: HostingWorld, page: str, *, who: str = "admin", **typed: str) -> HttpResponse:
    """A section's page, sent."""
    return world.client(who).post(page, {"confirmed": "1", **typed})


def api(world: HostingWorld, who: str) -> dict[str, str]:
    _token, text = ApiToken.make(world.user(who), "test", ["read", "write"])
    return {"Authorization": f"Bearer {text}"}


def test_a_removed_customer_is_kept_for_as_long_as_is_set(world: HostingWorld):
    assert KEEP_REMOVED_DAYS.get() == 14
    page = world.client("admin").get(REMOVAL).content.decode()
    assert "Keep what was removed (days)" in page
    answer = save(world, REMOVAL, keep_removed_days="30", version="1")
    assert answer.status_code == 303
    assert KEEP_REMOVED_DAYS.get() == 30
    world.perform("ada", "customer.remove", world.carl)
    kept = world.fresh("carl").purge_at - timezone.now()
    assert timedelta(days=29) < kept <= timedelta(days=30)


@pytest.mark.parametrize("door", DOORS)
def test_it_works_by_every_door(world: HostingWorld, door: str):
    values = {**row().values, "keep_removed_days": 21}
    if door != "api":
        lists = {name: value for name, value in values.items() if isinstance(value, list)}
        values |= {name: "\n".join(value) for name, value in lists.items()}
    if door == "page":
        assert save(world, REMOVAL, keep_removed_days="21").status_code == 303
    else:
        answer = world.through(door, "admin", "settings.edit", row(), **values)
        assert answer.result == "done", answer
    assert KEEP_REMOVED_DAYS.get() == 21
    assert RESTRICTED_NAMES.get() == RESTRICTED_NAMES.default


def test_the_api_shows_all_values_with_a_version(world: HostingWorld):
    edit(world, keep_removed_days=3)
    answer = Client().get("/api/v1/settings/1", headers=api(world, "admin"))
    told = answer.json()
    assert told["values"]["keep_removed_days"] == 3
    assert "gmail.com" in told["values"]["restricted_names"]
    assert answer.headers["ETag"] == f'"{told["version"]}"'
    assert edit(world, who="admin", restricted_names=["mail.example"]).result == "done"
    assert KEEP_REMOVED_DAYS.get() == 3


def test_twice_changes_nothing_and_says_so(world: HostingWorld):
    assert edit(world, keep_removed_days=30).result == "done"
    version = row().version
    assert edit(world, keep_removed_days=30).result == "unchanged"
    assert row().version == version


def test_what_has_its_default_is_not_stored(world: HostingWorld):
    """A later release's better default reaches whoever never chose another."""
    edit(world, keep_removed_days=30)
    assert row().stored == {"keep_removed_days": 30}
    edit(world, keep_removed_days=14)
    assert row().stored == {}


@pytest.mark.parametrize("value", ["-1", "3651", "ten", "", "1.5", "²"])
def test_a_number_is_bounded(world: HostingWorld, value: str):
    answer = save(world, REMOVAL, keep_removed_days=value)
    assert answer.status_code == 422
    assert KEEP_REMOVED_DAYS.get() == 14
    assert row().version == 1


def test_a_wrong_line_is_named_and_nothing_is_saved(world: HostingWorld):
    answer = save(world, NAMES, restricted_names="fine.example\nno name\n")
    assert answer.status_code == 422
    assert "no name: " in answer.content.decode()
    assert not is_restricted("fine.example")
    assert edit(world, restricted_names="gmail.com").result == "done"
    assert edit(world, restricted_names=7).errors.keys() == {"restricted_names"}
    assert edit(world, nonsense=7).errors.keys() == {"nonsense"}


def test_restricted_names_hold_with_all_below_them_and_as_typed(world: HostingWorld):
    edit(world, restricted_names=["Bücher.example", "corp", "bücher.example"])
    assert RESTRICTED_NAMES.get() == ("xn--bcher-kva.example", "corp")
    for name in ("xn--bcher-kva.example", "a.b.xn--bcher-kva.example", "intranet.corp"):
        with pytest.raises(ValidationError):
            clean_host_name(name)
    for name in ("gmail.com", "notcorp.example", "corp.example"):
        assert clean_host_name(name) == name
    told = world.finding(
        "ada", "subscription.add-domain", world.sub("carl.example"), name="shop.corp"
    )
    assert "cannot be hosted here" in told.params["error"]
    edit(world, restricted_names=[])
    assert RESTRICTED_NAMES.get() == ()
    assert is_restricted("co.uk"), "a public suffix is nobody's, whatever the list"


def test_an_edit_that_would_undo_anothers_is_refused_and_names_both_values(world: HostingWorld):
    world.add_user("admin", "second")
    assert save(world, REMOVAL, keep_removed_days="30", version="1").status_code == 303
    answer = save(world, REMOVAL, who="second", keep_removed_days="7", version="1")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "admin changed this meanwhile" in page
    assert "now “30”" in page
    assert KEEP_REMOVED_DAYS.get() == 30
    # Shown again with what was typed; saving it now is a decision.
    assert 'name="keep_removed_days" value="7"' in page
    assert f'name="version" value="{row().version}"' in page
    answer = save(world, REMOVAL, who="second", keep_removed_days="7", version=str(row().version))
    assert answer.status_code == 303
    assert KEEP_REMOVED_DAYS.get() == 7


def test_edits_of_different_settings_do_not_stand_against_each_other(world: HostingWorld):
    save(world, REMOVAL, keep_removed_days="30", version="1")
    assert save(world, NAMES, restricted_names="a.example", version="1").status_code == 303
    assert (KEEP_REMOVED_DAYS.get(), RESTRICTED_NAMES.get()) == (30, ("a.example",))


def test_if_match_guards_the_api(world: HostingWorld):
    headers = {**api(world, "admin"), "If-Match": '"1"'}
    body = json.dumps({"keep_removed_days": 5})
    url = "/api/v1/settings/1/edit"
    given = {"content_type": "application/json", "headers": headers}
    assert Client().post(url, body, **given).status_code == 200
    assert Client().post(url, json.dumps({"keep_removed_days": 6}), **given).status_code == 412
    assert KEEP_REMOVED_DAYS.get() == 5


@pytest.mark.parametrize("who", ["ada", "carl", "ben", "dora"])
def test_nobody_else_sees_or_changes_them(world: HostingWorld, who: str):
    client = world.client(who)
    for url in ("/settings/", REMOVAL):
        assert client.get(url).status_code == 404
        assert save(world, url, who=who, keep_removed_days="1").status_code == 404
    assert ">Settings<" not in client.get("/").content.decode()
    assert Client().get("/api/v1/settings/1", headers=api(world, who)).status_code == 404
    assert edit(world, who, keep_removed_days=1).result == "missing"
    assert world.finding(who, "settings.edit", row(), keep_removed_days=1).code == "not_allowed"
    assert KEEP_REMOVED_DAYS.get() == 14


def test_a_viewer_of_the_administrators_looks_and_does_not_change(world: HostingWorld):
    world.add_user("admin", "viewer", user_role="viewer")
    assert save(world, REMOVAL, who="viewer", keep_removed_days="1").status_code == 403
    assert Client().get("/api/v1/settings/1", headers=api(world, "viewer")).status_code == 200
    assert KEEP_REMOVED_DAYS.get() == 14


def test_it_is_logged_with_old_and_new_values_and_shown_to_nobody_below(world: HostingWorld):
    edit(world, keep_removed_days=30)
    entry = Activity.objects.get(action="settings.edit")
    assert (entry.old["keep_removed_days"], entry.new["keep_removed_days"]) == (14, 30)
    assert "restricted_names" not in entry.new
    assert "14 → 30" in world.client("admin").get("/activity/").content.decode()
    assert "14 → 30" not in world.client("ada").get("/activity/").content.decode()


def test_a_section_that_is_not_there_is_not_found(world: HostingWorld):
    assert world.client("admin").get("/settings/nonsense/").status_code == 404


def test_the_row_is_read_once_in_a_request_and_anew_in_the_next(world: HostingWorld):
    with setting.read_once(), CaptureQueriesContext(connection) as asked:
        assert KEEP_REMOVED_DAYS.get() == 14
        assert is_restricted("gmail.com")
        assert KEEP_REMOVED_DAYS.get() == 14
    assert len(asked) == 1
    with setting.read_once():
        assert KEEP_REMOVED_DAYS.get() == 14
        # Changed in the same request, it holds at once.
        setting.store(keep_removed_days=1)
        assert KEEP_REMOVED_DAYS.get() == 1
    assert KEEP_REMOVED_DAYS.get() == 1


@pytest.mark.django_db(transaction=True)
def test_what_one_process_changes_the_next_request_of_another_knows():
    """A thread has a connection and a memory of its own, as another process has."""
    seen: list[int] = []
    changed, asked = threading.Event(), threading.Event()

    def other() -> None:
        try:
            with setting.read_once():
                seen.append(KEEP_REMOVED_DAYS.get())
            asked.set()
            changed.wait(10)
            with setting.read_once():
                seen.append(KEEP_REMOVED_DAYS.get())
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    asked.wait(10)
    setting.store(keep_removed_days=99)
    changed.set()
    thread.join()
    assert seen == [14, 99]


def test_what_an_app_no_longer_declares_does_not_stand_in_the_way(world: HostingWorld):
    Settings.objects.update(stored={"of_a_service_that_is_gone": 1, "keep_removed_days": 2})
    assert KEEP_REMOVED_DAYS.get() == 2
    assert edit(world, keep_removed_days=3).result == "done"
    assert row().stored == {"keep_removed_days": 3}


def test_a_name_is_declared_once():
    with pytest.raises(ValueError, match="declared twice"):
        setting.declare(setting.Flag("keep_removed_days", "removal", "Twice", False))
    with pytest.raises(ValueError, match="declared twice"):
        setting.section("removal", "Twice")


def test_every_setting_stands_on_a_page_and_says_what_it_is():
    for one in setting.declared.values():
        assert one.section in setting.sections, one.name
        assert str(one.label).strip(), one.name
        assert one.is_default(one.default), one.name
    assert operations["settings.edit"].form_class.base_fields.keys() >= setting.declared.keys()

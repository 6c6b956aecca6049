"""The activity log: who is named to whom, and that what was written stays."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from panel.core import log
from panel.core.activity_list import ActivityList, what_choices
from panel.core.lists import Listing
from panel.core.log import Activity
from tests.world import PASSWORD, World


def page(username: str, address: str) -> str:
    client = Client()
    assert client.login(username=username, password=PASSWORD)
    return client.get(address).content.decode()


def test_nobody_learns_the_logins_of_those_above(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl, message="seen from below")
    world.perform("admin", "customer.activate", world.carl)
    address = f"/customers/{world.carl.pk}/activity/"

    assert ">admin<" in page("admin", address)
    to_reseller = page("ada", address)
    assert "seen from below" in to_reseller
    assert ">admin<" not in to_reseller
    assert "The administrator" in to_reseller
    to_subscriber = page("carl", "/account/")
    assert ">admin<" not in to_subscriber
    # The neighbour meets nothing of it.
    assert "seen from below" not in page("ben", "/activity/")


@pytest.mark.parametrize("column", ["actor_name", "account_id", "run_id", "action"])
def test_an_entry_cannot_be_changed(world: World, column: str) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    value = 4711 if column.endswith("_id") else "nobody"
    with pytest.raises(DatabaseError), transaction.atomic():
        Activity.objects.filter(target_id=world.carl.pk).update(**{column: value})


def test_an_entry_cannot_be_removed(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    with pytest.raises(DatabaseError), transaction.atomic():
        Activity.objects.all().delete()


def test_the_chain_verifies_and_still_does_after_values_were_erased(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl, message="for Carl only")
    world.perform("ben", "customer.suspend", world.nora)
    assert log.seal() == Activity.objects.count()
    assert log.verify() == []

    Activity.objects.filter(target_id=world.carl.pk).update(details=None)
    assert log.verify() == []
    assert log.seal() == 0


def test_a_change_behind_the_triggers_is_noticed(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    log.seal()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER core_activity_no_update")
        else:
            cursor.execute("ALTER TABLE core_activity DISABLE TRIGGER core_activity_guard")
        cursor.execute("UPDATE core_activity SET actor_name = 'somebody else'")
    assert any("was changed" in problem for problem in log.verify())


def shown(world: World, reader: str, **asked: str) -> list[tuple[str, str]]:
    """(code, object) of what the page shows, newest first."""
    rows = Listing(ActivityList(), world.actor(reader), asked).window[0]
    return [(row.action, row.target_label) for row in rows]


def test_it_is_narrowed_by_what_was_done(world: World) -> None:
    world.perform("ada", "customer.suspend", [world.carl, world.cleo])
    world.perform("ada", "customer.activate", world.carl)
    world.perform("ben", "customer.suspend", world.nora)
    assert shown(world, "ada", what="customer.activate") == [("customer.activate", "Carl Customer")]
    assert len(shown(world, "ada", what="customer.suspend")) == 2
    assert len(shown(world, "admin", what="customer.suspend")) == 3
    assert shown(world, "carl", what="customer.suspend") == [("customer.suspend", "Carl Customer")]
    assert ("customer.suspend", "Customer: Suspend") in what_choices()


def test_a_value_that_is_no_choice_shows_nothing_rather_than_everything(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    assert shown(world, "ada", what="nonsense") == []
    assert shown(world, "ada", on_from="yesterday") == []


def test_it_is_narrowed_by_who_did_it_also_as_somebody_else(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    world.perform("admin", "customer.suspend", world.cleo)
    assert shown(world, "ada", who="Ada ") == [("customer.suspend", "Carl Customer")]
    client = world.client("admin")
    client.post(f"/customers/{world.dora.pk}/log-in-as/")
    client.post("/account/edit-contact-info/", {**contact("Dora Direct"), "confirmed": "1"})
    (entry,) = Activity.objects.filter(action="account.edit-contact-info")
    assert (entry.actor_name, entry.real_name) == ("dora", "admin")
    assert ("account.edit-contact-info", "Dora Direct") in shown(world, "admin", who="admin")
    assert ("account.edit-contact-info", "Dora Direct") in shown(world, "dora", who="dora")


def contact(name: str) -> dict[str, str]:
    fixed = {"email": "x@mail.example", "locale": "en", "time_zone": "UTC", "city": "Springfield"}
    return {"contact_name": name, **fixed}


def test_nobody_finds_out_the_logins_above_by_asking_for_them(world: World) -> None:
    world.perform("admin", "customer.suspend", world.carl)
    world.perform("ada", "customer.edit-contact-info", world.cleo, **contact("Cleo Customer"))
    assert len(shown(world, "admin", who="admin")) == 1
    assert len(shown(world, "ada")) == 2
    assert shown(world, "ada", who="admin") == []
    assert len(shown(world, "cleo")) == 1
    assert shown(world, "cleo", who="ada") == []


def test_it_is_narrowed_by_days_in_the_readers_zone(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    today = timezone.localdate()
    before, after = str(today - timedelta(days=1)), str(today + timedelta(days=1))
    assert shown(world, "ada", on_from=str(today), on_to=str(today))
    assert shown(world, "ada", on_from=before, on_to=after)
    assert not shown(world, "ada", on_to=before)
    assert not shown(world, "ada", on_from=after)


def test_the_search_finds_what_was_done_to_an_object(world: World) -> None:
    world.perform("ada", "customer.suspend", [world.carl, world.cleo])
    world.perform("ada", "customer.edit-contact-info", world.carl, **contact("Carla Newname"))
    found = shown(world, "ada", q="newname")
    assert len(found) == 2, "what was done under the old name, too"
    # The name of then finds it as well, whole; of a neighbour's nothing is found.
    assert ("customer.suspend", "Carl Customer") in shown(world, "ada", q="Carl Customer")
    assert shown(world, "ben", q="newname") == []
    assert shown(world, "ben", q="Carl Customer") == []


def test_the_export_has_what_the_filter_shows_with_whole_values(world: World) -> None:
    message = "a long story, " * 12
    world.perform("ada", "customer.suspend", [world.carl, world.cleo], message=message)
    world.perform("ada", "customer.activate", world.carl)
    answer = world.client("ada").get("/activity/export.csv?what=customer.suspend")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer).decode("utf-8-sig")
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["Object"] for row in rows] == ["Cleo Customer", "Carl Customer"]
    assert {row["Code"] for row in rows} == {"customer.suspend"}
    assert message.strip() in rows[0]["Values"]
    assert rows[0]["Who"] == "ada"
    assert rows[0]["When"].endswith("+00:00")


def test_the_export_hides_who_is_above_and_where_they_sit(world: World) -> None:
    client = Client(REMOTE_ADDR="203.0.113.77")
    client.force_login(world.user("admin"))
    client.post(f"/customers/{world.carl.pk}/suspend/")
    text = b"".join(world.client("ada").get("/activity/export.csv")).decode()
    assert "Carl Customer" in text
    assert ",admin," not in text
    assert "203.0.113.77" not in text
    assert "203.0.113.77" in b"".join(world.client("admin").get("/activity/export.csv")).decode()


def test_the_page_offers_filter_export_and_no_selection(world: World) -> None:
    world.perform("ada", "customer.suspend", world.carl)
    text = page("ada", "/activity/")
    assert "Export CSV" in text
    assert "Customer: Suspend" in text
    assert 'name="ids"' not in text
    nothing = page("ada", "/activity/?who=nobody")
    assert "Nothing matches" in nothing


def test_older_entries_follow_by_key(world: World) -> None:
    for _again in range(14):
        world.perform("ada", "customer.suspend", [world.carl, world.cleo])
        world.perform("ada", "customer.activate", [world.carl, world.cleo])
    seen: list[int] = []
    asked: dict[str, str] = {}
    while True:
        rows, _before, after = Listing(ActivityList(), world.actor("ada"), asked).window
        seen += [row.pk for row in rows]
        if not after:
            break
        asked = {"after": after}
    every = Activity.objects.filter(reseller_id=world.ada.pk).order_by("-at", "-pk")
    assert seen == list(every.values_list("pk", flat=True))
    assert len(seen) > 50
    # The table on an object's page as well.
    first = page("ada", f"/customers/{world.carl.pk}/activity/")
    assert "before_entry" not in first

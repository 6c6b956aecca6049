"""The provider's description, and the administrator's note: who sees and edits which."""

import pytest

from panel.core.log import Activity
from panel.core.operations import Result, operations
from tests.world import World


def test_a_description_is_added_and_edited(world: World) -> None:
    assert (
        world.finding("ada", "customer.description", world.carl, description="Pays late").result
        == Result.DONE
    )
    assert world.fresh("carl").description == "Pays late"
    world.perform("ada", "customer.description", world.carl)
    assert world.fresh("carl").description == ""


def test_it_works_by_its_page(world: World) -> None:
    client = world.client("ada")
    url = f"/customers/{world.carl.pk}/description/"
    assert client.get(url).status_code == 200
    given = {"description": "Two\r\nlines", "confirmed": "1", "version": "1"}
    assert client.post(url, given).status_code == 303
    assert world.fresh("carl").description == "Two lines"


def test_the_button_says_whether_there_is_one(world: World) -> None:
    operation = operations["customer.description"]
    assert str(operation.button_label(world.carl)) == "[add description]"
    world.perform("ada", "customer.description", world.carl, description="Pays late")
    assert str(operation.button_label(world.fresh("carl"))) == "[edit]"


def test_the_same_again_is_unchanged(world: World) -> None:
    for expected in (Result.DONE, Result.UNCHANGED):
        finding = world.finding("ada", "customer.description", world.carl, description="x")
        assert finding.result == expected


@pytest.mark.parametrize("text", ["x" * 501, "bell\x07"])
def test_texts_that_are_refused(world: World, text: str) -> None:
    finding = world.finding("ada", "customer.description", world.carl, description=text)
    assert finding.result == Result.REFUSED


def test_the_neighbour_is_not_there(world: World) -> None:
    finding = world.finding("ben", "customer.description", world.carl, description="x")
    assert finding.result == Result.MISSING


def test_the_subscriber_neither_edits_nor_sees_it_not_even_in_the_log(world: World) -> None:
    world.perform("ada", "customer.description", world.carl, description="canary-7")
    finding = world.finding("carl", "customer.description", world.carl, description="x")
    assert finding.result == Result.REFUSED
    seen = Activity.objects.visible_to(world.actor("carl"))
    assert not [entry for entry in seen if "canary-7" in (entry.details or "")]
    client = world.client("carl")
    for path in ("/", "/account/", "/activity/"):
        assert b"canary-7" not in client.get(path).content
    provider = Activity.objects.visible_to(world.actor("ada"))
    assert [entry for entry in provider if "canary-7" in (entry.details or "")]


def test_a_reseller_does_not_see_its_own_description_in_the_log(world: World) -> None:
    world.perform("admin", "reseller.description", world.ada, description="canary-7")
    assert world.fresh("ada").description == "canary-7"
    seen = Activity.objects.visible_to(world.actor("ada"))
    assert not [entry for entry in seen if "canary-7" in (entry.details or "")]


def test_the_note_is_the_administrators_alone(world: World) -> None:
    operation = "customer.administrators-note"
    world.perform("admin", operation, world.carl, admin_note="canary-8\nsecond line")
    assert world.fresh("carl").admin_note == "canary-8\nsecond line"
    finding = world.finding("ada", operation, world.carl, admin_note="x")
    assert (finding.result, finding.code) == (Result.REFUSED, "not_allowed")
    assert (
        world.client("ada").get(f"/customers/{world.carl.pk}/administrators-note/").status_code
        == 403
    )
    for who in ("ada", "carl", "ben"):
        seen = Activity.objects.visible_to(world.actor(who))
        assert not [entry for entry in seen if "canary-8" in (entry.details or "")], who
    client = world.client("ada")
    for path in ("/activity/", f"/customers/{world.carl.pk}/"):
        assert b"canary-8" not in client.get(path).content


def test_the_administrator_edits_what_resellers_wrote(world: World) -> None:
    world.perform("ada", "customer.description", world.carl, description="Pays late")
    world.perform("admin", "customer.description", world.carl, description="Pays")
    assert world.fresh("carl").description == "Pays"


def test_a_stale_form_is_refused(world: World) -> None:
    world.perform("ada", "customer.description", world.carl, description="Pays late")
    finding = world.finding(
        "admin", "customer.description", world.carl, description="Pays", version="1"
    )
    assert finding.code == "changed_meanwhile"
    assert finding.params == {"who": "ada", "fields": "Description (now “Pays late”)"}

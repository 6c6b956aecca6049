"""Suspension is entries, never a flag: who can carry which, and what asks before it is set."""

import pytest
from django.db import IntegrityError, transaction

from hosting import status
from hosting.models.suspension import Level, SuspensionEntry
from panel.core.bulk import BulkRun
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("level", Level.values)
def test_accounts_carry_entries_of_administrator_and_reseller_only(world: HostingWorld, level: str):
    """Subscriptions all five."""
    SuspensionEntry.objects.create(subscription=world.sub("cleo.example"), level=level).delete()
    if level in {Level.ADMINISTRATOR, Level.RESELLER}:
        SuspensionEntry.objects.create(account=world.carl, level=level).delete()
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        SuspensionEntry.objects.create(account=world.carl, level=level)


def test_level_and_kind_together_are_the_key(world: HostingWorld):
    values = {"account": world.carl, "level": Level.RESELLER}
    first = SuspensionEntry.objects.create(kind="unpaid", **values)
    second = SuspensionEntry.objects.create(kind="abuse", **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        SuspensionEntry.objects.create(kind="unpaid", **values)
    first.delete()
    second.delete()


def selected(world: HostingWorld, who: str, noun: str, ids: list[int], **more: str) -> str:
    """Where the button Suspend over a list leads."""
    posted = {"ids": [str(pk) for pk in ids], **more}
    answer = world.client(who).post(f"/{noun}s/suspend/", posted)
    assert answer.status_code == 303
    return answer["Location"]


def test_suspending_one_customer_asks_nothing_and_above_one_page_of_them_it_asks(
    world: HostingWorld,
):
    assert "selection=" not in selected(world, "ada", "customer", [world.carl.pk])
    assert not world.runs_("carl")
    more = [world.cleo.pk, *range(10_000, 10_025)]
    assert "selection=" in selected(world, "ada", "customer", more, size="25")
    assert world.runs_("cleo")
    assert "selection=" not in selected(world, "ada", "customer", more, size="50")
    assert not world.runs_("cleo")


def test_suspending_any_reseller_asks_on_a_page_with_counts(world: HostingWorld):
    leads = selected(world, "admin", "reseller", [world.ada.pk])
    assert world.runs_("ada")
    assert "2 customers" in world.client("admin").get(leads).content.decode()
    assert BulkRun.objects.get().state == "draft"


def shows(world: HostingWorld, who: str, text: str) -> bool:
    """Whether it stands on the page of what was suspended."""
    page = world.client(who).get(f"/subscriptions/{world.sub('carl.example').pk}/")
    assert page.status_code == 200
    return text in page.content.decode()


@pytest.mark.parametrize(("by", "readers"), [("ada", {"ada", "admin"}), ("admin", {"admin"})])
def test_an_internal_note_is_for_its_level_and_above_and_the_message_for_the_subscriber(
    world: HostingWorld, by: str, readers: set[str]
):
    world.suspend(by, "carl.example", kind="unpaid", message="invoice 1042", note="third reminder")
    everybody = ("admin", "ada", "carl")
    assert {who for who in everybody if shows(world, who, "third reminder")} == readers
    assert {who for who in everybody if shows(world, who, "invoice 1042")} == {*everybody}
    log = {
        who for who in everybody if b"third reminder" in world.client(who).get("/activity/").content
    }
    assert not log


def test_what_the_administrator_noted_of_a_reseller_is_not_for_that_reseller(world: HostingWorld):
    """It may know why, for it is told on logging in; the note is none of its own."""
    entry = SuspensionEntry(
        account=world.ada, level=Level.ADMINISTRATOR, message="Call us", note="Case 3318"
    )
    told = {
        who: status.words_with_note(entry, world.actor(who)) for who in ("admin", "ada", "carl")
    }
    assert "Case 3318" in told.pop("admin")
    assert "Call us" in told["ada"]
    assert not [who for who, text in told.items() if "Case 3318" in text]

"""Imports: what would become of each row, by the rules of all doors, and then becomes of it."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from accounts.models import Account, User
from accounts.password_reset import PasswordResetRequest
from hosting import counters, importing
from hosting.models.domains import Domain
from hosting.models.imports import Import
from hosting.models.subscriptions import RetiredSystemUser, Subscription
from panel.core.bulk import BulkRun
from panel.core.log import Activity
from panel.core.mail import Message
from tests.hosting import disk
from tests.hosting import importing as files
from tests.hosting.importing import (
    imported,
    people,
    reason,
    results,
    rows,
    text_of,
    uploaded,
    worked,
)
from tests.hosting.world import HostingWorld, room

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
STRONG = "velvet-otter-lantern-42"


def everything() -> tuple[int, ...]:
    models = (Account, User, Subscription, Domain, RetiredSystemUser)
    return tuple(model._base_manager.count() for model in models)


def test_a_check_makes_nothing_and_says_what_would_be(world: HostingWorld) -> None:
    before, logged = everything(), Activity.objects.count()
    source = uploaded(world, "ada", text_of(*files.GOOD.splitlines()))
    assert source.status == "checked"
    assert results(source) == {2: "done", 3: "done"}
    assert everything() == before
    assert Activity.objects.count() == logged + 1, "that the file was uploaded"
    assert all(row.customer_id is None for row in rows(source)), "numbers of what was taken back"


def test_good_rows_become_customers_and_subscriptions(world: HostingWorld) -> None:
    source = uploaded(world, "ada", text_of(*files.GOOD.splitlines()))
    source = imported(world, "ada", source)
    assert (source.status, source.counts) == ("imported", {"done": 2})
    anna = Account.objects.get(username="anna")
    assert (anna.provider, anna.reseller, anna.contact_name) == (world.ada, world.ada, "Anna Berg")
    row = world.sub("berg.example")
    assert (row.account, row.plan.name, row.system_user) == (anna, "Ada Basic", "berg")
    assert Account.objects.get(username="bert").subscriptions_count == 0
    logged = list(Activity.objects.order_by("pk").values_list("action", "target_label"))
    assert logged[-2:] == [
        ("account.add-customer", "Anna Berg"),
        ("account.add-customer", "Bert Quinn"),
    ]
    first = rows(source)[0]
    assert (first.customer_id, first.is_made) == (anna.pk, True)


def test_what_is_refused_says_why_and_stops_nobody_else(world: HostingWorld) -> None:
    lines = (
        "Anna Berg,anna@berg.example,anna,berg.example,Ada Basic",
        "No Mail,,nomail,,",
        "Carl Again,carl@mail.example,carl,,",
        "Taken Name,taken@mail.example,taken,nora.example,",
        "Other Plan,other@mail.example,other,other.example,Ben Basic",
        "Own Taken,own@mail.example,own,carl.example,",
        "Short Row,short@mail.example",
    )
    source = uploaded(world, "ada", text_of(*lines))
    assert results(source) == {
        2: "done",
        3: "refused invalid",
        4: "refused invalid",
        5: "refused name_taken",
        6: "refused invalid",
        7: "refused name_taken_by",
        8: "refused import_cells",
    }
    assert reason(source, 3) == "Email address: This field is required."
    assert reason(source, 4) == "Username: This username is taken."
    assert reason(source, 5) == "nora.example is taken.", "not by whom"
    assert reason(source, 6).startswith("Service plan: ")
    assert reason(source, 8) == "There are 2 cells, and 5 columns."
    source = imported(world, "ada", source, "good")
    assert source.counts == {"done": 1, "refused": 6}
    assert not User.objects.filter(username__in=["nomail", "taken", "other", "own"]).exists()


def test_all_rows_or_none(world: HostingWorld) -> None:
    source = uploaded(world, "ada", people("anna", "carl"))
    outcome = world.perform("ada", "import.carry-out", source, mode="all")
    assert (outcome.findings[0].result, outcome.findings[0].code) == ("refused", "import_not_all")
    source = uploaded(world, "ada", people("anna", "bert"))
    # Taken between the check and the import.
    world.space("dora", "bert.example")
    before = everything()
    source = imported(world, "ada", source, "all")
    assert everything() == before
    assert results(source) == {2: "unchanged import_held_back", 3: "refused name_taken"}
    Subscription.objects.filter(name="bert.example").update(name="x")
    world.perform("ada", "import.check", source)
    assert results(worked(source)) == {2: "done", 3: "refused name_taken"}


def test_all_rows_and_none_is_missing(world: HostingWorld) -> None:
    source = imported(world, "ada", uploaded(world, "ada", people("anna", "bert")), "all")
    assert source.counts == {"done": 2}
    assert {"anna.example", "bert.example"} <= set(Subscription.objects.values_list("name", flat=1))


@pytest.mark.parametrize("size", [1, 2, 20])
def test_limits_hold_over_all_rows_together(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Ada may have two customers more, and one subscription: whatever the pieces of the work."""
    monkeypatch.setattr(importing, "CHUNK", size)
    room(world, "ada", customers=4, subscriptions=4)
    text = text_of(
        "A,a@mail.example,aa,aa.example,",
        "B,b@mail.example,bb,bb.example,",
        "C,c@mail.example,cc,,",
        "D,d@mail.example,dd,,",
    )
    source = uploaded(world, "ada", text)
    expected = {2: "done", 3: "refused limit", 4: "done", 5: "refused limit"}
    assert results(source) == expected
    assert reason(source, 3).startswith("Subscriptions: the limit of Ada Reseller is 4, and 4 are")
    assert reason(source, 5).startswith("Customers: the limit of Ada Reseller is 4, and 4 are")
    assert results(imported(world, "ada", source)) == expected


def test_what_is_promised_to_subscriptions_counts_over_all_rows(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the permission to oversell."""
    config = apps.get_app_config("hosting")
    monkeypatch.setattr(config, "resources", (*config.resources, disk.RESOURCE))
    monkeypatch.setattr(importing, "CHUNK", 1)
    plan = world.plan("ada", "Small")
    plan.limits = {**plan.limits, "disk": 600}
    plan.save()
    Account.objects.filter(pk=world.ada.pk).update(permissions=[])
    room(world, "ada", disk=1500)
    Subscription.objects.filter(reseller=world.ada).update(limits={"domains": 5, "disk": 0})
    text = text_of(*(f"P,{n}@mail.example,{n},{n}.example,Small" for n in ("aa", "bb", "cc")))
    source = uploaded(world, "ada", text)
    assert results(source) == {2: "done", 3: "done", 4: "refused allotment"}
    # Nobody measures it after this test.
    monkeypatch.undo()
    counters.recount_all()


@pytest.mark.parametrize("size", [1, 20])
def test_one_more_subscription_of_a_customer_of_the_file(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(importing, "CHUNK", size)
    room(world, "ada", customers=3, subscriptions=5)
    head = "contact_name,email,username,domain,subscriber"
    text = text_of(
        ",,,early.example,anna",
        "Anna Berg,anna@berg.example,anna,anna.example,",
        "Carl Again,carl@mail.example,carl,,",
        ",,,second.example,ANNA",
        ",,,carl-two.example,carl",
        ",,,nobody.example,nobody",
        ",,,noras.example,nora",
        head=head,
    )
    source = uploaded(world, "ada", text)
    expected = {
        2: "refused import_order",
        3: "done",
        4: "refused invalid",
        5: "done",
        6: "refused limit",
        7: "refused no_such_subscriber",
        8: "refused no_such_subscriber",
    }
    assert results(source) == expected
    assert reason(source, 2) == "Its customer stands below, in line 3: move it up."
    room(world, "ada", customers=3, subscriptions=6)
    world.perform("ada", "import.check", source)
    source = imported(world, "ada", worked(source))
    assert results(source) == {**expected, 6: "done"}
    assert world.sub("second.example").account.username == "anna"
    assert world.sub("carl-two.example").account == world.carl


def test_a_subscription_whose_customer_is_refused_is_refused_with_it(world: HostingWorld) -> None:
    head = "contact_name,email,username,domain,subscriber"
    text = text_of("Anna,,anna,,", ",,,anna.example,anna", head=head)
    source = uploaded(world, "ada", text)
    assert results(source) == {2: "refused invalid", 3: "refused import_leader"}
    assert reason(source, 3) == "Its customer in line 2 is not imported."


def test_a_row_with_a_subscriber_makes_no_customer(world: HostingWorld) -> None:
    head = "contact_name,domain,subscriber,password"
    source = uploaded(world, "ada", text_of(f"Anna,a.example,carl,{STRONG}", head=head))
    assert reason(source, 2).startswith("contact_name, password: with a subscriber")


def test_what_is_suspended_gets_shut_subscriptions(world: HostingWorld) -> None:
    """domain.md: C suspended, S2 created or imported below it: shut."""
    world.suspend("ada", "carl")
    source = uploaded(world, "ada", text_of("two.example,carl", head="domain,subscriber"))
    assert imported(world, "ada", source).counts == {"done": 1}
    assert not world.runs_("two.example")
    world.activate("ada", "carl")
    assert world.runs_("two.example")


def test_what_is_there_twice_is_told_with_the_first_line(world: HostingWorld) -> None:
    lines = (
        "A,a@mail.example,anna,bücher.example,",
        "B,b@mail.example,Anna,,",
        "C,c@mail.example,cc,xn--bcher-kva.example,",
        "D,d@mail.example,a@mail.example,,",
    )
    source = uploaded(world, "ada", text_of(*lines))
    assert results(source) == {2: "done", **dict.fromkeys((3, 4, 5), "refused import_twice")}
    assert reason(source, 3) == "Username: Anna stands in line 2 already."
    assert reason(source, 4).startswith("Domain name: xn--bcher-kva.example stands in line 2")


def test_who_was_imported_before_stays_as_it_is(world: HostingWorld) -> None:
    head = "contact_name,email,username,external_id"
    text = text_of("Anna,anna@mail.example,anna,1042", head=head)
    imported(world, "ada", uploaded(world, "ada", text))
    again = uploaded(world, "ada", text)
    assert results(again) == {2: "unchanged exists_already"}
    outcome = world.perform("ada", "import.carry-out", again, mode="good")
    assert outcome.findings[0].code == "import_nothing"


def test_choices_are_named_by_their_words(world: HostingWorld) -> None:
    head = "Contact name;Email address;username;Country;domain;Service plan;time-zone"
    text = text_of("A;a@mail.example;aa;germany;aa.example;ADA BASIC;europe/berlin", head=head)
    imported(world, "ada", uploaded(world, "ada", text))
    made = Account.objects.get(username="aa")
    assert (made.country, made.time_zone) == ("DE", "Europe/Berlin")
    assert world.sub("aa.example").plan.name == "Ada Basic"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contact_name,shoe size\nA,42\n", "There is no column “shoe size”."),
        ("username,Username\nA,B\n", "The column “Username” is there twice."),
        ("username\n", "There is nothing below the names of the columns."),
        ('username\n"a\n', "Line 2: a quote begins here and is not closed."),
        ("username,password\n" + f"a,{STRONG}\n" * 501, "501 passwords; 500 are the most"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_at_its_field(
    world: HostingWorld, text: str, words: str
) -> None:
    for door in ("page", "api"):
        file = files.file(text) if door == "page" else text
        answer = world.through(door, "ada", "account.add-import", world.ada, file=file)
        assert answer.result == "invalid"
        assert words in answer.errors["file"][0]
    assert not Import.objects.exists()


def test_the_encoding_is_told_or_chosen(world: HostingWorld) -> None:
    data = "contact_name,email,username\nÄnne,aa@mail.example,aa\n".encode("windows-1252")
    client = world.client("ada")
    response = client.post("/imports/add/", {"file": files.file(data), "encoding": "utf-8"})
    assert response.status_code == 422
    assert "Line 2 is not written in UTF-8." in response.content.decode()
    response = client.post("/imports/add/", {"file": files.file(data), "encoding": "windows-1252"})
    assert response.status_code == 303
    assert rows(Import.objects.get())[0].label == "Änne"


# Passwords.


def test_a_password_of_the_file_is_written_nowhere(world: HostingWorld) -> None:
    head = "contact_name,email,username,password"
    weak = "Weak One,weak@mail.example,weak,weak"
    text = text_of(f"Anna,anna@mail.example,anna,{STRONG}", weak, head=head)
    answer = world.through("page", "ada", "account.add-import", world.ada, file=files.file(text))
    assert answer.result == "done"
    source = worked(Import.objects.get())
    assert results(source) == {2: "done", 3: "refused invalid"}
    assert reason(source, 3).startswith("Password: ")
    written = json.dumps([BulkRun.objects.values_list("params", flat=True)[0], *_texts(source)])
    assert STRONG not in written
    first = rows(source)[0].password
    assert first
    source = imported(world, "ada", source)
    assert world.user("anna").check_password(STRONG)
    assert rows(source)[0].password == "", "nobody needs it any more"


def _texts(source: Import) -> list[Any]:
    found = [str(vars(row)) for row in rows(source)]
    return [*found, *Activity.objects.values_list("details", flat=True)]


def test_without_a_password_one_is_chosen_by_forgotten_password(world: HostingWorld) -> None:
    imported(world, "ada", uploaded(world, "ada", people("anna")))
    assert not world.user("anna").has_usable_password()
    client = world.client("carl")
    client.logout()
    given = {"username": "anna", "email": "anna@mail.example"}
    assert client.post(reverse("account_reset_password"), given).status_code == 303
    PasswordResetRequest.claim().carry_out()
    assert Message.objects.get().to == "anna@mail.example"

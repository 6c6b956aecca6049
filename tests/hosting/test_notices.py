"""Notices by email: to whom, once, in their words; nobody is told what is not for them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from hosting import conditions, daily, notices, totals
from hosting.models.subscriptions import Subscription
from hosting.notice_texts import ALWAYS, CREATED, EXPIRING, OVERUSED, SUSPENDED, fill
from panel.core import setting
from panel.core.log import Activity
from panel.core.mail import Message
from tests.hosting.world import DOORS, HostingWorld, person

EVENTS = (CREATED, SUSPENDED, OVERUSED, EXPIRING)


def sent() -> list[tuple[str, str]]:
    """(to, subject) of what waits to be sent, in order."""
    return list(Message.objects.order_by("pk").values_list("to", "subject"))


def people(world: HostingWorld) -> dict[str, str]:
    return {name: account.email for name, account in world.accounts.items()}


def overuse(world: HostingWorld, name: str, *, told: bool = True) -> None:
    """Its plan allows less than there is, and says whether that is told."""
    Subscription.objects.filter(name=name).update(
        limits={"domains": 0, "aliases": 5}, overuse_notice=told
    )
    conditions.judge([world.sub(name).pk])


def expires_in(world: HostingWorld, name: str, days: int) -> None:
    day = conditions.today() + timedelta(days=days)
    Subscription.objects.filter(name=name).update(expires_on=day)


def test_nothing_is_sent_of_what_nobody_switched_on(world: HostingWorld):
    world.customer("ada", "newcomer")
    world.suspend("ada", "carl", message="invoice 1042")
    world.suspend("admin", "nora.example")
    assert sent() == []


def test_a_new_account_is_told_its_username_and_never_a_password(world: HostingWorld):
    setting.store(notice_created_to="both")
    world.customer("ada", "newcomer")
    message, to_provider = Message.objects.order_by("pk")
    assert message.to == "newcomer@mail.example"
    assert "Hello Newcomer" in message.body
    assert "Your username is newcomer" in message.body
    assert "velvet-otter" not in message.body
    assert to_provider.to == world.ada.email
    world.through("api", "admin", "account.add-reseller", world.admin, **person("seller"))
    assert [to for to, _subject in sent()][2:] == ["seller@mail.example", world.admin.email]


@pytest.mark.parametrize("door", DOORS)
def test_suspension_is_told_by_every_door(world: HostingWorld, door: str):
    setting.store(notice_suspended_to="subscriber")
    world.through(door, "ada", "customer.suspend", world.carl, message="Invoice 1042 is unpaid.")
    (message,) = Message.objects.all()
    assert (message.to, message.subject) == (world.carl.email, "Suspended: Carl Customer")
    assert "Invoice 1042 is unpaid." in message.body


def test_who_was_shut_already_is_not_told_again(world: HostingWorld):
    setting.store(notice_suspended_to="subscriber")
    world.suspend("ada", "carl")
    world.suspend("ada", "carl")
    world.suspend("admin", "carl", kind="abuse")
    world.suspend("ada", "carl.example")
    assert sent() == [(world.carl.email, "Suspended: Carl Customer")]


def test_the_provider_is_told_of_what_it_did_not_do_itself(world: HostingWorld):
    setting.store(notice_suspended_to="provider")
    world.suspend("ada", "carl")
    assert sent() == []
    world.suspend("admin", "cleo.example")
    assert sent() == [(world.ada.email, "Suspended: cleo.example")]
    # The administrator's own customer: nobody but itself did it.
    world.suspend("admin", "dora")
    assert len(sent()) == 1


def test_many_are_told_with_as_many_statements_as_one(world: HostingWorld):
    setting.store(notice_suspended_to="both")
    with CaptureQueriesContext(connection) as one:
        world.perform("admin", "customer.suspend", [world.dora])
    with CaptureQueriesContext(connection) as many:
        world.perform("admin", "customer.suspend", [world.carl, world.cleo, world.nora])
    assert len(Message.objects.all()) == 1 + 6
    assert len(many) - len(one) <= 2


def test_overuse_is_told_once_to_subscriber_and_provider_with_the_figures(world: HostingWorld):
    overuse(world, "carl.example")
    daily.notify()
    daily.notify()
    assert sent() == [
        (world.carl.email, "carl.example uses more than it may"),
        (world.ada.email, "carl.example uses more than it may"),
    ]
    body = Message.objects.first().body
    assert "Domains: 1 / 0" in body
    assert "aliases" not in body
    assert "Nothing is shut for it." in body
    entry = Activity.objects.get(action="subscription.notice")
    assert (entry.new, entry.target_label, entry.actor_name) == (
        {"about": "overused"},
        "carl.example",
        "daily run",
    )
    assert entry.account_id == world.carl.pk


def test_overuse_is_told_only_where_the_policy_gives_notice(world: HostingWorld):
    overuse(world, "carl.example", told=False)
    daily.notify()
    assert sent() == []
    setting.store(notice_overused_to="nobody")
    overuse(world, "cleo.example")
    daily.notify()
    assert sent() == []
    # Nobody was told, so somebody is as soon as it is wanted.
    setting.store(notice_overused_to="subscriber")
    daily.notify()
    assert sent() == [(world.cleo.email, "cleo.example uses more than it may")]


def test_who_goes_above_the_limits_again_soon_is_not_told_every_day(world: HostingWorld):
    overuse(world, "carl.example")
    daily.notify()
    row = world.sub("carl.example")

    def within() -> None:
        Subscription.objects.filter(pk=row.pk).update(limits={"domains": 5, "aliases": 5})
        conditions.judge([row.pk])
        daily.notify()

    within()
    overuse(world, "carl.example")
    daily.notify()
    assert len(sent()) == 2
    Subscription.objects.filter(pk=row.pk).update(
        overuse_told_at=world.sub("carl.example").overuse_told_at - notices.AGAIN
    )
    within()
    overuse(world, "carl.example")
    daily.notify()
    assert len(sent()) == 4


def test_a_reseller_over_its_limits_is_told_and_so_is_the_administrator(world: HostingWorld):
    Account.objects.filter(pk=world.ada.pk).update(
        limits={"customers": 1, "subscriptions": 20, "domains": None, "aliases": None}
    )
    totals.judge([world.ada.pk, world.ben.pk])
    daily.notify()
    daily.notify()
    assert sent() == [
        (world.ada.email, "Ada Reseller uses more than it may"),
        (world.admin.email, "Ada Reseller uses more than it may"),
    ]
    assert "Customers: 2 / 1" in Message.objects.first().body
    assert Activity.objects.get(action="reseller.notice").target_id == world.ada.pk


def test_a_last_day_that_comes_near_is_told_once_and_anew_when_it_changes(world: HostingWorld):
    expires_in(world, "carl.example", 15)
    expires_in(world, "cleo.example", 14)
    expires_in(world, "nora.example", -1)
    daily.notify()
    daily.notify()
    assert [to for to, _subject in sent()] == [world.cleo.email, world.ada.email]
    assert "expires at the end of" in Message.objects.first().body
    expires_in(world, "cleo.example", 3)
    daily.notify()
    assert len(sent()) == 4
    setting.store(notice_expiring_days=20)
    daily.notify()
    assert [to for to, _subject in sent()][4:] == [world.carl.email, world.ada.email]


def test_its_own_subscription_is_told_to_an_account_once(world: HostingWorld):
    setting.store(notice_copy_to="noc@panel.example")
    expires_in(world, "ada.example", 2)
    daily.notify()
    assert [to for to, _subject in sent()] == [
        world.ada.email,
        world.admin.email,
        "noc@panel.example",
    ]


def test_what_was_removed_is_told_to_nobody(world: HostingWorld):
    expires_in(world, "carl.example", 2)
    overuse(world, "carl.example")
    world.perform("ada", "customer.remove", world.carl)
    daily.notify()
    assert sent() == []


def test_texts_are_the_administrators_and_fill_in_what_they_name(world: HostingWorld):
    setting.store(
        notice_suspended_to="subscriber",
        notice_suspended_subject="{account} ({username}) is off",
        notice_suspended_text="{message}|{object}|{company}|{braces are fine}",
    )
    world.suspend("ada", "carl", message="{username}")
    (message,) = Message.objects.all()
    assert message.subject == "Carl Customer (carl) is off"
    # What was typed elsewhere is never taken for a placeholder.
    assert message.body == "{username}|Carl Customer||{braces are fine}\n"


def test_a_placeholder_that_is_not_there_is_refused_by_name(world: HostingWorld):
    client = world.client("admin")
    typed = {**shown(client), "notice_created_text": "Your password is {password}."}
    answer = client.post("/settings/notices/", typed)
    assert answer.status_code == 422
    assert "There is no {password} here" in answer.content.decode()
    typed["notice_created_text"] = "Hello {contact_name}"
    assert client.post("/settings/notices/", typed).status_code == 303
    assert CREATED.text.get() == "Hello {contact_name}"
    # Emptied, it is the panel's own again.
    typed |= {"notice_created_text": "", "version": "2"}
    client.post("/settings/notices/", typed)
    assert CREATED.text.get() == CREATED.text.default
    assert not setting.current()


def shown(client: Any) -> dict[str, str]:
    """What a browser would send of the page that nobody touched."""
    form = client.get("/settings/notices/").context["page"]["form"]
    values = {name: form[name].value() for name in form.fields}
    return {"confirmed": "1", **{name: value for name, value in values.items() if value}}


def test_the_page_has_a_heading_for_each_event(world: HostingWorld):
    page = world.client("admin").get("/settings/notices/").content.decode()
    for event in EVENTS:
        assert page.count(f"{event.to.group}</legend>") == 1
    assert world.client("ada").get("/settings/notices/").status_code == 404


def test_every_shipped_text_holds_only_what_there_is(world: HostingWorld):
    for event in EVENTS:
        for one in (event.subject, event.text):
            one.field().run_validators(one.default)


@pytest.mark.parametrize(
    "text",
    ["{account.__class__}", "{0}", "{}", "{account!r}", "{account:>99999999}", "{{account}}"],
)
def test_filling_in_follows_nothing(text: str):
    """SECURITY: str.format would."""
    assert fill(text, {"account": "x"}).count("x") == (1 if text == "{{account}}" else 0)
    assert "account" in ALWAYS


def test_the_sender_is_a_setting_and_an_address(world: HostingWorld):
    client = world.client("admin")
    for wrong in ("nobody", "a@b@c", "Freehold <x>"):
        typed = {"confirmed": "1", "mail_sender": wrong}
        assert client.post("/settings/mail/", typed).status_code == 422, wrong
    typed = {"confirmed": "1", "mail_sender": "Hosting <hosting@panel.example>"}
    assert client.post("/settings/mail/", typed).status_code == 303
    Message.put("carl@mail.example", "Subject", "Text")
    Message.claim().carry_out()
    assert mail.outbox[0].from_email == "Hosting <hosting@panel.example>"
    assert sent() == []

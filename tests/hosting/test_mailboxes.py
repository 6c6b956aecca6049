"""Mailboxes: by every door, within limits, and what nodes are told of them."""

from typing import Any

import bcrypt
import pytest

from hosting import measuring, totals
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail import driver_desired
from hosting.services.mail.desired import desired
from hosting.services.mail.models import Mailbox
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
ADD = "domain.add-mailbox"
WORDS = "correct horse battery staple"
PASSWORD = {"password": WORDS, "password_again": WORDS}


@pytest.fixture(autouse=True)
def granted(world: HostingWorld) -> None:
    """Everybody may have three mailboxes."""
    for row in Subscription.objects.all():
        row.limits = {**row.limits, "mailboxes": 3}
        row.permissions = [*row.permissions, "manage_mail"]
        row.save(update_fields=["limits", "permissions"])
    for name in ("ada", "ben"):
        account = world.accounts[name]
        account.limits = {**account.limits, "mailboxes": None}
        account.permissions = [*account.permissions, "manage_mail"]
        account.save(update_fields=["limits", "permissions"])
    totals.judge([world.accounts[name].pk for name in ("ada", "ben")])


def typed(door: str, **more: Any) -> dict[str, Any]:
    """What a mailbox needs; only people type a password twice."""
    whole = PASSWORD if door == "page" else {"password": WORDS}
    return whole | {"keeps": True if door == "api" else "on"} | more


def domain(world: HostingWorld, name: str) -> Any:
    return world.sub(name).domains.get(is_main=True)


def made(world: HostingWorld, who: str, of: str, local: str = "info", **more: Any) -> Mailbox:
    given = {**PASSWORD, "keeps": "on", "local": local, **more}
    assert world.finding(who, ADD, domain(world, of), **given).result == "done"
    return Mailbox.objects.get(domain=domain(world, of), local=local)


def told(world: HostingWorld, name: str) -> dict[str, Any]:
    """What the node is told, which the agent takes as it is."""
    pk = world.sub(name).pk
    found = desired([pk]).get(pk, {})
    if found:
        driver_desired.parse(found)
    return found


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_mailbox_is_added_and_removed_by_every_door(world: HostingWorld, door: str, who: str):
    made(world, "nora", "nora.example")
    before = world.generation("carl.example")
    row = domain(world, "carl.example")
    assert world.through(door, who, ADD, row, **typed(door, local="Info")).result == "done"
    box = Mailbox.objects.get(domain=row)
    assert (box.address, box.account, box.reseller) == ("info@carl.example", world.carl, world.ada)
    assert bcrypt.checkpw(WORDS.encode(), box.password_hash.encode())
    assert [each["local"] for each in told(world, "carl.example")["mailboxes"]] == ["info"]
    assert world.generation("carl.example") > before
    assert WORDS not in str(Activity.objects.latest("pk").new)
    assert world.through(door, who, "mailbox.remove", box).result == "done"
    assert told(world, "carl.example") == {}
    assert Mailbox.objects.get().address == "info@nora.example"


def test_an_address_is_had_once_in_its_domain(world: HostingWorld):
    made(world, "carl", "carl.example", aliases="sales", is_catch_all="on")
    row = domain(world, "carl.example")
    for local, more in (("info", {}), ("sales", {}), ("new", {"aliases": "info"})):
        finding = world.perform("carl", ADD, row, **PASSWORD, keeps="on", local=local, **more)
        assert finding.counts == {"refused": 1}
        assert "is an address of info@carl.example already" in why(finding)
    again = world.perform("carl", ADD, row, **PASSWORD, keeps="on", local="all", is_catch_all="on")
    assert "is the catch-all of this domain" in why(again)
    assert made(world, "cleo", "cleo.example").address == "info@cleo.example"


def test_the_limit_refuses_what_adds(world: HostingWorld):
    for local in ("one", "two", "three"):
        made(world, "carl", "carl.example", local)
    row = domain(world, "carl.example")
    outcome = world.perform("carl", ADD, row, **PASSWORD, keeps="on", local="four")
    assert outcome.counts == {"refused": 1}
    assert "3 are used" in why(outcome)
    made(world, "nora", "nora.example")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"local": "in fo"}, "local"),
        ({"local": "info\n"}, None),
        ({"local": "a..b"}, "local"),
        ({"local": "-x"}, "local"),
        ({"local": 'a"b'}, "local"),
        ({"local": "ok", "password": "short"}, "password"),
        ({"local": "ok", "aliases": ["a b"]}, "aliases"),
        ({"local": "ok", "forwards": ["|/bin/sh"]}, "forwards"),
        ({"local": "ok", "forwards": ['"a b"@example.com']}, "forwards"),
        ({"local": "ok", "keeps": False}, "forwards"),
        ({"local": "ok", "reply_text": "gone"}, "reply_subject"),
        ({"local": "ok", "reply_text": "a\x00b", "reply_subject": "x"}, "reply_text"),
        ({"local": "ok", "size": 0}, "size"),
    ],
)
def test_what_cannot_be_is_an_error_at_its_field(
    world: HostingWorld, given: dict[str, Any], field: str | None
):
    whole = {"password": WORDS, "keeps": True, **given}
    answer = world.through("api", "carl", ADD, domain(world, "carl.example"), **whole)
    assert answer.result == ("done" if field is None else "invalid")
    assert list(answer.errors) == ([] if field is None else [field])


def test_everything_but_the_name_is_edited_and_the_log_says_what(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    new = {
        "keeps": "on",
        "size": "5",
        "forwards": "a@elsewhere.example",
        "reply_subject": "away",
        "reply_text": "until\r\nMonday",
        "is_catch_all": "on",
    }
    assert world.finding("carl", "mailbox.edit", box, **new).result == "done"
    (about,) = told(world, "carl.example")["mailboxes"]
    assert about["size"] == 5 * 1024 * 1024
    assert about["reply"] == {"subject": "away", "text": "until\nMonday"}
    (site,) = told(world, "carl.example")["domains"]
    assert not site["here"]
    assert site["catch_all"] == "info@carl.example"
    assert set(Activity.objects.latest("pk").new) >= {"size", "forwards", "is_catch_all"}
    assert world.finding("carl", "mailbox.edit", box, **new).result == "unchanged"
    assert world.perform("carl", "mailbox.edit", box, keeps="on", version=1).counts == {
        "refused": 1
    }


def test_a_new_password_takes_the_place_of_the_old(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    fresh = "another one altogether 7"
    typed = {"password": fresh, "password_again": fresh}
    assert world.finding("carl", "mailbox.password", box, **typed).result == "done"
    (about,) = told(world, "carl.example")["mailboxes"]
    assert bcrypt.checkpw(fresh.encode(), about["password"].encode())


def test_one_is_switched_off_and_only_they_or_above_switch_it_on(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    assert world.finding("ada", "mailbox.suspend", box).result == "done"
    assert not told(world, "carl.example")["mailboxes"][0]["on"]
    box.refresh_from_db()
    assert world.perform("carl", "mailbox.activate", box).counts == {"refused": 1}
    assert world.finding("ada", "mailbox.suspend", box).result == "unchanged"
    assert world.finding("admin", "mailbox.activate", box).result == "done"
    assert told(world, "carl.example")["mailboxes"][0]["on"]


def test_aliases_with_mail_take_it_and_addresses_follow_names(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    world.alias("carl.example", "with-mail.example")
    world.alias("carl.example", "without.example")
    Alias.objects.filter(name="without.example").update(has_mail=False)
    take = ("domain.take-mail-in", domain(world, "carl.example"))
    assert world.finding("ada", *take).result == "done"
    assert told(world, "carl.example")["domains"][0]["aliases"] == ["with-mail.example"]
    row = domain(world, "carl.example")
    assert world.finding("ada", "domain.rename", row, name="karl.example").result == "done"
    box.refresh_from_db()
    assert box.address == "info@karl.example"


def test_while_suspended_its_subscriber_changes_nothing(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    world.suspend("ada", "carl.example")
    for verb, given in (("remove", {}), ("password", PASSWORD), ("suspend", {})):
        outcome = world.perform("carl", f"mailbox.{verb}", box, **given)
        assert outcome.counts == {"refused": 1}
    assert world.finding("ada", "mailbox.remove", box).result == "done"


def test_the_tab_says_how_to_connect_only_where_there_is_mail(world: HostingWorld):
    made(world, "carl", "carl.example")
    url = f"/domains/{domain(world, 'carl.example').pk}/mail/"
    page = world.client("carl").get(url).content.decode()
    assert "info@carl.example" in page
    assert "has no mail service" in page
    ports = {"imaps": 9930, "pop3s": 9950, "submission": 5870}
    Node.objects.update(services={"mail": {"ports": ports}}, ipv4="203.0.113.5")
    page = world.client("carl").get(url).content.decode()
    assert "has no mail service" not in page
    assert "port 9930" in page
    assert world.client("nora").get(url).status_code == 404


def test_many_are_told_in_a_constant_number_of_questions(
    world: HostingWorld, django_assert_num_queries: Any
):
    for who in ("carl", "nora", "cleo"):
        made(world, who, f"{who}.example")
    ids = list(Subscription.objects.values_list("pk", flat=True))
    with django_assert_num_queries(7):
        assert len(desired(ids)) == 3


def test_how_much_may_be_sent_is_shown_told_to_the_node_and_changed_for_all(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    made(world, "nora", "nora.example")
    ids = [world.sub(f"{who}.example").pk for who in ("carl", "nora")]
    usual = {"mailbox": 300, "subscription": 1000}
    assert [told["outgoing"] for told in desired(ids).values()] == [usual, usual]
    ports = {"imaps": 9930, "submission": 5870}
    Node.objects.update(services={"mail": {"ports": ports}}, ipv4="203.0.113.5")
    url = f"/mailboxes/{box.pk}/"
    page = world.client("carl").get(url).content.decode()
    assert "300 of a mailbox, 1,000 of all of the subscription" in page
    before = dict(Deployment.objects.values_list("subscription_id", "generation"))
    admin = world.client("admin")
    typed = {"mail_incoming": "keep", "mail_per_mailbox": "-1", "mail_per_subscription": "0"}
    typed["confirmed"] = "1"
    assert admin.post("/settings/mailboxes/", typed).status_code == 422
    assert admin.post("/settings/mailboxes/", typed | {"mail_per_mailbox": "20"}).status_code == 303
    assert [told["outgoing"]["mailbox"] for told in desired(ids).values()] == [20, 20]
    now = dict(Deployment.objects.values_list("subscription_id", "generation"))
    assert all(now[pk] > before[pk] for pk in ids)
    page = world.client("carl").get(url).content.decode()
    assert "20 of a mailbox" in page
    assert "of all of the subscription" not in page


MIB = 2**20


def limit_size(world: HostingWorld, name: str, limit: int | None) -> None:
    """By Customize, as its provider does."""
    row = world.sub(name)
    row.limits = {**row.limits, "mailbox_size": limit}
    row.save(update_fields=["limits"])


def sizes_of(world: HostingWorld, name: str) -> list[int]:
    return [box["size"] for box in told(world, name)["mailboxes"]]


@pytest.mark.parametrize("who", ["carl", "ada", "admin"])
def test_no_mailbox_is_bigger_than_its_subscription_allows(world: HostingWorld, who: str):
    limit_size(world, "carl.example", 10 * MIB)
    row = domain(world, "carl.example")
    given = {**PASSWORD, "keeps": "on", "local": "big", "size": "11"}
    finding = world.finding(who, ADD, row, **given)
    assert (finding.result, finding.code) == ("refused", "mailbox_too_big")
    assert finding.params["limit"] == "10.0 MiB"
    box = made(world, who, "carl.example", local="fits", size="10")
    made(world, who, "carl.example", local="open")
    assert sizes_of(world, "carl.example") == [10 * MIB, 10 * MIB]
    more = {"keeps": "on", "size": "12"}
    assert world.finding(who, "mailbox.edit", box, **more).code == "mailbox_too_big"
    page = world.client(who).get(f"/mailboxes/{box.pk}/").content.decode()
    assert "10.0 MiB" in page
    # The neighbour has no such limit.
    made(world, "nora", "nora.example", size="2000")
    assert sizes_of(world, "nora.example") == [2000 * MIB]


def test_a_lowered_limit_is_not_refused_and_holds_on_the_node(world: HostingWorld):
    box = made(world, "carl", "carl.example", size="10")
    limit_size(world, "carl.example", 4 * MIB)
    assert sizes_of(world, "carl.example") == [4 * MIB]
    # What has not to do with the size can still be edited.
    given = {"keeps": "on", "size": "10", "aliases": "x"}
    assert world.finding("carl", "mailbox.edit", box, **given).result == "done"
    limit_size(world, "carl.example", 0)
    assert sizes_of(world, "carl.example") == [1]
    given = {**PASSWORD, "keeps": "on", "local": "none"}
    finding = world.finding("carl", ADD, domain(world, "carl.example"), **given)
    assert finding.code == "mailbox_too_big"


def test_a_resellers_limit_holds_below_it(world: HostingWorld):
    account = world.accounts["ada"]
    account.limits = {**account.limits, "mailbox_size": 3 * MIB}
    account.save(update_fields=["limits"])
    given = {**PASSWORD, "keeps": "on", "local": "big", "size": "4"}
    finding = world.finding("carl", ADD, domain(world, "carl.example"), **given)
    assert finding.code == "mailbox_too_big"
    made(world, "carl", "carl.example", size="3")
    made(world, "nora", "nora.example", size="4")


def test_customize_tells_the_node_of_another_mailbox_size(world: HostingWorld):
    made(world, "carl", "carl.example")
    row = world.sub("carl.example")
    before = Deployment.objects.get(subscription_id=row.pk).generation
    page = Page.open(world.client("ada"), f"/subscriptions/{row.pk}/customize/")
    page.press("Update & Lock", limit_mailbox_size="7 MiB")
    assert sizes_of(world, "carl.example") == [7 * MIB]
    assert Deployment.objects.get(subscription_id=row.pk).generation > before


def test_what_its_letters_take_is_written_down_and_shown(world: HostingWorld):
    info = made(world, "carl", "carl.example", size="10")
    more = made(world, "carl", "carl.example", "more", size="10")
    theirs = made(world, "nora", "nora.example")
    pk = world.sub("carl.example").pk
    # A node says it of whom it likes; only those it was asked of are believed.
    figures = {"disk": {}, "mailbox": {info.pk: 10 * MIB, more.pk: 1536 * 1024, theirs.pk: 5}}
    measuring.note([pk], figures)
    rows = {row.pk: row.used for row in Mailbox.objects.all()}
    assert rows == {info.pk: 10 * MIB, more.pk: 1536 * 1024, theirs.pk: None}
    page = world.client("carl").get("/mailboxes/").content.decode()
    assert "10.0 MiB / 10.0 MiB <span class=tag-bad>Full</span>" in page
    assert "1.5 MiB / 10.0 MiB<td" in page
    # What is not said stands.
    measuring.note([pk], {"disk": {}, "mailbox": {info.pk: 10 * MIB - 1}})
    rows = {row.pk: row.used for row in Mailbox.objects.all()}
    assert rows == {info.pk: 10 * MIB - 1, more.pk: 1536 * 1024, theirs.pk: None}
    assert "Nearly full" in world.client("carl").get(f"/mailboxes/{info.pk}/").content.decode()
    tab = f"/domains/{info.domain_id}/mail/"
    assert "Nearly full" in world.client("carl").get(tab).content.decode()
    assert " MiB / " not in world.client("nora").get("/mailboxes/").content.decode()

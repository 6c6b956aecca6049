"""Whom a letter says that it is from has to be whoever submits it."""

import sqlite3
import struct

import pytest

from hosting.services.mail.driver_milter import Conversation, Senders
from hosting.services.mail.driver_outgoing import Outgoing
from hosting.services.mail.driver_senders import may_say, without_extension

ME, OTHER = "anna@anna.example", "nora@nora.example"
OWNERS = {ME: {ME}, "sales@anna.example": {ME}, OTHER: {OTHER}}


def says(*values):
    return may_say(values, ME, lambda address: OWNERS.get(without_extension(address), ()))


@pytest.mark.parametrize(
    "value",
    [
        ME,
        f"Anna <{ME}>",
        f'"Anna, of the shop" <{ME.upper()}>',
        f"{ME}, sales+x@anna.example",
        f"=?utf-8?q?=C3=85nna?= <{ME}>",
        f"=?utf-8?q?anna=40anna.example?= <{ME}>",
        f"\u00c5nna <{ME}>",
    ],
)
def test_one_s_own_addresses_may_be_said(value):
    assert says(value)
    # A letter that says nothing gets the envelope's, which was judged before.
    assert says()


@pytest.mark.parametrize(
    "value",
    [
        OTHER,
        f"Anna <{OTHER}>",
        f"{ME}, {OTHER}",
        f'"{OTHER}" <{ME}>',
        f"{OTHER} <{ME}>",
        f"{ME} ({OTHER})",
        f"{OTHER})bob@x.example, {ME}",
        f"friends:{OTHER};",
        f"<@{ME}:{OTHER}>",
        f'"nora"@nora.example, {ME}',
        f'<"nora"@nora.example>, <{ME}>',
        f"nora(x)@nora.example, {ME}",
        f"nora@(x)nora.example, {ME}",
        f"nora @nora.example, {ME}",
        f"nora@ nora.example, {ME}",
        f"nora\r\n @nora.example, {ME}",
        f"=?utf-8?q?nora=40nora.example?= <{ME}>",
        f"=?utf-8?B?bm9yYUBub3JhLmV4YW1wbGU=?= <{ME}>",
        f"=?utf-7?q?nora+AEA-nora.example?= <{ME}>",
        f"=?utf-8?q?nora=40nora?= =?utf-8?q?.example?= <{ME}>",
        f"=?no-such-charset?q?nora?= <{ME}>",
        f"nora\uff20nora.example <{ME}>",
        "undisclosed:;",
        "Anna",
        "",
    ],
)
def test_anybody_else_s_may_not_nor_what_holds_none(value):
    assert not says(value)
    assert not says(ME, value)


@pytest.fixture
def senders(tmp_path):
    with sqlite3.connect(tmp_path / "mail.sqlite3") as database:
        database.execute("CREATE TABLE route (address TEXT, login TEXT)")
        rows = [(ME, ME), ("sales@anna.example", ME), (OTHER, OTHER), ("@nora.example", None)]
        database.executemany("INSERT INTO route VALUES (?, ?)", rows)
        database.execute("CREATE TABLE mailbox (subscription INTEGER, address TEXT)")
        database.execute("CREATE TABLE sending (subscription, per_mailbox, per_subscription)")
        boxes = [(1, ME), (1, "second@anna.example"), (2, OTHER)]
        database.executemany("INSERT INTO mailbox VALUES (?, ?)", boxes)
        database.executemany("INSERT INTO sending VALUES (?, ?, ?)", [(1, 3, 5), (2, 0, 0)])
    return Senders(tmp_path / "mail.sqlite3")


def letter(conversation, login, *headers, recipients=0):
    """One letter, as Postfix tells of it; return the verdict."""
    macros = b"M{auth_type}\0PLAIN\0{auth_authen}\0" + login.encode() + b"\0"
    assert conversation.answer(b"D", macros) is None
    assert conversation.answer(b"M", b"<x>\0") == b"c"
    for _each in range(recipients):
        assert conversation.answer(b"R", b"<y>\0") == b"c"
    for name, value in headers:
        assert conversation.answer(b"L", name.encode() + b"\0" + value.encode() + b"\0") is None
    return conversation.answer(b"E", b"")


def test_so_many_within_an_hour_of_a_mailbox_and_of_all_of_a_subscription(senders):
    now = [1000.0]
    outgoing = Outgoing(lambda: now[0])
    # Whatever connection it comes through.
    one, other = Conversation(senders, outgoing), Conversation(senders, outgoing)
    too_many = b"y450 4.7.1 That is more than may be sent within an hour; try again later\0"
    second = "second@anna.example"
    assert letter(one, ME, recipients=2) == b"c"
    assert letter(other, ME, recipients=2) == too_many
    # What was refused was not counted.
    assert letter(other, ME, recipients=1) == b"c"
    assert letter(one, second, recipients=3) == too_many
    assert letter(one, second, recipients=2) == b"c"
    assert letter(one, second, recipients=1) == too_many
    for _again in range(20):
        assert letter(other, OTHER, recipients=50) == b"c"
    now[0] += 3599
    assert letter(one, ME, recipients=1) == too_many
    now[0] += 2
    assert letter(one, ME, recipients=3) == b"c"


def test_who_may_send_nothing_is_told_so_and_the_neighbour_sends(senders, tmp_path):
    with sqlite3.connect(tmp_path / "mail.sqlite3") as database:
        database.execute("UPDATE sending SET per_mailbox = -1 WHERE subscription = 1")
    talk = Conversation(senders, Outgoing())
    assert letter(talk, ME, recipients=1)[:4] == b"y450"
    assert letter(talk, OTHER, recipients=1) == b"c"


def test_postfix_is_answered_by_the_tables_letter_by_letter(senders):
    talk = Conversation(senders, Outgoing())
    offered = struct.pack("!III", 6, 0x1FF, 0x1FFFFF)
    reply = talk.answer(b"O", offered)
    assert reply[:1] == b"O"
    assert struct.unpack("!III", reply[1:])[:2] == (6, 0)
    refused = b"y550 5.7.1 You may not send as that address\0"
    assert letter(talk, ME, ("Subject", OTHER), ("From", ME)) == b"c"
    assert letter(talk, ME, ("from", OTHER)) == refused
    assert letter(talk, ME, ("From", ME), ("From", OTHER)) == refused
    assert letter(talk, ME, ("From", ME), ("Sender", OTHER)) == refused
    # What one letter said is not held against the next.
    assert letter(talk, ME, ("From", "Sales <sales+a@anna.example>")) == b"c"
    assert letter(talk, OTHER, ("From", OTHER)) == b"c"
    assert letter(talk, "", ("From", OTHER)) == refused
    with pytest.raises(EOFError):
        talk.answer(b"Q", b"")


def test_an_older_postfix_is_answered_to_each_header(senders):
    talk = Conversation(senders, Outgoing())
    reply = talk.answer(b"O", struct.pack("!III", 2, 0x1F, 0x7F))
    assert struct.unpack("!III", reply[1:]) == (2, 0, 0x1 | 0x2 | 0x10 | 0x40)
    assert talk.answer(b"L", b"From\0x\0") == b"c"


def test_where_the_tables_cannot_be_read_a_letter_waits(tmp_path):
    talk = Conversation(Senders(tmp_path / "none.sqlite3"), Outgoing())
    talk.answer(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
    assert letter(talk, ME, ("From", ME)) == b"t"

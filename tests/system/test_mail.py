"""Mail on a node of its own: real letters to real mailboxes, by the programs that people use."""

import imaplib
import os
import signal
from pathlib import Path

import bcrypt
import pytest

from hosting.agent.platform import FIRST_UID
from tests.system.conftest import wait_until
from tests.system.debian import debian_node, why_not
from tests.system.mailing import Programs, ports

NEEDED = ("/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/bin/sievec", "/usr/lib/dovecot/lmtp")
MISSING = [path for path in NEEDED if not Path(path).exists()]
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]

ANNA, BERT = 901_001, 901_002
WORDS = "correct horse battery"
HASH = bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(4)).decode()
ANNAS, SECOND, BERTS = "anna@anna.example", "second@anna.example", "bert@bert.example"


def box(number, address, **more):
    local, _at, domain = address.partition("@")
    about = {"id": number, "local": local, "domain": domain, "password": HASH, "on": True}
    return about | more


class Mail:
    """A node with two tenants that have mail."""

    def __init__(self, node):
        self.node, self.generation = node, 0
        self.programs = Programs(node.mail_ports)
        self.boxes = {
            ANNA: [box(1, ANNAS, aliases=["sales"]), box(2, SECOND)],
            BERT: [box(3, BERTS)],
        }
        self.domains = {
            ANNA: [{"name": "anna.example", "aliases": ["anna-too.example"]}],
            BERT: [{"name": "bert.example"}],
        }
        self.incoming = "defer"

    def frame(self, number, state="open", present=True):
        self.generation += 1
        frame = {"id": number, "generation": self.generation, "present": present, "state": state}
        if not present:
            return frame
        mail = {
            "domains": self.domains[number],
            "mailboxes": self.boxes[number],
            "incoming": self.incoming,
        }
        return frame | {
            "system": {"user": f"fh-{number}", "access": "none", "keys": []},
            "mail": mail,
        }

    def apply(self, *numbers):
        return self.node.applied(*[self.frame(number) for number in numbers or (ANNA, BERT)])

    def switch(self, number, state):
        self.generation += 1
        self.node.client.switch([(number, self.generation, state)])


def begin(node, *more):
    """Start an agent and wait for mail: the machine itself knows none of these users."""
    node.launch(*more)
    wait_until(lambda: serves(node), "mail is served")


def serves(node):
    return "mail" not in node.client.hello()["problems"]


@pytest.fixture(scope="module")
def mail():
    with debian_node() as node:
        node.mail_ports = ports()
        begin(node)
        found = Mail(node)
        found.apply()
        yield found


def test_a_letter_arrives_and_is_its_tenants(mail):
    programs = mail.programs
    assert programs.deliver(ANNAS, text="first letter") == 250
    programs.await_letter(ANNAS, WORDS, "first letter")
    (place,) = (mail.node.homes / f"s{ANNA}" / "mail" / "1" / "Maildir" / "cur").parent.parents[:1]
    assert place.stat().st_uid == FIRST_UID + ANNA
    assert programs.letters(BERTS, WORDS) == []


def test_a_suspended_one_is_shut_at_once_and_comes_back_as_it_was(mail):
    programs = mail.programs
    session = programs.imap(ANNAS, WORDS)
    mail.switch(ANNA, "shut")
    assert not programs.reads(ANNAS, WORDS)
    assert not programs.fetches(ANNAS, WORDS)
    assert programs.submit(ANNAS, WORDS, BERTS) == 535
    for address in (ANNAS, "sales@anna.example", "anna@anna-too.example"):
        assert programs.deliver(address, text="while shut") == 450
    wait_until(lambda: has_ended(session), "the session ends")
    assert programs.reads(BERTS, WORDS)
    assert programs.fetches(BERTS, WORDS)
    assert programs.submit(BERTS, WORDS, ANNAS) == 450
    assert programs.submit(BERTS, WORDS, BERTS) == 250
    mail.switch(ANNA, "open")
    assert programs.reads(ANNAS, WORDS)
    assert programs.fetches(ANNAS, WORDS)
    assert programs.deliver(ANNAS, text="after it was shut") == 250
    programs.await_letter(ANNAS, WORDS, "after it was shut")
    assert not any("while shut" in each for each in programs.letters(ANNAS, WORDS))


def has_ended(session) -> bool:
    try:
        session.noop()
    except (imaplib.IMAP4.error, OSError):
        return True
    return False


def test_the_overused_read_their_mail_and_send_none(mail):
    programs = mail.programs
    mail.switch(ANNA, "limited")
    assert programs.reads(ANNAS, WORDS)
    assert programs.submit(ANNAS, WORDS, BERTS) == 535
    assert programs.deliver(ANNAS, text="comes in") == 250
    mail.switch(ANNA, "open")
    assert programs.submit(ANNAS, WORDS, BERTS) == 250


@pytest.mark.parametrize(("incoming", "code"), [("keep", 250), ("refuse", 550), ("defer", 450)])
def test_what_comes_in_meanwhile_is_treated_as_the_server_says(mail, incoming, code):
    mail.incoming = incoming
    mail.apply(ANNA)
    mail.switch(ANNA, "shut")
    assert mail.programs.deliver(ANNAS, text=f"to {incoming}") == code
    mail.switch(ANNA, "open")
    if code == 250:
        mail.programs.await_letter(ANNAS, WORDS, f"to {incoming}")


def test_nobody_sends_as_another_or_through_us_without_a_password(mail):
    programs = mail.programs
    for own in (ANNAS, "sales@anna.example", "anna@anna-too.example"):
        assert programs.submit(ANNAS, WORDS, BERTS, sender=own) == 250
    for foreign in (BERTS, SECOND, "anna@elsewhere.example"):
        assert programs.submit(ANNAS, WORDS, BERTS, sender=foreign) == 553
    assert programs.deliver("somebody@elsewhere.example") == 554
    assert programs.deliver("nobody@anna.example") == 550


def test_mail_is_passed_on_caught_answered_and_put_aside(mail):
    programs = mail.programs
    reply = {"subject": 'Away "till" \\ Monday', "text": 'Back on Monday.\n".\nstop;\n\\"'}
    mail.boxes[ANNA] = [
        box(1, ANNAS, aliases=["sales"], reply=reply),
        box(2, SECOND, forwards=[BERTS], keeps=False),
    ]
    mail.domains[ANNA][0]["catch_all"] = ANNAS
    mail.apply(ANNA)
    for to, at, words in (
        (SECOND, BERTS, "passed on"),
        ("whoever@anna-too.example", ANNAS, "caught"),
        ("sales+tag@anna.example", ANNAS, "with a tag"),
    ):
        assert programs.deliver(to, sender=BERTS, text=words) == 250
        programs.await_letter(at, WORDS, words)
    assert programs.deliver(ANNAS, sender=BERTS, text="are you there?") == 250
    programs.await_letter(BERTS, WORDS, 'Back on Monday.\r\n".\r\nstop;\r\n\\"')
    assert programs.deliver(ANNAS, text="buy this", **{"X-Spam-Flag": "YES"}) == 250
    programs.await_letter(ANNAS, WORDS, "buy this", "Junk")


def test_a_full_mailbox_returns_what_does_not_fit(mail):
    programs = mail.programs
    mail.boxes[BERT] = [box(3, BERTS, size=20_000), box(4, "full@bert.example", size=3000)]
    mail.apply(BERT)
    assert programs.deliver("full@bert.example", sender=BERTS, text="x" * 900) == 250
    programs.await_letter("full@bert.example", WORDS, "x" * 900)
    assert programs.deliver("full@bert.example", sender=BERTS, text="y" * 4000) == 250
    programs.await_letter(BERTS, WORDS, "Quota exceeded")
    assert not any("yyy" in each for each in programs.letters("full@bert.example", WORDS))


def test_the_agent_stops_and_starts_while_mail_goes_on(mail):
    programs = mail.programs
    for end in (mail.node.kill, mail.node.stop):
        if end == mail.node.stop:
            begin(mail.node, "--keep-serving")
        end()
        assert programs.reads(BERTS, WORDS)
        assert programs.deliver(BERTS, text=f"without an agent {end.__name__}") == 250
        programs.await_letter(BERTS, WORDS, f"without an agent {end.__name__}")
    begin(mail.node)
    assert mail.apply(ANNA, BERT).changed == 0


def test_daemons_that_are_killed_come_back(mail):
    programs = mail.programs
    for name in ("dovecot", "postfix"):
        pid = int((mail.node.top / "run" / f"{name}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "it is gone")
        wait_until(lambda: serves(mail.node), "it is back")
    assert programs.deliver(BERTS, text="after the crash") == 250
    programs.await_letter(BERTS, WORDS, "after the crash")


def test_a_mailbox_goes_with_its_letters_and_a_subscription_with_all(mail):
    programs = mail.programs
    home = mail.node.homes / f"s{ANNA}" / "mail"
    assert (home / "1").is_dir()
    mail.boxes[ANNA] = [box(9, ANNAS)]
    mail.domains[ANNA] = [{"name": "anna.example"}]
    mail.apply(ANNA)
    assert not (home / "1").exists()
    assert programs.letters(ANNAS, WORDS) == []
    mail.node.applied(mail.frame(ANNA, present=False))
    assert not programs.reads(ANNAS, WORDS)
    assert programs.deliver(ANNAS) in {550, 554}
    assert programs.reads(BERTS, WORDS)

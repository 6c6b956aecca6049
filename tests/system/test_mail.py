"""Mail on a node of its own: real letters to real mailboxes, by the programs that people use."""

import imaplib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from hosting.agent.platform import FIRST_UID
from hosting.services.mail import dkim
from tests.system.conftest import wait_until
from tests.system.debian import debian_node, why_not
from tests.system.mail_node import (
    ANNA,
    ANNAS,
    BERT,
    BERTS,
    SECOND,
    WORDS,
    Mail,
    begin,
    box,
    serves,
)
from tests.system.mailing import ports
from tests.system.programs import walk
from tests.system.signatures import check, signers

NEEDED = (
    "/usr/sbin/opendkim",
    "/usr/sbin/postfix",
    "/usr/sbin/dovecot",
    "/usr/bin/sievec",
    "/usr/lib/dovecot/lmtp",
)
MISSING = [path for path in NEEDED if not Path(path).exists()]
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]


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


def test_mail_programs_are_told_how_to_connect(mail):
    def tell(whose, web, state):
        number = {"anna": ANNA + 10, "nora": BERT + 10}[whose]
        mail.generation += 1
        frame = {"id": number, "generation": mail.generation, "present": True, "state": state}
        system = {"user": f"fh-{number}", "access": "none", "keys": []}
        mail.node.applied(frame | {"system": system, "web": web})

    walk(mail.node, tell, mail.node.mail_ports)


def test_a_suspended_one_is_shut_at_once_and_comes_back_as_it_was(mail):
    programs = mail.programs
    session = programs.imap(ANNAS, WORDS)
    mail.switch(ANNA, "shut")
    assert not programs.reads(ANNAS, WORDS)
    assert not programs.fetches(ANNAS, WORDS)
    # Already at the login, in the words that a wrong password has.
    refusals = [programs.refusal(ANNAS, each) for each in (WORDS, "wrong")]
    assert refusals[0] == refusals[1] is not None
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


def test_what_mail_took_is_counted_once_for_whose_it_is(mail):
    programs, size = mail.programs, 60_000
    before = taken(mail)
    assert programs.deliver(ANNAS, text=f"counted {'x' * 70}\r\n" * (size // 80)) == 250
    programs.await_letter(ANNAS, WORDS, "counted")
    wait_until(lambda: taken(mail)[ANNA] - before[ANNA] > 2 * size, "it is counted")
    # It came, and was read at least once.
    between = taken(mail)
    assert between[BERT] == before[BERT]
    assert programs.submit(BERTS, WORDS, ANNAS, text="counted too\r\n" * (size // 13)) == 250
    wait_until(lambda: taken(mail)[ANNA] > between[ANNA], "it is counted")
    # Submitted by the one, put into a mailbox of the other.
    for number in (ANNA, BERT):
        assert 0.9 * size < taken(mail)[number] - between[number] < 1.1 * size


def taken(mail):
    """Bytes by subscription, of all days that are counted."""
    figures = mail.node.client.measure([ANNA, BERT], "2026-01-01").items()
    days = [amounts for figure, amounts in figures if figure.startswith("traffic")]
    return {number: sum(day.get(number, 0) for day in days) for number in (ANNA, BERT)}


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


def test_nobody_sends_as_another_or_through_us_without_a_password(mail):
    programs = mail.programs
    for own in (ANNAS, "sales@anna.example", "anna@anna-too.example"):
        assert programs.submit(ANNAS, WORDS, BERTS, sender=own) == 250
    for foreign in (BERTS, SECOND, "anna@elsewhere.example"):
        assert programs.submit(ANNAS, WORDS, BERTS, sender=foreign) == 553
    for shown in (BERTS, f"Bert <{BERTS}>", f'"{BERTS}" <{ANNAS}>', f"{ANNAS}, {SECOND}"):
        assert programs.submit(ANNAS, WORDS, BERTS, shown=shown) == 550
    for shown in (f"Anna <{ANNAS}>", "Sales <SALES+shop@anna.example>"):
        assert programs.submit(ANNAS, WORDS, BERTS, shown=shown) == 250
    assert programs.deliver("somebody@elsewhere.example") == 554
    assert programs.deliver("nobody@anna.example") == 550


def test_a_mailbox_sends_so_many_within_an_hour_and_the_neighbour_goes_on(mail):
    programs = mail.programs
    mail.outgoing = {"mailbox": 2, "subscription": 3}
    mail.apply(ANNA)
    codes = [programs.submit(ANNAS, WORDS, BERTS) for _each in range(3)]
    codes += [programs.submit(SECOND, WORDS, BERTS) for _each in range(2)]
    assert codes == [250, 250, 450, 250, 450]
    assert [programs.submit(BERTS, WORDS, ANNAS) for _each in range(4)] == [250] * 4
    mail.outgoing = {"mailbox": 0, "subscription": 0}
    mail.apply(ANNA)
    assert programs.submit(ANNAS, WORDS, BERTS) == 250


def test_a_name_that_may_be_a_strangers_takes_no_mail_of_others_and_sends_none(mail):
    """Whoever adds a mailbox in a stranger's domain would read what others write to it."""
    programs, taken = mail.programs, "info@stranger.example"
    mail.domains[BERT].append(
        {"name": "stranger.example", "here": False, "aliases": ["too.example"], "catch_all": taken}
    )
    mail.boxes[BERT].append(box(5, taken))
    mail.apply(BERT)
    for address in (taken, "anybody@stranger.example", "info@too.example"):
        assert programs.deliver(address, sender=ANNAS) == 554
        assert programs.submit(taken, WORDS, ANNAS, sender=address) == 553
    # It leaves by its MX record.
    assert programs.submit(ANNAS, WORDS, taken) == 250
    wait_until(lambda: "to=<info@stranger.example>, relay=none" in log(mail), "it is on its way")
    assert programs.letters(taken, WORDS) == []
    assert programs.deliver(BERTS) == 250
    mail.domains[BERT][1]["here"] = True
    mail.apply(BERT)
    assert programs.deliver("info@too.example", text="now it is known") == 250
    programs.await_letter(taken, WORDS, "now it is known")
    assert programs.submit(taken, WORDS, ANNAS) == 250
    mail.domains[BERT].pop()
    mail.boxes[BERT].pop()
    mail.apply(BERT)


def log(mail) -> str:
    return (mail.node.top / "logs" / "mail.log").read_text()


def test_a_disabled_domain_s_mail_is_refused_and_its_mailboxes_are_read(mail):
    programs = mail.programs
    mail.domains[ANNA][0]["disabled"] = True
    mail.apply(ANNA)
    for address in (ANNAS, "sales@anna.example", "anna@anna-too.example"):
        assert programs.deliver(address) == 550
        assert programs.submit(BERTS, WORDS, address) == 550
    assert programs.reads(ANNAS, WORDS)
    assert programs.deliver(BERTS, text="not to a neighbour") == 250
    # Shut as well it is refused for good all the same, not for now.
    mail.switch(ANNA, "shut")
    assert programs.deliver(ANNAS) == 550
    mail.switch(ANNA, "open")
    del mail.domains[ANNA][0]["disabled"]
    mail.apply(ANNA)
    assert programs.deliver(ANNAS, text="on again") == 250
    programs.await_letter(ANNAS, WORDS, "on again")


def queue(mail) -> dict[str, set[str]]:
    """Who waits where, by the sender."""
    command = ["/usr/sbin/postqueue", "-c", str(mail.node.directory / "mail/postfix"), "-j"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in filter(None, told.splitlines()):
        said = json.loads(line)
        found.setdefault(said["sender"], set()).add(said["queue_name"])
    return found


def test_what_waits_is_held_under_abuse_and_the_neighbours_is_not(mail):
    # Nobody listens there.
    programs, away, second = mail.programs, "somebody@[127.0.0.9]", "sales@anna.example"
    for login, sender in ((ANNAS, ANNAS), (ANNAS, second), (BERTS, BERTS)):
        assert programs.submit(login, WORDS, away, sender=sender) == 250
    waits = {ANNAS: {"deferred"}, second: {"deferred"}, BERTS: {"deferred"}}
    ours = lambda: {who: where for who, where in queue(mail).items() if who in waits}  # noqa: E731
    wait_until(lambda: ours() == waits, "all of it waits")
    mail.held = {ANNA}
    mail.node.applied(mail.frame(ANNA, "shut"))
    assert ours() == {ANNAS: {"hold"}, second: {"hold"}, BERTS: {"deferred"}}
    # Another agent knows what the one before has held, and what an operator held stays.
    mail.node.kill()
    command = ["/usr/sbin/postsuper", "-c", str(mail.node.directory / "mail/postfix"), "-h"]
    subprocess.run([*command, "ALL", "deferred"], capture_output=True, check=True)
    begin(mail.node)
    assert ours() == {ANNAS: {"hold"}, second: {"hold"}, BERTS: {"hold"}}
    mail.held = set()
    mail.node.applied(mail.frame(ANNA))
    wait_until(lambda: ours() == waits | {BERTS: {"hold"}}, "what was held goes on")
    # What was held goes with its subscription.
    mail.held = {ANNA}
    mail.node.applied(mail.frame(ANNA, "shut"))
    mail.held = set()
    mail.node.applied(mail.frame(ANNA, present=False))
    assert ours() == {BERTS: {"hold"}}
    command[-1] = "-d"
    subprocess.run([*command, "ALL"], capture_output=True, check=True)
    mail.apply()


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
    assert programs.deliver(ANNAS, text="the neighbour's\r\n" * 300) == 250
    programs.await_letter(ANNAS, WORDS, "the neighbour's")
    # What the panel shows is what the quota counts.
    said = mail.node.client.measure([BERT])["mailbox"]
    assert said.keys() == {3, 4}
    for number, login in ((3, BERTS), (4, "full@bert.example")):
        assert 0 < programs.counted(login, WORDS) * 1024 - said[number] < 1024


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
    for name in ("dovecot", "postfix", "opendkim"):
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
    mail.domains[ANNA] = [{"name": "anna.example", "here": True}]
    mail.apply(ANNA)
    assert not (home / "1").exists()
    assert programs.letters(ANNAS, WORDS) == []
    mail.node.applied(mail.frame(ANNA, present=False))
    assert not programs.reads(ANNAS, WORDS)
    assert programs.deliver(ANNAS) in {550, 554}
    assert programs.reads(BERTS, WORDS)


def sent(mail, sender, login, words):
    """A letter from one tenant to the other, as it arrives."""
    to, subject = (BERTS if login == ANNAS else ANNAS), f"signed {words}"
    with mail.programs.sender() as server:
        server.login(login, WORDS)
        letter = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{words}\r\n\r\n"
        server.sendmail(sender, [to], letter)
    mail.programs.await_letter(to, WORDS, subject)
    return next(each for each in mail.programs.letters(to, WORDS) if subject in each)


def test_what_is_sent_carries_the_signature_of_its_domain_alone(mail):
    annas, berts = (dkim.new_key() for _each in range(2))
    mail.begin()
    mail.apply()
    assert signers(sent(mail, ANNAS, ANNAS, "before")) == []
    mail.keys = {
        ANNA: [
            {"name": name, "selector": "fh7", "pem": annas}
            for name in ("anna.example", "anna-too.example")
        ],
        BERT: [{"name": "bert.example", "selector": "fh8", "pem": berts}],
    }
    mail.apply()
    wait_until(lambda: signers(sent(mail, ANNAS, ANNAS, "once")), "letters are signed")
    for sender, login, selector, key, other in (
        (ANNAS, ANNAS, "fh7", annas, berts),
        ("anna@anna-too.example", ANNAS, "fh7", annas, berts),
        (BERTS, BERTS, "fh8", berts, annas),
    ):
        letter = sent(mail, sender, login, f"by {sender}")
        assert signers(letter) == [(sender.partition("@")[2], selector)]
        check(letter, dkim.record_of(key))
        with pytest.raises(InvalidSignature):
            check(letter, dkim.record_of(other))
        with pytest.raises(AssertionError):
            check(letter.replace(f"by {sender}\r\n\r\n", "forged\r\n"), dkim.record_of(key))
    # Nobody reads a key but who signs, and nobody but Postfix has anything signed.
    top = mail.node.directory / "mail"
    assert {path.stat().st_mode & 0o077 for path in (top / "signing/keys").iterdir()} == {0}
    assert (top / "signing-run").stat().st_mode & 0o007 == 0
    mail.keys[ANNA] = []
    mail.apply(ANNA)
    wait_until(lambda: not signers(sent(mail, ANNAS, ANNAS, "last")), "no more are signed")
    assert signers(sent(mail, BERTS, BERTS, "still")) == [("bert.example", "fh8")]

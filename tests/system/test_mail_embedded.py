"""Mail of the embedded platform, by real clients: taken in, shown, submitted, answered, shut."""

import email
import imaplib
import os
import signal
import smtplib
import ssl

import pytest

from hosting.agent.host import Runner
from tests.agent.fakes import site, subscription
from tests.machine import free_port
from tests.system.conftest import WebNode, wait_until
from tests.system.programs import AUTODISCOVER, NORAS, WELL_KNOWN, walk
from tests.system.test_ftp_embedded import hashed, taken

pytestmark = pytest.mark.system
# Clients of Python's own send others in no way.
PASSWORD, OTHER = "Green is the heath 7", "another one entirely 8"
HASH, OTHER_HASH = hashed(PASSWORD), hashed(OTHER)
PORTS = ("smtp", "submission", "submissions", "imaps")
STRANGER = "someone@elsewhere.example"
_TLS = ssl._create_unverified_context()


def box(number, local, domain, **more):
    return {
        "id": number, "local": local, "domain": domain, "password": HASH, "on": True,
    } | more  # fmt: skip


def letter(subject, to="", sender=STRANGER, **headers):
    head = {"From": sender, "To": to, "Subject": subject} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, "", "Hello.", ""])


class Node(WebNode):
    """A node whose agent serves websites and mail; Anna's subscription is 1, the neighbour's 2."""

    def __init__(self, directory, nginx):
        super().__init__(directory, nginx)
        self.ports = {name: free_port() for name in PORTS}
        self.generation = 0

    def arguments(self):
        return [*super().arguments(), "--mail-ports", ",".join(map(str, self.ports.values()))]

    def wants(self, number, *boxes, state="open", incoming="keep", outgoing=(0, 0), **domain):
        self.generation += 1
        name = f"site{number}.example"
        frame = subscription(number, self.generation, site(number, name), state=state)
        here = {"name": name, "here": True} | domain
        mail = {"domains": [here] if boxes else [], "mailboxes": list(boxes), "incoming": incoming}
        mail["outgoing"] = dict(zip(("mailbox", "subscription"), outgoing, strict=True))
        self.applied(frame | {"mail": mail})

    def servers(self):
        return Runner().processes(self.directory / "mail")

    def clean(self):
        super().clean()
        for pid in self.servers():
            os.kill(pid, signal.SIGKILL)

    def imap(self, address, password=PASSWORD):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=_TLS, timeout=60)
        client.login(address, password)
        return client

    def refuses_imap(self, address, words="AUTHENTICATIONFAILED", password=PASSWORD):
        with pytest.raises(imaplib.IMAP4.error, match=words):
            self.imap(address, password)
        return True

    def takes(self, *to, sender=STRANGER, text=None):
        """Bring a letter as another server does."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=60) as client:
            client.sendmail(sender, to, text or letter("Hello", to[0], sender))

    def refuses(self, code, *to, **more):
        with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as caught:
            self.takes(*to, **more)
        error = caught.value
        found = error.smtp_code if isinstance(error, smtplib.SMTPDataError) else None
        assert code == (found or next(iter(error.recipients.values()))[0])
        return True

    def submission(self, address, password=PASSWORD, wrapped=False):
        if wrapped:
            port = self.ports["submissions"]
            client = smtplib.SMTP_SSL("127.0.0.1", port, context=_TLS, timeout=60)
        else:
            client = smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=60)
            client.starttls(context=_TLS)
        client.login(address, password)
        return client

    def subjects(self, address, folder="INBOX"):
        client = self.imap(address)
        client.select(folder, readonly=True)
        _ok, found = client.fetch("1:*", "(BODY.PEEK[])") if client.recent else (None, [])
        letters = [email.message_from_bytes(part[1]) for part in found if isinstance(part, tuple)]
        client.logout()
        return sorted(str(one["Subject"]) for one in letters)

    def outgoing(self):
        place = self.directory / "mail" / "outgoing" / "new"
        found = [email.message_from_bytes(path.read_bytes()) for path in place.glob("*")]
        return {one["X-Envelope-To"].strip("<>"): one for one in found}


@pytest.fixture(scope="module")
def node(tmp_path_factory, nginx_program):
    made = Node(tmp_path_factory.mktemp("mail") / "node", nginx_program)
    try:
        made.start()
        # Nobody has a mailbox yet, so nothing is kept running for nobody.
        assert not made.servers()
        made.wants(2, box(20, "nora", "site2.example"))
        yield made
        # Asked to end, the agent takes the server along.
        assert made.stop() == 0
        assert not made.servers()
    finally:
        made.clean()


@pytest.fixture
def neighbour(node):
    """The neighbour's session lives through every case, and letters to her arrive."""
    client = node.imap("nora@site2.example")
    yield
    assert client.noop()[0] == "OK"
    node.takes("nora@site2.example")
    client.logout()


ANNA = box(10, "anna", "site1.example", aliases=["hej"])
INFO = box(
    11, "info", "site1.example", keeps=True, forwards=["anna@site1.example", "far@other.example"]
)  # fmt: skip


def test_letters_arrive_where_their_addresses_lead(node, neighbour):
    node.wants(1, ANNA, INFO, catch_all="anna@site1.example", aliases=["alias1.example"])
    node.takes("hej@alias1.example", text=letter("By alias"))
    node.takes("nobody-here@site1.example", text=letter("Caught"))
    node.takes("anna+shop@site1.example", text=letter("Extended"))
    node.takes("info@site1.example", "anna@site1.example", text=letter("Both"))
    node.takes("anna@site1.example", text=letter("Win", X_Spam_Flag="YES"))
    assert node.subjects("anna@site1.example") == ["Both", "By alias", "Caught", "Extended"]
    assert node.subjects("info@site1.example") == ["Both"]
    assert node.subjects("anna@site1.example", "Junk") == ["Win"]
    # Nothing is sent to other servers; what would be is there to look at.
    assert node.outgoing()["far@other.example"]["Subject"] == "Both"
    assert node.refuses(554, "someone@other.example")
    assert node.refuses(550, "nobody@site2.example")


def test_a_mail_program_reads_files_and_removes(node, neighbour):
    node.wants(1, ANNA)
    node.takes("anna@site1.example", text=letter("To be filed"))
    client = node.imap("anna@site1.example")
    folders = b" ".join(client.list()[1])
    assert all(name in folders for name in (b"Drafts", b"Junk", b"Sent", b"Trash"))
    client.append("Sent", r"(\Seen)", None, b"Subject: Kept\r\n\r\nHello.\r\n")
    client.select("INBOX")
    number = client.search(None, "SUBJECT", '"To be filed"')[1][0].split()[-1]
    whole = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
    assert b"\n" not in whole.replace(b"\r\n", b"")
    client.copy(number, "Trash")
    client.store(number, "+FLAGS", r"(\Deleted)")
    client.expunge()
    client.logout()
    assert "To be filed" not in node.subjects("anna@site1.example")
    assert "To be filed" in node.subjects("anna@site1.example", "Trash")
    assert node.subjects("anna@site1.example", "Sent") == ["Kept"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_one_submits_as_oneself_and_as_nobody_else(node, neighbour, wrapped):
    node.wants(1, ANNA)
    me, to = "anna@site1.example", f"friend-{wrapped}@other.example".lower()
    with pytest.raises(smtplib.SMTPAuthenticationError):
        node.submission(me, OTHER, wrapped)
    client = node.submission(me, wrapped=wrapped)
    client.sendmail(me, [to, "nora@site2.example"], letter("Hi", to, me))
    client.sendmail("hej@site1.example", [to], letter("Hi", to, "hej@site1.example"))
    assert node.outgoing()[to]["From"] in (me, "hej@site1.example")
    for envelope, shown in ((me, "nora@site2.example"), ("nora@site2.example", me), (me, "x@y.z")):
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError), match="553"):
            client.sendmail(envelope, [to], letter("Not me", to, shown))
    client.quit()
    plain = smtplib.SMTP("127.0.0.1", node.ports["submission"], timeout=60)
    with pytest.raises(smtplib.SMTPNotSupportedError):
        plain.login(me, PASSWORD)
    plain.close()


def test_what_mail_took_is_counted_once_for_whose_it_is(node, neighbour):
    node.wants(1, ANNA)
    me, size = "anna@site1.example", 50_000
    text = letter("Big", me, me) + "0123456789\r\n" * (size // 12)
    before = taken(node)
    node.takes(me, text=text)
    assert "Big" in node.subjects(me)
    wait_until(lambda: taken(node)[1] - before[1] > 2 * size, "reading is counted")
    read = taken(node)[1] - before[1]
    with node.submission(me) as client:
        client.sendmail(me, ["far@other.example"], text)
    wait_until(lambda: taken(node)[1] - before[1] - read > 2 * size, "it is counted")
    # Sent and taken on by the other server; the other letters of anna's were small.
    assert taken(node)[1] - before[1] - read < 2.2 * size
    assert taken(node)[2] - before[2] < size


def test_a_mailbox_sends_so_many_within_an_hour(node, neighbour):
    me, to = "anna@site1.example", ["a@other.example", "b@other.example"]
    node.wants(1, ANNA, outgoing=(3, 0))
    client = node.submission(me)
    client.sendmail(me, to, letter("Two", sender=me))
    with pytest.raises(smtplib.SMTPDataError, match="450"):
        client.sendmail(me, to, letter("Two more", sender=me))
    client.sendmail(me, to[:1], letter("One", sender=me))
    client.quit()
    theirs = node.submission("nora@site2.example")
    theirs.sendmail("nora@site2.example", to * 3, letter("Six", sender="nora@site2.example"))
    theirs.quit()


def test_an_autoresponder_answers_once_and_a_full_mailbox_refuses(node, neighbour):
    reply = {"subject": "Away", "text": "Back on Monday.\n"}
    node.wants(1, box(12, "away", "site1.example", reply=reply, size=2000))
    to = "away@site1.example"
    for sender in ("first@other.example", "first@other.example", "list-owner@other.example"):
        node.takes(to, sender=sender, text=letter("Where?", to, sender))
    node.takes(to, sender="auto@other.example", text=letter("Me too", to, Auto_Submitted="yes"))
    answered = node.outgoing()
    assert answered["first@other.example"]["Subject"] == "Away"
    assert answered["first@other.example"]["X-Envelope-From"] == "<>"
    assert "auto@other.example" not in answered
    assert node.refuses(552, to, text=letter("Long") + "x" * 70 + ("\r\n" + "x" * 70) * 40)
    assert "Long" not in node.subjects(to)
    said = node.client.measure([1])["mailbox"]
    assert len(letter("Where?", to)) < said[12] < 2000


def test_suspended_nobody_gets_in_sessions_end_and_all_comes_back(node, neighbour):
    me = "anna@site1.example"
    node.wants(1, ANNA)
    node.takes(me, text=letter("Before"))
    before = node.subjects(me)
    reading, sending = node.imap(me), node.submission(me)
    node.wants(1, ANNA, state="limited")
    # For overuse alone one reads, and frees space; nothing is sent.
    assert reading.noop()[0] == "OK"
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="535"):
        sending.sendmail(me, [STRANGER], letter("Hi", STRANGER, me))
    for incoming, code in (("refuse", 550), ("defer", 450)):
        node.wants(1, ANNA, state="shut", incoming=incoming)
        assert node.refuses(code, me)
        assert node.refuses_imap(me, "suspended")
    with pytest.raises(smtplib.SMTPAuthenticationError, match="suspended"):
        node.submission(me)
    wait_until(lambda: _is_over(reading), "the session ends")
    node.wants(1, ANNA, state="shut", incoming="keep")
    node.takes(me, text=letter("Meanwhile"))
    node.wants(1, ANNA)
    assert node.subjects(me) == sorted([*before, "Meanwhile"])


def _is_over(client):
    try:
        client.noop()
    except (imaplib.IMAP4.abort, OSError):
        return True
    return False


def test_a_new_password_ends_sessions_and_removed_mailboxes_are_gone(node, neighbour):
    me = "anna@site1.example"
    node.wants(1, ANNA)
    client = node.imap(me)
    node.wants(1, ANNA | {"password": OTHER_HASH})
    wait_until(lambda: _is_over(client), "the session ends")
    assert node.refuses_imap(me)
    node.imap(me, OTHER).logout()
    node.wants(1)
    assert node.refuses(554, me)
    assert node.refuses_imap(me, password=OTHER)


def test_killed_it_comes_back_and_everybody_is_let_in_again(node):
    node.wants(1, ANNA)
    first = node.servers()
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _serves(node) and not {*node.servers()} & {*first}, "it serves again")
    node.takes("anna@site1.example")
    node.takes("nora@site2.example")


def _serves(node):
    try:
        node.imap("nora@site2.example").logout()
    except (OSError, imaplib.IMAP4.error):
        return False
    return True


def test_a_link_on_the_way_to_a_mailbox_leads_nowhere(node, neighbour):
    node.wants(1, box(15, "linked", "site1.example"))
    theirs = node.directory / "homes" / "s2" / "mail" / "20"
    node.takes("nora@site2.example", text=letter("Secret"))
    place = node.directory / "homes" / "s1" / "mail"
    place.mkdir(exist_ok=True)
    (place / "15").symlink_to(theirs)
    assert node.refuses_imap("linked@site1.example", "cannot be opened")
    (place / "15").unlink()
    assert node.subjects("linked@site1.example") == []


def test_mail_programs_are_told_how_to_connect(node):
    def tell(whose, web, state):
        node.generation += 1
        number = {"anna": 3, "nora": 4}[whose]
        node.applied(subscription(number, node.generation, state=state) | {"web": web})

    walk(node, tell, node.ports)
    documents = node.directory / "homes" / "s4" / "httpdocs"
    for path in (AUTODISCOVER, WELL_KNOWN):
        own = documents / path.removeprefix("/")
        own.parent.mkdir(parents=True)
        own.write_text("own")
        assert node.get("nora.example", path).body == "own"
    said = f"location = {AUTODISCOVER} {{ return 200 said; }}"
    nora = site(8, "nora.example", directives=said)
    tell("nora", {"sites": [nora], "mail": [NORAS]}, "open")
    assert node.get("nora.example", AUTODISCOVER, "POST", "any").body == "said"

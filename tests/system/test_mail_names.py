"""The certificates of names, as mail programs are shown them: each its tenant's, nobody else's."""

import smtplib
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.agent.fakes import site
from tests.hosting.certificates import a_pair, above
from tests.system.conftest import wait_until
from tests.system.debian import debian_node, why_not
from tests.system.mail_node import ANNA, ANNAS, BERT, WORDS, Mail, begin
from tests.system.mailing import ports
from tests.system.test_mail import MISSING

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]


class Named(Mail):
    """Mail, and sites with certificates: `pairs` by subscription, each for these names."""

    pairs: dict

    def frame(self, number, state="open", present=True):
        name = {ANNA: "anna.example", BERT: "bert.example"}[number]
        pair = self.pairs.get(number)
        about = site(number, name, f"www.{name}")
        web = {"sites": [about]}
        if pair:
            about["certificate"] = 1
            names = [name, f"mail.{name}"]
            web["certificates"] = [{"id": 1, "names": names, "pair": pair}]
        found = super().frame(number, state, present)
        return found | ({"web": web} if present else {})


@pytest.fixture(scope="module")
def mail():
    with debian_node() as node:
        node.mail_ports = ports()
        begin(node)
        found = Named(node)
        found.pairs = {}
        found.apply()
        yield found


def anybody():
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    return found


def wrapped(port, name):
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        anybody().wrap_socket(plain, server_hostname=name) as tls,
    ):
        return tls.getpeercert(binary_form=True)


def after_starttls(port, name):
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        # It would send the address that it connected to.
        client._host = name
        client.starttls(context=anybody())
        return client.sock.getpeercert(binary_form=True)


def shown(mail, name):
    """What each way in shows for a name, as what the certificate is for."""
    found = {
        which: wrapped(mail.node.mail_ports[which], name)
        for which in ("imaps", "pop3s", "submissions")
    }
    for which in ("submission", "smtp"):
        found[which] = after_starttls(mail.node.mail_ports[which], name)
    return {which: x509.load_der_x509_certificate(der) for which, der in found.items()}


def pair_of(name):
    leaf, key = a_pair(name, f"mail.{name}")
    return leaf + above() + key


def is_shown(mail, name, pair):
    """Whether each way in shows exactly this one; pair None: the node's own."""
    leaf = x509.load_pem_x509_certificate(pair.encode()) if pair else None
    found = shown(mail, name).values()
    if leaf is None:
        return not any("example" in one.subject.rfc4514_string() for one in found)
    ders = {one.public_bytes(Encoding.DER) for one in found}
    return ders == {leaf.public_bytes(Encoding.DER)}


def test_each_name_is_shown_its_own_which_is_replaced_and_taken_away(mail):
    session = mail.programs.imap(ANNAS, WORDS)
    assert is_shown(mail, "mail.anna.example", None)
    mail.pairs = {ANNA: pair_of("anna.example"), BERT: pair_of("bert.example")}
    mail.apply()
    wait_until(lambda: is_shown(mail, "mail.anna.example", mail.pairs[ANNA]), "it is shown")
    assert is_shown(mail, "mail.bert.example", mail.pairs[BERT])
    for name in ("mail.nobody.example", "anna.example", "x.mail.anna.example", None):
        assert is_shown(mail, name, None)
    mail.pairs[ANNA] = pair_of("anna.example")
    mail.apply(ANNA)
    wait_until(lambda: is_shown(mail, "mail.anna.example", mail.pairs[ANNA]), "the new one is")
    # Whoever was in goes on.
    assert session.noop()[0] == "OK"
    session.logout()
    del mail.pairs[ANNA]
    mail.apply(ANNA)
    wait_until(lambda: is_shown(mail, "mail.anna.example", None), "it is gone")
    assert is_shown(mail, "mail.bert.example", mail.pairs[BERT])


def test_a_copy_that_was_spoiled_fails_for_its_name_alone_until_the_next_agent(mail):
    mail.pairs = {ANNA: pair_of("anna.example"), BERT: pair_of("bert.example")}
    mail.apply()
    wait_until(lambda: is_shown(mail, "mail.anna.example", mail.pairs[ANNA]), "it is shown")
    spoiled = mail.node.directory / "mail" / "names" / "mail.anna.example.pem"
    spoiled.write_text(spoiled.read_text().replace("A", "B"))
    mail.pairs[BERT] = pair_of("bert.example")
    mail.apply(BERT)
    wait_until(lambda: is_shown(mail, "mail.bert.example", mail.pairs[BERT]), "the new one is")
    with pytest.raises((ssl.SSLError, OSError)):
        wrapped(mail.node.mail_ports["imaps"], "mail.anna.example")
    mail.node.stop()
    begin(mail.node)
    wait_until(lambda: is_shown(mail, "mail.anna.example", mail.pairs[ANNA]), "it is mended")
    assert is_shown(mail, "mail.bert.example", mail.pairs[BERT])

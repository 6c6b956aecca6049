"""Certificates by name as the small servers of mail and FTP show them, by real handshakes."""

import socket
import ssl
import threading

import pytest
from OpenSSL import SSL

from hosting import selfsigned
from hosting.services.ftp.serving_ftp import named
from hosting.services.web.named_contexts import NamedContexts
from tests.hosting.certificates import a_pair, above


@pytest.fixture
def web(tmp_path):
    """Where the web server has one certificate for Anna's mail, and one for all of Bert's names."""
    found = tmp_path / "web"
    (found / "current").mkdir(parents=True)
    (found / "certificates").mkdir()
    lines = ["mail.anna.example s1-1;", "*.bert.example s2-1;", "mail.cut.example s3-1;"]
    (found / "current" / "certificates.map").write_text("\n".join(lines) + "\n")
    put(found, "s1-1", "mail.anna.example")
    put(found, "s2-1", "*.bert.example")
    (found / "certificates" / "s3-1.pem").write_text("nothing of the kind")
    return found


def put(web, key, name):
    leaf, secret = a_pair(name)
    (web / "certificates" / f"{key}.pem").write_text(leaf + above() + secret)
    return ssl.PEM_cert_to_DER_cert(leaf)


def client(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context, name


def by_ssl(contexts, name):
    """What a client sees that names somebody, or nobody."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        answering = threading.Thread(
            target=lambda: contexts.own.wrap_socket(ours, server_side=True).close()
        )
        answering.start()
        context, asked = client(name)
        with context.wrap_socket(theirs, server_hostname=asked) as tls:
            found = tls.getpeercert(binary_form=True)
        answering.join()
    return found


def by_openssl(context, name):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = SSL.Connection(context, ours)
        connection.set_accept_state()
        answering = threading.Thread(target=connection.do_handshake)
        answering.start()
        context, asked = client(name)
        with context.wrap_socket(theirs, server_hostname=asked) as tls:
            found = tls.getpeercert(binary_form=True)
        answering.join()
    return found


@pytest.mark.parametrize("server", ["mail", "ftp"])
def test_each_name_is_shown_its_own_and_every_other_one_the_nodes(web, tmp_path, server):
    own = selfsigned.certificate(tmp_path / "own.pem")
    if server == "mail":
        contexts = NamedContexts(web, own)

        def shown(name):
            return by_ssl(contexts, name)
    else:
        context = named(own, web)

        def shown(name):
            return by_openssl(context, name)

    nobodys = shown(None)
    anna = shown("mail.anna.example")
    assert len({anna, nobodys, shown("mail.bert.example")}) == 3
    for name in ("anna.example", "bert.example", "a.b.bert.example", "mail.cut.example", "x.y"):
        assert shown(name) == nobodys
    # One that is replaced is shown with the next handshake, and no neighbour sees another one.
    bert = shown("mail.bert.example")
    new = put(web, "s1-1", "mail.anna.example")
    assert shown("MAIL.anna.example") == new != anna
    assert shown("mail.bert.example") == bert
    (web / "current" / "certificates.map").write_text("")
    assert shown("mail.anna.example") == nobodys

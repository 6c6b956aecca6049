"""Websites by https: the same gate, a certificate of nobody's, and the way there from plain http.

On both platforms: the nginx of the requirements and, as root, Debian's.
"""

import os
import pwd
import socket
import ssl
import stat

import pytest

from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site, subscription
from tests.machine import free_port
from tests.system.conftest import WebNode
from tests.system.debian import debian_node, why_not

pytestmark = pytest.mark.system

ANNA = site(7, "anna.example", "www.anna.example", redirects=["old.example"])
BERT = site(8, "bert.example")
TOKEN = "/.well-known/acme-challenge/token_1-A"


class TlsNode(WebNode):
    """An embedded node with https."""

    def __init__(self, directory, nginx):
        super().__init__(directory, nginx)
        self.https_port = free_port()

    def arguments(self):
        return [*super().arguments(), "--https-port", str(self.https_port)]


def context(**versions):
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    found.set_alpn_protocols(["h2", "http/1.1"])
    for name, version in versions.items():
        setattr(found, name, version)
    return found


def shake(node, name, **versions):
    """Greet the server by https; return certificate, protocol and version."""
    with (
        socket.create_connection(("127.0.0.1", node.https_port), timeout=30) as plain,
        context(**versions).wrap_socket(plain, server_hostname=name) as tls,
    ):
        return tls.getpeercert(binary_form=True), tls.selected_alpn_protocol(), tls.version()


@pytest.fixture(scope="module", params=["embedded", "debian"])
def node(request, tmp_path_factory, nginx_program):
    """A node with https and two tenants, one for all tests of this page."""
    if request.param == "embedded":
        node = TlsNode(tmp_path_factory.mktemp("tls") / "node", nginx_program)
        node.start()
        yield node
        node.clean()
        return
    if why_not():
        pytest.skip(why_not())
    with debian_node() as node:
        node.start()
        yield node


@pytest.fixture
def two(node):
    """Both as they are at first, however the last test left them."""
    node.generation = getattr(node, "generation", 0) + 10
    node.applied(subscription(42, node.generation, ANNA), subscription(43, node.generation, BERT))
    return node


def test_a_site_answers_by_https_as_by_http_and_strangers_are_not_found(two):
    assert two.client.hello()["services"]["web"]["https_port"] == two.https_port
    page = two.get_by_https("anna.example")
    assert (page.status, page.body) == (200, two.get("anna.example").body)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Strict-Transport-Security"] is None
    assert two.get_by_https("nobody.example").status == 404
    moved = two.get_by_https("old.example", "/a?b=c")
    assert (moved.status, moved.location) == (301, f"https://anna.example:{two.https_port}/a?b=c")
    assert two.get("old.example", "/a").location == f"http://anna.example:{two.port}/a"


def test_nobody_is_shown_anybodys_certificate_and_protocols_are_todays(two):
    found = {shake(two, name)[0] for name in ("anna.example", "nobody.example", "x.invalid")}
    assert len(found) == 1
    assert b"anna" not in found.pop()
    assert shake(two, "anna.example")[1:] == ("h2", "TLSv1.3")
    only = ssl.TLSVersion.TLSv1_2
    assert shake(two, "anna.example", maximum_version=only)[2] == "TLSv1.2"


def test_the_key_is_for_the_web_servers_group_alone(two):
    directory = two.directory / "web" / "certificates"
    key, above = (directory / "own.pem").stat(), directory.stat()
    assert (stat.S_IMODE(key.st_mode), stat.S_IMODE(above.st_mode)) == (0o640, 0o750)
    if hasattr(two, "top"):
        group = pwd.getpwnam("www-data").pw_gid
        assert {(each.st_uid, each.st_gid) for each in (key, above)} == {(0, group)}
    else:
        assert key.st_uid == os.geteuid()


def test_suspended_answers_503_by_https_too_and_challenges_go_on(two):
    challenges = two.directory / "web" / "acme" / ".well-known" / "acme-challenge"
    (challenges / "token_1-A").write_text("token_1-A.thumb")
    assert two.get_by_https("anna.example").status == 200
    two.client.switch([(42, two.generation + 1, "shut")])
    for name in ("anna.example", "www.anna.example", "old.example"):
        page = two.get_by_https(name, "/deep?x=1")
        assert (page.status, MARKER in page.body, page.location) == (503, True, None)
        assert page.headers["Retry-After"] == "3600"
        assert two.get_by_https(name, TOKEN).body == "token_1-A.thumb"
    assert two.get_by_https("bert.example").status == 200


def test_plain_http_leads_to_https_but_for_challenges_and_what_is_shut(two):
    secure = ANNA | {"https": True, "hsts": True}
    two.applied(subscription(42, two.generation + 1, secure))
    moved = two.get("www.anna.example", "/a/b?c=d")
    assert moved.status == 301
    assert moved.location == f"https://www.anna.example:{two.https_port}/a/b?c=d"
    assert moved.headers["Strict-Transport-Security"] is None
    page = two.get_by_https("www.anna.example")
    assert (page.status, page.headers["Strict-Transport-Security"]) == (200, "max-age=15768000")
    # One step, not two: an alias leads to where the site really is.
    for ask in (two.get, lambda *words: two.get_by_https(*words)):
        target = f"https://anna.example:{two.https_port}/x"
        assert ask("old.example", "/x").location == target
    (two.directory / "web/acme/.well-known/acme-challenge/token_1-A").write_text("thumb")
    assert (two.get("anna.example", TOKEN).status, two.get("anna.example", TOKEN).body) == (
        200,
        "thumb",
    )
    assert two.status("bert.example") == 200
    two.client.switch([(42, two.generation + 2, "shut")])
    assert (two.status("anna.example"), two.status("old.example")) == (503, 503)
    two.applied(subscription(42, two.generation + 3, ANNA))
    assert two.status("anna.example") == 200

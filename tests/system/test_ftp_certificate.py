"""The certificate that ProFTPD shows: the node's own name's, while a site has one for it."""

import socket
import ssl

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.hosting.certificates import a_pair, above
from tests.system import test_ftp
from tests.system.conftest import wait_until
from tests.system.test_ftp import account, node

pytestmark = test_ftp.pytestmark
__all__ = ["node"]
NAME = "node.example"


def put(node, **how):
    """Have the web server's files say that a site has this name, as its driver writes them."""
    web = node.platform.web
    (web / "current").mkdir(parents=True, exist_ok=True)
    (web / "certificates").mkdir(exist_ok=True)
    leaf, key = a_pair(NAME, **how)
    (web / "certificates" / "s9-1.pem").write_text(leaf + above() + key)
    (web / "current" / "certificates.map").write_text(f"{NAME} s9-1;\n")
    return ssl.PEM_cert_to_DER_cert(leaf)


def shown(node):
    try:
        client = node.log_in("nora")
    except OSError:
        # For a moment, while it begins to listen anew, or has read one half.
        return None
    found = client.sock.getpeercert(binary_form=True)
    client.close()
    return found


def test_the_certificate_of_the_nodes_name_is_followed_and_sessions_go_on(node, monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", lambda: NAME)
    own = shown(node)
    anna = node.log_in("anna")
    first = put(node)
    # Whose site it is needs no account.
    assert node.apply(9)["ok"]
    wait_until(lambda: shown(node) == first, "it is shown")
    second = put(node, key=rsa.generate_private_key(65537, 2048))
    assert node.apply(2, account("nora"))["ok"]
    wait_until(lambda: shown(node) == second, "the new one is shown, of another kind")
    # The agent that is told of the next one, of the first kind, dies before ProFTPD knows that.
    third = put(node)
    assert node.driver.server.lay_out()
    node.next_agent()
    wait_until(lambda: shown(node) == third, "the next agent says so")
    (node.platform.web / "certificates" / "s9-1.pem").write_text("nothing of the kind")
    assert node.apply(2, account("nora"))["ok"]
    wait_until(lambda: shown(node) == own, "the node's own is shown")
    anna.voidcmd("NOOP")
    anna.quit()

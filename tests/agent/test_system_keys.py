"""SSH public keys: what is taken is made again from its bytes, and nothing else gets through."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.services.system import driver_keys
from hosting.services.system.driver_keys import BadKey, parse
from tests.hosting.ssh import line, packed, public_key

CURVE = b"nistp256"
POINT = b"\x04" + b"\x11" * 64
MODULUS = b"\x00" + b"\xc1" * 256


@pytest.mark.parametrize(
    "text",
    [
        public_key("anna"),
        line("ssh-rsa", b"\x01\x00\x01", MODULUS),
        line("ecdsa-sha2-nistp256", CURVE, POINT),
        line("sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:"),
        line("sk-ecdsa-sha2-nistp256@openssh.com", CURVE, POINT, b"ssh:"),
    ],
)
def test_a_key_is_taken_and_written_as_it_was(text):
    key, comment = parse(f"{text}   anna's laptop ")
    assert (key.line, comment) == (text, "anna's laptop")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "format"),
        ("ssh-ed25519", "format"),
        ("ssh-ed25519 !!!!", "format"),
        (public_key("anna").replace("ssh-ed25519", "ssh-rsa"), "format"),
        (line("ssh-ed25519", b"k" * 31), "format"),
        (line("ssh-ed25519", b"k" * 32, b"more"), "format"),
        (public_key("anna") + "\x00", "format"),
        (public_key("anna") + "\rssh-rsa", "format"),
        (f'from="*" {public_key("anna")}', "type"),
        (line("ssh-dss", b"p", b"q"), "type"),
        (line("ssh-rsa-cert-v01@openssh.com", b"x"), "type"),
        (line("ssh-rsa", b"\x01\x00\x01", b"\x7f" * 128), "short"),
        (line("ssh-rsa", b"\x01", MODULUS), "format"),
        (line("ssh-rsa", b"\x01\x00\x01", b"\x00" + MODULUS), "format"),
        (line("ecdsa-sha2-nistp256", b"nistp384", b"\x04" + b"1" * 96), "format"),
        (line("ecdsa-sha2-nistp256", CURVE, b"\x02" + b"1" * 32), "format"),
        (line("ecdsa-sha2-nistp256", b"nistp999", POINT), "format"),
        ("-----BEGIN OPENSSH PRIVATE KEY----- x", "private"),
    ],
)
def test_what_is_no_good_key_is_refused_with_the_reason(text, why):
    with pytest.raises(BadKey) as raised:
        parse(text)
    assert str(raised.value) == why


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(
    lambda data: f"ssh-ed25519 {base64.b64encode(data).decode()}"
)))  # fmt: skip
def test_no_text_gets_more_than_one_plain_line_through(text):
    try:
        key, _comment = parse(text)
    except BadKey:
        return
    type_, data = key.line.split(" ")
    assert type_ in driver_keys.TYPES
    assert base64.b64decode(data, validate=True) == key.data
    assert key.line.isprintable()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_a_key_that_was_cut_or_stretched_is_none(point, cut, more):
    whole = packed(b"ssh-ed25519", point)
    for data in (whole[: min(cut, len(whole) - 1)], whole + more):
        with pytest.raises(BadKey):
            parse(f"ssh-ed25519 {base64.b64encode(data).decode()}")


@pytest.mark.skipif(not Path("/usr/bin/ssh-keygen").exists(), reason="ssh-keygen is not here")
@pytest.mark.parametrize("kind", [["-t", "ed25519"], ["-t", "ecdsa", "-b", "521"], ["-t", "rsa"]])
def test_what_ssh_keygen_makes_is_taken_with_the_fingerprint_that_it_shows(tmp_path, kind):
    path = tmp_path / "key"
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-N", "", "-f", path, *kind], check=True)
    key, _comment = parse(path.with_suffix(".pub").read_text().strip())
    shown = subprocess.run(
        ["/usr/bin/ssh-keygen", "-l", "-f", path.with_suffix(".pub")],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert shown.split()[1] == key.fingerprint

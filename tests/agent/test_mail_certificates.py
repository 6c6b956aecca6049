"""What Postfix and Dovecot are given of certificates: parsed back, and nobody else's."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.agent.host import Host
from hosting.agent.protocol import is_host_name
from hosting.services.mail.driver_desired import Domain, Mail
from hosting.services.mail.driver_dovecot_23 import block
from hosting.services.mail.driver_names import MOST_BLOCKS, Names, key_first, names
from tests.agent.fakes import node

CHAIN = [
    f"-----BEGIN CERTIFICATE-----\n{word}\n-----END CERTIFICATE-----\n"
    for word in ("leaf", "above")
]
KEY = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"


def test_a_key_goes_before_its_chain_and_what_is_not_both_is_none():
    assert key_first("".join([*CHAIN, KEY]).encode()) == "".join([KEY, *CHAIN]).encode()
    for broken in ("", KEY, CHAIN[0], KEY + KEY + CHAIN[0], KEY[:-9] + CHAIN[0], "x"):
        assert key_first(broken.encode()) is None


@settings(derandomize=True, database=None, deadline=None)
@given(st.from_regex(r"[a-z0-9.*{}<\n -]{1,40}", fullmatch=True))
def test_a_block_is_of_one_name_that_is_a_host_name(tmp_path_factory, name):
    top = tmp_path_factory.mktemp("names")
    fake = node(top)
    held = Names(Host(fake.platform.node, fake, fake.platform), top, lambda: "", block)
    # Only such names come as far: what the web server shows for another is passed over.
    if is_host_name(name):
        found = re.findall(r"local_name (\S+) \{|<(\S+)\n", held.block(name))
        path = str(top / "names" / f"{name}.pem")
        assert found == [(name, ""), ("", path), ("", path)]


def test_programs_come_by_the_names_of_mail_alone_and_dovecot_has_so_many_blocks(tmp_path):
    domain = Domain(name="a.example", is_here=True, aliases=("b.example",))
    assert names([Mail(domains=(domain,)), Mail()]) == {"mail.a.example", "mail.b.example"}
    fake = node(tmp_path)
    held = Names(Host(fake.platform.node, fake, fake.platform), tmp_path, lambda: "", block)
    held.lay_out(None)
    held._write_blocks([f"mail.m{number}.example" for number in range(MOST_BLOCKS + 5)])
    text = held.blocks.read_text()
    assert text.count("local_name") == MOST_BLOCKS
    assert f"mail.m{MOST_BLOCKS}.example" not in text

"""The tables of OpenDKIM: names, selectors and files, read back as it reads them."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.protocol import AgentError
from hosting.services.mail.driver_desired import Key
from hosting.services.mail.driver_signing import tables

_LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
NAMES = st.lists(_LABEL, min_size=2, max_size=4).map(".".join)
TOP = Path("/var/lib/freehold/node/mail/signing/keys")


@given(st.dictionaries(NAMES, _LABEL, max_size=8))
def test_what_is_written_is_read_back(wanted):
    found = tables((Key(name, selector, "") for name, selector in wanted.items()), TOP)
    # opendkim.conf(5): a key, white space, a value; the parts of a value stand between colons.
    signing = dict(line.split(" ") for line in found["signtable"].splitlines())
    keys = dict(line.split(" ") for line in found["keytable"].splitlines())
    assert signing == {name: name for name in wanted}
    assert {name: value.split(":") for name, value in keys.items()} == {
        name: [name, selector, f"{TOP}/{name}.{selector}.pem"] for name, selector in wanted.items()
    }


@pytest.mark.parametrize("name", ["a b.example", "a:b.example", "a\nb.example", "*.example", ""])
def test_what_would_be_something_else_there_is_refused(name):
    with pytest.raises(AgentError):
        tables([Key("bert.example", "fh1", ""), Key(name, "fh1", "")], TOP)

"""The profile for Apple's devices is read back as it was written."""

import plistlib

from hypothesis import given
from hypothesis import strategies as st

from hosting.services.mail.views_programs import profile

PORTS = {"imaps": 993, "submissions": 465}
_WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1)


@given(_WORDS, _WORDS)
def test_what_is_written_is_read_back(address: str, host: str):
    """Whatever an address holds, it stays one value; the same address is the same profile."""
    first, again = (profile(address, each, PORTS) for each in (host, "another"))
    [account] = plistlib.loads(first)["PayloadContent"]
    assert account["EmailAddress"] == address
    assert account["OutgoingMailServerHostName"] == host
    same = ("PayloadIdentifier", "PayloadUUID")
    assert all(plistlib.loads(first)[key] == plistlib.loads(again)[key] for key in same)
    assert profile(address, host, PORTS) != profile(f"{address}x", host, PORTS)

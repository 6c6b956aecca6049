"""Whom a letter says that it is from, read so that nobody's program can read more into it."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from email.errors import HeaderParseError
from email.header import decode_header

# SECURITY: no parser of addresses. Programs disagree about quotes, comments and groups (RFC 5322,
# 3.4), and one that finds another address than we do shows somebody else as the sender. So all that
# looks like an address has to be the sender's own, in the shown name as well; and an @ that stands
# in nothing that does (`"nora"@nora.example`, `nora @nora.example`) may be part of one to others.
# It is looked for at the beginning of a word only: else a header of 100 kB takes half a minute.
_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:\"'])[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
HEADERS = ("from", "sender")


def addresses(values: Iterable[str]) -> set[str]:
    """Return all that looks like an address, in lower case."""
    return {found.lower() for value in values for found in _ADDRESS.findall(value)}


def may_say(values: Collection[str], login: str, owners: Callable[[str], Collection[str]]) -> bool:
    """Say whether these From and Sender headers are all of addresses that `login` may send as.

    `owners` gives who may send as an address. A header without an address is nobody's own.
    """
    try:
        each = [(value, *_shown(value)) for value in values]
    except (HeaderParseError, LookupError, ValueError):
        return False
    if any("@" in _ADDRESS.sub("", text) for texts in each for text in texts):
        return False
    found = [addresses(texts) for texts in each]
    return all(found) and all(login in owners(one) for some in found for one in some)


def _shown(value: str) -> tuple[str, ...]:
    """Return what a header says with its encoded words (RFC 2047) read, if it has any."""
    texts = [
        word if isinstance(word, str) else word.decode(charset or "raw-unicode-escape")
        for word, charset in decode_header(value)
    ]
    text = unicodedata.normalize("NFKC", "".join(texts))
    return () if text == value else (text,)


def without_extension(address: str) -> str:
    """Return an address without what its owner's filters are told by a plus."""
    local, _at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"

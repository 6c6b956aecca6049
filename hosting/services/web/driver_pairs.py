"""Certificates and challenges of a subscription, as checked values."""

import os
import re
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hosting.agent.protocol import (
    MAX_ID,
    AgentError,
    host_name,
    invalid,
    listed,
    record,
    text,
    whole,
)

MAX_CERTIFICATES = 2000
MAX_CHALLENGES = 1000
MAX_NAMES = 100
LONGEST_PAIR = 65_536

# Below a domain these are its services': nobody else can have them (hosting.validators).
LABELS = ("mail", "webmail", "ftp", "autoconfig", "autodiscover")

_BLOCK = re.compile(
    r"-----BEGIN (CERTIFICATE|PRIVATE KEY)-----\n(?:[A-Za-z0-9+/=]{1,76}\n)+-----END \1-----\n"
)
# RFC 8555, section 8.1: a token, and behind a dot the thumbprint of the account's key.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_ANSWER = re.compile(r"[A-Za-z0-9_-]{16,128}\.[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain and its key, in one text, and the names that it is for."""

    id: int
    names: tuple[str, ...]
    pair: str

    def covers(self, name: str) -> bool:
        """Say whether it is good for a name; a wildcard stands for one label."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names

    def covered(self, names: Collection[str]) -> list[str]:
        """Return for which of these, and of their services' names, it is good."""
        tops = [name for name in names if not name.startswith(("*.", "www."))]
        served = [f"{label}.{top}" for top in tops for label in LABELS]
        return [name for name in dict.fromkeys((*names, *served)) if self.covers(name)]

    def check(self) -> None:
        """Have the library that daemons use read it; AgentError with its words if it will not."""
        held = os.memfd_create("pair", os.MFD_CLOEXEC)
        try:
            os.write(held, self.pair.encode())
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{held}")
        except (ssl.SSLError, ValueError) as error:
            words = getattr(error, "reason", None) or str(error)
            told = f"the certificate for {self.names[0]} is not sound: {words}"
            raise AgentError("check", told) from None
        finally:
            os.close(held)


def _certificate(value: object) -> Certificate:
    fields = record(value, "certificate", ("id", "names", "pair"))
    names = listed(fields["names"], "names", MAX_NAMES)
    if not names:
        raise invalid("a certificate has no names")
    pair = fields["pair"]
    if type(pair) is not str or len(pair) > LONGEST_PAIR:
        raise invalid("a certificate is no text, or a long one")
    kinds = [found[1] for found in _BLOCK.finditer(pair)]
    is_in_order = len(kinds) > 1 and kinds == ["CERTIFICATE"] * (len(kinds) - 1) + ["PRIVATE KEY"]
    if _BLOCK.sub("", pair) or not is_in_order:
        raise invalid("a certificate is not its chain with its key behind it")
    return Certificate(
        id=whole(fields["id"], "certificate id", 1, MAX_ID),
        names=tuple(host_name(name, "names", wildcard=True) for name in names),
        pair=pair,
    )


def certificates(value: object) -> tuple[Certificate, ...]:
    """Return the certificates of a subscription."""
    found = tuple(map(_certificate, listed(value, "certificates", MAX_CERTIFICATES)))
    if len({each.id for each in found}) != len(found):
        raise invalid("a certificate is given twice")
    return found


def challenges(value: object) -> tuple[tuple[str, str], ...]:
    """Return what certificate authorities ask for, and the answer to each."""
    found = []
    for pair in listed(value, "challenges", MAX_CHALLENGES):
        if type(pair) is not list or len(pair) != 2:
            raise invalid("a challenge is not [token, answer]")
        token, answer = text(pair[0], "token", 128), text(pair[1], "answer", 200)
        if not _TOKEN.fullmatch(token) or not _ANSWER.fullmatch(answer):
            raise invalid("a challenge is not of the form that RFC 8555 gives it")
        found.append((token, answer))
    return tuple(found)


def chosen(value: object, there: Sequence[Certificate]) -> int:
    """Return which of the subscription's certificates a site has."""
    number = whole(value, "certificate", 1, MAX_ID)
    if number not in {each.id for each in there}:
        raise invalid(f"certificate {number} is not among the subscription's")
    return number

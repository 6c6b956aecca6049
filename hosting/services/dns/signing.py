"""Keys that zones are signed with (DNSSEC): ECDSA on P-256 with SHA-256, algorithm 13 (RFC 6605).

A private key is nowhere in the database. It is derived from a secret in a file beside it and from
a seed that the zone keeps. So a node that is lost, or left, is followed by another that signs with
the same key, and the DS record at the registrar stays right. A key made on the node would be gone
with it, and with that every name that rests on it.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdata
from django.conf import settings

# The curve (FIPS 186-4, appendix D.1.2.3): its field, its order, its base point.
_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_BYTES = 32
# The flags of a key that signs everything (a zone key and a secure entry point), and DNSSEC's 3.
_FLAGS, _PROTOCOL, _ALGORITHM = 257, 3, 13
_PURPOSE = b"freehold dnssec key 1"

Point = tuple[int, int] | None


class SecretChanged(Exception):
    """The secret is not the one that this zone's key was made with."""


def new_seed() -> str:
    """What makes a zone's key another one than every other."""
    return secrets.token_hex(_BYTES)


def private_key(seed: str) -> bytes:
    """The private key that belongs to a seed (FIPS 186-4, appendix B.4.1: with extra bits)."""
    data = hmac.new(_secret(str(settings.DATA_DIR)), _PURPOSE + bytes.fromhex(seed), hashlib.sha512)
    number = int.from_bytes(data.digest(), "big") % (_ORDER - 1) + 1
    return number.to_bytes(_BYTES, "big")


def mark_of(private: bytes) -> str:
    """By what a key is known again; it tells nothing of it."""
    return hashlib.sha256(_PURPOSE + private).hexdigest()[:16]


def key_of(seed: str, mark: str) -> str:
    """The private key as the agent takes it; SecretChanged if it is no longer the same."""
    private = private_key(seed)
    if not hmac.compare_digest(mark_of(private), mark):
        raise SecretChanged("the secret that zones are signed with is not the one it was")
    return base64.b64encode(private).decode()


@lru_cache(maxsize=4)
def _secret(directory: str) -> bytes:
    """The file is made with the first key. Without it, all signed zones need new ones."""
    path = Path(directory) / "dnssec.secret"
    staged = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # Whoever is first, wins: a link is never made over what is there.
        with contextlib.suppress(FileExistsError):
            os.link(staged, path)
        staged.unlink()
    found = path.read_bytes()
    if len(found) != _BYTES:
        raise SecretChanged(f"{path} is damaged")
    return found


def public_key(private: bytes) -> str:
    """The DNSKEY record that belongs to a private key, as a zone file has it."""
    point = _times(int.from_bytes(private, "big"), _BASE)
    assert point is not None
    data = b"".join(number.to_bytes(_BYTES, "big") for number in point)
    return f"{_FLAGS} {_PROTOCOL} {_ALGORITHM} {base64.b64encode(data).decode()}"


def ds_record(name: str, dnskey: str) -> str:
    """What the registrar is given: the digest of a zone's key under its name."""
    key = dns.rdata.from_text("IN", "DNSKEY", dnskey)
    digest = dns.dnssec.make_ds(
        dns.name.from_text(name),
        key,
        dns.dnssectypes.DSDigest.SHA256,
        policy=dns.dnssec.allow_all_policy,
    )
    return str(digest.to_text())


def _times(number: int, point: Point) -> Point:
    """A multiple of a point. Its time tells something of the number to whoever can measure it: it
    runs once for each zone, when somebody has it signed."""
    found: Point = None
    while number:
        if number & 1:
            found = _plus(found, point)
        point = _plus(point, point)
        number >>= 1
    return found


def _plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % _FIELD == 0:
            return None
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, _FIELD)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _FIELD)
    x = (slope**2 - one[0] - other[0]) % _FIELD
    return x, (slope * (one[0] - x) - one[1]) % _FIELD

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
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

# The order of the curve P-256 (FIPS 186-4, appendix D.1.2.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BYTES = 32
# The flags of a key that signs everything (a zone key and a secure entry point), and DNSSEC's 3.
_FLAGS, _PROTOCOL, _ALGORITHM = 257, 3, 13
_PURPOSE = b"freehold dnssec key 1"


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
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1()).public_key()
    # RFC 6605, section 4: the point as it is, without the octet that says so.
    data = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
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

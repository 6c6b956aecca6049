"""SSH public keys for tests, made without any program."""

import base64
import hashlib
import struct


def packed(*fields: bytes) -> bytes:
    """Strings as a key has them: each behind its length."""
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def line(type_: str, *fields: bytes, comment: str = "") -> str:
    """A line of a .pub file."""
    data = base64.b64encode(packed(type_.encode(), *fields)).decode()
    return f"{type_} {data} {comment}".strip()


def public_key(of: str, comment: str = "") -> str:
    """An ed25519 key that is always the same for the same word."""
    return line("ssh-ed25519", hashlib.sha256(of.encode()).digest(), comment=comment)

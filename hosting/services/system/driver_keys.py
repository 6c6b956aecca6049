"""SSH public keys: what is taken, checked byte by byte, and the one line that is written of it.

A line of authorized_keys can hold options and commands. None of what somebody typed gets there:
only the type and the key, made again from the bytes that were understood.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 4096
_RSA_BITS = range(2048, 16384 + 1)
# The curve's name and the bytes of a point on it.
_CURVES: Mapping[bytes, int] = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}
_LONGEST_APPLICATION = 255


class BadKey(ValueError):
    """It is no key that is taken; the code says why."""


@dataclass(frozen=True)
class PublicKey:
    """A key that was understood."""

    type: str
    data: bytes

    @property
    def line(self) -> str:
        """The line of authorized_keys: nothing that somebody typed."""
        return f"{self.type} {base64.b64encode(self.data).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """What ssh-keygen -l shows."""
        digest = hashlib.sha256(self.data).digest()
        return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def parse(text: str) -> tuple[PublicKey, str]:
    """Return the key and the comment of a line as a .pub file has it; BadKey if it is none."""
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        raise BadKey("format")
    type_, _, rest = text.strip().partition(" ")
    if "PRIVATE" in text:
        raise BadKey("private")
    if type_ not in _FIELDS:
        raise BadKey("type")
    typed, _, comment = rest.strip().partition(" ")
    try:
        data = base64.b64decode(typed.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadKey("format") from None
    key = PublicKey(type_, data)
    if key.line != f"{type_} {typed}":
        raise BadKey("format")
    check(key)
    return key, comment.strip()


def check(key: PublicKey) -> None:
    """Raise BadKey unless the bytes are a key of the type that it says."""
    fields = _split(key.data)
    if not fields or fields[0] != key.type.encode("ascii"):
        raise BadKey("format")
    kinds = _FIELDS[key.type]
    if len(fields) != len(kinds) + 1:
        raise BadKey("format")
    for kind, value in zip(kinds, fields[1:], strict=True):
        kind(value)
    if "ecdsa" in key.type and f"-{fields[1].decode('ascii')}" not in key.type:
        raise BadKey("format")
    if "ecdsa" in key.type and len(fields[2]) != _CURVES[fields[1]]:
        raise BadKey("format")


def _split(data: bytes) -> list[bytes]:
    """Return the strings, each behind its length, that a key is made of."""
    fields = []
    while data:
        if len(data) < 4:
            raise BadKey("format")
        (length,) = struct.unpack(">I", data[:4])
        if length > len(data) - 4:
            raise BadKey("format")
        fields.append(data[4 : 4 + length])
        data = data[4 + length :]
    return fields


def _point25519(value: bytes) -> None:
    if len(value) != 32:
        raise BadKey("format")


def _curve(value: bytes) -> None:
    if value not in _CURVES:
        raise BadKey("format")


def _point(value: bytes) -> None:
    if value[:1] != b"\x04":
        raise BadKey("format")


def _application(value: bytes) -> None:
    if not 0 < len(value) <= _LONGEST_APPLICATION or not value.isascii():
        raise BadKey("format")


def _number(value: bytes) -> int:
    """Return a positive number that is written in the one way that it can be written."""
    if not value or value[0] & 0x80 or (value[0] == 0 and not value[1:2] > b"\x7f"):
        raise BadKey("format")
    return int.from_bytes(value, "big")


def _exponent(value: bytes) -> None:
    if not (3 <= _number(value) < 2**64 and _number(value) % 2):
        raise BadKey("format")


def _modulus(value: bytes) -> None:
    if _number(value).bit_length() not in _RSA_BITS:
        raise BadKey("short")


# Type -> what stands behind its name. DSA is not taken: daemons of today refuse it.
_FIELDS = {
    "ssh-ed25519": (_point25519,),
    "sk-ssh-ed25519@openssh.com": (_point25519, _application),
    "ssh-rsa": (_exponent, _modulus),
    "ecdsa-sha2-nistp256": (_curve, _point),
    "ecdsa-sha2-nistp384": (_curve, _point),
    "ecdsa-sha2-nistp521": (_curve, _point),
    "sk-ecdsa-sha2-nistp256@openssh.com": (_curve, _point, _application),
}
TYPES = tuple(_FIELDS)

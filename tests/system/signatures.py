"""Reads DKIM signatures as receivers do (RFC 6376; relaxed/simple, rsa-sha256)."""

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_FIELD = re.compile(rb"([^:\r\n]+):((?:[^\r]|\r\n[ \t])*)\r\n")


def _relaxed(name: bytes, value: bytes) -> bytes:
    words = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()
    return name.lower().strip() + b":" + words


def _tags(value: bytes) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.decode("ascii").split(";") if part.strip())
    return {name.strip(): re.sub(r"\s+", "", found) for name, _sign, found in pairs}


def signers(letter: str) -> list[tuple[str, str]]:
    """Domain and selector of each signature of a letter."""
    head = letter.encode().partition(b"\r\n\r\n")[0] + b"\r\n"
    found = [_tags(v) for n, v in _FIELD.findall(head) if n.lower() == b"dkim-signature"]
    return [(tags["d"], tags["s"]) for tags in found]


def check(letter: str, record: str) -> None:
    """InvalidSignature or AssertionError, unless the first signature is that of this record."""
    head, _empty, body = letter.encode().partition(b"\r\n\r\n")
    fields = _FIELD.findall(head + b"\r\n")
    own = next(at for at, (name, _v) in enumerate(fields) if name.lower() == b"dkim-signature")
    name, value = fields.pop(own)
    tags = _tags(value)
    assert (tags["a"], tags["c"]) == ("rsa-sha256", "relaxed/simple")
    digest = hashlib.sha256(re.sub(rb"(\r\n)*\Z", b"", body) + b"\r\n").digest()
    assert base64.b64decode(tags["bh"]) == digest
    signed = b""
    left = list(reversed(fields))
    for wanted in tags["h"].split(":"):
        at = next((i for i, (n, _v) in enumerate(left) if n.decode().lower() == wanted.lower()), -1)
        if at >= 0:
            signed += _relaxed(*left.pop(at)) + b"\r\n"
    unsigned = re.sub(rb"(\bb=)[^;]*", rb"\1", value)
    key = load_der_public_key(base64.b64decode(_tags(record.encode())["p"]))
    assert isinstance(key, rsa.RSAPublicKey)
    given = (base64.b64decode(tags["b"]), signed + _relaxed(name, unsigned))
    key.verify(*given, padding.PKCS1v15(), SHA256())

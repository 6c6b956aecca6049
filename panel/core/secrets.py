"""What is kept sealed in the database: AES-256-GCM under a key in a file beside it.

Whoever reads a copy of the database alone reads none of it. What it belongs to is sealed along with
it: one row's secret, copied into another's, is refused.
"""

import base64
import contextlib
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_FILE = "sealed.secret"
_BYTES = 32
_NONCE = 12


class SecretChanged(Exception):
    """The key in the file is not the one that this was sealed with."""


def seal(text: str, belongs_to: str) -> str:
    """A secret as a column keeps it; `belongs_to` names table, column and row."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(_key(str(settings.DATA_DIR))).encrypt(nonce, text.encode(), belongs_to.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(kept: str, belongs_to: str) -> str:
    """The secret again; SecretChanged if it was sealed with another key, or for another row."""
    try:
        data = base64.b64decode(kept, validate=True)
        key = AESGCM(_key(str(settings.DATA_DIR)))
        return key.decrypt(data[:_NONCE], data[_NONCE:], belongs_to.encode()).decode()
    except (InvalidTag, ValueError):
        words = f"{_FILE} is not the one that {belongs_to} was sealed with"
        raise SecretChanged(words) from None


@lru_cache(maxsize=4)
def _key(directory: str) -> bytes:
    """The file is made with the first secret."""
    path = Path(directory) / _FILE
    if not path.exists():
        staged = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
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

"""Passwords of databases as the servers store them, made here: the clear text is never kept.

Both servers take what their own clients can check, and nothing newer: MariaDB the hash of
mysql_native_password, which every client library knows; PostgreSQL a SCRAM-SHA-256 verifier.
"""

import base64
import hashlib
import hmac
import secrets

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.database.words import Server

_ITERATIONS = 4096
LONGEST = 128


def refuse_odd(password: str) -> None:
    """ValidationError for what clients of databases would write in different ways."""
    if not (password.isascii() and password.isprintable()):
        raise ValidationError(_("Letters without accents, digits and signs only."))
    if len(password) > LONGEST:
        raise ValidationError(_("At most %(n)s characters."), params={"n": LONGEST})


def stored(server: str, password: str) -> str:
    """What the server stores of this password."""
    return _native(password) if server == Server.MARIADB else _verifier(password)


def _native(password: str) -> str:
    """SHA-1 of SHA-1: what the protocol of mysql_native_password checks against."""
    inner = hashlib.sha1(password.encode()).digest()  # noqa: S324  the protocol's
    return "*" + hashlib.sha1(inner).hexdigest().upper()  # noqa: S324  the protocol's


def _verifier(password: str) -> str:
    """RFC 5803, as PostgreSQL writes it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(each).decode() for each in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"

"""Passwords for the nodes' daemons: hashed here, so that rows and messages hold hashes only."""

from django.contrib.auth.hashers import BCryptPasswordHasher
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# What bcrypt takes; it would leave out the rest without a word.
LONGEST = 72


class _DaemonHasher(BCryptPasswordHasher):
    # Some fifty milliseconds each: daemons ask for it with every login, also with wrong ones.
    rounds = 10


def hashed(password: str) -> str:
    """The hash of a password as crypt(3) knows it: $2b$10$…"""
    hasher = _DaemonHasher()
    return hasher.encode(password, hasher.salt()).removeprefix(f"{hasher.algorithm}$")


def refuse_long(password: str) -> None:
    """ValidationError for a password of which daemons would check the beginning only."""
    if len(password.encode()) > LONGEST:
        raise ValidationError(_("At most %(n)s bytes."), params={"n": LONGEST})

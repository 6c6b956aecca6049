"""The second factor of a login: codes that an app shows (TOTP, RFC 6238), and recovery codes.

Rows are the login library's, where other kinds of factor may come to stand beside. What is in them
is for nobody to read: the secret is sealed for its login, recovery codes are kept as digests. The
number of the last code that let in stays with the secret, so that no code lets in twice; caches,
which may forget, have no part in that.
"""

import base64
import hmac
import logging
import secrets
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts.models import User
from panel.core.secrets import SecretChanged, seal, unseal

logger = logging.getLogger(__name__)

TOTP, RECOVERY = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES
PERIOD, DIGITS = 30, 6
# Clocks differ, and a code is typed until after its end: RFC 6238, 5.2, allows one step.
DRIFT = 1
RECOVERY_CODES, RECOVERY_DIGITS = 10, 12


@dataclass(frozen=True)
class State:
    """What may be told of somebody's second factor."""

    since: datetime
    recovery_codes: int


def new_secret() -> str:
    """160 random bits, as RFC 4226, 4, recommends, in the Base32 that apps read."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def new_recovery_codes() -> list[str]:
    """Codes to keep on paper, each good for one login, in groups of four digits."""
    numbers = (secrets.randbelow(10**RECOVERY_DIGITS) for _ in range(RECOVERY_CODES))
    texts = (f"{number:0{RECOVERY_DIGITS}}" for number in numbers)
    return [f"{text[:4]}-{text[4:8]}-{text[8:]}" for text in texts]


def code_at(secret: str, counter: int) -> str:
    """The code of one step of time: HOTP with SHA-1, cut down to six digits (RFC 4226, 5.3)."""
    mac = hmac.digest(base64.b32decode(secret), counter.to_bytes(8), "sha1")
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def counter_of(secret: str, code: str, after: int = -1) -> int | None:
    """The step of time around now that this is the code of; None if it is of none. Only steps
    `after` the last one that let in count (RFC 6238, 5.2: one-time only)."""
    now = int(time.time()) // PERIOD
    for counter in range(max(now - DRIFT, after + 1), now + DRIFT + 1):
        if constant_time_compare(code_at(secret, counter), plain(code)):
            return counter
    return None


def plain(code: str) -> str:
    """A code without the spaces and dashes that people read it with."""
    return "".join(letter for letter in code if letter not in " -\u00a0")


def otpauth(user: User, secret: str) -> str:
    """The address behind the QR code: for whom, of whom, and the secret."""
    host = settings.PANEL_ORIGIN.partition("://")[2]
    issuer = f"Freehold {host}"
    label = quote(f"{issuer}:{user.username}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"


def is_on(user_id: int) -> bool:
    """Whether this login is asked for a code."""
    return bool(having([user_id]))


def having(user_ids: Collection[int]) -> set[int]:
    """Those of these logins that are asked for a code."""
    rows = Authenticator.objects.filter(user_id__in=user_ids, type=TOTP)
    return set(rows.values_list("user_id", flat=True))


def is_on_for_account(account_id: int) -> bool:
    """Whether the own login of this account is asked for a code."""
    rows = Authenticator.objects.filter(user__account_id=account_id, user__is_own=True, type=TOTP)
    return bool(rows.exists())


def on_or_off(*, on: bool) -> str:
    """As pages say it to whoever may reset it."""
    return _("On") if on else _("Off")


def state_of(user_id: int) -> State | None:
    """Since when, and how many recovery codes are left; None where there is no second factor."""
    rows = {row.type: row for row in Authenticator.objects.filter(user_id=user_id)}
    if TOTP not in rows:
        return None
    left = len(rows[RECOVERY].data["digests"]) if RECOVERY in rows else 0
    return State(rows[TOTP].created_at, left)


def turn_on(user: User, secret: str, counter: int, codes: Iterable[str]) -> None:
    """From now on a code is asked for; the one of this counter has been used."""
    sealed = seal(secret, _belongs_to(user.pk))
    Authenticator.objects.create(user=user, type=TOTP, data={"secret": sealed, "used": counter})
    give_recovery_codes(user, codes)


def give_recovery_codes(user: User, codes: Iterable[str]) -> None:
    """These instead of the ones before, which are good for nothing any more."""
    data = {"digests": [_digest(user.pk, code) for code in codes]}
    Authenticator.objects.update_or_create(user=user, type=RECOVERY, defaults={"data": data})


def turn_off(user_ids: Collection[int]) -> None:
    """The password alone lets in again."""
    Authenticator.objects.filter(user_id__in=user_ids, type__in=(TOTP, RECOVERY)).delete()


def accept(user: User, code: str) -> str:
    """Use a code up: the kind that it is of (`TOTP`, `RECOVERY`), or "" if it lets nobody in."""
    with transaction.atomic():
        # Locked, so that of two who come with the same code at once, one is let in.
        found = Authenticator.objects.select_for_update().filter(user_id=user.pk).order_by("pk")
        rows = {row.type: row for row in found}
        if TOTP in rows and _accept_code(rows[TOTP], code):
            return str(TOTP)
        if TOTP in rows and RECOVERY in rows and _accept_recovery_code(rows[RECOVERY], code):
            return str(RECOVERY)
    return ""


def _accept_code(row: Any, code: str) -> bool:
    try:
        secret = unseal(row.data["secret"], _belongs_to(row.user_id))
    except SecretChanged:
        # Recovery codes, and a reset, still help.
        logger.exception("the second factor of login %s cannot be read", row.user_id)
        return False
    counter = counter_of(secret, code, after=row.data["used"])
    if counter is None:
        return False
    row.data["used"] = counter
    row.save(update_fields=["data"])
    return True


def _accept_recovery_code(row: Any, code: str) -> bool:
    digest = _digest(row.user_id, code)
    left = [kept for kept in row.data["digests"] if not constant_time_compare(kept, digest)]
    if len(left) == len(row.data["digests"]):
        return False
    row.data["digests"] = left
    row.save(update_fields=["data"])
    return True


def _belongs_to(user_id: int) -> str:
    return f"mfa_authenticator:secret:{user_id}"


def _digest(user_id: int, code: str) -> str:
    """Keyed: whoever reads a copy of the database alone cannot try all codes of so few digits."""
    text = f"{user_id}:{plain(code)}"
    return salted_hmac("accounts.recovery-code", text, algorithm="sha256").hexdigest()

"""Passkeys: keys on a phone, a computer or a stick that let in without password and code.

W3C Web Authentication, level 3. A passkey proves two factors at once, the device and who unlocked
it, so that it is asked for nothing more; a password goes on being asked for a code where there is
two-factor authentication. Rows are the login library's. They hold public keys: nothing in them
lets anybody in.
"""

import ipaddress
import json
import logging
import struct
from collections.abc import Collection
from typing import Any, cast
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.actors import users
from accounts.models import User
from panel.core.rows import one

logger = logging.getLogger(__name__)

KIND = Authenticator.Type.WEBAUTHN
MOST = 20
# What a browser sends is about one kilobyte, with some kinds of keys two.
LONGEST = 8_000
_REQUIRED = UserVerificationRequirement.REQUIRED
# What the library raises for what is no answer of a browser.
_MALFORMED = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
    *(struct.error, RecursionError, UnsupportedAlgorithm),
)


class NotAccepted(Exception):
    """This answer of a browser is none to what it was asked, or of no passkey that is known."""


def are_offered() -> bool:
    """Whether browsers make passkeys for the panel's address: by a host name, over HTTPS or on the
    machine itself (Web Authentication, 5.1.3; Secure Contexts, 3.1)."""
    origin = urlsplit(settings.PANEL_ORIGIN)
    host = origin.hostname or ""
    here = host == "localhost" or host.endswith(".localhost")
    return not _is_address(host) and (origin.scheme == "https" or here)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _server() -> Fido2Server:
    host = urlsplit(settings.PANEL_ORIGIN).hostname or ""
    entity = PublicKeyCredentialRpEntity(name=f"Freehold {host}", id=host)
    # SECURITY: one origin, not all below the host's name, where tenants' sites may be.
    return Fido2Server(entity, verify_origin=lambda origin: origin == settings.PANEL_ORIGIN)


def of(user_id: int) -> Any:
    """The passkeys of a login, the oldest first."""
    return Authenticator.objects.filter(user_id=user_id, type=KIND).order_by("pk")


def having(user_ids: Collection[int]) -> set[int]:
    """Those of these logins that have one."""
    rows = Authenticator.objects.filter(user_id__in=user_ids, type=KIND)
    return set(rows.values_list("user_id", flat=True))


def ask_to_make(user: User) -> tuple[dict[str, Any], str]:
    """What the browser is asked for a new passkey of this login, and the challenge to remember."""
    options, state = _server().register_begin(
        # The handle comes back at each login. It is a number, as no name may stand in it.
        PublicKeyCredentialUserEntity(
            name=user.username, id=str(user.pk).encode(), display_name=user.name or user.username
        ),
        credentials=[_credential(row) for row in of(user.pk)],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_REQUIRED,
    )
    return dict(options.public_key), state["challenge"]


def read_new(answer: str, challenge: str) -> dict[str, Any]:
    """What is kept of the passkey that the browser made; NotAccepted if it made none."""
    try:
        made = _server().register_complete(_state(challenge), _parsed(answer))
        credential = cast(AttestedCredentialData, made.credential_data)
        return {"credential": websafe_encode(credential), "counter": made.counter}
    except _MALFORMED as error:
        raise NotAccepted(str(error)) from error


def is_known(user_id: int, kept: dict[str, Any]) -> bool:
    """Whether this login has this passkey already."""
    new = AttestedCredentialData(websafe_decode(kept["credential"])).credential_id
    return any(_credential(row).credential_id == new for row in of(user_id))


def add(user: User, name: str, kept: dict[str, Any]) -> None:
    """From now on this passkey lets in."""
    Authenticator.objects.create(user=user, type=KIND, data={"name": name, **kept})


def remove(user_ids: Collection[int], pk: int | None = None) -> int:
    """Passkeys of these logins, all or one of them; returns how many went."""
    rows = Authenticator.objects.filter(user_id__in=user_ids, type=KIND)
    return int((rows if pk is None else rows.filter(pk=pk)).delete()[0])


def ask_to_show() -> tuple[dict[str, Any], str]:
    """What a browser is asked at the login, of whomever it is, and the challenge to remember."""
    options, state = _server().authenticate_begin(user_verification=_REQUIRED)
    return dict(options.public_key), state["challenge"]


def accept(answer: str, challenge: str) -> User:
    """Whose passkey answered the challenge; NotAccepted if nobody's did.

    Nothing is said of whether that one may log in.
    """
    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
        user_id = _number(response.response.user_handle or b"")
        with transaction.atomic():
            rows = list(of(user_id).select_for_update())
            found = _server().authenticate_complete(
                _state(challenge), [_credential(row) for row in rows], response
            )
            counter = response.response.authenticator_data.counter
            row = next(row for row in rows if _credential(row) == found)
            _count(row, counter)
    except _MALFORMED as error:
        raise NotAccepted(str(error)) from error
    user: User | None = one(users().filter(pk=user_id))
    if user is None:
        raise NotAccepted("nobody has this passkey any more")
    return user


def _number(handle: bytes) -> int:
    """The login that `ask_to_make` named; ValueError for what it never writes."""
    if not handle.isdigit() or len(handle) > 18:
        raise ValueError("not a handle of ours")
    return int(handle)


def _count(row: Any, counter: int) -> None:
    """Web Authentication, 6.1.1: a counter that does not rise is that of a copy. Passkeys that are
    shared among devices keep none, and say 0."""
    before = row.data["counter"]
    if (counter or before) and counter <= before:
        logger.warning("passkey %s was copied: its counter fell", row.pk)
        raise ValueError("the counter did not rise")
    row.data["counter"] = counter
    row.last_used_at = timezone.now()
    row.save(update_fields=["data", "last_used_at"])


def _credential(row: Any) -> AttestedCredentialData:
    return AttestedCredentialData(websafe_decode(row.data["credential"]))


def _state(challenge: str) -> dict[str, Any]:
    return {"challenge": challenge, "user_verification": _REQUIRED}


def _parsed(answer: str) -> dict[str, Any]:
    """An answer as the page's script writes it: texts and nothing else.

    SECURITY: the library makes bytes of what stands in for them, of a number as many as it says.
    """
    if len(answer) > LONGEST:
        raise ValueError("too long")
    given = json.loads(answer)
    response = given["response"]
    if not isinstance(response, dict):
        raise TypeError("no response")
    texts = {"rawId": given["rawId"], "type": given["type"], **response}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TypeError("not a text")
    return {"rawId": given["rawId"], "type": given["type"], "response": response}

"""Between the right password and the code: who is on the way in, and how often may be guessed.

Kept in a session in which nobody is logged in yet. It is worth nothing without a code, and nothing
any more once password or epoch changed.
"""

import time

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.actors import users
from accounts.models import User
from panel.core.rows import one

_KEY = "second_step"
# Seconds: whoever has to look for the phone has ten minutes.
_LASTS = 600


def begin(request: HttpRequest, user: User, then: str) -> None:
    """Remember who knew the password, and where that one wanted to go."""
    request.session[_KEY] = {
        "user": user.pk,
        "rests_on": user.get_session_auth_hash(),
        "at": time.time(),
        "then": then,
    }


def user_of(request: HttpRequest) -> User | None:
    """Who is on the way in, let in or not; None if nobody is, or not any more."""
    kept = request.session.get(_KEY)
    if kept is None or time.time() - kept["at"] > _LASTS:
        return None
    user: User | None = one(users().filter(pk=kept["user"]))
    if user is None or not constant_time_compare(user.get_session_auth_hash(), kept["rests_on"]):
        return None
    return user


def end(request: HttpRequest) -> str:
    """Forget it; returns where that one wanted to go, or ""."""
    kept = request.session.pop(_KEY, None)
    return str(kept["then"]) if kept else ""


def may_try(request: HttpRequest, user: User) -> bool:
    """Count an attempt before it is made: ten in five minutes from one address, as with passwords,
    and twenty in an hour from anywhere.

    SECURITY: whoever comes here knows the password, so that many addresses must not help to guess
    six digits. The owner can be kept out by that for an hour at most after the guessing has ended,
    for which a new password is enough.
    """
    from_here = ratelimit.consume(request, action="login_failed", key=_pair(request, user))
    return from_here and ratelimit.consume(request, action="login_code", key=str(user.pk))


def forget_attempts(request: HttpRequest, user: User) -> None:
    """After the right code. What was guessed from anywhere goes on counting."""
    ratelimit.clear(request, action="login_failed", key=_pair(request, user))


def _pair(request: HttpRequest, user: User) -> str:
    key: str = get_adapter(request).login_attempts_key(request, user.username)
    return f"code|{key}"

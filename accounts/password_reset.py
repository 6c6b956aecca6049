"""A forgotten password: the page writes a row, whoever asks; the worker sees whether it matches."""

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts import messages
from accounts.actors import may_log_in, users
from accounts.models import User
from accounts.validators import clean_email
from panel.core.work import State, Work, register_queue

# A login gets a link this often at most, in seconds, from wherever it is asked for.
_PAUSE = 60


class ResetToken(PasswordResetTokenGenerator):
    """Works once and for an hour: password, epochs and email are part of what is signed."""

    key_salt = "accounts.password_reset"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        epochs = f"{user.epoch}.{user.account.epoch}"
        return f"{super()._make_hash_value(user, timestamp)}{epochs}{address_of(user)}"


tokens = ResetToken()


@register_queue
class PasswordResetRequest(Work):
    """Somebody asked for a new password. Removed as soon as it was looked at.

    SECURITY: the web request does the same work whether or not username and email belong together;
    the difference is made where nobody who asks can measure it.
    """

    username = models.CharField(max_length=60)
    email = models.CharField(max_length=254)

    class Meta:
        indexes = [
            models.Index(
                "run_after",
                name="accounts_reset_due",
                condition=models.Q(state__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return self.username

    @classmethod
    def put(cls, username: str, email: str) -> "PasswordResetRequest":
        return cls.objects.create(username=username, email=email, state=State.QUEUED)

    def carry_out(self) -> None:
        process(self)


def address_of(user: User) -> str:
    """Where a link for this login goes: the account's contact address, or the user's own."""
    return user.account.email if user.is_own else user.email


def process(request: PasswordResetRequest) -> None:
    """Send the link, if both belong to a login that may log in; forget the request."""
    with transaction.atomic():
        user = find(request.username, request.email)
        if user is not None and cache.add(f"password-reset:{user.pk}", 1, _PAUSE):
            messages.password_link(user, link(user))
        request.delete()


def find(username: str, email: str) -> User | None:
    """The login that both belong to, if it is let in at all."""
    try:
        wanted = clean_email(email).casefold()
    except ValidationError:
        return None
    user = users().filter(username=username.strip().lower()).first()
    if user is None or not may_log_in(user) or address_of(user).casefold() != wanted:
        return None
    return user


def link(user: User) -> str:
    """SECURITY: from the configured origin, never from a request's Host header."""
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return settings.PANEL_ORIGIN + reverse("password_new", args=[key, tokens.make_token(user)])


def user_of(key: str, token: str, *, lock: bool = False) -> User | None:
    """The login that a link is for, or None if the link does not work (any more)."""
    rows = users().select_for_update(of=("self",)) if lock else users()
    try:
        pk = int(force_str(urlsafe_base64_decode(key)))
    except (ValueError, UnicodeDecodeError):
        return None
    user = rows.filter(pk=pk).first() if 0 < pk < 2**63 else None
    if user is None or not may_log_in(user) or not tokens.check_token(user, token):
        return None
    return user

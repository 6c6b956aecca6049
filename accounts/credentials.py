"""Usernames and passwords: what both have to be, and the one way to change them."""

from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts import passkeys
from accounts.models import Account, ApiToken, User
from accounts.validators import clean_username

_GUESSES, _GUESSES_IN = 10, 300
_WHY = "usernames are unique over all users"


def is_taken(username: str, user_id: int | None = None) -> bool:
    """Whether another user has this name; those of removed accounts keep theirs."""
    return User.objects.unscoped(_WHY).filter(username=username).exclude(pk=user_id).exists()


def is_contact_of_another(username: str, account_id: int | None) -> bool:
    """Whether the name is another account's contact email."""
    if "@" not in username:
        return False
    rows = Account.objects.unscoped(_WHY).annotate(lower_email=Lower("email"))
    return rows.filter(lower_email=username).exclude(pk=account_id).exists()


def clean_new_username(
    value: str,
    *,
    account_id: int | None = None,
    user_id: int | None = None,
    of_administrator: bool = False,
) -> str:
    """A username that may be given to this user of this account, or ValidationError."""
    username = clean_username(value, of_administrator=of_administrator)
    if is_taken(username, user_id):
        raise ValidationError(_("This username is taken."), code="username_taken")
    if is_contact_of_another(username, account_id):
        raise ValidationError(
            _("This is the email address of another account."), code="email_of_another"
        )
    return username


def check_strength(password: str, *, username: str, name: str = "", email: str = "") -> None:
    """Django's validators, with what the password must not resemble."""
    password_validation.validate_password(password, User(username=username, name=name, email=email))


def check_present(user: User | None, password: str) -> None:
    """ValidationError unless this is the user's password. Whoever took over a session cannot try
    many: after ten wrong ones none is right for five minutes."""
    key = f"present-password:{user.pk if user else 0}"
    wrong = cache.get(key, 0)
    if wrong >= _GUESSES:
        raise ValidationError(_("Too many wrong passwords. Try again in five minutes."))
    if user is None or not user.check_password(password):
        cache.set(key, wrong + 1, _GUESSES_IN)
        raise ValidationError(_("This is not your present password."))


def change(user: User, *, username: str = "", password: str = "") -> None:
    """Give a user another name, another password, or both, and end all its sessions.

    Nothing else writes either of them once a user exists. The epoch is raised although a new
    password ends sessions by itself: a session must not come back with an old password.
    """
    values: dict[str, Any] = {"epoch": models.F("epoch") + 1, "version": models.F("version") + 1}
    if username:
        values["username"] = username
    if password:
        values["password"] = make_password(password)
    User.objects.unscoped("credentials").filter(pk=user.pk).update(**values)
    if username and user.is_own:
        # Repeated on the account, for lists and for the search.
        Account.objects.unscoped("credentials").filter(pk=user.account_id).update(username=username)


def has_other_keys(user: User) -> bool:
    """Whether a new password alone would leave somebody a way in: an API token, a passkey."""
    tokens = ApiToken.objects.filter(user=user)
    return bool(tokens.exists() or passkeys.having([user.pk]))


def revoke_other_keys(user_ids: list[int]) -> dict[str, int]:
    """Remove all API tokens and passkeys of these users; returns how many of each, as the activity
    log names them."""
    tokens = ApiToken.objects.filter(user_id__in=user_ids).delete()[0]
    removed = passkeys.remove(user_ids)
    return {"tokens_revoked": tokens} | ({"passkeys_removed": removed} if removed else {})

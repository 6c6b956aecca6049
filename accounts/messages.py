"""What the panel writes to people about their logins. Plain text, in the reader's language."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from panel.core.mail import Message


def send(user: User, subject: Any, body: Any) -> None:
    """Queue a message to a user, in the caller's transaction. An account's own login gets it at
    the contact address of the account."""
    to = user.account.email if user.is_own else user.email
    Message.put(to, str(subject), str(body))


def login_changed(user: User, *, username: str, has_new_password: bool) -> None:
    """Tell a user that its login information was changed. Never the password itself."""
    with translation.override(user.account.locale):
        changed = (
            _("Its username is %(username)s; its password was changed.")
            if has_new_password
            else _("Its username is now %(username)s; its password is the same as before.")
        ) % {"username": username}
        body = _(
            "Hello %(name)s,\n\n"
            "the login information of your account was changed. %(changed)s\n\n"
            "Log in: %(origin)s\n\n"
            "If you do not know the password, ask for a new one at %(forgotten)s. You need your"
            " username and this email address for that.\n"
        ) % {
            "name": user.name,
            "changed": changed,
            "origin": settings.PANEL_ORIGIN,
            "forgotten": settings.PANEL_ORIGIN + reverse("account_reset_password"),
        }
        send(user, _("Your login information was changed"), body)


def password_link(user: User, link: str) -> None:
    """Send the link under which a forgotten password is replaced."""
    with translation.override(user.account.locale):
        body = _(
            "Hello %(name)s,\n\n"
            "somebody, probably you, asked for a new password for the login %(username)s."
            " Choose one here:\n\n"
            "%(link)s\n\n"
            "The link works once, for one hour. If it was not you, nothing needs to be done: the"
            " password stays as it is.\n"
        ) % {"name": user.name, "username": user.username, "link": link}
        send(user, _("A new password for %(username)s") % {"username": user.username}, body)


def passkey_added(user: User, name: str) -> None:
    """Tell a user that one more thing lets in: whoever did not want that should know."""
    with translation.override(user.account.locale):
        body = _(
            "Hello %(name)s,\n\n"
            "the passkey “%(passkey)s” was added to your login %(username)s. It lets in without the"
            " password. Your passkeys are listed on your account page: %(profile)s\n\n"
            "If you do not know why, remove it there, change your password and ask your provider.\n"
        ) % {
            "name": user.name,
            "passkey": name,
            "username": user.username,
            "profile": settings.PANEL_ORIGIN + reverse("profile"),
        }
        send(user, _("A passkey was added for %(username)s") % {"username": user.username}, body)


def second_factor_gone(user: User, *, by_oneself: bool) -> None:
    """Tell a user that no code is asked for any more: whoever did not want that should know."""
    with translation.override(user.account.locale):
        what = (
            _("two-factor authentication was turned off for your login %(username)s.")
            if by_oneself
            else _("two-factor authentication was reset for your login %(username)s.")
        ) % {"username": user.username}
        body = _(
            "Hello %(name)s,\n\n"
            "%(what)s From now on it takes the password alone to log in, until you set it up again"
            " on your account page: %(profile)s\n\n"
            "If you do not know why, change your password and ask your provider.\n"
        ) % {
            "name": user.name,
            "what": what,
            "profile": settings.PANEL_ORIGIN + reverse("profile"),
        }
        send(
            user,
            _("Two-factor authentication is off for %(username)s") % {"username": user.username},
            body,
        )

"""What notices by email say, to whom, and what may stand for what in them: settings all of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from panel.core import setting

NOBODY, SUBSCRIBER, PROVIDER, BOTH = "nobody", "subscriber", "provider", "both"
RECIPIENTS = (
    (NOBODY, _("Nobody")),
    (SUBSCRIBER, _("The account it is about")),
    (PROVIDER, _("Its provider")),
    (BOTH, _("Both")),
)
# What each text may hold in braces; those of an event come on top.
ALWAYS = ("contact_name", "company", "username", "account", "panel")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Event:
    """One kind of notice: who is told, and with which words."""

    name: str
    to: setting.Choice
    subject: setting.Words
    text: setting.Words

    def is_for(self, which: str) -> bool:
        return self.to.get() in {which, BOTH}

    def words(self, values: Mapping[str, Any]) -> tuple[str, str]:
        """Subject and text with the values filled in, in the language that is active."""
        return fill(self.subject.get(), values), fill(self.text.get(), values) + "\n"


def fill(text: str, values: Mapping[str, Any]) -> str:
    """A text with its placeholders replaced, once.

    SECURITY: never str.format, which follows attributes; and what a value holds in braces stays as
    it is, whoever has such a name.
    """
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), text)


def _checked(names: tuple[str, ...]) -> Any:
    def check(text: str) -> None:
        unknown = sorted(set(_PLACEHOLDER.findall(text)) - {*ALWAYS, *names})
        if unknown:
            raise ValidationError(
                _("There is no {%(name)s} here; there are %(known)s."),
                params={"name": unknown[0], "known": _listed((*ALWAYS, *names))},
            )

    return check


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _event(
    name: str, label: Any, to: str, subject: Any, text: Any, names: tuple[str, ...] = ()
) -> Event:
    """Declare the three settings of an event."""

    def called(what: str) -> str:
        return f"notice_{name}_{what}"

    check, known = _checked(names), _listed((*ALWAYS, *names))
    return Event(
        name,
        setting.declare(
            setting.Choice(
                called("to"), "notices", _("Who is told"), to, choices=RECIPIENTS, group=label
            )
        ),
        setting.declare(
            setting.Words(
                called("subject"), "notices", _("Subject"), subject, check=check, group=label
            )
        ),
        setting.declare(
            setting.Words(
                called("text"),
                "notices",
                _("Text"),
                text,
                known,
                most=5000,
                is_long=True,
                check=check,
                group=label,
            )
        ),
    )


def _check_address(text: str) -> None:
    if text:
        validate_email(text)


setting.section(
    "notices",
    _("Notices"),
    _(
        "Plain text, sent to the email addresses in the contact information. A text that is left"
        " empty is the one that comes with the panel, in the language of whoever reads it."
    ),
    order=40,
)
COPY_TO = setting.declare(
    setting.Words(
        "notice_copy_to",
        "notices",
        _("A copy of each notice to"),
        "",
        _("An email address; empty for none."),
        most=254,
        check=_check_address,
    )
)

CREATED = _event(
    "created",
    _("An account was created"),
    NOBODY,
    _("Your account at {panel}"),
    _(
        "Hello {contact_name},\n\n"
        "an account was created for you. Your username is {username}. Log in at {panel}.\n\n"
        "Choose a password with “Forgotten password?” there, if you were not given one. You need"
        " your username and this email address for that.\n"
    ),
)
SUSPENDED = _event(
    "suspended",
    _("An account or a subscription was suspended"),
    NOBODY,
    _("Suspended: {object}"),
    _(
        "Hello {contact_name},\n\n"
        "{object} was suspended. {message}\n\n"
        "Its websites answer that they are unavailable until it is activated again. Nothing was"
        " removed. Please ask your provider.\n"
    ),
    ("object", "message"),
)
OVERUSED = _event(
    "overused",
    _("More is used than allowed"),
    BOTH,
    _("{object} uses more than it may"),
    _(
        "Hello {contact_name},\n\n"
        "{object} uses more than it may:\n\n"
        "{resources}\n\n"
        "{consequence}\n\n"
        "Log in: {panel}\n"
    ),
    ("object", "resources", "consequence"),
)
EXPIRING = _event(
    "expiring",
    _("A subscription expires soon"),
    BOTH,
    _("{object} expires on {expires_on}"),
    _(
        "Hello {contact_name},\n\n"
        "the subscription {object} expires at the end of {expires_on}. Then its websites answer"
        " that they are unavailable; nothing is removed.\n\n"
        "Log in: {panel}\n"
    ),
    ("object", "expires_on", "days"),
)
EXPIRY_DAYS = setting.declare(
    setting.Number(
        "notice_expiring_days",
        "notices",
        _("So many days before"),
        14,
        least=1,
        most=90,
        group=_("A subscription expires soon"),
    )
)


def consequence(*, is_shut: bool) -> str:
    """What overuse means for the one who reads about it."""
    if is_shut:
        return _now("Its websites are shut until less is used or more is allowed.")
    return _now("Nothing is shut for it.")

"""Who has to have a second factor: the administrator says so for each role.

Additional users count by the account they belong to. `accounts.middleware` asks with each request
of a session; tokens, which were made by somebody logged in, and the command line are not.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.second_factor import TOTP
from panel.core import reasons, setting
from panel.core.access import Role
from panel.core.setting import Settings

setting.section(
    "logins",
    _("Logins"),
    _(
        "Whoever must have two-factor authentication and has none gets no further than the page"
        " that sets it up. Additional users count by the account they belong to. API tokens go on"
        " working."
    ),
    order=15,
)


def _flag(word: str, label: Any) -> setting.Flag:
    group = _("Require two-factor authentication of")
    return setting.declare(
        setting.Flag(f"require_two_factor_of_{word}", "logins", label, False, group=group)
    )


REQUIRED = {
    Role.ADMINISTRATOR: _flag("administrators", _("Administrators")),
    Role.RESELLER: _flag("resellers", _("Resellers")),
    Role.CUSTOMER: _flag("customers", _("Customers")),
}

# Whole sentences, by role: their words are put together in no language.
reasons.declare(
    second_factor_of_administrator=_(
        "The administrator requires two-factor authentication of administrators."
    ),
    second_factor_of_reseller=_(
        "The administrator requires two-factor authentication of resellers."
    ),
    second_factor_of_customer=_(
        "The administrator requires two-factor authentication of customers."
    ),
)

# Made once: with each request that took half as long as reading the login.
_STORED = Subquery(Settings.objects.filter(pk=setting.PK).values("stored"))
_HAS = Exists(Authenticator.objects.filter(user_id=OuterRef("pk"), type=TOTP))


def is_required(role: str) -> bool:
    """Whether logins of accounts of this role must have one."""
    return REQUIRED[Role(role)].get()


def reason_code(role: str) -> str:
    """The reason that says so of this role."""
    return f"second_factor_of_{Role(role).value}"


def words(role: str) -> str:
    """Why somebody of this role must have one."""
    return reasons.render(reason_code(role))


def why_it_stays(role: str) -> str:
    """Why somebody of this role has no way to turn it off."""
    return _now("%(why)s It cannot be turned off.") % {"why": words(role)}


def with_what_is_asked(logins: Any) -> Any:
    """Logins with what `is_due` looks at: a request asks so in the statement that it has anyway."""
    return logins.annotate(stored_settings=_STORED, has_second_factor=_HAS)


def is_due(user: User) -> bool:
    """Whether this login, as `with_what_is_asked` reads it, must have one and has none.

    SECURITY: of a login that was read otherwise nothing is known: an AttributeError, never a no.
    """
    found: Any = user
    if found.has_second_factor:
        return False
    return REQUIRED[Role(user.account.role)].of(found.stored_settings or {})

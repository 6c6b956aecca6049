"""The kinds of account as nouns of operations, and how they are found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Account, ApiToken, Customer, Reseller, User
from panel.core import log, search
from panel.core.access import Actor, Role
from panel.core.operations import Noun, register_noun

_API = [
    *("id", "status", "contact_name", "company", "email", "phone"),
    *("address", "city", "state", "postal_code", "country", "locale", "time_zone"),
    *("username", "external_id", "description", "provider_id", "is_suspended"),
    *("subscriptions_count", "domains_count", "version", "created_at"),
]
_USER_API = [
    *("id", "username", "name", "email", "user_role", "subscription_ids", "is_active"),
    *("account_id", "version", "created_at"),
]

CUSTOMER = register_noun(
    Noun(
        "customer",
        "customers",
        Customer,
        _("Customer"),
        _("Customers"),
        "person",
        "customer",
        api_fields=_API,
        api_provider_fields=frozenset({"description"}),
    )
)
RESELLER = register_noun(
    Noun(
        "reseller",
        "resellers",
        Reseller,
        _("Reseller"),
        _("Resellers"),
        "people",
        "reseller",
        api_fields=[*_API, "customers_count", "limits"],
        api_provider_fields=frozenset({"description"}),
    )
)
# Any account: what "Add a Customer" or the profile is an operation on.
ACCOUNT = register_noun(
    Noun(
        "account",
        "accounts",
        Account,
        _("Account"),
        _("Accounts"),
        "person-badge",
        api_fields=["id", "role", *_API[1:]],
        api_provider_fields=frozenset({"description"}),
    )
)


@dataclass
class UserNoun(Noun):
    """Additional users; an account's own login is changed on the account's page."""

    def visible_to(self, actor: Actor) -> Any:
        return super().visible_to(actor).filter(is_own=False)


@dataclass
class LoginNoun(Noun):
    """The login one came in with."""

    def visible_to(self, actor: Actor) -> Any:
        return super().visible_to(actor).filter(pk=actor.user_id)


USER = register_noun(
    UserNoun(
        "user",
        "users",
        User,
        _("User"),
        _("Users"),
        "people",
        "user",
        area="users",
        api_fields=_USER_API,
    )
)
LOGIN = register_noun(LoginNoun("login", "logins", User, _("Login"), _("Logins"), "account"))
TOKEN = register_noun(
    Noun(
        "token",
        "tokens",
        ApiToken,
        _("API token"),
        _("API tokens"),
        "key",
        area="profile",
        # The hint is the beginning of its text; the text itself is known to nobody.
        api_fields=["id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at"],
    )
)


def noun_of(account: Account) -> str:
    """The noun whose URLs an account has."""
    return {Role.CUSTOMER: "customer", Role.RESELLER: "reseller"}.get(Role(account.role), "account")


def _search_texts(role: str):
    def source(ids: list[int]) -> Iterable[tuple]:
        rows = Account.objects.unscoped("search text").filter(pk__in=ids, role=role)
        for row in rows:
            words = [row.contact_name, row.company, row.username, row.email]
            detail = " · ".join(word for word in (row.company, row.username, row.email) if word)
            yield (
                row.pk,
                row.account_id,
                row.reseller_id,
                row.contact_name,
                detail,
                words,
                row.removing_at is not None,
            )

    return source


search.register("customer", _search_texts(Role.CUSTOMER))
search.register("reseller", _search_texts(Role.RESELLER))

# What is written down without an operation.
log.labels |= {
    "account.first-run": _("First administrator"),
    "account.log-in-as": _("Log in as"),
    "account.reset-password": _("Password reset on the server"),
    "login.reset-password": _("New password by email"),
    "login.use-recovery-code": _("Logged in with a recovery code"),
    "login.reset-two-factor": _("Two-factor authentication reset on the server"),
}

"""How an account comes to be: the row, its own login, and its place in the tree."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import tree
from accounts.models import Account, User
from panel.core.access import Role


def has_administrator() -> bool:
    """Whether the installation was set up."""
    return Account.objects.unscoped("set up?").filter(role=Role.ADMINISTRATOR).exists()


def add_account(
    role: str,
    provider: Account | None,
    *,
    username: str,
    password: str = "",
    contact_name: str,
    email: str,
    **fields: Any,
) -> Account:
    """A new account with its own login. Everything was validated before; without a password nobody
    can log in until one is set."""
    with transaction.atomic():
        account = Account(
            role=role,
            provider=provider,
            contact_name=contact_name,
            email=email,
            username=username,
            # An account owns itself, but its number is not known yet; adopt() writes it below.
            account_id=provider.pk if provider else 0,
            **fields,
        )
        account.save()
        tree.adopt(account)
        add_user(account, username, password, name=contact_name, email=email, is_own=True)
        account.refresh_from_db()
    return account


def add_user(account: Account, username: str, password: str = "", **fields: Any) -> User:
    """A login of an account: its own, or an additional user."""
    return User.objects.create(
        account=account,
        reseller_id=tree.reseller_of(account),
        username=username,
        password=make_password(password or None),
        **fields,
    )

"""A small world of people who each have a reason to exist, for tests.

admin   the administrator
ada     a reseller, with customers carl and cleo
ben     another reseller, the neighbour, with customer nora
dora    a customer of the administrator's own
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client

from accounts import tree
from accounts.actors import actor_of, users
from accounts.creation import add_user
from accounts.models import Account, User, sort_key
from panel.core import chunks, runs
from panel.core.access import Actor, Role
from panel.core.operations import operations
from panel.core.runs import Finding, Outcome

PASSWORD = "correct horse battery"
# (username, contact name, role, provider's username)
PEOPLE = (
    ("admin", "Adam Administrator", Role.ADMINISTRATOR, None),
    ("ada", "Ada Reseller", Role.RESELLER, "admin"),
    ("ben", "Ben Reseller", Role.RESELLER, "admin"),
    ("carl", "Carl Customer", Role.CUSTOMER, "ada"),
    ("cleo", "Cleo Customer", Role.CUSTOMER, "ada"),
    ("nora", "Nora Neighbour", Role.CUSTOMER, "ben"),
    ("dora", "Dora Direct", Role.CUSTOMER, "admin"),
)


@dataclass
class World:
    """The people by username, and short ways to act as one of them."""

    accounts: dict[str, Account] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Account:
        try:
            return self.__dict__["accounts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def fresh(self, name: str) -> Account:
        """The account as it is stored now."""
        return Account.objects.get(pk=self.accounts[name].pk)

    def user(self, name: str) -> User:
        """A login as it is stored now: an account's own, or an additional user."""
        return users().get(username=name)

    def actor(self, name: str, **changes: Any) -> Actor:
        """Who acts when this login does. KeyError-loud if it is not let in."""
        actor = actor_of(self.user(name))
        assert actor is not None, f"{name} is not let in"
        return actor.through(changes.pop("door", "page"), **changes)

    def client(self, name: str) -> Client:
        """A browser in which this login is logged in."""
        client = Client()
        client.force_login(self.user(name))
        return client

    def perform(self, who: str, operation: str, target: Any, **params: Any) -> Outcome:
        """Perform an operation as `runs.perform` does, with the form's secrets among `params`."""
        found = operations[operation]
        names = getattr(found.form_class, "secret_fields", ())
        secrets = {name: params.pop(name) for name in names if name in params}
        ids = [row.pk for row in (target if isinstance(target, (list, tuple)) else [target])]
        if found.item_form_class is not None:
            of_each = found.item_form_class.base_fields
            shared = {name: params.pop(name) for name in of_each if name in params}
            params[chunks.FOR_ALL] = shared
        return runs.perform(found, self.actor(who), ids, params=params, secrets=secrets)

    def finding(self, who: str, operation: str, target: Any, **params: Any) -> Finding:
        """What became of the one target."""
        (finding,) = self.perform(who, operation, target, **params).findings
        return finding

    def add_user(self, account: str, username: str, **fields: Any) -> User:
        """An additional user, with everybody's password."""
        values = {"name": username.title(), "email": f"{username}@mail.example", **fields}
        return add_user(self.accounts[account], username, PASSWORD, **values)


@transaction.atomic
def make_world() -> World:
    """The people above, each with a login of its own and the password PASSWORD."""
    world = World()
    # Level by level and hashed once: one by one, with the real hasher, it would take each test
    # longer to begin than to run.
    for role in (Role.ADMINISTRATOR, Role.RESELLER, Role.CUSTOMER):
        level = [_account(world, *person) for person in PEOPLE if person[2] == role]
        for account in Account.objects.bulk_create(level):
            world.accounts[account.username] = account
    encoded = make_password(PASSWORD)
    User.objects.bulk_create(
        User(
            account=account,
            username=account.username,
            name=account.contact_name,
            email=account.email,
            password=encoded,
            is_own=True,
        )
        for account in world.accounts.values()
    )
    tree.rehome([account.pk for account in world.accounts.values()])
    world.accounts = {row.username: row for row in Account.objects.all()}
    return world


def _account(
    world: World, username: str, contact_name: str, role: str, provider: str | None
) -> Account:
    above = world.accounts[provider] if provider else None
    return Account(
        role=role,
        provider=above,
        username=username,
        contact_name=contact_name,
        name_key=sort_key(contact_name),
        email=f"{username}@mail.example",
        # Written by rehome(), once all of them have a number.
        account_id=above.pk if above else 0,
    )

"""A small world of people who each have a reason to exist, for tests.

admin   the administrator
ada     a reseller, with customers carl and cleo
ben     another reseller, the neighbour, with customer nora
dora    a customer of the administrator's own
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.actors import actor_of, users
from accounts.creation import add_account, add_user
from accounts.models import Account, User
from panel.core import runs
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
        return runs.perform(found, self.actor(who), ids, params=params, secrets=secrets)

    def finding(self, who: str, operation: str, target: Any, **params: Any) -> Finding:
        """What became of the one target."""
        (finding,) = self.perform(who, operation, target, **params).findings
        return finding

    def add_user(self, account: str, username: str, **fields: Any) -> User:
        """An additional user, with everybody's password."""
        values = {"name": username.title(), "email": f"{username}@mail.example", **fields}
        return add_user(self.accounts[account], username, PASSWORD, **values)


def make_world() -> World:
    """The people above, each with a login of its own and the password PASSWORD."""
    world = World()
    encoded = make_password(PASSWORD)
    for username, contact_name, role, provider in PEOPLE:
        account = add_account(
            role,
            world.accounts.get(provider) if provider else None,
            username=username,
            contact_name=contact_name,
            email=f"{username}@mail.example",
        )
        # Hashed once: with the real hasher, seven people would cost seven hashes in each test.
        User.objects.filter(account=account, is_own=True).update(password=encoded)
        world.accounts[username] = account
    return world

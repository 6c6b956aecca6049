"""Rows for tests of provisioning, written as operations would leave them."""

from accounts.models import Account, User
from hosting import provisioning
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from panel.core.access import Role


def administrator() -> Account:
    """The account that everything here belongs to."""
    found = Account.objects.filter(role=Role.ADMINISTRATOR).first()
    if found is None:
        found = Account(
            role=Role.ADMINISTRATOR, contact_name="Adm", email="adm@panel.example", username="adm"
        )
        # The account is its own owner: the number has to be known before the row is.
        found.pk = 1
        found.account_id = 1
        found.save(force_insert=True)
    return found


def login() -> User:
    """The administrator's own login."""
    account = administrator()
    return User.objects.get_or_create(
        username="adm", defaults={"email": account.email, "account": account, "is_own": True}
    )[0]


def node(name: str = "one") -> Node:
    """A node of that name."""
    return Node.objects.get_or_create(name=name, defaults={"services": {"web": {}, "dns": {}}})[0]


def subscription(name: str, *, deployed: bool = True, on: Node | None = None) -> Subscription:
    """A subscription with a website of its name."""
    number = Subscription.objects.count() + 1
    row = Subscription.objects.create(
        account=administrator(), name=name, system_user=f"user{number}", node=on or node()
    )
    domain(row, name, is_main=True)
    if deployed:
        provisioning.deploy([row.pk])
    return row


def domain(row: Subscription, name: str, **values: object) -> Domain:
    """A site of a subscription."""
    return Domain.objects.create(
        subscription=row, account=row.account, ascii=name, name=name, **values
    )


def alias(of: Domain, name: str, mode: str) -> Alias:
    """Another name for a site."""
    return Alias.objects.create(
        subscription=of.subscription,
        domain=of,
        account=of.account,
        ascii=name,
        name=name,
        mode=mode,
    )


def deployment(row: Subscription) -> Deployment:
    """How far the node of a subscription is, read afresh."""
    return Deployment.objects.get(subscription_id=row.pk)


def suspend(*rows: Subscription) -> None:
    """As `hosting.suspension` does it."""
    ids = [row.pk for row in rows]
    Subscription.objects.filter(pk__in=ids).update(is_suspended=True)
    provisioning.touch(ids)


def activate(*rows: Subscription) -> None:
    """As `hosting.suspension` does it."""
    ids = [row.pk for row in rows]
    Subscription.objects.filter(pk__in=ids).update(is_suspended=False)
    provisioning.touch(ids)


def remove(row: Subscription) -> None:
    """As `hosting.purge` does it: the row goes first, the node follows."""
    provisioning.forget([row.pk])
    Domain.objects.filter(subscription=row).delete()
    Subscription.objects.filter(pk=row.pk).delete()

"""A page asks the database as often for a hundred rows as for a few, and rarely at all."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import users
from accounts.models import Account
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.seed import Seed
from hosting.seed_accounts import Sizes
from panel.core.access import Role

LISTS = {
    Role.ADMINISTRATOR: ("customers", "resellers", "subscriptions", "domains", "plans", "users"),
    Role.RESELLER: ("customers", "subscriptions", "domains", "plans", "users"),
    Role.CUSTOMER: ("subscriptions", "domains", "users"),
}
MOST = 8


def client_of(role: Role) -> tuple[Client, Account]:
    """A browser of the account of this role that has the most."""
    of_role = Account.objects.filter(role=role, is_suspended=False, removing_at=None)
    account = of_role.order_by("-domains_count", "pk").first()
    assert account is not None
    client = Client()
    client.force_login(users().get(account_id=account.pk, is_own=True))
    return client, account


def statements(client: Client, url: str) -> list[str]:
    """What a page asks. The first request is not counted: it may write the session."""
    assert client.get(url).status_code == 200, url
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200, url
    return [query["sql"] for query in asked.captured_queries]


def lists(role: Role) -> Iterator[str]:
    for name in LISTS[role]:
        yield f"/{name}/?"
        yield f"/{name}/?sort=-created&"
        if name not in {"plans", "users"}:
            yield f"/{name}/?status=suspended&"
            yield f"/{name}/?q=local&"


def everything_shows_all_it_can() -> None:
    """Causes, aliases: what a row shows now and then, every row shows."""
    Domain.objects.update(aliases_count=1, is_suspended=True)
    Subscription.objects.update(is_suspended=True)
    Account.objects.filter(role=Role.CUSTOMER, pk__gt=10).exclude(
        pk__in=Account.objects.filter(role=Role.CUSTOMER)
        .order_by("-domains_count")[:1]
        .values("pk")
    ).update(is_suspended=True)


@pytest.mark.parametrize("role", list(Role))
def test_lists_ask_as_often_for_a_hundred_rows_as_for_a_few(db: None, role: Role) -> None:
    if role == Role.CUSTOMER:
        sizes = Sizes(customers=1, subscriptions=130, domains=300, resellers=0)
    else:
        sizes = Sizes(customers=400, subscriptions=500, domains=700, resellers=2)
    Seed(sizes).fill("a password")
    everything_shows_all_it_can()
    client, _account = client_of(role)
    for url in lists(role):
        few, many = statements(client, f"{url}size=25"), statements(client, f"{url}size=100")
        assert len(few) == len(many), f"{url}\n" + "\n".join(many)
        assert len(many) <= MOST, f"{url}\n" + "\n".join(many)


def test_other_pages_ask_a_bounded_number_of_times(db: None) -> None:
    Seed(Sizes(customers=400, subscriptions=500, domains=700, resellers=2)).fill("a password")
    for role, most in ((Role.ADMINISTRATOR, 18), (Role.RESELLER, 17), (Role.CUSTOMER, 10)):
        client, account = client_of(role)
        assert len(statements(client, "/")) <= most, role
        assert len(statements(client, "/search/?q=local")) <= 4, role
        subscription = Subscription.objects.visible_to(_actor(account)).first()
        assert subscription is not None
        asked = statements(client, f"/subscriptions/{subscription.pk}/")
        assert len(asked) <= 18, "\n".join(asked)


def _actor(account: Account) -> object:
    from accounts.actors import actor_of

    return actor_of(users().get(account_id=account.pk, is_own=True))

"""A list is light: what a page of a hundred rows weighs before compression."""

import pytest

from hosting.seed import Seed
from hosting.seed_accounts import Sizes
from panel.core.access import Role
from panel.core.markup import attribute
from tests.panel.test_query_counts import LISTS, client_of

MOST = 60_000


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.RESELLER])
def test_a_hundred_rows_weigh_no_more_than_sixty_kilobytes(db: None, role: Role) -> None:
    Seed(Sizes(customers=400, subscriptions=500, domains=700, resellers=101)).fill("a password")
    client, _account = client_of(role)
    for name in LISTS[role]:
        page = client.get(f"/{name}/?size=100")
        assert len(page.content) <= MOST, f"/{name}/ weighs {len(page.content):,} bytes"


def test_a_value_that_could_end_its_attribute_stands_in_quotes() -> None:
    assert attribute("/customers/7/") == "/customers/7/"
    assert attribute("num") == "num"
    hostile = [
        "",
        "a b",
        "a>b",
        "a'b",
        'a"b',
        "a=b",
        "a`b",
        "a<b",
        "é",
        "a\tb",
        "a\nb",
        "a&b",
        "x\n",
    ]
    for value in hostile:
        assert attribute(value)[0] == attribute(value)[-1] == '"', value
        assert '"' not in attribute(value)[1:-1]

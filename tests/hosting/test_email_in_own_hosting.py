"""An email address inside the account's own hosting gets a warning at the field: while that is
shut, nobody reads it, and a forgotten password cannot be got back."""

import pytest

from panel.core.operations import operations
from panel.core.runs import perform
from tests.hosting.world import HostingWorld, noted, person

CODE = "email_in_own_hosting"
WORDS = "its mail cannot be read"


def edit(world: HostingWorld, username: str, email: str) -> dict[str, str]:
    params = {"contact_name": "Carl", "locale": "en", "time_zone": "UTC", "email": email}
    edited = world.perform("ada", "customer.edit-contact-info", world.fresh(username), **params)
    assert edited.counts == {"done": 1}
    return noted(edited)


@pytest.mark.parametrize(
    "email", ["me@carl.example", "me@CARL.example", "me@shop.carl.example", "me@al.example"]
)
def test_an_email_address_inside_the_own_hosting_is_warned_of(world: HostingWorld, email: str):
    """By domain, subdomain and alias."""
    world.subdomain("carl.example", "shop")
    world.alias("carl.example", "al.example")
    assert WORDS in edit(world, "carl", email)[CODE]
    assert world.fresh("carl").email == email.lower()


@pytest.mark.parametrize("email", ["me@cleo.example", "me@notcarl.example", "me@elsewhere.test"])
def test_an_address_elsewhere_is_not_and_a_neighbours_is_not_told_of(
    world: HostingWorld, email: str
):
    assert CODE not in edit(world, "carl", email)


def test_the_field_says_so_as_long_as_it_is_so(world: HostingWorld):
    url = f"/customers/{world.carl.pk}/edit-contact-info/"
    assert WORDS not in world.client("ada").get(url).content.decode()
    edit(world, "carl", "me@carl.example")
    assert WORDS in world.client("ada").get(url).content.decode()
    assert WORDS in world.client("carl").get("/account/edit-contact-info/").content.decode()


def test_a_new_customer_and_a_user_are_told_as_well(world: HostingWorld):
    params = person("mona", email="mona@new.example", domain="new.example")
    params["create_subscription"] = "on"
    told = world.perform("ada", "account.add-customer", world.accounts["ada"], **params)
    assert CODE in noted(told)
    params = {**person("otto"), "name": "Otto", "email": "otto@carl.example", "user_role": "owner"}
    add = operations["account.add-user"]
    told = perform(
        add,
        world.actor("carl"),
        [world.carl.pk],
        params={**params, "access": "all", "is_active": "on"},
    )
    assert CODE in noted(told)

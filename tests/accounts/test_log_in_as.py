"""Log in as customer, log in as reseller: both names in the log, not nested, back again."""

import pytest
from django.utils import timezone

from accounts.models import Account, User
from accounts.views import log_in_as_action
from panel.core.log import Activity
from panel.core.operations import operations
from tests.world import World


def enter(client, noun: str, account: Account):
    return client.post(f"/{noun}s/{account.pk}/log-in-as/")


def whose(client) -> str:
    """Whose page the Account page shows; "" where nobody is logged in."""
    answer = client.get("/account/")
    return answer.context["page"]["subtitle"] if answer.status_code == 200 else ""


@pytest.mark.parametrize(
    ("who", "noun", "name"),
    [
        ("admin", "customer", "dora"),
        ("admin", "customer", "carl"),
        ("admin", "reseller", "ada"),
        ("ada", "customer", "carl"),
    ],
)
def test_a_provider_enters_an_account_below(world: World, who: str, noun: str, name: str) -> None:
    client = world.client(who)
    answer = enter(client, noun, world.accounts[name])
    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert whose(client) == world.accounts[name].contact_name


def test_both_names_go_into_the_log(world: World) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    entry = Activity.objects.get(action="account.log-in-as")
    assert (entry.actor_name, entry.real_name) == ("carl", "ada")
    assert entry.target_id == world.carl.pk
    given = {"contact_name": "C", "email": "c@c.example", "locale": "en", "time_zone": "UTC"}
    client.post("/account/edit-contact-info/", {**given, "confirmed": "1"})
    entry = Activity.objects.get(action="account.edit-contact-info")
    assert (entry.actor_name, entry.real_name) == ("carl", "ada")


def test_going_back_leads_to_the_page_of_the_account(world: World) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    answer = client.post("/act-as/stop/")
    assert (answer.status_code, answer["Location"]) == (303, f"/customers/{world.carl.pk}/")
    assert whose(client) == "Ada Reseller"
    assert client.post("/act-as/stop/")["Location"] == "/"


def test_it_is_not_nested(world: World) -> None:
    client = world.client("admin")
    enter(client, "reseller", world.ada)
    assert enter(client, "customer", world.carl).status_code == 403
    assert whose(client) == "Ada Reseller"


@pytest.mark.parametrize(
    ("who", "noun", "name", "status"),
    [
        ("ben", "customer", "carl", 404),
        ("ada", "reseller", "ben", 404),
        ("ada", "customer", "dora", 404),
        ("ada", "reseller", "ada", 403),
        ("admin", "customer", "ada", 404),
        ("admin", "reseller", "carl", 404),
        ("carl", "customer", "cleo", 404),
        ("carl", "customer", "carl", 403),
        ("admin", "reseller", "admin", 404),
    ],
)
def test_nobody_else_is_entered(world: World, who: str, noun: str, name: str, status: int) -> None:
    client = world.client(who)
    assert enter(client, noun, world.accounts[name]).status_code == status
    assert whose(client) == world.accounts[who].contact_name


def test_a_removed_account_is_not_entered_and_is_left(world: World) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    Account.objects.filter(pk=world.carl.pk).update(removing_at=timezone.now())
    assert whose(client) == "Ada Reseller"
    assert enter(client, "customer", world.carl).status_code == 404


def test_a_suspended_account_is_entered(world: World) -> None:
    Account.objects.filter(pk=world.carl.pk).update(is_suspended=True)
    client = world.client("ada")
    enter(client, "customer", world.carl)
    assert whose(client) == "Carl Customer"


@pytest.mark.parametrize(
    "change",
    [
        lambda world: User.objects.filter(username="carl").update(epoch=1),
        lambda world: Account.objects.filter(pk=world.carl.pk).update(
            reseller=world.ben, provider=world.ben
        ),
    ],
)
def test_rights_are_asked_again_with_every_request(world: World, change) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    change(world)
    assert whose(client) == "Ada Reseller"


@pytest.mark.parametrize(
    "column", [{"epoch": 1}, {"is_suspended": True}, {"removing_at": "2026-01-01T00:00Z"}]
)
def test_it_ends_with_the_providers_own_session(world: World, column: dict) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    Account.objects.filter(pk=world.ada.pk).update(**column)
    assert whose(client) == ""


def test_logging_out_ends_both(world: World) -> None:
    client = world.client("ada")
    enter(client, "customer", world.carl)
    client.post("/logout/")
    assert whose(client) == ""


def test_a_get_enters_nobody(world: World) -> None:
    client = world.client("ada")
    assert client.get(f"/customers/{world.carl.pk}/log-in-as/").status_code == 405
    assert client.get("/act-as/stop/").status_code == 405


def test_it_is_no_operation_so_neither_api_nor_command_line_has_it() -> None:
    assert not [name for name in operations if "log-in-as" in name]


def test_a_user_cut_down_to_some_areas_enters_nobody(world: World) -> None:
    world.add_user("ada", "vera", user_role="viewer")
    client = world.client("vera")
    assert enter(client, "customer", world.carl).status_code == 403


def test_the_button_is_offered_where_it_works(world: World) -> None:
    action = log_in_as_action(world.actor("ada"), world.carl)
    assert action is not None
    assert (str(action["label"]), action["url"]) == (
        "Log in as customer",
        f"/customers/{world.carl.pk}/log-in-as/",
    )
    assert log_in_as_action(world.actor("ben"), world.carl) is None
    reseller = log_in_as_action(world.actor("admin"), world.ada)
    assert reseller is not None
    assert str(reseller["label"]) == "Log in as reseller"

"""System users: passwords and SSH keys by every door, and what nodes are told of them."""

from typing import Any

import bcrypt
import pytest

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.system.desired import desired
from hosting.services.system.models import SshKey
from hosting.services.system.operations import MOST_KEYS
from panel.core.log import Activity
from tests.hosting.ssh import public_key
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = pytest.mark.django_db
PASSWORD = "subscription.system-user-password"
ADD = "subscription.add-ssh-key"
NEW = "correct horse battery staple"
TYPED = {"password": NEW, "password_again": NEW}


def typed(door: str) -> dict[str, Any]:
    """The password as this door asks for it: only people type it twice."""
    return TYPED if door == "page" else {"password": NEW}


def told(world: HostingWorld, name: str) -> dict[str, Any]:
    """What the node is told of a system user."""
    pk = world.sub(name).pk
    return desired([pk])[pk]


def set_access(name: str, value: str) -> None:
    row = Subscription.objects.get(name=name)
    row.settings = {**row.settings, "ssh_access": value}
    row.save(update_fields=["settings"])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_password_is_set_by_every_door_and_only_its_hash_is_kept(
    world: HostingWorld, door: str, who: str
):
    before = world.generation("carl.example")
    answer = world.through(door, who, PASSWORD, world.sub("carl.example"), **typed(door))
    assert answer.result == "done"
    kept = world.sub("carl.example").system_user_hash
    assert kept.startswith("$2b$10$")
    assert bcrypt.checkpw(NEW.encode(), kept.encode())
    assert told(world, "carl.example")["password"] == kept
    assert world.generation("carl.example") > before
    assert "password" not in told(world, "nora.example")
    entry = Activity.objects.filter(action=PASSWORD).latest("pk")
    assert (entry.old, entry.new) == ({"has_password": False}, {"has_password": True})


def test_a_password_is_taken_away_once_and_twice_is_nothing_new(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("carl", PASSWORD, row, **TYPED)
    assert world.finding("carl", PASSWORD, row, no_password="on").result == "done"
    assert "password" not in told(world, "carl.example")
    assert world.finding("carl", PASSWORD, row, no_password="on").result == "unchanged"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "x7" * 37}, "password"),
        ({"password": NEW, "no_password": True}, "no_password"),
    ],
)
def test_a_password_that_cannot_be_is_an_error_at_its_field(
    world: HostingWorld, given: dict[str, Any], field: str
):
    answer = world.through("api", "carl", PASSWORD, world.sub("carl.example"), **given)
    assert answer.result == "invalid"
    assert list(answer.errors) == [field]
    assert world.sub("carl.example").system_user_hash == ""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_key_is_added_and_removed_by_every_door(world: HostingWorld, door: str, who: str):
    key = public_key("carl", "carl@laptop")
    theirs = world.sub("nora.example")
    world.perform("ben", ADD, theirs, key=public_key("nora"))
    before = world.generation("carl.example")
    assert world.through(door, who, ADD, world.sub("carl.example"), key=key).result == "done"
    row = SshKey.objects.get(subscription=world.sub("carl.example"))
    assert (row.label, row.account, row.reseller) == ("carl@laptop", world.carl, world.ada)
    # The comment is for people; the node gets what was understood and nothing that was typed.
    assert told(world, "carl.example")["keys"] == [public_key("carl")]
    assert world.generation("carl.example") > before
    before = world.generation("carl.example")
    assert world.through(door, who, "ssh-key.remove", row).result == "done"
    assert told(world, "carl.example")["keys"] == []
    assert world.generation("carl.example") > before
    assert told(world, "nora.example")["keys"] == [public_key("nora")]


def test_the_same_key_again_is_no_second_one(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("carl", ADD, row, key=public_key("carl"), label="laptop")
    found = world.finding("carl", ADD, row, key=public_key("carl", "elsewhere"), label="other")
    assert (found.result, found.code) == ("unchanged", "ssh_key_there")
    # A neighbour may have the same person look after it.
    world.perform("ben", ADD, world.sub("nora.example"), key=public_key("carl"))
    assert SshKey.objects.count() == 2


def test_so_many_keys_and_no_more(world: HostingWorld):
    row = world.sub("carl.example")
    for number in range(MOST_KEYS):
        world.perform("carl", ADD, row, key=public_key(str(number)))
    found = world.finding("carl", ADD, row, key=public_key("one more"))
    assert (found.result, found.code) == ("refused", "ssh_keys_many")
    assert SshKey.objects.filter(subscription=row).count() == MOST_KEYS


@pytest.mark.parametrize(
    "key",
    [
        "no key at all",
        'command="/bin/sh" ' + public_key("carl"),
        public_key("carl") + "\nssh-ed25519 AAAA",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_key_is_an_error_at_its_field(world: HostingWorld, key: str):
    answer = world.through("api", "carl", ADD, world.sub("carl.example"), key=key)
    assert answer.result == "invalid"
    assert list(answer.errors) == ["key"]
    assert not SshKey.objects.exists()


@pytest.mark.parametrize(("operation", "given"), [(PASSWORD, TYPED), (ADD, {"key": None})])
def test_without_access_over_ssh_it_is_refused_with_the_reason(
    world: HostingWorld, operation: str, given: dict[str, Any]
):
    set_access("carl.example", "none")
    given = {**given, "key": public_key("carl")} if "key" in given else given
    outcome = world.perform("carl", operation, world.sub("carl.example"), **given)
    assert "has no access to the server over SSH" in why(outcome)
    assert told(world, "carl.example")["access"] == "none"


@pytest.mark.parametrize("operation", [PASSWORD, ADD, "ssh-key.remove"])
def test_a_suspended_subscriber_changes_nothing(world: HostingWorld, operation: str):
    world.perform("carl", ADD, world.sub("carl.example"), key=public_key("carl"))
    world.perform("ada", "subscription.suspend", world.sub("carl.example"))
    target = SshKey.objects.get() if operation == "ssh-key.remove" else world.sub("carl.example")
    given = {PASSWORD: TYPED, ADD: {"key": public_key("new")}}.get(operation, {})
    assert world.finding("carl", operation, target, **given).code == "read_only"
    assert world.finding("ada", operation, target, **given).result == "done"


@pytest.mark.parametrize("operation", [PASSWORD, ADD, "ssh-key.remove"])
def test_nobody_reaches_a_neighbours_system_user(world: HostingWorld, operation: str):
    world.perform("carl", ADD, world.sub("carl.example"), key=public_key("carl"))
    target = SshKey.objects.get() if operation == "ssh-key.remove" else world.sub("carl.example")
    given = {PASSWORD: TYPED, ADD: {"key": public_key("new")}}.get(operation, {})
    for who in ("nora", "ben", "cleo"):
        assert world.finding(who, operation, target, **given).result == "missing"
    assert told(world, "carl.example")["keys"] == [public_key("carl")]


def test_who_had_a_subscription_gets_in_no_longer_when_it_is_anothers(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("carl", PASSWORD, row, **TYPED)
    world.perform("carl", ADD, row, key=public_key("carl"))
    world.perform("cleo", ADD, world.sub("cleo.example"), key=public_key("cleo"))
    before = world.generation("carl.example")
    outcome = world.perform("ada", "subscription.change-subscriber", row, subscriber="cleo")
    assert outcome.is_clean
    now = told(world, "carl.example")
    assert (now["keys"], "password" in now) == ([], False)
    assert world.generation("carl.example") > before
    assert told(world, "cleo.example")["keys"] == [public_key("cleo")]


def test_keys_move_with_a_customer_and_go_with_the_subscription(world: HostingWorld):
    world.perform("carl", ADD, world.sub("carl.example"), key=public_key("carl"))
    world.perform("admin", "customer.move", world.carl, owner="ben")
    assert SshKey.objects.get().reseller == world.accounts["ben"]
    world.perform("admin", "subscription.remove", world.sub("carl.example"))
    world.perform("admin", "subscription.purge", world.sub("carl.example"))
    assert not SshKey.objects.exists()


@pytest.mark.parametrize("door", DOORS)
def test_a_new_subscription_takes_the_password_along(world: HostingWorld, door: str):
    values = {"domain": "new.example", "system_user_password": NEW}
    answer = world.through(door, "ada", "account.add-subscription", world.accounts["ada"], **values)
    assert answer.result == "done"
    kept = world.sub("new.example").system_user_hash
    assert bcrypt.checkpw(NEW.encode(), kept.encode())


def test_plans_say_how_far_their_system_users_get(world: HostingWorld):
    assert told(world, "carl.example")["access"] == "sftp"
    set_access("carl.example", "shell")
    assert told(world, "carl.example")["access"] == "shell"
    assert told(world, "nora.example")["access"] == "sftp"


def test_the_tab_tells_how_to_connect_or_that_the_node_has_no_system_users(world: HostingWorld):
    row = world.sub("carl.example")
    world.perform("carl", ADD, row, key=public_key("carl"), label="my laptop")
    url = f"/subscriptions/{row.pk}/ssh/"
    page = world.client("carl").get(url).content.decode()
    assert "has no system users" in page
    assert "How to connect" not in page
    assert "my laptop" in page
    Node.objects.update(services={"system": {"port": 2222}}, ipv4="203.0.113.5")
    page = world.client("carl").get(url).content.decode()
    assert f"sftp -P 2222 {row.system_user}@203.0.113.5" in page
    assert "has no system users" not in page
    assert "Refused while suspended" not in page
    world.perform("ada", "subscription.suspend", row)
    assert "Refused while suspended" in world.client("carl").get(url).content.decode()
    assert world.client("nora").get(url).status_code == 404


def test_many_are_told_in_a_constant_number_of_questions(
    world: HostingWorld, django_assert_num_queries: Any
):
    ids = list(Subscription.objects.values_list("pk", flat=True))
    with django_assert_num_queries(2):
        assert set(desired(ids)) == set(ids)

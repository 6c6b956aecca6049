"""Databases and their users: by every door, within limits, and what nodes are told of them."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hosting.models.nodes import Node
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.services.database import driver_desired
from hosting.services.database.desired import desired
from hosting.services.database.models import Database, DatabaseUser
from hosting.services.database.passwords import stored
from hosting.services.database.words import MOST_USERS
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld, room, why

pytestmark = pytest.mark.django_db
ADD, ADD_USER = "subscription.add-database", "subscription.add-database-user"
PASSWORD, ACCESS, REMOVE_USER = (
    f"database-user.{verb}" for verb in ("password", "access", "remove")
)
REMOVE = "database.remove"
NEW = "correct horse battery staple"
SERVERS = ("mariadb", "postgresql")


@pytest.fixture(autouse=True)
def _node(world: HostingWorld) -> None:
    """A node with both servers, and subscriptions that may have some databases."""
    offers = {server: {"port": 1, "remote": True} for server in SERVERS}
    Node.objects.update(services={"database": offers})
    room(world, "ada", databases=None)
    room(world, "ben", databases=None)
    for row in Subscription.objects.all():
        row.limits = {**row.limits, "databases": 3}
        row.permissions = sorted({*row.permissions, "manage_databases"})
        row.save(update_fields=["limits", "permissions"])
    for who in ("ada", "ben"):
        account = world.accounts[who]
        account.permissions = sorted({*account.permissions, "manage_databases"})
        account.save(update_fields=["permissions"])


def typed(door: str, **more: Any) -> dict[str, Any]:
    """The password as this door asks for it: only people type it twice."""
    return {"password": NEW, **({"password_again": NEW} if door == "page" else {}), **more}


def add(world: HostingWorld, name: str, who: str = "admin", server: str = "mariadb") -> Database:
    """A database with a user of the same name, as its operation makes it."""
    row = world.sub(name)
    params = typed("page", server=server, name="wp", user="wp")
    assert world.finding(who, ADD, row, **params).result == "done"
    return Database.objects.get(subscription=row, server=server)


def told(world: HostingWorld, name: str) -> dict[str, Any]:
    """What the node is told, after the node has checked it."""
    pk = world.sub(name).pk
    found = desired([pk])[pk]
    driver_desired.parse(found)
    return found


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("who", "server"), [("carl", "mariadb"), ("ada", "postgresql")])
def test_a_database_with_its_user_is_added_and_removed_by_every_door(
    world: HostingWorld, door: str, who: str, server: str
):
    theirs = add(world, "nora.example", server=server)
    row, before = world.sub("carl.example"), world.generation("carl.example")
    params = typed(door, server=server, name="wp", user="wp_user")
    assert world.through(door, who, ADD, row, **params).result == "done"
    made = Database.objects.get(subscription=row)
    assert (made.name, made.account, made.reseller) == (f"s{row.pk}_wp", world.carl, world.ada)
    assert world.sub("carl.example").usage["databases"] == 1
    (user,) = told(world, "carl.example")[server]["users"]
    assert told(world, "carl.example")[server]["databases"] == ["wp"]
    assert (user["name"], user["access"], user["databases"]) == ("wp_user", "full", ["wp"])
    assert world.generation("carl.example") > before
    assert NEW not in str(list(Activity.objects.values())) + str(user)
    assert world.through(door, who, REMOVE, made).result == "done"
    assert told(world, "carl.example") == {}
    assert not DatabaseUser.objects.filter(subscription=row).exists()
    assert world.sub("carl.example").usage["databases"] == 0
    assert Database.objects.get() == theirs
    assert list(told(world, "nora.example")) == [server]


@pytest.mark.parametrize("door", DOORS)
def test_users_are_added_changed_and_removed_by_every_door(world: HostingWorld, door: str):
    one = add(world, "carl.example", "carl")
    row = world.sub("carl.example")
    params = typed(door, name="all", database="mariadb", access="read")
    assert world.through(door, "carl", ADD_USER, row, **params).result == "done"
    user = DatabaseUser.objects.get(name=f"s{row.pk}_all")
    assert (user.database, user.access) == (None, "read")
    before = user.password
    params = {"password": "another horse altogether"}
    again = {"password_again": params["password"]} if door == "page" else {}
    assert world.through(door, "carl", PASSWORD, user, **params, **again).result == "done"
    user.refresh_from_db()
    assert user.password == stored("mariadb", "another horse altogether") != before
    Subscription.objects.filter(pk=row.pk).update(settings={"remote_databases": True})
    params = {
        "database": f"mariadb/{one.name}",
        "access": "full",
        "hosts": "203.0.113.7, 192.0.2.0/24 2001:db8::7",
    }
    assert world.through(door, "carl", ACCESS, user, **params).result == "done"
    assert world.finding("carl", ACCESS, user, **params).result == "unchanged"
    found = {each["name"]: each for each in told(world, "carl.example")["mariadb"]["users"]}
    assert found["all"]["hosts"] == ["192.0.2.0/24", "2001:db8::7", "203.0.113.7"]
    assert (found["all"]["databases"], found["all"]["access"]) == (["wp"], "full")
    # What the plan permits no longer is not told, and is there again when it does.
    Subscription.objects.filter(pk=row.pk).update(settings={})
    assert told(world, "carl.example")["mariadb"]["users"][0]["hosts"] == []
    assert world.through(door, "carl", REMOVE_USER, user).result == "done"
    assert [each["name"] for each in told(world, "carl.example")["mariadb"]["users"]] == ["wp"]


def test_a_name_is_had_once_on_each_server_and_neighbours_have_their_own(world: HostingWorld):
    add(world, "carl.example")
    row = world.sub("carl.example")
    params = typed("page", server="mariadb", name="wp", user="other")
    assert world.finding("carl", ADD, row, **params).code == "database_there"
    params = typed("page", server="mariadb", name="other", user="wp")
    assert world.finding("carl", ADD, row, **params).code == "database_user_there"
    params = typed("page", name="wp", database="mariadb", access="full")
    assert world.finding("carl", ADD_USER, row, **params).code == "database_user_there"
    add(world, "carl.example", server="postgresql")
    add(world, "nora.example")
    assert Database.objects.count() == 3


def test_a_limit_refuses_what_adds_and_the_neighbour_has_its_own(world: HostingWorld):
    row = world.sub("carl.example")
    for name in ("one", "two", "three"):
        assert world.finding("carl", ADD, row, server="mariadb", name=name).result == "done"
    refused = world.perform("carl", ADD, row, server="postgresql", name="four")
    assert "Databases: the limit of this subscription is 3" in why(refused)
    room(world, "ada", databases=3)
    found = world.finding("ada", ADD, world.sub("cleo.example"), server="mariadb", name="one")
    assert found.code == "limit"
    add(world, "nora.example")
    assert Database.objects.filter(subscription=row).count() == 3


def test_what_node_and_plan_do_not_have_is_refused_with_the_reason(world: HostingWorld):
    row = world.sub("carl.example")
    Node.objects.update(services={"database": {"mariadb": {"port": 1, "remote": False}}})
    refused = world.perform("carl", ADD, row, server="postgresql", name="wp")
    assert "has no PostgreSQL" in why(refused)
    add(world, "carl.example")
    user = DatabaseUser.objects.get()
    params = {"database": "mariadb", "access": "full", "hosts": "203.0.113.7"}
    assert world.finding("carl", ACCESS, user, **params).code == "no_remote_databases"
    Subscription.objects.filter(pk=row.pk).update(settings={"remote_databases": True})
    assert world.finding("carl", ACCESS, user, **params).code == "node_not_remote"
    DatabaseUser.objects.bulk_create(
        DatabaseUser(
            account_id=row.account_id, reseller_id=row.reseller_id, subscription=row,
            server="mariadb", name=f"s{row.pk}_{n}", access="full", password="*",
        )
        for n in range(MOST_USERS - 1)
    )  # fmt: skip
    params = typed("page", name="more", database="mariadb", access="full")
    assert world.finding("carl", ADD_USER, row, **params).code == "database_users_many"
    Subscription.objects.filter(pk=row.pk).update(permissions=[])
    assert world.finding("carl", ADD, row, server="mariadb", name="x").code == "no_permission"


@pytest.mark.parametrize(
    ("operation", "given", "field"),
    [
        (ADD, {"server": "mariadb", "name": "Upper"}, "name"),
        (ADD, {"server": "mariadb", "name": "a`b"}, "name"),
        (ADD, {"server": "mariadb", "name": "x" * 33}, "name"),
        (ADD, {"server": "oracle", "name": "wp"}, "server"),
        (ADD, {"server": "mariadb", "name": "wp", "user": "wp"}, "password"),
        (ADD, {"server": "mariadb", "name": "wp", "password": NEW}, "user"),
        (ADD, {"server": "mariadb", "name": "wp", "user": "a'b", "password": NEW}, "user"),
        (ADD, {"server": "mariadb", "name": "wp", "user": "u", "password": "kürzer"}, "password"),
        (ADD, {"server": "mariadb", "name": "wp", "user": "u", "password": "short"}, "password"),
        (ADD_USER, {"name": "u", "database": "mariadb/s1_wp"}, "database"),
        (ADD_USER, {"name": "u", "database": "mariadb", "hosts": "some.host"}, "hosts"),
        (ADD_USER, {"name": "u", "database": "mariadb", "hosts": "2001:db8::/32"}, "hosts"),
        (ADD_USER, {"name": "u", "database": "mariadb", "hosts": "203.0.113.7/24"}, "hosts"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_at_its_field(
    world: HostingWorld, operation: str, given: dict[str, Any], field: str
):
    if operation == ADD_USER:
        given = {"password": NEW, "access": "full", **given}
    answer = world.through("api", "carl", operation, world.sub("carl.example"), **given)
    assert (answer.result, list(answer.errors)) == ("invalid", [field])
    assert not Database.objects.exists()
    assert not DatabaseUser.objects.exists()


@pytest.mark.parametrize("operation", [ADD, ADD_USER, PASSWORD, ACCESS, REMOVE_USER, REMOVE])
def test_a_suspended_subscriber_changes_nothing_and_a_neighbour_never(
    world: HostingWorld, operation: str
):
    one = add(world, "carl.example")
    user, row = DatabaseUser.objects.get(), world.sub("carl.example")
    given = {
        ADD: {"server": "mariadb", "name": "more"},
        ADD_USER: typed("page", name="more", database="mariadb", access="read"),
        PASSWORD: typed("page"),
        ACCESS: {"database": "mariadb", "access": "read"},
    }.get(operation, {})
    target = {REMOVE: one}.get(operation, user if operation.startswith("database-") else row)
    for who in ("nora", "ben", "cleo"):
        assert world.finding(who, operation, target, **given).result == "missing"
    world.suspend("ada", "carl.example")
    assert world.finding("carl", operation, target, **given).code == "read_only"
    assert world.finding("ada", operation, target, **given).result == "done"


def test_many_are_removed_at_once_with_the_users_that_are_of_these_only(world: HostingWorld):
    rows = [add(world, name) for name in ("carl.example", "cleo.example", "nora.example")]
    everywhere = typed("page", name="all", database="mariadb", access="full")
    world.perform("ada", ADD_USER, world.sub("carl.example"), **everywhere)
    outcome = world.perform("ada", REMOVE, rows)
    assert outcome.counts == {"done": 2, "missing": 1}
    assert [row.name for row in Database.objects.all()] == [rows[2].name]
    (user,) = told(world, "carl.example")["mariadb"]["users"]
    assert (user["name"], user["databases"]) == ("all", [])


def test_they_move_with_their_customer_and_go_with_their_subscription(world: HostingWorld):
    add(world, "carl.example")
    user = DatabaseUser.objects.get()
    DatabaseUser.objects.update(hosts=["203.0.113.7"])
    world.perform("admin", "customer.move", world.carl, owner="ben")
    assert Database.objects.get().reseller == world.accounts["ben"]
    row = world.sub("carl.example")
    assert world.perform("ben", "subscription.change-subscriber", row, subscriber="nora").is_clean
    user.refresh_from_db()
    assert (user.account, user.hosts) == (world.nora, [])
    world.perform("admin", "subscription.remove", row)
    assert world.finding("ben", REMOVE, Database.objects.get()).result == "missing"
    world.perform("admin", "subscription.purge", row)
    assert not DatabaseUser.objects.exists()
    assert not Database.objects.exists()


def test_what_is_stored_of_a_password_is_what_the_servers_check(world: HostingWorld):
    # PASSWORD('secret') of MariaDB.
    assert stored("mariadb", "secret") == "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"
    kind, salts, keys = stored("postgresql", "secret").split("$")
    rounds, salt = salts.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", b"secret", base64.b64decode(salt), int(rounds))
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    assert (kind, keys.split(":")[0]) == ("SCRAM-SHA-256", base64.b64encode(client).decode())
    assert stored("postgresql", "secret") != stored("postgresql", "secret")


def test_pages_show_how_to_connect_and_sizes_or_that_the_node_has_no_servers(world: HostingWorld):
    one, client = add(world, "carl.example"), world.client("carl")
    row = world.sub("carl.example")
    tab = f"/subscriptions/{row.pk}/databases/"
    page = client.get(tab).content.decode()
    assert one.name in page
    assert "How to connect to MariaDB" in page
    assert "Refused while suspended" not in page
    assert client.get("/databases/").content.decode().count(one.name) >= 1
    client.post(f"/databases/{one.pk}/sizes")
    assert "being measured" in client.get(f"/databases/{one.pk}/").content.decode()
    sizes = {"mariadb": {one.name: 4096}, "postgresql": {}}
    Question.objects.update(answer={"ok": True, "answer": sizes}, answered_at=row.created_at)
    assert "4.0\xa0KB" in client.get(f"/databases/{one.pk}/").content.decode()
    assert world.client("nora").post(f"/databases/{one.pk}/sizes").status_code == 404
    assert world.client("nora").get(f"/databases/{one.pk}/").status_code == 404
    world.suspend("ada", "carl.example")
    assert "Refused while suspended" in client.get(tab).content.decode()
    Node.objects.update(services={})
    assert "keeps no servers of databases" in client.get(tab).content.decode()


def test_many_are_told_in_a_constant_number_of_questions(
    world: HostingWorld, django_assert_num_queries: Any
):
    for name in ("carl.example", "nora.example", "cleo.example"):
        add(world, name)
    ids = list(Subscription.objects.values_list("pk", flat=True))
    with django_assert_num_queries(3):
        assert set(desired(ids)) == set(ids)


def test_the_list_looks_round_at_nodes_only_while_it_is_empty(world: HostingWorld):
    """Which nodes those of an administrator's subscriptions are took five times the page."""

    def page(who: str) -> tuple[str, list[str]]:
        with CaptureQueriesContext(connection) as asked:
            html = world.client(who).get("/databases/").content.decode()
        return html, [q["sql"] for q in asked.captured_queries if "hosting_node" in q["sql"]]

    html, looked = page("ada")
    assert "A database is added on the page of its subscription" in html
    assert looked
    Node.objects.update(services={})
    assert "neither MariaDB nor PostgreSQL" in page("ada")[0]
    Node.objects.update(services={"database": {"mariadb": {"port": 1, "remote": True}}})
    made = add(world, "carl.example")
    html, looked = page("ada")
    assert made.name in html
    assert looked == []
    assert made.name not in page("ben")[0]

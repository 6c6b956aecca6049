"""FTP accounts: by every door, within limits, and what nodes are told of them."""

from typing import Any

import bcrypt
import pytest

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.ftp import driver_desired
from hosting.services.ftp.desired import desired
from hosting.services.ftp.driver_desired import MOST_KEYS
from hosting.services.ftp.models import FtpAccount
from panel.core.log import Activity
from tests.hosting.ssh import line, public_key
from tests.hosting.world import DOORS, HostingWorld, room, why

pytestmark = pytest.mark.django_db
ADD = "subscription.add-ftp-account"
EDIT, PASSWORD, ADD_KEY, REMOVE_KEY, SUSPEND, ACTIVATE, REMOVE = (
    f"ftp-account.{verb}"
    for verb in (
        "edit", "change-password", "add-key", "remove-key", "suspend", "activate", "remove",
    )
)  # fmt: skip
NEW, OTHER = "correct horse battery staple", "another horse altogether"
NO_SSH, SFTP = {"ssh_access": "none"}, {"ssh_access": "sftp"}


@pytest.fixture(autouse=True)
def _room(world: HostingWorld) -> None:
    """A node that serves FTP, and subscriptions that may have some accounts, with keys."""
    Node.objects.update(services={"ftp": {"port": 21, "sftp_port": 2222}})
    for row in Subscription.objects.all():
        row.limits = {**row.limits, "ftp_accounts": 3}
        row.permissions = sorted({*row.permissions, "manage_ftp"})
        row.settings = SFTP
        row.save(update_fields=["limits", "permissions", "settings"])
    for who in ("ada", "ben"):
        room(world, who, ftp_accounts=None)
        account = world.fresh(who)
        account.permissions = sorted({*account.permissions, "manage_ftp"})
        account.save(update_fields=["permissions"])


def typed(door: str = "page", password: str = NEW) -> dict[str, Any]:
    """The password as this door asks for it: only people type it twice."""
    return {"password": password, **({"password_again": password} if door == "page" else {})}


def add(world: HostingWorld, of: str, who: str = "admin", **more: Any) -> FtpAccount:
    """An account as its operation makes it; named as its subscription, unless said."""
    params = {"name": f"{of.partition('.')[0]}.ftp", **typed(), **more}
    assert world.finding(who, ADD, world.sub(of), **params).result == "done"
    return FtpAccount.objects.get(name=params["name"])


def told(world: HostingWorld, name: str) -> list[dict[str, Any]]:
    """What the node is told, after the node has checked it."""
    pk = world.sub(name).pk
    found = desired([pk])[pk]
    driver_desired.parse(found)
    return found["accounts"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["carl", "ada"])
def test_an_account_is_added_and_removed_by_every_door(world: HostingWorld, door: str, who: str):
    theirs = add(world, "nora.example")
    row, before = world.sub("carl.example"), world.generation("carl.example")
    params = {"name": "carl.shop", "home": "/httpdocs/shop/", **typed(door)}
    assert world.through(door, who, ADD, row, **params).result == "done"
    made = FtpAccount.objects.get(subscription=row)
    assert (made.home, made.account, made.reseller) == ("httpdocs/shop", world.carl, world.ada)
    assert world.sub("carl.example").usage["ftp_accounts"] == 1
    (account,) = told(world, "carl.example")
    assert bcrypt.checkpw(NEW.encode(), account["password"].encode())
    assert (account["name"], account["home"], account["read_only"]) == (
        "carl.shop",
        "httpdocs/shop",
        False,
    )
    assert world.generation("carl.example") > before
    logged = str(list(Activity.objects.values()))
    assert NEW not in logged
    assert made.password_hash not in logged
    assert world.through(door, who, REMOVE, made).result == "done"
    assert world.through(door, who, REMOVE, made).result in {"missing", "not allowed"}
    assert told(world, "carl.example") == []
    assert world.sub("carl.example").usage["ftp_accounts"] == 0
    assert FtpAccount.objects.get() == theirs
    assert len(told(world, "nora.example")) == 1


@pytest.mark.parametrize("door", DOORS)
def test_an_account_is_edited_and_given_a_password_and_keys_by_every_door(
    world: HostingWorld, door: str
):
    one, theirs = add(world, "carl.example", "carl"), add(world, "nora.example")
    before = told(world, "nora.example")
    # A page and a command send a tick; the API a truth.
    params = {"home": "private", "is_read_only": True if door == "api" else "on"}
    assert world.through(door, "carl", EDIT, one, **params).result == "done"
    assert world.finding("carl", EDIT, one, home="private", is_read_only="on").result == "unchanged"
    assert world.through(door, "carl", PASSWORD, one, **typed(door, OTHER)).result == "done"
    key = {"key": public_key("carl"), "label": "laptop"}
    assert world.through(door, "carl", ADD_KEY, one, **key).result == "done"
    assert world.finding("carl", ADD_KEY, one, **key).result == "unchanged"
    (account,) = told(world, "carl.example")
    assert (account["home"], account["read_only"]) == ("private", True)
    assert account["keys"] == [public_key("carl")]
    assert bcrypt.checkpw(OTHER.encode(), account["password"].encode())
    one.refresh_from_db()
    mark = {"fingerprint": one.keys[0]["fingerprint"]}
    assert world.through(door, "carl", REMOVE_KEY, one, **mark).result == "done"
    assert told(world, "carl.example")[0]["keys"] == []
    assert told(world, "nora.example") == before
    assert FtpAccount.objects.get(pk=theirs.pk).password_hash == theirs.password_hash


@pytest.mark.parametrize("door", DOORS)
def test_one_is_switched_off_and_on_by_every_door_and_no_other_with_it(
    world: HostingWorld, door: str
):
    one = add(world, "carl.example", "carl")
    add(world, "carl.example", "carl", name="carl.too")
    add(world, "nora.example")
    (full,) = (each for each in told(world, "carl.example") if each["name"] == "carl.ftp")
    assert world.through(door, "carl", SUSPEND, one).result == "done"
    assert world.finding("carl", SUSPEND, one).result == "unchanged"
    assert [each["name"] for each in told(world, "carl.example")] == ["carl.too"]
    assert len(told(world, "nora.example")) == 1
    # It is there and counts; its password comes back with it.
    assert world.sub("carl.example").usage["ftp_accounts"] == 2
    assert world.through(door, "carl", ACTIVATE, one).result == "done"
    assert world.finding("carl", ACTIVATE, one).result == "unchanged"
    assert full in told(world, "carl.example")


def test_what_was_switched_off_above_only_they_switch_on(world: HostingWorld):
    one = add(world, "carl.example", "carl")
    assert world.finding("ada", SUSPEND, one).result == "done"
    assert world.finding("carl", ACTIVATE, one).code == "ftp_off_above"
    assert told(world, "carl.example") == []
    assert world.finding("ada", ACTIVATE, one).result == "done"
    assert world.finding("carl", SUSPEND, one).result == "done"
    assert world.finding("carl", ACTIVATE, one).result == "done"


def test_a_username_is_had_once_whoever_has_it(world: HostingWorld):
    add(world, "nora.example", name="shop")
    row = world.sub("carl.example")
    for name in ("shop", world.sub("nora.example").system_user, "root"):
        answer = world.through("api", "carl", ADD, row, name=name, **typed("api"))
        assert (answer.result, list(answer.errors)) == ("invalid", ["name"]), name
    assert FtpAccount.objects.count() == 1


def test_a_limit_refuses_what_adds_and_the_neighbour_has_its_own(world: HostingWorld):
    row = world.sub("carl.example")
    for name in ("one", "two", "three"):
        assert world.finding("carl", ADD, row, name=name, **typed()).result == "done"
    refused = world.perform("carl", ADD, row, name="four", **typed())
    assert "FTP accounts: the limit of this subscription is 3" in why(refused)
    room(world, "ada", ftp_accounts=3)
    found = world.finding("ada", ADD, world.sub("cleo.example"), name="five", **typed())
    assert found.code == "limit"
    add(world, "nora.example")
    assert FtpAccount.objects.filter(subscription=row).count() == 3


def test_keys_are_taken_where_the_plan_gives_access_over_ssh(world: HostingWorld):
    one = add(world, "carl.example", "carl")
    key = {"key": public_key("carl"), "label": "laptop"}
    assert world.finding("carl", ADD_KEY, one, **key).result == "done"
    Subscription.objects.filter(pk=one.subscription_id).update(settings=NO_SSH)
    other = {"key": public_key("other"), "label": "other"}
    assert world.finding("carl", ADD_KEY, one, **other).code == "ftp_no_keys"
    # What was there is kept, and not told meanwhile.
    assert told(world, "carl.example")[0]["keys"] == []
    Subscription.objects.filter(pk=one.subscription_id).update(settings=SFTP)
    assert told(world, "carl.example")[0]["keys"] == [public_key("carl")]
    keys = [{"label": str(n), "line": str(n), "fingerprint": str(n)} for n in range(MOST_KEYS)]
    FtpAccount.objects.update(keys=keys)
    assert world.finding("carl", ADD_KEY, one, **other).code == "ftp_keys_many"


@pytest.mark.parametrize(
    ("operation", "given", "field"),
    [
        (ADD, {"name": "Upper"}, "name"),
        (ADD, {"name": "a"}, "name"),
        (ADD, {"name": "a" * 33}, "name"),
        (ADD, {"name": "1st"}, "name"),
        (ADD, {"name": "a'b"}, "name"),
        (ADD, {"name": "a/b"}, "name"),
        (ADD, {"home": "../other"}, "home"),
        (ADD, {"home": "httpdocs//shop"}, "home"),
        (ADD, {"home": "httpdocs/./shop"}, "home"),
        (ADD, {"home": ".ssh"}, "home"),
        (ADD, {"home": "with blank"}, "home"),
        (ADD, {"home": "x" * 201}, "home"),
        (ADD, {"password": "short"}, "password"),
        (ADD, {"password": "Ü" * 40}, "password"),
        (ADD, {"description": "x" * 201}, "description"),
        (EDIT, {"home": "a%b"}, "home"),
        (PASSWORD, {"password": "short"}, "password"),
        (ADD_KEY, {"key": "ssh-ed25519 nonsense"}, "key"),
        (ADD_KEY, {"key": line("sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:")}, "key"),
        (REMOVE_KEY, {"fingerprint": "SHA256:nobody"}, "fingerprint"),
    ],
)
def test_bad_input_is_an_error_at_its_field(
    world: HostingWorld, operation: str, given: dict[str, Any], field: str
):
    row: Any = world.sub("carl.example")
    good = {ADD: {"name": "fine", **typed("api")}, ADD_KEY: {"label": "one"}}.get(operation, {})
    if operation != ADD:
        row = add(world, "carl.example", "carl")
        FtpAccount.objects.update(keys=[{"label": "a", "line": "b", "fingerprint": "c"}])
    before = list(FtpAccount.objects.values())
    answer = world.through("api", "carl", operation, row, **{**good, **given})
    assert (answer.result, list(answer.errors)) == ("invalid", [field])
    assert list(FtpAccount.objects.values()) == before


@pytest.mark.parametrize(
    "operation", [ADD, EDIT, PASSWORD, ADD_KEY, REMOVE_KEY, SUSPEND, ACTIVATE, REMOVE]
)
def test_a_suspended_subscriber_changes_nothing_and_a_neighbour_never(
    world: HostingWorld, operation: str
):
    one = add(world, "carl.example", "carl")
    key = {"label": "a", "line": public_key("a"), "fingerprint": "c"}
    FtpAccount.objects.update(keys=[key], is_on=operation != ACTIVATE)
    given = {
        ADD: {"name": "more", **typed()},
        EDIT: {"home": "private"},
        PASSWORD: typed(),
        ADD_KEY: {"key": public_key("b"), "label": "b"},
        REMOVE_KEY: {"fingerprint": "c"},
    }.get(operation, {})
    target = world.sub("carl.example") if operation == ADD else one
    before = list(FtpAccount.objects.values())
    for who in ("nora", "ben", "cleo"):
        assert world.finding(who, operation, target, **given).result == "missing"
    Subscription.objects.filter(name="carl.example").update(permissions=[])
    assert world.finding("carl", operation, target, **given).code == "no_permission"
    Subscription.objects.filter(name="carl.example").update(permissions=["manage_ftp"])
    world.suspend("ada", "carl.example")
    assert world.finding("carl", operation, target, **given).code == "read_only"
    assert list(FtpAccount.objects.values()) == before
    assert world.finding("ada", operation, target, **given).result == "done"


def test_many_are_removed_at_once(world: HostingWorld):
    rows = [add(world, name) for name in ("carl.example", "cleo.example", "nora.example")]
    assert world.perform("ada", REMOVE, rows).counts == {"done": 2, "missing": 1}
    assert [row.name for row in FtpAccount.objects.all()] == [rows[2].name]


def test_they_move_with_their_customer_and_go_with_their_subscription(world: HostingWorld):
    one = add(world, "carl.example")
    FtpAccount.objects.update(keys=[{"label": "a", "line": public_key("a"), "fingerprint": "c"}])
    world.perform("admin", "customer.move", world.carl, owner="ben")
    assert FtpAccount.objects.get().reseller == world.accounts["ben"]
    row = world.sub("carl.example")
    assert world.perform("ben", "subscription.change-subscriber", row, subscriber="nora").is_clean
    # Whoever had it gets in no longer: the login is there, without password and keys.
    one.refresh_from_db()
    assert (one.account, one.password_hash, one.keys) == (world.nora, "", [])
    assert told(world, "carl.example")[0].keys() == {"name", "home", "read_only", "keys"}
    world.perform("admin", "subscription.remove", row)
    assert world.finding("ben", REMOVE, one).result == "missing"
    world.perform("admin", "subscription.purge", row)
    assert not FtpAccount.objects.exists()


def test_pages_show_how_to_connect_or_that_the_node_serves_no_ftp(world: HostingWorld):
    one, client = add(world, "carl.example", description="the shop"), world.client("carl")
    theirs = add(world, "nora.example", name="nora.secret")
    row = world.sub("carl.example")
    tab, page = f"/subscriptions/{row.pk}/ftp/", f"/ftp-accounts/{one.pk}/"
    for url in (tab, page):
        shown = client.get(url).content.decode()
        assert "sftp -P 2222" in shown
        assert "port 21, with TLS" in shown
        assert "Refused while suspended" not in shown
    listed = client.get("/ftp-accounts/").content.decode()
    assert "the shop" in listed
    assert theirs.name not in listed
    assert client.get(f"/ftp-accounts/{theirs.pk}/").status_code == 404
    world.suspend("ada", "carl.example")
    assert "Refused while suspended" in client.get(tab).content.decode()
    assert "Refused while suspended" in client.get(page).content.decode()
    Node.objects.update(services={})
    for url in (tab, page):
        shown = client.get(url).content.decode()
        assert "serves no FTP" in shown
        assert "sftp -P" not in shown


def test_many_are_told_in_a_constant_number_of_questions(
    world: HostingWorld, django_assert_num_queries: Any
):
    for name in ("carl.example", "nora.example", "cleo.example"):
        add(world, name)
    ids = list(Subscription.objects.values_list("pk", flat=True))
    with django_assert_num_queries(2):
        assert set(desired(ids)) == set(ids)


def test_a_list_is_narrowed_to_what_is_switched_off(world: HostingWorld):
    for name in ("carl.example", "cleo.example", "nora.example"):
        row = add(world, name)
        if name != "cleo.example":
            assert world.finding("admin", SUSPEND, row).result == "done"

    def shown(who: str, status: str) -> set[str]:
        answer = world.client(who).get(f"/ftp-accounts/?status={status}")
        text = answer.content.decode()
        return {name for name in ("carl.ftp", "cleo.ftp", "nora.ftp") if name in text}

    assert shown("admin", "suspended") == {"carl.ftp", "nora.ftp"}
    assert shown("ada", "suspended") == {"carl.ftp"}
    assert shown("ada", "active") == {"cleo.ftp"}
    assert shown("ada", "") == {"carl.ftp", "cleo.ftp"}
    assert shown("nora", "suspended") == {"nora.ftp"}

"""Add a Customer: contact, login, and a subscription or none."""

import pytest

from accounts import credentials
from accounts.models import Account, User
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from panel.core import runs
from panel.core.bulk import BulkRun
from panel.core.log import Activity
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, person

pytestmark = pytest.mark.django_db
ADD = "account.add-customer"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_it_works_by_every_door(world: HostingWorld, door: str, who: str):
    off = {"page": "", "api": False, "cli": "false"}[door]
    params = person("vera", create_subscription=off, description="Came by phone")
    assert world.through(door, who, ADD, world.accounts[who], **params).result == "done"
    made = Account.objects.get(username="vera")
    assert (made.role, made.provider, made.description) == (
        "customer",
        world.accounts[who],
        "Came by phone",
    )
    assert world.user("vera").check_password("velvet-otter-lantern-42")
    assert not Subscription.objects.filter(account=made).exists()


def test_with_a_subscription_both_come_together(world: HostingWorld):
    plan = str(Plan.objects.get(name="Ada Basic").pk)
    params = person("vera", create_subscription="on", domain="vera.example", plan=plan)
    assert world.finding("ada", ADD, world.ada, **params).result == "done"
    row = world.sub("vera.example")
    assert (row.account.username, str(row.plan), row.system_user) == ("vera", "Ada Basic", "vera")


def test_neither_comes_where_the_subscription_is_refused(world: HostingWorld):
    params = person("vera", create_subscription="on", domain="nora.example")
    assert world.finding("ada", ADD, world.ada, **params).code == "name_taken"
    assert not User.objects.filter(username="vera").exists()


def test_a_subscription_needs_a_domain(world: HostingWorld):
    params = person("vera", create_subscription="on")
    answer = world.through("page", "ada", ADD, world.ada, **params)
    assert (answer.result, list(answer.errors)) == ("invalid", ["domain"])


@pytest.mark.parametrize("name", ["Basic", "Ben Basic"])
def test_a_plan_of_another_provider_is_an_error_at_the_field(world: HostingWorld, name: str):
    plan = str(Plan.objects.get(name=name).pk)
    params = person("vera", create_subscription="on", domain="vera.example", plan=plan)
    answer = world.through("page", "ada", ADD, world.ada, **params)
    assert (answer.result, list(answer.errors)) == ("invalid", ["plan"])


# Many are tried in one world: they leave nothing behind.
USERNAMES = [
    *("jäap", "jaaẞ", "1234", "1aap", "root", "www-data", "-a", "a b", "carl", "CARL"),
    *("nora", "x" * 61, "ıvan", "carl@mail.example", "a;b", "$(id)", "<b>"),
]


@pytest.mark.parametrize("door", DOORS)
def test_a_username_that_cannot_be_is_an_error_at_the_field(world: HostingWorld, door: str):
    off = {"page": "", "api": False, "cli": "false"}[door]
    # The page is a long one: every third has to do there.
    for username in USERNAMES[:: 3 if door == "page" else 1]:
        params = {**person("vera", create_subscription=off), "username": username}
        answer = world.through(door, "ada", ADD, world.ada, **params)
        assert answer.result == "invalid", username
        assert "username" in answer.errors, username


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\u2028b", "a\x00b"])
def test_line_breaks_and_nul_are_errors_at_the_field(world: HostingWorld, text: str):
    fields = ("contact_name", "company", "city", "phone", "external_id", "description")
    params = person("vera", create_subscription="", **dict.fromkeys(fields, text))
    answer = world.through("page", "ada", ADD, world.ada, **params)
    assert answer.result == "invalid"
    assert set(answer.errors) == set(fields)


def test_a_username_taken_at_the_same_moment_is_refused(world: HostingWorld, monkeypatch):
    """Both forms found it free; the other one's row is there when this one's is written."""
    answers = iter([False, True])
    monkeypatch.setattr(credentials, "is_taken", lambda *args: next(answers))
    found = world.finding("ada", ADD, world.ada, **person("carl"))
    assert (found.result, found.code) == ("refused", "username_taken")


def test_a_customer_of_somebody_else_gets_no_customers(world: HostingWorld):
    assert world.finding("carl", ADD, world.carl, **person("vera")).code == "not_allowed"
    assert world.finding("ben", ADD, world.ada, **person("vera")).result == "missing"


def test_below_a_suspended_reseller_it_is_shut(world: HostingWorld):
    actor = world.actor("ada")
    world.suspend("admin", "ada")
    # Somebody who was in the middle of it: rights are read anew, and it is refused.
    params = person("vera")
    secrets = {name: params.pop(name) for name in ("password", "password_again")}
    outcome = runs.perform(operations[ADD], actor, [world.ada.pk], params=params, secrets=secrets)
    assert outcome.counts == {"refused": 1}


def test_the_password_is_nowhere_but_hashed(world: HostingWorld):
    world.finding("ada", ADD, world.ada, **person("vera"))
    secret = "velvet-otter-lantern-42"
    assert secret not in str(list(BulkRun.objects.values_list("params", flat=True)))
    assert secret not in str(list(Activity.objects.values_list("details", flat=True)))
    entry = Activity.objects.get(action=ADD)
    assert entry.target_kind == "customer"
    assert entry.new["contact_name"] == "Vera"


def test_contact_emails_need_not_be_unique(world: HostingWorld):
    email = world.fresh("carl").email
    for who, username in (("ada", "one"), ("ben", "two")):
        params = person(username, email=email)
        made = world.finding(who, "account.add-customer", world.accounts[who], **params)
        assert made.result == "done"


def test_a_customer_without_a_subscription_logs_in_and_sees_why_it_is_empty(world: HostingWorld):
    world.customer("ada", "lone")
    page = world.client("lone").get("/").content.decode()
    assert "You have no subscription yet. Your provider adds one" in page
    assert "You have no subscription yet" not in world.client("carl").get("/").content.decode()


def test_an_external_id_made_before_is_returned_as_unchanged(world: HostingWorld):
    params = person("vera", create_subscription=False, external_id="K-1042")
    assert world.through("api", "ada", ADD, world.ada, **params).result == "done"
    assert world.through("api", "ada", ADD, world.ada, **params).result == "unchanged"
    assert Account.objects.filter(external_id="K-1042").count() == 1
    ben = {**params, "username": "vera2"}
    assert world.through("api", "ben", ADD, world.ben, **ben).result == "done"

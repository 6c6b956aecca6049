"""Add a Subscription: for oneself or a customer, by plan or Custom, and what stands against it."""

import pytest

from accounts.models import Account
from hosting import creating
from hosting.forms_subscriptions import find_subscriber
from hosting.models.deployments import Deployment
from hosting.models.domains import Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from panel.core.operations import operations
from tests.hosting.world import DOORS, HostingWorld, room, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
ADD = "account.add-subscription"


def plan_id(name: str) -> str:
    return str(Plan.objects.get(name=name).pk)


@pytest.mark.parametrize("door", DOORS)
def test_a_customer_gets_one_by_every_door(world: HostingWorld, door: str):
    plan: object = plan_id("Ada Basic")
    plan = int(plan) if door == "api" else plan
    params = {"domain": "new.example", "plan": plan}
    assert world.through(door, "ada", ADD, world.carl, **params).result == "done"
    row = world.sub("new.example")
    assert (row.account, row.reseller, str(row.plan)) == (world.carl, world.ada, "Ada Basic")
    assert row.limits.items() >= {"domains": 5, "subdomains": 5, "aliases": 5}.items()
    assert world.site("new.example").is_main
    assert Name.objects.filter(ascii="new.example", account=world.carl).exists()
    assert Deployment.objects.get(subscription_id=row.pk).is_behind


def test_a_provider_keeps_one_for_itself(world: HostingWorld):
    world.finding("ada", ADD, world.ada, domain="own.example", plan=plan_id("Ada Basic"))
    assert world.sub("own.example").account == world.ada


def test_the_page_takes_the_subscriber_by_username(world: HostingWorld):
    answer = world.through("page", "ada", ADD, world.ada, domain="new.example", subscriber="carl")
    assert answer.result == "done"
    assert world.sub("new.example").account == world.carl


@pytest.mark.parametrize("subscriber", ["nora", "dora", "ben", "nobody", "\x00", "9" * 30])
def test_a_subscriber_that_one_may_not_see_does_not_exist(world: HostingWorld, subscriber: str):
    params = {"domain": "new.example", "subscriber": subscriber}
    answer = world.through("page", "ada", ADD, world.ada, **params)
    assert answer.result == "invalid"
    assert list(answer.errors) == ["subscriber"]
    assert not Subscription.objects.filter(name="new.example").exists()


def test_a_customer_adds_none(world: HostingWorld):
    assert world.finding("carl", ADD, world.carl, domain="new.example").code == "not_allowed"


def test_below_a_neighbour_nothing_is_added(world: HostingWorld):
    assert world.finding("ben", ADD, world.carl, domain="new.example").result == "missing"


def test_a_removed_customer_gets_none(world: HostingWorld):
    world.perform("ada", "customer.remove", world.carl)
    assert world.finding("ada", ADD, world.carl, domain="new.example").result == "missing"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("plan", ["Basic", "Ben Basic"])
def test_a_plan_of_another_provider_is_an_error_at_the_field(
    world: HostingWorld, door: str, plan: str
):
    given: object = plan_id(plan)
    given = int(given) if door == "api" else given
    params = {"domain": "new.example", "plan": given}
    answer = world.through(door, "ada", ADD, world.carl, **params)
    assert answer.result == "invalid"
    assert list(answer.errors) == ["plan"]


def test_the_administrator_gives_a_resellers_customer_that_resellers_plans(world: HostingWorld):
    found = world.finding("admin", ADD, world.carl, domain="n.example", plan=plan_id("Basic"))
    assert found.code == "invalid"
    found = world.finding("admin", ADD, world.carl, domain="n.example", plan=plan_id("Ada Basic"))
    assert found.result == "done"


def test_without_a_plan_it_is_custom(world: HostingWorld):
    world.finding("ada", ADD, world.carl, domain="new.example")
    row = world.sub("new.example")
    assert (row.plan_id, row.limits["domains"]) == (None, 1)


@pytest.mark.parametrize(
    "name",
    [
        "root",
        "www-data",
        "1aap",
        "Carl",
        "a",
        "-a",
        "jäap",
        "a b",
        "a\nb",
        "a;b",
        "x" * 32,
        "mysql",
    ],
)
def test_a_system_user_name_that_cannot_be_is_an_error_at_the_field(world: HostingWorld, name: str):
    params = {"domain": "new.example", "system_user": name}
    answer = world.through("page", "ada", ADD, world.carl, **params)
    assert answer.result == "invalid"
    assert list(answer.errors) == ["system_user"]


def test_a_system_user_is_used_once_over_everybody(world: HostingWorld):
    params = {"domain": "new.example", "system_user": "nora"}
    answer = world.through("page", "ada", ADD, world.carl, **params)
    assert list(answer.errors) == ["system_user"]


def test_a_system_user_taken_at_the_same_moment_is_refused_and_a_suggested_one_is_not(
    world: HostingWorld, monkeypatch
):
    """The form found the name free; the other one's row is there when this one's is written."""
    taken = iter([False, True])
    monkeypatch.setattr("hosting.forms.system_user_taken", lambda name: next(taken, True))
    params = {"domain": "new.example", "system_user": "nora"}
    found = world.finding("ada", ADD, world.carl, **params)
    assert (found.result, found.code) == ("refused", "system_user_taken")


def test_an_external_id_is_accepted_where_the_subscribers_number_is(world: HostingWorld):
    """Of two equal ones the own customer's counts; one that looks like a number is told apart."""
    like_a_number = str(world.cleo.pk)
    for one in (world.carl, world.dora):
        Account.objects.filter(pk=one.pk).update(external_id=like_a_number)
    for who, typed, whose in (
        ("admin", f"external:{like_a_number}", world.dora),
        ("ada", f"external:{like_a_number}", world.carl),
        ("ada", like_a_number, world.cleo),
    ):
        assert find_subscriber(typed, world.actor(who, door="api")) == whose, (who, typed)
    Account.objects.filter(pk__in=[world.carl.pk, world.dora.pk]).update(external_id="B-7")
    assert find_subscriber("B-7", world.actor("admin", door="api")) == world.dora
    assert find_subscriber("B-7", world.actor("ada", door="api")) == world.carl
    assert find_subscriber("external:B-7", world.actor("ben", door="api")) is None


def test_a_suggested_system_user_goes_round_one_that_is_taken_meanwhile(
    world: HostingWorld, monkeypatch
):
    suggested = iter(["nora", "fine"])
    monkeypatch.setattr(creating, "suggest_system_user", lambda domain: next(suggested))
    assert world.finding("ada", ADD, world.carl, domain="new.example").result == "done"
    assert world.sub("new.example").system_user == "fine"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("0815.example", "site"),
        ("a.example", "asite"),
        ("root.example", "root2"),
        ("nora.test", "nora2"),
        ("xn--bcher-kva.example", "xn--bcher-kva"),
    ],
)
def test_a_system_user_is_suggested_from_the_domain(
    world: HostingWorld, domain: str, expected: str
):
    assert creating.suggest_system_user(domain) == expected


def test_a_name_in_use_says_where_and_offers_change_subscriber(world: HostingWorld):
    outcome = world.perform("ada", ADD, world.cleo, domain="carl.example")
    assert why(outcome) == (
        "carl.example is taken: subscription carl.example of Carl Customer. Use Change Subscriber"
        " to give that to somebody else."
    )


def test_nothing_is_left_behind_by_a_refusal(world: HostingWorld):
    room(world, "ada", customers=9, subscriptions=3)
    before = (Subscription.objects.count(), Name.objects.count(), Activity.objects.count())
    assert world.finding("ada", ADD, world.carl, domain="new.example").code == "limit"
    assert before == (
        Subscription.objects.count(),
        Name.objects.count(),
        Activity.objects.count(),
    )


def test_it_is_shut_below_a_suspended_customer(world: HostingWorld):
    world.suspend("ada", "carl")
    world.finding("ada", ADD, world.carl, domain="new.example")
    assert not world.runs_("new.example")


def describe(world: HostingWorld, who: str, text: str, **more: object):
    row = world.sub("carl.example")
    return world.finding(who, "subscription.description", row, description=text, **more)


def test_the_provider_describes_it_and_the_subscriber_sees_nothing_of_that(world: HostingWorld):
    assert describe(world, "ada", "Pays in cash").result == "done"
    assert world.sub("carl.example").description == "Pays in cash"
    entry = Activity.objects.get(action="subscription.description")
    assert entry not in Activity.objects.visible_to(world.actor("carl"))
    assert entry in Activity.objects.visible_to(world.actor("ada"))
    page = world.client("carl").get(f"/subscriptions/{world.sub('carl.example').pk}/")
    assert "Pays in cash" not in page.content.decode()
    assert describe(world, "carl", "mine").code == "not_allowed"
    assert describe(world, "ben", "mine").result == "missing"
    assert describe(world, "ada", "Pays in cash").result == "unchanged"
    assert describe(world, "admin", "Pays late").result == "done"


def test_of_its_own_a_reseller_is_the_subscriber_and_finds_no_button(world: HostingWorld):
    row = world.sub("ada.example")
    given = {"description": "Pays in cash"}
    assert world.finding("admin", "subscription.description", row, **given).result == "done"
    for who, sees in (("admin", True), ("ada", False)):
        page = world.client(who).get(f"/subscriptions/{row.pk}/").content.decode()
        assert ("Pays in cash" in page) is sees
        assert (f"/subscriptions/{row.pk}/description/" in page) is sees
        listed = world.client(who).get("/subscriptions/?q=ada").content.decode()
        assert ("Pays in cash" in listed) is sees
    assert world.finding("ada", "subscription.description", row, **given).result == "missing"
    form = Page.open(world.client("ada"), "/subscriptions/add/").text
    assert "Of your own the administrator alone sees it." in form


def test_its_button_says_add_or_edit(world: HostingWorld):
    button = operations["subscription.description"].button_label
    assert str(button(world.sub("carl.example"))) == "[add description]"
    describe(world, "ada", "Pays in cash")
    assert str(button(world.sub("carl.example"))) == "[edit]"


def test_the_administrators_note_is_nobody_elses(world: HostingWorld):
    row = world.sub("carl.example")
    params = {"admin_note": "Watch\nthis one"}
    assert world.finding("ada", "subscription.administrators-note", row, **params).code == (
        "not_allowed"
    )
    found = world.finding("admin", "subscription.administrators-note", row, **params)
    assert found.result == "done"
    assert world.sub("carl.example").admin_note == "Watch\nthis one"
    for who in ("ada", "carl"):
        seen = Activity.objects.visible_to(world.actor(who))
        assert not seen.filter(action="subscription.administrators-note").exists()


def test_a_description_somebody_else_changed_meanwhile_is_not_written_over(world: HostingWorld):
    version = world.sub("carl.example").version
    describe(world, "admin", "By the administrator")
    found = describe(world, "ada", "By Ada", version=str(version))
    assert found.code == "changed_meanwhile"
    assert world.sub("carl.example").description == "By the administrator"

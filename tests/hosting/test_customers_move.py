"""Move: to whom, with what, what is cut and what stays, what stands against it, who learns."""

import pytest

from accounts.models import Account
from hosting import counters
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.models.suspension import SuspensionEntry
from panel.core import reasons, runs, search
from panel.core.log import Activity
from panel.core.operations import operations
from tests.hosting.world import HostingWorld, room, why
from tests.pages import Page
from tests.panel.api_client import Api

pytestmark = pytest.mark.django_db
MOVE = "customer.move"


def move(world: HostingWorld, name: str, to: str, **params: object):
    return world.finding("admin", MOVE, world.fresh(name), owner=to, **params)


def provider(world: HostingWorld, name: str) -> str:
    return world.fresh(name).provider.username


@pytest.mark.parametrize("door", ["api", "cli"])
def test_it_goes_with_everything_it_has(world: HostingWorld, door: str):
    world.domain("carl.example", "more.example")
    world.alias("carl.example", "other.example")
    world.add_user("carl", "carol")
    assert world.through(door, "admin", MOVE, world.carl, owner="ben").result == "done"
    assert provider(world, "carl") == "ben"
    ben = world.actor("ben")
    assert set(operations["subscription.remove"].visible(ben).values_list("name", flat=True)) == {
        "carl.example",
        "nora.example",
    }
    assert world.user("carol").reseller_id == world.ben.pk
    assert (world.fresh("ada").customers_count, world.fresh("ben").customers_count) == (1, 2)


def test_one_by_its_page(world: HostingWorld):
    """name ▸ Move to another, beside Provider ▸ new owner, plan (Custom plan preselected) ▸ OK."""
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/")
    page = page.follow("Move to another")
    form = page.form("Next")
    assert "Ben Reseller (ben)" in form.choices["owner"]
    assert "Ada Reseller (ada)" not in form.choices["owner"]
    assert "all-plan" not in form.values
    page = page.press("Next", owner=form.choices["owner"]["Ben Reseller (ben)"])
    assert "Nothing has been changed yet." in page.text
    assert "1 customer goes to Ben Reseller, with everything it has: 1 subscription." in page.text
    assert "Their subscriptions are Custom" in page.text
    form = page.form("OK")
    assert list(form.choices["all-plan"]) == ["Custom plan", "Ben Basic"]
    assert form.values["all-plan"] == ""
    assert provider(world, "carl") == "ada"
    page = page.press("OK")
    assert "Move to another: done." in page.text
    assert provider(world, "carl") == "ben"
    assert world.sub("carl.example").plan is None


def test_many_from_the_list_with_a_plan_for_each(world: HostingWorld):
    """select ▸ Move to ▸ new owner, a plan for each customer ▸ OK: the same for all, exceptions."""
    small = world.plan("ben", "Ben Small", limits={"domains": 1, "aliases": 0})
    client = world.client("admin")
    ids = [str(world.accounts[name].pk) for name in ("carl", "cleo", "dora", "nora")]
    data = {"ids": ids, "query": "?q=customer"}
    page = Page(client, client.post("/customers/move/", data, follow=True))
    assert "For each of" not in page.text
    page = page.press("Next", owner=str(world.ben.pk))
    form = page.form("OK")
    assert list(form.choices[f"item-{world.carl.pk}-plan"]) == [
        "as for all",
        "Custom plan",
        "Ben Basic",
        "Ben Small",
    ]
    assert "It was so already." in page.text
    typed = {"all-plan": str(small.pk), f"item-{world.cleo.pk}-plan": "custom"}
    page = page.press("OK", **typed)
    assert "take the service plan Ben Small" in page.text
    assert provider(world, "carl") == "ada"
    page = page.press("OK")
    assert "Move to: 3 of 4 done." in page.text
    assert [str(world.sub(f"{who}.example").plan) for who in ("carl", "cleo", "dora", "nora")] == [
        "Ben Small",
        "None",
        "Ben Small",
        "Ben Basic",
    ]
    assert [world.sub("carl.example").limits[name] for name in ("domains", "aliases")] == [1, 0]
    assert [world.sub("cleo.example").limits[name] for name in ("domains", "aliases")] == [5, 5]


def test_a_program_names_the_exceptions(world: HostingWorld):
    basic = Plan.objects.get(name="Ben Basic")
    outcome = runs.perform(
        operations[MOVE],
        world.actor("admin", door="api"),
        [world.carl.pk, world.cleo.pk],
        params={"owner": "ben"},
        items={world.carl.pk: {"plan": str(basic.pk)}},
    )
    assert outcome.counts == {"done": 2}
    assert world.sub("carl.example").plan == basic
    assert world.sub("cleo.example").plan is None


def test_the_link_to_the_old_owners_plan_is_always_cut_and_the_values_stay(world: HostingWorld):
    """Custom plan keeps resources, permissions and applications as they are."""
    row = world.sub("carl.example")
    addon = world.plan("ada", "Ada More", kind="addon")
    SubscriptionAddOn.objects.create(subscription=row, plan=addon)
    counters.recount_plans([addon.pk])
    values = {"limits": {"domains": 3, "aliases": 2}, "permissions": ["manage_aliases"]}
    Subscription.objects.filter(pk=row.pk).update(**values, applications=["wp"], is_locked=True)
    assert move(world, "carl", "admin").result == "done"
    row = world.sub("carl.example")
    assert (row.plan_id, row.is_locked, row.applications) == (None, False, ["wp"])
    assert (row.limits, row.permissions) == (values["limits"], values["permissions"])
    assert not SubscriptionAddOn.objects.exists()
    assert Plan.objects.get(name="Ada Basic").subscriptions_count == 1
    assert Plan.objects.get(pk=addon.pk).subscriptions_count == 0


def test_what_waits_in_the_trash_goes_along_and_counts_nothing(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    room(world, "ben", subscriptions=1)
    assert move(world, "carl", "ben").result == "done"
    row = world.sub("carl.example")
    assert (row.reseller_id, row.plan_id) == (world.ben.pk, None)


def test_the_description_goes_along_only_if_it_is_handed_over(world: HostingWorld):
    """Hand over the description."""
    for name in ("carl", "cleo"):
        Account.objects.filter(username=name).update(description="Pays in cash")
        Subscription.objects.filter(name=f"{name}.example").update(description="Old server")
    move(world, "carl", "ben")
    move(world, "cleo", "ben", hand_over_description="on")
    assert (world.fresh("carl").description, world.sub("carl.example").description) == ("", "")
    assert world.fresh("cleo").description == "Pays in cash"
    assert world.sub("cleo.example").description == "Old server"
    told = [
        entry.details
        for who in ("carl", "ben")
        for entry in Activity.objects.visible_to(world.actor(who))
    ]
    assert not [text for text in told if "cash" in text or "server" in text]
    seen = Activity.objects.visible_to(world.actor("ada")).filter(details__contains="cash")
    assert seen.count() == 1


def test_neither_owner_learns_of_the_other(world: HostingWorld):
    """Nothing of another reseller, not even that it exists."""
    move(world, "carl", "ben")
    for who, other in (("ada", "Ben"), ("ben", "Ada")):
        entries = list(Activity.objects.visible_to(world.actor(who)).filter(action=MOVE))
        assert len(entries) == 1, who
        assert other not in entries[0].details
    assert world.client("ada").get(f"/customers/{world.carl.pk}/").status_code == 404
    assert list(search.matching(world.actor("ada"), "carl")) == []
    found = search.matching(world.actor("ben"), "carl")
    assert {row.kind for row in found} == {"customer", "subscription", "domain"}


def test_twice_changes_nothing(world: HostingWorld):
    before = world.fresh("carl").version
    assert move(world, "carl", "ada").result == "unchanged"
    assert world.fresh("carl").version == before
    assert str(world.sub("carl.example").plan) == "Ada Basic"


LIMITS = [
    ("customers", 1, "Customers: the limit of Ben Reseller is 1, and 1 are used."),
    ("subscriptions", 1, "Subscriptions: the limit of Ben Reseller is 1, and 1 are used."),
    ("domains", 1, "Domains: the limit of Ben Reseller is 1, and 1 are used."),
    ("aliases", 0, "Domain aliases: the limit of Ben Reseller is 0, and 0 are used."),
]


@pytest.mark.parametrize(("resource", "limit", "words"), LIMITS)
def test_refused_by_each_limit_of_the_new_owner_and_nothing_of_it_moves(
    world: HostingWorld, resource: str, limit: int, words: str
):
    """All of one customer moves, or nothing of it."""
    world.alias("carl.example", "other.example")
    room(world, "ben", **{resource: limit})
    outcome = world.perform("admin", MOVE, world.carl, owner="ben")
    assert why(outcome) == f"{words} The administrator can raise it."
    row = world.sub("carl.example")
    assert (provider(world, "carl"), row.reseller_id) == ("ada", world.ada.pk)
    assert str(row.plan) == "Ada Basic"


def test_who_comes_later_is_judged_with_who_came_before(world: HostingWorld):
    """Cumulatively, in list order: who is refused leaves the room to the next."""
    world.space("carl", "second.example")
    room(world, "ben", subscriptions=2)
    outcome = world.perform("admin", MOVE, [world.carl, world.cleo, world.dora], owner="ben")
    assert [finding.result for finding in outcome.findings] == ["refused", "done", "refused"]


def test_everything_that_stands_against_it_is_listed_before_anything_changes(world: HostingWorld):
    room(world, "ben", customers=2)
    Account.objects.filter(pk=world.dora.pk).update(external_id="7")
    Account.objects.filter(pk=world.nora.pk).update(external_id="7")
    client = world.client("admin")
    data = {"ids": [str(world.accounts[name].pk) for name in ("carl", "cleo", "dora")]}
    page = Page(client, client.post("/customers/move/", data, follow=True))
    page = page.press("Next", owner=str(world.ben.pk))
    assert "2 cannot be done" in page.text
    assert "Customers: the limit of Ben Reseller is 2" in page.text
    assert "Ben Reseller has an account with the external id 7 already." in page.text
    assert provider(world, "carl") == "ada"
    page = page.press("OK")
    assert "Move to: 1 of 3 done." in page.text
    assert [provider(world, name) for name in ("carl", "cleo", "dora")] == ["ben", "ada", "admin"]


def test_a_program_may_ask_first(world: HostingWorld):
    """The same as a dry run: through the API and on the command line."""
    room(world, "ben", customers=2)
    api = Api(world, "admin", "read", "write")
    body = {"ids": [world.carl.pk, world.cleo.pk], "owner": "ben", "dry_run": True}
    told = api.post("/customers/move", body).json()
    assert [one["id"] for one in told["refused"]] == [world.cleo.pk]
    assert "Customers: the limit of Ben Reseller is 2" in told["refused"][0]["reason"]
    assert provider(world, "carl") == "ada"
    items = {str(world.carl.pk): {"plan": Plan.objects.get(name="Ben Basic").pk}}
    told = api.post("/customers/move", {**body, "dry_run": False, "items": items}).json()
    assert [len(told[kind]) for kind in ("done", "refused")] == [1, 1]
    assert str(world.sub("carl.example").plan) == "Ben Basic"


def test_external_ids_of_two_that_come_at_once_collide_too(world: HostingWorld):
    Account.objects.filter(username__in=["carl", "dora"]).update(external_id="7")
    outcome = world.perform("admin", MOVE, [world.carl, world.dora], owner="ben")
    assert [finding.code for finding in outcome.findings] == ["", "external_id_there"]


def test_permissions_that_the_new_owner_lacks_are_kept_and_warned_of(world: HostingWorld):
    """Stored, masked, warned."""
    Account.objects.filter(pk=world.ben.pk).update(permissions=["manage_aliases"])
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/move/")
    page = page.press("Next", owner=str(world.ben.pk))
    assert "Ben Reseller does not have these permissions." in page.text
    assert "Domain management" in page.text
    page.press("OK")
    assert "manage_domains" in world.sub("carl.example").permissions


def test_permissions_that_only_the_old_owner_lacked_come_into_force_and_that_is_said(
    world: HostingWorld,
):
    Account.objects.filter(pk=world.ada.pk).update(permissions=["manage_aliases"])
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/move/")
    page = page.press("Next", owner=str(world.ben.pk))
    assert "These permissions come into force" in page.text
    assert "Domain management" in page.text
    page = Page.open(world.client("admin"), f"/customers/{world.dora.pk}/move/")
    assert "come into force" not in page.press("Next", owner=str(world.ben.pk)).text


def test_below_a_suspended_owner_only_if_that_is_ticked(world: HostingWorld):
    """C moves to suspended B: shut."""
    world.suspend("admin", "ben")
    assert move(world, "carl", "ben").code == "owner_suspended"
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/move/")
    page = page.press("Next", owner=str(world.ben.pk))
    assert "Ben Reseller is suspended." in page.text
    assert not page.has("OK")
    page = page.press("Next", below_suspended="on")
    assert "Ben Reseller is suspended, and these are shut with it:" in page.text
    page.press("OK")
    assert provider(world, "carl") == "ben"
    assert not world.runs_("carl")
    assert not world.runs_("carl.example")


def test_what_a_suspends_b_may_activate(world: HostingWorld):
    """A suspends C, C moves to B, B activates: runs."""
    world.suspend("ada", "carl", kind="unpaid", message="Invoice 7")
    move(world, "carl", "ben")
    assert not world.runs_("carl.example")
    assert world.entries("carl") == {("reseller", "unpaid")}
    assert world.activate("ben", "carl").counts == {"done": 1}
    assert world.runs_("carl.example")


def test_below_the_administrator_what_a_suspended_is_the_administrators(world: HostingWorld):
    """`reseller` entries become `administrator` ones, on the account and on its subscriptions; who,
    when and why stay."""
    world.suspend("ada", "carl", kind="unpaid", message="Invoice 7")
    world.suspend("ada", "carl.example", kind="abuse", message="Spam", note="seen by Jo")
    world.suspend("ada", "cleo")
    before = list(SuspensionEntry.objects.order_by("pk").values_list("by_name", "at", "message"))
    move(world, "carl", "admin")
    assert world.entries("carl") == {("administrator", "unpaid")}
    assert world.entries("carl.example") == {("administrator", "abuse")}
    assert world.entries("cleo") == {("reseller", "other")}
    rows = SuspensionEntry.objects.order_by("pk").values_list("by_name", "at", "message")
    assert list(rows) == before


def test_what_ran_only_because_of_the_old_owner_runs_again(world: HostingWorld):
    """adm suspends A, C moves to adm: C runs."""
    world.suspend("admin", "ada")
    page = Page.open(world.client("admin"), f"/customers/{world.carl.pk}/move/")
    page = page.press("Next", owner=str(world.admin.pk))
    assert "These were shut with their provider, and start again:" in page.text
    page.press("OK")
    assert world.runs_("carl")
    assert world.runs_("carl.example")
    assert not world.runs_("cleo.example")


@pytest.mark.parametrize("to", ["carl", "cleo", "nobody", ""])
def test_only_the_administrator_and_resellers_have_customers(world: HostingWorld, to: str):
    assert move(world, "dora", to).code == "invalid"


def test_a_plan_of_somebody_else_is_no_choice(world: HostingWorld):
    plan = Plan.objects.get(name="Ada Basic")
    items = {world.carl.pk: {"plan": str(plan.pk)}}
    actor = world.actor("admin")
    outcome = runs.perform(
        operations[MOVE], actor, [world.carl.pk], params={"owner": "ben"}, items=items
    )
    assert outcome.findings[0].code == "invalid"
    assert provider(world, "carl") == "ada"


def test_the_neighbour_stays_where_it_is(world: HostingWorld):
    before = [world.fresh("nora").version, world.sub("nora.example").version]
    move(world, "carl", "ben")
    assert provider(world, "nora") == "ben"
    assert str(world.sub("nora.example").plan) == "Ben Basic"
    assert [world.fresh("nora").version, world.sub("nora.example").version] == before
    assert provider(world, "cleo") == "ada"


@pytest.mark.parametrize("who", ["ada", "ben", "carl"])
def test_nobody_else_moves_customers(world: HostingWorld, who: str):
    found = world.finding(who, MOVE, world.carl, owner="ben")
    assert found.result in {"refused", "missing"}
    assert provider(world, "carl") == "ada"


def test_every_refusal_has_words():
    assert {"external_id_there", "owner_suspended", "still_has_customers"} <= reasons.known()

"""Hosting settings: a website, forwarding or nothing; the preferred name."""

import pytest

from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = pytest.mark.django_db
SET = "domain.hosting-settings"
AWAY = {"hosting_type": "forwarding", "forward_to": "https://new.example", "forward_code": "302"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_domain_forwards_by_every_door(world: HostingWorld, door: str, who: str):
    before = world.generation("carl.example")
    site = world.site("carl.example")
    assert world.through(door, who, SET, site, **AWAY).result == "done"
    site = world.site("carl.example")
    assert (site.hosting_type, site.forward_to, site.forward_code) == (
        "forwarding",
        "https://new.example",
        302,
    )
    assert site.document_root == "httpdocs"
    assert world.generation("carl.example") > before


@pytest.mark.parametrize("door", DOORS)
def test_a_name_is_preferred_by_every_door_and_twice_is_unchanged(world: HostingWorld, door: str):
    site = world.site("carl.example")
    assert world.through(door, "carl", SET, site, preferred_name="www").result == "done"
    assert world.site("carl.example").preferred_name == "www"
    if door != "page":
        assert world.through(door, "carl", SET, site, preferred_name="www").result == "unchanged"
    assert world.finding("carl", SET, site, preferred_name="www").result == "unchanged"


def test_what_is_not_given_stays(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, **AWAY, document_root="public", preferred_name="bare")
    assert world.through("api", "carl", SET, site, forward_code="301").result == "done"
    row = world.site("carl.example")
    assert (row.hosting_type, row.forward_to, row.forward_code) == (
        "forwarding",
        "https://new.example",
        301,
    )
    assert world.through("cli", "carl", SET, site, hosting_type="website").result == "done"
    row = world.site("carl.example")
    assert (row.hosting_type, row.document_root, row.preferred_name) == (
        "website",
        "public",
        "bare",
    )


def test_the_log_tells_old_and_new(world: HostingWorld):
    world.perform("carl", SET, world.site("carl.example"), **AWAY)
    entry = Activity.objects.filter(action=SET).latest("pk")
    old = {"hosting_type": "website", "forward_to": "", "forward_code": 301}
    assert entry.old == {**old, "version": 1}
    assert entry.new == {**AWAY, "forward_code": 302, "version": 2}


def test_without_an_address_it_does_not_forward(world: HostingWorld):
    for operation, row, params in (
        (SET, world.site("carl.example"), {}),
        ("subscription.add-domain", world.sub("carl.example"), {"name": "shop.example"}),
        ("domain.add-subdomain", world.site("carl.example"), {"name": "shop"}),
    ):
        for door in DOORS:
            answer = world.through(
                door, "carl", operation, row, hosting_type="forwarding", **params
            )
            assert (answer.result, list(answer.errors)) == ("invalid", ["forward_to"])


@pytest.mark.parametrize(
    "address",
    [
        "http://carl.example",
        "https://www.carl.example/x",
        "http://CARL.example:81",
        "http://k.test",
    ],
)
def test_it_does_not_lead_to_itself(world: HostingWorld, address: str):
    world.alias("carl.example", "k.test")
    site = world.site("carl.example")
    found = world.finding("carl", SET, site, **{**AWAY, "forward_to": address})
    assert found.code == "leads_to_itself"
    assert world.site("carl.example").hosting_type == "website"


def test_an_alias_of_it_is_not_where_it_leads(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, **{**AWAY, "forward_to": "http://k.test/page"})
    outcome = world.perform("carl", "domain.add-alias", site, name="k.test")
    assert why(outcome) == "k.test is a name of this domain: it would lead to itself."


def test_a_new_domain_may_forward_from_the_start(world: HostingWorld):
    params = {"name": "shop.example", **AWAY}
    row = world.sub("carl.example")
    assert world.finding("carl", "subscription.add-domain", row, **params).result == "done"
    assert world.site("shop.example").forward_to == "https://new.example"
    outcome = world.perform(
        "carl",
        "domain.add-subdomain",
        world.site("carl.example"),
        name="own",
        **{**AWAY, "forward_to": "http://own.carl.example"},
    )
    assert "would lead to itself" in why(outcome)


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_is_not_found(world: HostingWorld, door: str):
    site = world.site("nora.example")
    for who in ("ada", "carl"):
        assert world.through(door, who, SET, site, **AWAY).result == "missing"
    assert Domain.objects.get(pk=site.pk).hosting_type == "website"


def test_a_customer_needs_the_permission(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(permissions=[])
    site = world.site("carl.example")
    assert world.finding("carl", SET, site, **AWAY).code == "no_permission"
    assert world.finding("ada", SET, site, **AWAY).result == "done"


def test_a_domain_that_forwards_is_switched_off_as_a_website_is(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, **AWAY)
    assert world.finding("carl", "domain.suspend", site).result == "done"
    world.perform("carl", SET, site, hosting_type="none")
    assert world.finding("carl", "domain.activate", site).code == "not_applicable"


def test_its_page_says_where_it_leads(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, **AWAY)
    page = world.client("carl").get(f"/domains/{site.pk}/").content.decode()
    assert "https://new.example (302)" in page
    assert "Document root" not in page


def test_of_several_only_what_was_chosen_changes(world: HostingWorld):
    """Each keeps its hosting type and its document root; a neighbour's is missing."""
    first, second = world.site("carl.example"), world.site("cleo.example")
    Domain.objects.filter(pk=first.pk).update(hosting_type="none", document_root="own")
    rows = [first, second, world.site("nora.example")]
    outcome = world.perform("ada", SET, rows, preferred_name="www")
    assert outcome.counts == {"done": 2, "missing": 1}
    told = [
        (site.hosting_type, site.document_root, site.preferred_name)
        for site in map(world.site, ("carl.example", "cleo.example", "nora.example"))
    ]
    assert told == [
        ("none", "own", "www"),
        ("website", "httpdocs", "www"),
        ("website", "httpdocs", "asked"),
    ]
    assert world.perform("ada", SET, rows[:2], preferred_name="www").counts == {"unchanged": 2}

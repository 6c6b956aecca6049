"""Subdomains: sites of their own below a domain, in its subscription, counted by themselves."""

import pytest

from hosting.models.domains import Domain, Name
from hosting.models.subscriptions import Subscription
from tests.hosting.world import DOORS, HostingWorld, room, why

pytestmark = pytest.mark.django_db
ADD = "domain.add-subdomain"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_it_is_added_by_every_door_and_by_whom_it_concerns(
    world: HostingWorld, door: str, who: str
):
    before = world.generation("carl.example")
    above = world.site("carl.example")
    assert world.through(door, who, ADD, above, name="blog").result == "done"
    site = world.site("blog.carl.example")
    assert (site.account, site.subscription, site.parent) == (
        world.carl,
        above.subscription,
        above,
    )
    assert (site.is_main, site.document_root) == (False, "blog.carl.example")
    assert Name.objects.get(ascii="blog.carl.example").domain == site
    assert world.generation("carl.example") > before


def test_it_counts_against_its_own_limit_and_not_the_domains(world: HostingWorld):
    rows = Subscription.objects.filter(name="carl.example")
    rows.update(limits={"domains": 1, "subdomains": 1, "aliases": 0})
    site = world.site("carl.example")
    assert world.finding("carl", ADD, site, name="one").result == "done"
    assert (
        world.sub("carl.example").usage.items()
        >= {"domains": 1, "subdomains": 1, "aliases": 0}.items()
    )
    assert world.finding("carl", ADD, site, name="two").code == "limit_here"
    world.perform("carl", "domain.remove", world.site("one.carl.example"))
    assert world.finding("carl", ADD, site, name="two").result == "done"


def test_a_resellers_limit_holds_over_all_subdomains_below_it(world: HostingWorld):
    world.subdomain("cleo.example", "one")
    room(world, "ada", subdomains=1)
    found = world.finding("ada", ADD, world.site("carl.example"), name="two")
    assert (found.code, found.params["resource"]) == ("limit", "Subdomains")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("blog", "blog.carl.example"),
        ("BLOG.carl.example.", "blog.carl.example"),
        ("a.b", "a.b.carl.example"),
        ("bücher", "xn--bcher-kva.carl.example"),
        ("evil.example", "evil.example.carl.example"),
        ("xcarl.example", "xcarl.example.carl.example"),
    ],
)
def test_it_is_typed_as_what_stands_before_the_name_or_whole(
    world: HostingWorld, typed: str, name: str
):
    assert world.finding("carl", ADD, world.site("carl.example"), name=typed).result == "done"
    assert world.site(name).parent == world.site("carl.example")


@pytest.mark.parametrize("name", ["www", "mail", "ftp", "-a", "a..b", "a b", "*", "x" * 64, "a/b"])
def test_what_is_no_name_or_reserved_is_an_error_at_its_field(world: HostingWorld, name: str):
    answer = world.through("page", "carl", ADD, world.site("carl.example"), name=name)
    assert (answer.result, list(answer.errors)) == ("invalid", ["name"])


def test_the_same_twice_is_taken(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", ADD, site, name="blog")
    assert world.finding("carl", ADD, site, name="blog").code == "name_taken_here"


def test_a_subdomain_has_none_of_its_own(world: HostingWorld):
    site = world.subdomain("carl.example", "blog")
    assert world.finding("carl", ADD, site, name="one").code == "not_applicable"


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_domain_is_not_found(world: HostingWorld, door: str):
    site = world.site("nora.example")
    for who in ("ada", "carl"):
        assert world.through(door, who, ADD, site, name="blog").result == "missing"
    assert not Domain.objects.filter(parent__isnull=False).exists()


def test_a_customer_needs_the_permission(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(permissions=["manage_domains"])
    site = world.site("carl.example")
    assert world.finding("carl", ADD, site, name="blog").code == "no_permission"
    assert world.finding("ada", ADD, site, name="blog").result == "done"


def test_a_viewer_adds_nothing(world: HostingWorld):
    world.add_user("carl", "carl.viewer", user_role="viewer")
    site = world.site("carl.example")
    assert world.finding("carl.viewer", ADD, site, name="blog").code == "not_allowed"


@pytest.mark.parametrize("door", DOORS)
def test_it_goes_with_its_domain_and_with_all_aliases(world: HostingWorld, door: str):
    shop = world.domain("carl.example", "shop.example")
    world.subdomain("shop.example", "blog")
    world.alias("blog.shop.example", "weblog.example")
    assert world.through(door, "carl", "domain.remove", shop).result == "done"
    assert list(Domain.objects.filter(account=world.carl)) == [world.site("carl.example")]
    assert not Name.objects.filter(ascii__in=["blog.shop.example", "weblog.example"]).exists()
    assert (
        world.sub("carl.example").usage.items()
        >= {"domains": 1, "subdomains": 0, "aliases": 0}.items()
    )


def test_a_domain_and_its_subdomain_are_removed_together(world: HostingWorld):
    shop = world.domain("carl.example", "shop.example")
    blog = world.subdomain("shop.example", "blog")
    outcome = world.perform("carl", "domain.remove", [shop, blog])
    assert {finding.result for finding in outcome.findings} == {"done"}
    assert not Domain.objects.filter(ascii__endswith="shop.example").exists()


def test_a_domain_that_goes_says_what_goes_with_it(world: HostingWorld):
    shop = world.domain("carl.example", "shop.example")
    world.subdomain("shop.example", "blog")
    world.alias("blog.shop.example", "weblog.example")
    page = world.client("carl").get(f"/domains/{shop.pk}/remove/").content.decode()
    assert "2 domains with their files" in page
    assert "1 alias" in page


def test_it_is_suspended_by_itself_and_with_its_subscription(world: HostingWorld):
    blog = world.subdomain("carl.example", "blog")
    world.perform("carl", "domain.suspend", blog)
    assert world.site("blog.carl.example").site_state == "suspended"
    assert world.site("carl.example").site_state == "active"
    world.suspend("ada", "carl.example")
    assert world.site("blog.carl.example").is_suspended


def test_below_a_name_that_the_administrator_suspended_nothing_is_added_elsewhere(
    world: HostingWorld,
):
    """While it carries an administrator entry, nobody below adds its names elsewhere."""
    world.domain("carl.example", "held.test")
    other = world.space("carl", "other.test")
    world.suspend("admin", "carl.example", kind="abuse")
    add = "subscription.add-domain"
    for who in ("ada", "carl"):
        found = world.finding(who, add, other, name="shop.held.test")
        assert found.code == "name_held", who
    outcome = world.perform("ada", "account.add-subscription", world.carl, domain="x.held.test")
    assert "suspended from above" in why(outcome)
    assert world.finding("admin", add, other, name="shop.held.test").result == "done"
    world.activate("admin", "carl.example", abuse="on")
    assert world.finding("ada", add, other, name="blog.held.test").result == "done"


def test_a_neighbour_does_not_learn_that_a_name_is_suspended(world: HostingWorld):
    world.suspend("admin", "carl.example", kind="abuse")
    row = world.sub("nora.example")
    found = world.finding("ben", "subscription.add-domain", row, name="x.carl.example")
    assert found.code == "name_near"

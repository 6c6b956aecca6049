"""Rename: a main domain and its subscription together; what follows, what stays."""

import pytest

from hosting.models.domains import Alias, Domain, Name
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from panel.core.search import SearchText
from tests.hosting.world import DOORS, HostingWorld, room, why

pytestmark = pytest.mark.django_db


def targets(world: HostingWorld, name: str):
    return (
        ("domain.rename", world.site(name)),
        ("subscription.rename", world.sub(name)),
    )


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
@pytest.mark.parametrize("which", [0, 1], ids=["domain", "subscription"])
def test_a_main_domain_and_its_subscription_are_renamed_together(
    world: HostingWorld, door: str, who: str, which: int
):
    """A main domain names its subscription; renaming one renames the other: the home stays, the
    old name stays as a redirecting alias if ticked (default)."""
    operation, row = targets(world, "carl.example")[which]
    before, user = world.generation("carl.example"), world.sub("carl.example").system_user
    assert world.through(door, who, operation, row, name="new.test").result == "done"
    site, subscription = world.site("new.test"), world.sub("new.test")
    assert (site.subscription, site.is_main, site.document_root) == (subscription, True, "httpdocs")
    assert (subscription.system_user, subscription.name_key) == (user, "new.test")
    alias = Alias.objects.get(ascii="carl.example")
    assert (alias.domain, alias.mode, alias.has_mail) == (site, "redirect", True)
    assert set(Name.objects.filter(subscription=subscription).values_list("ascii", "apex")) == {
        ("new.test", "new.test"),
        ("carl.example", "carl.example"),
    }
    assert world.generation("new.test") > before


@pytest.mark.parametrize("door", DOORS)
def test_without_the_tick_the_old_name_is_free_for_others(world: HostingWorld, door: str):
    untold = {"keeps_old_name": False} if door == "api" else {"keeps_old_name": ""}
    if door == "cli":
        untold = {"keeps_old_name": "false"}
    site = world.site("carl.example")
    answer = world.through(door, "carl", "domain.rename", site, name="new.test", **untold)
    assert answer.result == "done"
    assert not Alias.objects.exists()
    row = world.sub("nora.example")
    found = world.finding("ben", "subscription.add-domain", row, name="carl.example")
    assert found.result == "done"


def test_subdomains_follow_and_keep_their_files(world: HostingWorld):
    world.subdomain("carl.example", "blog")
    world.subdomain("carl.example", "a.b")
    aside = world.domain("carl.example", "xcarl.example")
    site = world.site("carl.example")
    world.perform("carl", "domain.rename", site, name="new.test", keeps_old_name="on")
    assert world.site("blog.new.test").document_root == "blog.carl.example"
    assert world.site("a.b.new.test").parent == world.site("new.test")
    assert world.site("xcarl.example") == aside
    kept = dict(Alias.objects.values_list("ascii", "domain__ascii"))
    assert kept == {
        "carl.example": "new.test",
        "blog.carl.example": "blog.new.test",
        "a.b.carl.example": "a.b.new.test",
    }
    assert (
        world.sub("new.test").usage.items() >= {"domains": 2, "subdomains": 2, "aliases": 3}.items()
    )


def test_an_additional_domain_leaves_the_subscriptions_name(world: HostingWorld):
    shop = world.domain("carl.example", "shop.example")
    assert world.finding("carl", "domain.rename", shop, name="store.test").result == "done"
    assert world.sub("carl.example").domains.filter(ascii="store.test").exists()
    assert world.site("store.test").document_root == "shop.example"


@pytest.mark.parametrize("typed", ["news", "NEWS.carl.example"])
def test_a_subdomain_stays_below_its_domain(world: HostingWorld, typed: str):
    blog = world.subdomain("carl.example", "blog")
    assert world.finding("carl", "domain.rename", blog, name=typed).result == "done"
    assert world.site("news.carl.example").pk == blog.pk


def test_back_again_the_alias_gives_the_name(world: HostingWorld):
    site = world.site("carl.example")
    for name in ("new.test", "carl.example"):
        found = world.finding("carl", "domain.rename", site, name=name, keeps_old_name="on")
        assert found.result == "done"
    assert world.sub("carl.example").pk == site.subscription_id
    assert list(Alias.objects.values_list("ascii", flat=True)) == ["new.test"]
    assert Name.objects.filter(subscription_id=site.subscription_id).count() == 2


def test_the_same_name_is_unchanged(world: HostingWorld):
    for operation, row in targets(world, "carl.example"):
        assert world.finding("carl", operation, row, name="CARL.example.").result == "unchanged"
    assert not Alias.objects.exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cleo.example", "name_taken"),
        ("nora.example", "name_taken"),
        ("x.nora.example", "name_near"),
        ("shop.example", "name_taken_here"),
        ("gmail.com", "invalid"),
        ("www.new.test", "invalid"),
        ("..", "invalid"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_at_both(world: HostingWorld, name: str, code: str):
    world.domain("carl.example", "shop.example")
    for operation, row in targets(world, "carl.example"):
        assert world.finding("carl", operation, row, name=name).code == code
    assert world.site("carl.example").is_main


def test_a_subdomain_whose_new_name_is_taken_holds_all_of_it(world: HostingWorld):
    world.subdomain("carl.example", "blog")
    world.space("carl", "blog.new.test")
    found = world.finding("carl", "domain.rename", world.site("carl.example"), name="new.test")
    assert (found.code, found.params["name"]) == ("name_taken_here", "blog.new.test")
    assert world.site("blog.carl.example").parent == world.site("carl.example")


def test_a_name_that_gets_too_long_is_refused(world: HostingWorld):
    world.subdomain("carl.example", ".".join(["a" * 60] * 3))
    name = ".".join(["b" * 60, "b" * 20, "test"])
    found = world.finding("carl", "domain.rename", world.site("carl.example"), name=name)
    assert found.code == "name_too_long"


def test_old_names_count_as_aliases(world: HostingWorld):
    world.subdomain("carl.example", "blog")
    Subscription.objects.filter(name="carl.example").update(
        limits={"domains": 1, "subdomains": 1, "aliases": 1}
    )
    site = world.site("carl.example")
    found = world.finding("carl", "domain.rename", site, name="new.test", keeps_old_name="on")
    assert (found.code, found.params["resource"]) == ("limit_here", "Domain aliases")
    assert world.finding("carl", "domain.rename", site, name="new.test").result == "done"
    room(world, "ada", aliases=0)
    Subscription.objects.update(limits={"domains": 5, "subdomains": 5, "aliases": 5})
    found = world.finding("ada", "domain.rename", site, name="third.test", keeps_old_name="on")
    assert found.code == "limit"


def test_it_does_not_come_to_lead_to_itself(world: HostingWorld):
    site = world.site("carl.example")
    away = {"hosting_type": "forwarding", "forward_to": "https://new.test"}
    world.perform("carl", "domain.hosting-settings", site, **away)
    found = world.finding("carl", "domain.rename", site, name="new.test")
    assert found.code == "leads_to_itself"


@pytest.mark.parametrize("level", ["subscription", "customer", "reseller"])
def test_while_the_administrator_holds_it_nobody_below_renames(world: HostingWorld, level: str):
    """While an object, or an account above it, carries an administrator entry, nobody below the
    administrator renames it or anything in it."""
    shop = world.domain("carl.example", "shop.example")
    held = {"subscription": "carl.example", "customer": "carl", "reseller": "ada"}[level]
    # Of a reseller only the panel is shut: its customers go on.
    who, scope = ("carl", "panel") if level == "reseller" else ("ada", "")
    world.suspend("admin", held, kind="abuse", scope=scope)
    for operation, row in (*targets(world, "carl.example"), ("domain.rename", shop)):
        assert world.finding(who, operation, row, name="new.test").code == "held"
    assert world.finding("admin", "domain.rename", shop, name="new.test").result == "done"


def test_what_is_suspended_is_not_renamed_by_its_subscriber(world: HostingWorld):
    world.suspend("ada", "carl.example")
    for operation, row in targets(world, "carl.example"):
        assert world.finding("carl", operation, row, name="new.test").code == "read_only"
        name = f"{operation.split('.')[0]}.test"
        assert world.finding("ada", operation, row, name=name).result == "done"


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_is_not_found(world: HostingWorld, door: str):
    for operation, row in targets(world, "nora.example"):
        for who in ("ada", "carl"):
            answer = world.through(door, who, operation, row, name="new.test")
            assert answer.result == "missing"
    assert not Domain.objects.filter(ascii="new.test").exists()


def test_a_customer_needs_the_permission(world: HostingWorld):
    blog = world.subdomain("carl.example", "blog")
    rows = Subscription.objects.filter(name="carl.example")
    rows.update(permissions=["manage_subdomains"])
    for operation, row in targets(world, "carl.example"):
        assert world.finding("carl", operation, row, name="new.test").code == "no_permission"
    assert world.finding("carl", "domain.rename", blog, name="news").result == "done"
    rows.update(permissions=["manage_domains"])
    assert world.finding("carl", "domain.rename", blog, name="blog").code == "no_permission"


def test_a_viewer_renames_nothing(world: HostingWorld):
    world.add_user("carl", "carl.viewer", user_role="viewer")
    for operation, row in targets(world, "carl.example"):
        assert world.finding("carl.viewer", operation, row, name="new.test").code == "not_allowed"


def test_it_says_before_what_will_happen(world: HostingWorld):
    world.subdomain("carl.example", "blog")
    site = world.site("carl.example")
    data = {"name": "new.test", "keeps_old_name": "on", "confirmed": "1"}
    page = world.client("carl").post(f"/domains/{site.pk}/rename/", data).content.decode()
    assert "Subscription and main domain are renamed together." in page
    assert "blog.carl.example → blog.new.test" in page
    assert "These stay as aliases and redirect to the new names:" in page
    assert world.site("carl.example").pk == site.pk
    del data["keeps_old_name"]
    page = world.client("carl").post(f"/domains/{site.pk}/rename/", data).content.decode()
    assert "The old names are given up" in page


def test_what_is_renamed_is_found_by_the_new_name_and_logged_for_both(world: HostingWorld):
    site = world.site("carl.example")
    outcome = world.perform("carl", "domain.rename", site, name="bücher.test", keeps_old_name="on")
    assert not why(outcome)
    for kind, pk in (("domain", site.pk), ("subscription", site.subscription_id)):
        assert "bucher.test" in SearchText.objects.get(kind=kind, object_id=pk).text
        entry = Activity.objects.filter(target_kind=kind, target_id=pk).latest("pk")
        assert (entry.action, entry.new["name"]) == (f"{kind}.rename", "bücher.test")
    assert world.sub("bücher.test").pk == site.subscription_id

"""Domains of a subscription: added within limits and permissions, switched off and on, removed."""

import pytest

from hosting.models.domains import Domain, Name
from hosting.models.subscriptions import Subscription
from hosting.sites import site_url
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = pytest.mark.django_db
ADD = "subscription.add-domain"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_it_is_added_by_every_door_and_by_whom_it_concerns(
    world: HostingWorld, door: str, who: str
):
    before = world.generation("carl.example")
    row = world.sub("carl.example")
    assert world.through(door, who, ADD, row, name="shop.example").result == "done"
    site = world.site("shop.example")
    assert (site.account, site.subscription, site.is_main) == (world.carl, row, False)
    assert site.document_root == "shop.example"
    assert world.generation("carl.example") > before
    assert world.sub("carl.example").usage["domains"] == 2


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_subscription_is_not_found(world: HostingWorld, door: str):
    row = world.sub("nora.example")
    for who in ("ada", "carl"):
        assert world.through(door, who, ADD, row, name="shop.example").result == "missing"
    assert not Domain.objects.filter(ascii="shop.example").exists()


def test_a_customer_needs_the_permission(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(permissions=[])
    row = world.sub("carl.example")
    assert world.finding("carl", ADD, row, name="shop.example").code == "no_permission"
    assert world.finding("ada", ADD, row, name="shop.example").result == "done"


def test_a_viewer_adds_nothing(world: HostingWorld):
    world.add_user("carl", "carl.viewer", user_role="viewer")
    row = world.sub("carl.example")
    assert world.finding("carl.viewer", ADD, row, name="shop.example").code == "not_allowed"


@pytest.mark.parametrize(
    "root",
    ["../etc", "/etc/passwd/..", "a/../../b", "a b", "-rf", ".ssh", "a\nb", "a\x00b", "$(id)"],
)
def test_a_document_root_leads_nowhere_else(world: HostingWorld, root: str):
    for operation, row, params in (
        (ADD, world.sub("carl.example"), {"name": "shop.example"}),
        ("domain.hosting-settings", world.site("carl.example"), {}),
    ):
        answer = world.through("page", "carl", operation, row, document_root=root, **params)
        assert answer.result == "invalid"
        assert list(answer.errors) == ["document_root"]


def test_hosting_settings_say_where_the_files_are(world: HostingWorld):
    site = world.site("carl.example")
    before = world.generation("carl.example")
    params = {"document_root": "httpdocs/public"}
    assert world.finding("carl", "domain.hosting-settings", site, **params).result == "done"
    assert world.site("carl.example").document_root == "httpdocs/public"
    assert world.generation("carl.example") > before
    assert world.finding("carl", "domain.hosting-settings", site, **params).result == "unchanged"


def test_settings_that_crossed_are_not_written_over(world: HostingWorld):
    site = world.site("carl.example")
    version = str(site.version)
    first = {"document_root": "one", "version": version}
    assert world.finding("carl", "domain.hosting-settings", site, **first).result == "done"
    second = {"document_root": "two", "version": version}
    assert world.finding("ada", "domain.hosting-settings", site, **second).result == "refused"
    assert world.site("carl.example").document_root == "one"


@pytest.mark.parametrize("door", DOORS)
def test_a_website_is_suspended_disabled_and_active_again(world: HostingWorld, door: str):
    site = world.site("carl.example")
    for verb, state in (("suspend", "suspended"), ("disable", "disabled"), ("activate", "active")):
        before = world.generation("carl.example")
        assert world.through(door, "carl", f"domain.{verb}", site).result == "done"
        assert world.site("carl.example").site_state == state
        assert world.generation("carl.example") > before
        assert world.finding("carl", f"domain.{verb}", site).result == "unchanged"
    assert world.runs_("carl.example")


def test_nothing_leads_to_a_website_that_is_disabled(world: HostingWorld):
    """It is gone from the web server, under its aliases as well."""
    site, client = world.site("carl.example"), world.client("carl")
    world.alias("carl.example", "other.test")
    page = f"/domains/{site.pk}/"
    for verb, there in (("suspend", True), ("disable", False), ("activate", True)):
        world.perform("carl", f"domain.{verb}", site)
        html = client.get(page).content.decode()
        for name in ("carl.example", "other.test"):
            assert name in html
            assert (f'href="{site_url(name)}"' in html) is there, (verb, name)


@pytest.mark.parametrize("above", ["ada", "admin"])
def test_a_subscriber_lifts_only_its_own_switch(world: HostingWorld, above: str):
    site = world.site("carl.example")
    world.perform(above, "domain.suspend", site)
    for verb in ("activate", "disable"):
        assert world.finding("carl", f"domain.{verb}", site).code == "site_off_above"
    assert world.site("carl.example").site_state == "suspended"
    assert world.finding(above, "domain.activate", site).result == "done"
    world.perform("carl", "domain.suspend", site)
    assert world.finding("carl", "domain.activate", site).result == "done"


def test_a_reseller_does_not_lift_the_administrators(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("admin", "domain.disable", site)
    assert world.finding("ada", "domain.activate", site).code == "site_off_above"
    world.perform("admin", "domain.activate", site)
    world.perform("carl", "domain.disable", site)
    assert world.finding("ada", "domain.activate", site).result == "done"


@pytest.mark.parametrize("door", DOORS)
def test_an_additional_domain_is_removed_with_its_aliases(world: HostingWorld, door: str):
    site = world.domain("carl.example", "shop.example")
    world.alias("shop.example", "store.example")
    assert world.through(door, "carl", "domain.remove", site).result == "done"
    assert not Name.objects.filter(ascii__in=["shop.example", "store.example"]).exists()
    assert (
        world.sub("carl.example").usage.items()
        >= {
            "domains": 1,
            "subdomains": 0,
            "aliases": 0,
        }.items()
    )
    assert world.site("carl.example").subscription == world.sub("carl.example")


def test_a_main_domain_goes_with_its_subscription(world: HostingWorld):
    outcome = world.perform("ada", "domain.remove", world.site("carl.example"))
    assert why(outcome) == "carl.example is the main domain: remove the subscription instead."


def test_what_hangs_on_a_removed_subscription_is_not_found(world: HostingWorld):
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    site = world.site("carl.example")
    assert world.finding("ada", "domain.suspend", site).result == "missing"
    assert world.finding("ada", ADD, world.sub("carl.example"), name="x.example").result == (
        "missing"
    )


@pytest.mark.parametrize("role", ["owner", "webmaster"])
def test_an_additional_user_may_never_more_than_the_subscription_permits(
    world: HostingWorld, role: str
):
    world.add_user("carl", "vera", user_role=role)
    Subscription.objects.filter(name="carl.example").update(permissions=[])
    found = world.finding("vera", ADD, world.sub("carl.example"), name="x.example")
    assert (found.result, found.code) == ("refused", "no_permission")
    Subscription.objects.filter(name="carl.example").update(permissions=["manage_domains"])
    found = world.finding("vera", ADD, world.sub("carl.example"), name="x.example")
    assert found.result == "done"
    assert world.finding("vera", ADD, world.sub("cleo.example"), name="y.example").result == (
        "missing"
    )

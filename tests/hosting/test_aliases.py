"""Aliases: another name for a domain, never a site of its own."""

import pytest

from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from panel.core.log import Activity
from panel.core.search import SearchText
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = pytest.mark.django_db
ADD = "domain.add-alias"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_it_is_added_by_every_door_and_redirects(world: HostingWorld, door: str, who: str):
    site = world.site("carl.example")
    before = world.generation("carl.example")
    assert world.through(door, who, ADD, site, name="karl.example").result == "done"
    alias = Alias.objects.get(ascii="karl.example")
    assert (alias.mode, alias.domain, alias.account) == ("redirect", site, world.carl)
    assert world.generation("carl.example") > before
    assert world.site("carl.example").aliases_count == 1


def test_it_is_no_domain_and_uses_no_domain_limit(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    assert not Domain.objects.filter(ascii="karl.example").exists()
    assert (
        world.sub("carl.example").usage.items()
        >= {
            "domains": 1,
            "subdomains": 0,
            "aliases": 1,
        }.items()
    )


def test_it_can_be_the_same_site(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", ADD, site, name="karl.example", mode="same")
    alias = Alias.objects.get()
    assert alias.mode == "same"
    assert world.finding("carl", "alias.edit", alias, mode="redirect").result == "done"
    assert world.finding("carl", "alias.edit", alias, mode="redirect").result == "unchanged"
    assert world.finding("carl", "alias.edit", alias, mode="proxy").code == "invalid"


@pytest.mark.parametrize("door", DOORS)
def test_mail_and_the_zone_go_along_unless_one_says_otherwise(world: HostingWorld, door: str):
    site = world.site("carl.example")
    world.through(door, "carl", ADD, site, name="karl.example")
    alias = Alias.objects.get(ascii="karl.example")
    assert (alias.has_mail, alias.syncs_dns) == (True, True)
    off = {"has_mail": False, "syncs_dns": False} if door == "api" else {"has_mail": ""}
    if door == "cli":
        off = {"has_mail": "false", "syncs_dns": "false"}
    if door == "page":
        off = {"has_mail": "", "syncs_dns": "", "mode": "redirect"}
    assert world.through(door, "carl", "alias.edit", alias, **off).result == "done"
    alias.refresh_from_db()
    assert (alias.mode, alias.has_mail, alias.syncs_dns) == ("redirect", False, False)
    assert Activity.objects.filter(action="alias.edit").latest("pk").new == {
        "has_mail": False,
        "syncs_dns": False,
        "version": 2,
    }


def test_options_that_crossed_are_not_written_over(world: HostingWorld):
    alias = world.alias("carl.example", "karl.example")
    first = {"mode": "same", "has_mail": "on", "syncs_dns": "on", "version": "1"}
    assert world.finding("carl", "alias.edit", alias, **first).result == "done"
    second = {"mode": "redirect", "syncs_dns": "on", "version": "1"}
    assert world.finding("ada", "alias.edit", alias, **second).result == "refused"
    assert Alias.objects.get(pk=alias.pk).has_mail


def test_the_domain_is_found_by_it(world: HostingWorld):
    world.perform("carl", ADD, world.site("carl.example"), name="bücher.example")
    found = SearchText.objects.get(kind="domain", object_id=world.site("carl.example").pk)
    assert "bücher.example" in found.text or "bucher.example" in found.text
    world.perform("carl", "alias.remove", Alias.objects.get())
    found = SearchText.objects.get(kind="domain", object_id=world.site("carl.example").pk)
    assert "cher.example" not in found.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("carl.example", "carl.example is taken: it belongs to the subscription carl.example."),
        ("CARL.example.", "carl.example is taken: it belongs to the subscription carl.example."),
        ("cleo.example", "cleo.example is taken."),
        ("nora.example", "nora.example is taken."),
        ("a.cleo.example", "a.cleo.example is below or above a name of somebody else."),
    ],
)
def test_a_name_in_use_is_refused_and_told_as_far_as_one_may_know(
    world: HostingWorld, name: str, words: str
):
    assert why(world.perform("carl", ADD, world.site("carl.example"), name=name)) == words


def test_an_alias_of_an_alias_is_taken(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    found = world.finding("carl", ADD, world.site("carl.example"), name="karl.example")
    assert found.code == "name_taken_here"
    found = world.finding("cleo", ADD, world.site("cleo.example"), name="karl.example")
    assert found.code == "name_taken"


def test_a_customer_needs_the_permission(world: HostingWorld):
    Subscription.objects.filter(name="carl.example").update(permissions=["manage_domains"])
    site, alias = world.site("carl.example"), world.alias("carl.example", "karl.example")
    assert world.finding("carl", ADD, site, name="x.example").code == "no_permission"
    assert world.finding("carl", "alias.remove", alias).code == "no_permission"
    assert world.finding("ada", ADD, site, name="x.example").result == "done"


@pytest.mark.parametrize("door", DOORS)
def test_removing_gives_the_name_back(world: HostingWorld, door: str):
    alias = world.alias("carl.example", "karl.example")
    assert world.through(door, "carl", "alias.remove", alias).result == "done"
    assert world.finding("cleo", ADD, world.site("cleo.example"), name="karl.example").result == (
        "done"
    )


@pytest.mark.parametrize("door", DOORS)
def test_the_neighbours_is_not_found(world: HostingWorld, door: str):
    alias = world.alias("carl.example", "karl.example")
    for who in ("ben", "nora", "cleo"):
        assert world.through(door, who, "alias.remove", alias).result == "missing"
        assert world.through(
            door, who, ADD, world.site("carl.example"), name="x.example"
        ).result == ("missing")
    assert Alias.objects.filter(pk=alias.pk).exists()


def test_after_its_removal_one_is_back_on_the_page_of_its_domain(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    alias = Alias.objects.get()
    page = world.client("ada").post(f"/aliases/{alias.pk}/remove/", {"confirmed": "1"})
    assert page["Location"].startswith(f"/domains/{alias.domain_id}/?run=")

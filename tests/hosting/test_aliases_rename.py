"""Rename an alias: the same options under another name, the old one free for others."""

import pytest

from hosting.models.domains import Alias, Name
from hosting.services.dns.models import Zone
from panel.core.log import Activity
from tests.hosting.dns import more, put
from tests.hosting.world import DOORS, HostingWorld, why
from tests.pages import Page

pytestmark = pytest.mark.django_db
RENAME = "alias.rename"


@pytest.fixture
def alias(world: HostingWorld) -> Alias:
    """Another name of Carl's, with options that are not the usual ones."""
    site = world.site("carl.example")
    given = {"name": "karl.example", "mode": "same", "has_mail": False, "syncs_dns": False}
    assert world.finding("carl", "domain.add-alias", site, **given).result == "done"
    return Alias.objects.get(ascii="karl.example")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_it_is_renamed_by_every_door(world: HostingWorld, alias: Alias, door: str, who: str):
    before, theirs = world.generation("carl.example"), world.generation("nora.example")
    assert world.through(door, who, RENAME, alias, name="bücher.test").result == "done"
    alias.refresh_from_db()
    assert (alias.ascii, alias.name) == ("xn--bcher-kva.test", "bücher.test")
    assert (alias.mode, alias.has_mail, alias.syncs_dns) == ("same", False, False)
    assert Name.objects.get(alias=alias).ascii == "xn--bcher-kva.test"
    assert not Name.objects.filter(ascii="karl.example").exists()
    assert world.generation("carl.example") > before
    assert world.generation("nora.example") == theirs
    told = Activity.objects.filter(action=RENAME).latest("pk")
    assert (told.old["name"], told.new["name"]) == ("karl.example", "bücher.test")


def test_the_page_says_that_the_old_name_is_given_up(world: HostingWorld, alias: Alias):
    url = f"/aliases/{alias.pk}/rename/"
    assert url in world.client("carl").get(f"/domains/{alias.domain_id}/").content.decode()
    page = Page.open(world.client("carl"), url)
    asked = page.press("Next", name="kern.test")
    assert "The old name is given up" in asked.text
    assert "karl.example" in asked.text
    assert "Rename: done." in asked.press("OK").text
    assert Alias.objects.get().name == "kern.test"


def test_its_zone_and_its_search_words_come_along(world: HostingWorld, alias: Alias):
    put("karl.example", "shop", "A", "203.0.113.7")
    world.perform("carl", RENAME, alias, name="kern.test")
    assert Zone.objects.get(alias=alias).ascii == "kern.test"
    assert more("kern.test") == [("shop", "A", "203.0.113.7")]
    found = world.client("ada").get("/domains/?q=kern.test").content.decode()
    assert "kern.test: alias of carl.example" in found


def test_the_old_name_is_free_for_others(world: HostingWorld, alias: Alias):
    world.perform("carl", RENAME, alias, name="kern.test")
    row = world.sub("nora.example")
    answer = world.finding("ben", "subscription.add-domain", row, name="karl.example")
    assert answer.result == "done"


def test_the_same_name_changes_nothing(world: HostingWorld, alias: Alias):
    assert world.finding("carl", RENAME, alias, name="KARL.example").result == "unchanged"


@pytest.mark.parametrize(
    ("name", "code"), [("cleo.example", "name_taken"), ("shop.nora.example", "name_near")]
)
def test_a_name_of_somebody_else_is_refused(
    world: HostingWorld, alias: Alias, name: str, code: str
):
    assert world.finding("carl", RENAME, alias, name=name).code == code
    assert Alias.objects.get().ascii == "karl.example"


def test_it_does_not_become_where_its_domain_leads(world: HostingWorld, alias: Alias):
    site = world.site("carl.example")
    forward = {"hosting_type": "forwarding", "forward_to": "https://kern.test/"}
    world.perform("carl", "domain.hosting-settings", site, **forward)
    answer = world.perform("carl", RENAME, alias, name="kern.test")
    assert "it would lead to itself" in why(answer)


def test_what_the_administrator_suspended_is_not_renamed_below_it(
    world: HostingWorld, alias: Alias
):
    world.perform("admin", "subscription.suspend", world.sub("carl.example"), kind="abuse")
    assert world.finding("ada", RENAME, alias, name="kern.test").result == "refused"
    assert world.finding("admin", RENAME, alias, name="kern.test").result == "done"


def test_the_neighbour_finds_nothing_to_rename(world: HostingWorld, alias: Alias):
    for who in ("cleo", "ben", "nora"):
        assert world.finding(who, RENAME, alias, name="kern.test").result == "missing"

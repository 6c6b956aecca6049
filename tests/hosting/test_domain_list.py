"""The list of domains: what finds them, what it shows of each, and adding from it."""

from html import unescape

import pytest

from hosting.models.subscriptions import Subscription
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def found(world: HostingWorld, who: str, text: str) -> str:
    page = world.client(who).get("/domains/", {"q": text}).content.decode()
    return unescape(page.partition("<tbody>")[2].partition("</tbody>")[0])


@pytest.mark.parametrize(
    "text", ["carl.example", "blog.carl", "karl.test", "Carl Customer", "Bakery", "bücher.karl"]
)
def test_it_finds_by_domain_subdomain_alias_customer_and_company(world: HostingWorld, text: str):
    site = world.site("carl.example")
    world.perform("carl", "domain.add-alias", site, name="karl.test")
    world.perform("carl", "domain.add-alias", site, name="bücher.karl.test")
    world.perform("carl", "domain.add-subdomain", site, name="blog")
    # The company comes last: what is found by it follows at once.
    answer = world.through("api", "ada", "customer.edit-contact-info", world.carl, company="Bakery")
    assert answer.result == "done"
    rows = found(world, "ada", text)
    assert "carl.example</a>" in rows
    assert "cleo.example" not in rows
    assert "nora.example" not in rows


def test_an_alias_that_is_looked_for_says_whose_it_is(world: HostingWorld):
    for name in ("a.test", "b.test", "c.test", "k.test"):
        world.perform("carl", "domain.add-alias", world.site("carl.example"), name=name)
    assert "k.test: alias of carl.example" in found(world, "ada", "k.test")
    assert "a.test, b.test, c.test +1" in found(world, "ada", "carl.example")


def test_it_shows_hosting_type_status_and_the_way_to_the_site(world: HostingWorld):
    site = world.site("carl.example")
    away = {"hosting_type": "forwarding", "forward_to": "https://xn--bcher-kva.test/x"}
    world.perform("carl", "domain.hosting-settings", site, **away)
    world.perform("carl", "domain.suspend", site)
    rows = found(world, "carl", "carl.example")
    assert "Forwarding to bücher.test" in rows
    assert "Suspended" in rows
    assert "View Site" in rows
    world.perform("carl", "domain.disable", site)
    for page in ("/domains/", "/"):
        assert "View Site" not in world.client("carl").get(page).content.decode()
    world.perform("carl", "domain.activate", site)
    assert "View Site" in world.client("carl").get("/").content.decode()
    world.perform("carl", "domain.hosting-settings", site, hosting_type="none")
    rows = found(world, "carl", "carl.example")
    assert "No hosting" in rows
    assert "View Site" not in rows


@pytest.mark.parametrize("kind", ["website", "forwarding", "none"])
def test_it_is_narrowed_by_hosting_type(world: HostingWorld, kind: str):
    site = world.site("carl.example")
    params = {"hosting_type": kind, "forward_to": "https://new.test"}
    world.perform("carl", "domain.hosting-settings", site, **params)
    for wanted in ("website", "forwarding", "none"):
        page = world.client("ada").get("/domains/", {"hosting_type": wanted}).content.decode()
        assert ("carl.example</a>" in page) == (wanted == kind)


@pytest.mark.parametrize(
    ("what", "label", "typed"),
    [
        ("domain", "Add Domain", "/subscriptions/{}/add-domain/"),
        ("subdomain", "Add Subdomain", "/domains/{}/add-subdomain/"),
        ("alias", "Add Domain Alias", "/domains/{}/add-alias/"),
    ],
)
def test_adding_from_it_asks_below_what(
    world: HostingWorld, what: str, label: str, typed: str, monkeypatch: pytest.MonkeyPatch
):
    client, url = world.client("ada"), f"/domains/add/{what}/"
    page = client.get("/domains/").content.decode()
    assert label in page
    assert f'href="{url}"' in page
    row = world.sub("cleo.example") if what == "domain" else world.site("cleo.example")
    assert "nora.example" not in client.get(url).content.decode()
    assert client.post(url, {"below": str(row.pk)})["Location"] == typed.format(row.pk)
    theirs = world.sub("nora.example") if what == "domain" else world.site("nora.example")
    assert client.post(url, {"below": str(theirs.pk)}).status_code == 422
    # Of many, one types a name of it.
    monkeypatch.setattr("hosting.views.choosing.OFFERED", 1)
    world.alias("cleo.example", "cläo.test".encode("idna").decode())
    for name in ("cleo.example", "CLEO.example.", "cläo.test"):
        assert client.post(url, {"below": name})["Location"] == typed.format(row.pk), name
    for name in ("nora.example", "nobody.test", "..", ""):
        assert client.post(url, {"below": name}).status_code == 422, name


def test_with_one_to_choose_nothing_is_asked(world: HostingWorld):
    row = world.sub("carl.example")
    answer = world.client("carl").get("/domains/add/domain/")
    assert answer["Location"] == f"/subscriptions/{row.pk}/add-domain/"


def test_a_customer_is_offered_what_the_plan_has(world: HostingWorld):
    page = world.client("carl").get("/").content.decode()
    for label in ("Add Domain", "Add Subdomain", "Add Domain Alias"):
        assert label in page
    rows = Subscription.objects.filter(name="carl.example")
    rows.update(
        permissions=["manage_domains", "manage_subdomains"],
        limits={"domains": 1, "subdomains": 0, "aliases": 5},
    )
    page = world.client("carl").get("/").content.decode()
    assert "Add Domain" in page
    assert "Add Subdomain" not in page
    assert "Add Domain Alias" not in page


def test_a_domains_page_has_its_subdomains_and_the_way_back(world: HostingWorld):
    site = world.site("carl.example")
    client = world.client("carl")
    page = client.get(f"/domains/{site.pk}/subdomains/").content.decode()
    assert f'href="/domains/{site.pk}/add-subdomain/"' in page
    blog = world.subdomain("carl.example", "blog")
    page = client.get(f"/domains/{site.pk}/subdomains/").content.decode()
    assert f"/domains/{blog.pk}/" in page
    page = client.get(f"/domains/{blog.pk}/subdomains/").content.decode()
    assert f'href="/domains/{site.pk}/"' in page
    assert "add-subdomain" not in page


def test_rare_buttons_stand_in_a_menu_before_what_takes_something_away(world: HostingWorld):
    """The bar stays one row, whatever services add to it."""
    page = world.client("ada").get("/domains/").content.decode()
    bar = page.partition('class="bulk"')[2].partition("<output")[0]
    places = [bar.index(f"{label} ") for label in ("Change Status", "More")]
    places.append(bar.index(">Remove<"))
    assert places == sorted(places)
    menu = bar[places[1] : places[2]]
    assert "HTTPS Settings" in menu
    assert "PHP Settings" in menu

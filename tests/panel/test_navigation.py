"""The menu of each role, and the lists that stand beside each other as tabs."""

import re

import pytest

from panel.core.markup import in_a_sentence
from tests.world import World

pytestmark = pytest.mark.django_db

# As the frame is described: only pages that are there, each with an icon of its own.
MENUS = {
    "admin": "Home, Customers, Resellers, Domains, Subscriptions, Service Plans, Nodes, Activity,"
    " Settings",
    "ada": "Home, Customers, Domains, Subscriptions, Service Plans, Activity, Account",
    "carl": "Websites & Domains, Subscriptions, Mail, FTP Access, Databases, Scheduled Tasks,"
    " Users, Account",
}


def menu(world: World, who: str) -> list[tuple[str, str]]:
    """Labels with the name of their icon."""
    page = world.client(who).get("/").content.decode()
    part = page.partition('<nav class="sidenav"')[2].partition("</nav>")[0]
    found = re.findall(r'#([\w-]+)"/></svg>\s*<span>([^<]+)</span>', part)
    return [(label.replace("&amp;", "&"), icon) for icon, label in found]


@pytest.mark.parametrize("who", MENUS)
def test_the_menu_is_that_of_the_role(world: World, who: str) -> None:
    assert [label for label, _icon in menu(world, who)] == MENUS[who].split(", ")


@pytest.mark.parametrize("who", MENUS)
def test_no_two_entries_have_the_same_icon(world: World, who: str) -> None:
    icons = [icon for _label, icon in menu(world, who)]
    assert len(icons) == len(set(icons))


def tabs(world: World, who: str, path: str) -> list[str]:
    page = world.client(who).get(path).content.decode()
    part = page.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    return [text.strip() for text in re.findall(r"<a [^>]*>([^<]+)", part)]


def test_zones_and_their_template_stand_beside_domains(world: World) -> None:
    beside = ["Domains", "DNS Zones", "SSL/TLS Certificates"]
    for path in ("/domains/", "/zones/", "/template-records/"):
        assert tabs(world, "admin", path) == [*beside, "DNS Template"]
    for path in ("/domains/", "/zones/"):
        assert tabs(world, "ada", path) == beside
    assert tabs(world, "carl", "/domains/") == []


def test_what_subscriptions_have_stands_beside_them_for_providers(world: World) -> None:
    beside = ["Subscriptions", "Mail", "Databases", "FTP Access", "Scheduled Tasks"]
    for path in (
        "/subscriptions/",
        "/mailboxes/",
        "/databases/",
        "/ftp-accounts/",
        "/scheduled-tasks/",
    ):
        assert tabs(world, "ada", path) == beside
        assert tabs(world, "carl", path) == []


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Service Plans", "service plans"),
        ("FTP accounts", "FTP accounts"),
        ("DNS Zones", "DNS zones"),
        ("SSH key", "SSH key"),
        ("Add-ons", "add-ons"),
    ],
)
def test_counts_keep_the_capitals_of_what_is_never_written_without(label: str, words: str) -> None:
    assert in_a_sentence(label) == words


def test_a_list_counts_what_it_holds_in_words(world: World) -> None:
    page = world.client("admin").get("/zones/").content.decode()
    assert "0 DNS zones" in page


def test_a_tab_leaves_the_entry_of_its_list_marked(world: World) -> None:
    page = world.client("admin").get("/zones/").content.decode()
    part = page.partition('<nav class="sidenav"')[2]
    marked = re.search(r'aria-current="page">.*?<span>([^<]+)', part, re.DOTALL)
    assert marked is not None
    assert marked[1] == "Domains"


def test_a_list_with_an_entry_of_its_own_is_marked_there_alone(world: World) -> None:
    for path, entry in (("/databases/", "Databases"), ("/ftp-accounts/", "FTP Access")):
        page = world.client("carl").get(path).content.decode()
        part = page.partition('<nav class="sidenav"')[2].partition("</nav>")[0]
        marked = re.findall(r'aria-current="page">.*?<span>([^<]+)', part, re.DOTALL)
        assert marked == [entry]

"""Names that mail is taken in for: a mailbox in a stranger's domain gets none of its mail."""

import pytest

from hosting.models.nodes import Node
from hosting.services.mail import localnames
from hosting.services.mail.models import LocalName
from panel.core.log import Activity
from tests.hosting.test_mailboxes import domain, granted, made, told
from tests.hosting.world import DOORS, HostingWorld, why

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("granted")]
TAKE = "domain.take-mail-in"
__all__ = ["granted"]


def here(world: HostingWorld, name: str) -> set[str]:
    """The names that the node takes mail in for."""
    found = told(world, name)["domains"]
    return {each for site in found if site["here"] for each in (site["name"], *site["aliases"])}


def asker(records: dict[tuple[str, str], list[str]]) -> localnames.Ask:
    return lambda name, kind: records.get((name, kind), [])


@pytest.fixture
def serving(world: HostingWorld) -> None:
    """The node has mail, at an address."""
    Node.objects.update(services={"mail": {"ports": {}}}, ipv4="203.0.113.5", ipv6="2001:db8::5")


def test_a_mailbox_alone_makes_no_name_its_subscribers(world: HostingWorld):
    made(world, "carl", "carl.example", is_catch_all="on")
    world.alias("carl.example", "al.example")
    assert here(world, "carl.example") == set()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_somebody_above_has_it_taken_in_by_every_door(world: HostingWorld, door: str, who: str):
    made(world, "carl", "carl.example")
    made(world, "cleo", "cleo.example")
    world.alias("carl.example", "al.example")
    before, row = world.generation("carl.example"), domain(world, "carl.example")
    assert world.through(door, who, TAKE, row).result == "done"
    assert here(world, "carl.example") == {"carl.example", "al.example"}
    assert here(world, "cleo.example") == set()
    assert world.generation("carl.example") > before
    assert Activity.objects.latest("pk").new == {"mail_names": ["carl.example", "al.example"]}
    assert world.finding(who, TAKE, row).result == "unchanged"


def test_subscribers_do_not_vouch_for_themselves(world: HostingWorld):
    made(world, "carl", "carl.example")
    row = domain(world, "carl.example")
    assert world.through("api", "carl", TAKE, row).result == "not allowed"
    assert world.through("api", "ben", TAKE, row).result == "missing"
    outcome = world.perform("ada", TAKE, domain(world, "ada.example"))
    assert "Only somebody above the subscriber" in why(outcome)
    assert not LocalName.objects.exists()


def test_a_name_whose_mail_comes_here_is_taken_in_by_itself(world: HostingWorld, serving: None):
    for who in ("carl", "cleo", "nora"):
        made(world, who, f"{who}.example")
    world.alias("carl.example", "al.example")
    localnames.look(
        asker(
            {
                ("carl.example", "MX"): ["mx.carl.example"],
                ("mx.carl.example", "A"): ["203.0.113.5"],
                ("al.example", "MX"): ["elsewhere.example", "mx6.example"],
                ("mx6.example", "AAAA"): ["2001:db8::5"],
                ("cleo.example", "MX"): ["elsewhere.example"],
                ("elsewhere.example", "A"): ["203.0.113.6"],
                # That its website is here says nothing of its mail.
                ("nora.example", "A"): ["203.0.113.5"],
            }
        )
    )
    assert here(world, "carl.example") == {"carl.example", "al.example"}
    assert here(world, "cleo.example") == here(world, "nora.example") == set()


def test_nothing_is_asked_where_nobody_waits_and_no_round_lasts(
    world: HostingWorld, serving: None, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    localnames.look(lambda name, _kind: asked.append(name) or [])
    assert asked == []
    made(world, "carl", "carl.example")
    made(world, "nora", "nora.example")
    monkeypatch.setattr(localnames, "_PATIENCE", -1.0)
    localnames.look(lambda name, _kind: asked.append(name) or [])
    assert asked == []


def test_a_name_that_went_has_to_be_shown_again(world: HostingWorld):
    made(world, "carl", "carl.example")
    made(world, "cleo", "cleo.example")
    for name in ("carl.example", "cleo.example"):
        assert world.finding("admin", TAKE, domain(world, name)).result == "done"
    row = domain(world, "carl.example")
    for name in ("karl.example", "carl.example"):
        assert world.finding("ada", "domain.rename", row, name=name).result == "done"
    assert here(world, "carl.example") == set()
    assert here(world, "cleo.example") == {"cleo.example"}


def test_the_tab_says_what_waits_and_who_can_change_it(world: HostingWorld, serving: None):
    made(world, "carl", "carl.example")
    ports = {"imaps": 9930, "pop3s": 9950, "submission": 5870}
    Node.objects.update(services={"mail": {"ports": ports}})
    url = f"/domains/{domain(world, 'carl.example').pk}/mail/"
    words, button = "Nothing arrives here for carl.example", "Take Mail In"
    page = world.client("carl").get(url).content.decode()
    assert words in page
    assert button not in page
    assert button in world.client("ada").get(url).content.decode()
    assert world.finding("ada", TAKE, domain(world, "carl.example")).result == "done"
    assert words not in world.client("carl").get(url).content.decode()

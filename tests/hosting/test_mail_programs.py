"""Mail programs are told where a mailbox is, and by which ports."""

import plistlib
from typing import Any

import pytest

from hosting.models.domains import Alias
from hosting.models.nodes import Node
from hosting.services.web.desired import desired
from hosting.services.web.driver_desired import parse
from tests.hosting.certificates import a_pair, above
from tests.hosting.test_mailboxes import WORDS, granted, made
from tests.hosting.world import HostingWorld

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("granted")]
__all__ = ["granted"]
PORTS = {"imaps": 9930, "pop3s": 9950, "submission": 5870, "submissions": 4650}


def serve(**ports: int) -> None:
    Node.objects.update(services={"mail": {"ports": ports}}, ipv4="203.0.113.5")


@pytest.mark.parametrize("who", ["carl", "ada", "admin"])
def test_a_profile_holds_the_settings_of_its_mailbox_and_no_secret(world: HostingWorld, who: str):
    box, theirs = made(world, "carl", "carl.example"), made(world, "nora", "nora.example")
    serve(**PORTS)
    answer = world.client(who).get(f"/mailboxes/{box.pk}/apple.mobileconfig")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/x-apple-aspen-config"
    assert f"mailbox-{box.pk}.mobileconfig" in answer["Content-Disposition"]
    [account] = plistlib.loads(answer.content)["PayloadContent"]
    assert account["EmailAddress"] == "info@carl.example"
    for way, port in (("Incoming", 9930), ("Outgoing", 4650)):
        assert account[f"{way}MailServerHostName"] == "203.0.113.5"
        assert account[f"{way}MailServerPortNumber"] == port
        assert account[f"{way}MailServerUseSSL"] is True
        assert account[f"{way}MailServerUsername"] == "info@carl.example"
    assert WORDS.encode() not in answer.content
    assert box.password_hash.encode() not in answer.content
    if who == "carl":
        url = f"/mailboxes/{theirs.pk}/apple.mobileconfig"
        assert world.client(who).get(url).status_code == 404
        assert world.client("nora").get(url).status_code == 200


def test_a_profile_is_offered_only_where_the_node_serves_what_it_names(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    tab, own = f"/domains/{box.domain_id}/mail/", f"/mailboxes/{box.pk}/"
    url = f"/mailboxes/{box.pk}/apple.mobileconfig"
    client: Any = world.client("carl")
    for ports in ({}, {"imaps": 9930, "pop3s": 9950, "submission": 5870}):
        Node.objects.update(services={"mail": {"ports": ports}} if ports else {})
        assert "info@carl.example" in (page := client.get(own).content.decode())
        assert url not in page
        answer = client.get(url)
        assert (answer.status_code, answer["Location"]) == (303, tab)
    serve(**PORTS)
    assert url in client.get(own).content.decode()
    assert client.get(url).status_code == 200


def told(world: HostingWorld, name: str) -> list[dict[str, Any]]:
    """What the web server of the node is told of mail, which the agent takes as it is."""
    found: dict[str, Any] = desired([world.sub(name).pk])[world.sub(name).pk]
    parse(found)
    return found.get("mail", [])


def test_the_web_server_is_told_of_domains_with_mailboxes_where_the_node_has_mail(
    world: HostingWorld,
):
    Node.objects.update(ipv4="203.0.113.5")
    box = made(world, "carl", "carl.example")
    world.alias("carl.example", "with.example")
    world.alias("carl.example", "without.example")
    Alias.objects.filter(ascii="without.example").update(has_mail=False)
    made(world, "nora", "nora.example")
    assert told(world, "carl.example") == []
    serve(**PORTS)
    about = {"id": box.domain_id, "name": "carl.example", "server": "203.0.113.5"}
    assert told(world, "carl.example") == [about | {"aliases": ["with.example"]}]
    assert [each["name"] for each in told(world, "nora.example")] == ["nora.example"]
    Node.objects.update(ipv4=None)
    assert told(world, "carl.example")[0]["server"] == "carl.example"
    assert world.finding("carl", "mailbox.remove", box).result == "done"
    assert told(world, "carl.example") == []
    assert len(told(world, "nora.example")) == 1


def test_a_node_at_another_address_is_told_again_for_those_with_mail(world: HostingWorld):
    made(world, "carl", "carl.example")
    node = world.sub("carl.example").node
    before = [world.generation(name) for name in ("carl.example", "nora.example")]
    changes = {"ipv4": "203.0.113.9"}
    assert world.finding("admin", "node.change-addresses", node, **changes).result == "done"
    after = [world.generation(name) for name in ("carl.example", "nora.example")]
    assert after == [before[0] + 1, before[1]]


def test_a_mailbox_shows_what_is_typed_into_a_program_and_nothing_that_is_not_served(
    world: HostingWorld,
):
    box = made(world, "carl", "carl.example")
    client: Any = world.client("carl")
    serve(**PORTS)
    page = client.get(f"/mailboxes/{box.pk}/").content.decode()
    for text in ("203.0.113.5", "info@carl.example"):
        assert f'data-copy="{text}"' in page
    for words in ("port 9930, SSL/TLS", "port 9950", "port 4650, SSL/TLS, or port 5870, STARTTLS"):
        assert words in page
    serve(imaps=993, submission=587)
    page = client.get(f"/mailboxes/{box.pk}/").content.decode()
    assert "POP3" not in page
    assert '<dd dir="auto">port 587, STARTTLS</dd>' in page


@pytest.mark.parametrize(
    ("names", "is_named"),
    [
        (["carl.example", "mail.carl.example"], True),
        (["carl.example", "*.carl.example"], True),
        (["carl.example", "www.carl.example"], False),
    ],
)
def test_programs_come_by_a_name_where_its_certificate_is_good_for_it(
    world: HostingWorld, names: list[str], is_named: bool
):
    serve(**PORTS)
    box, theirs = made(world, "carl", "carl.example"), made(world, "nora", "nora.example")
    chain, key = a_pair(*names)
    given = {"certificate": chain + above(), "key": key}
    certificate = world.finding("carl", "domain.upload-certificate", box.domain, **given)
    assert certificate.result == "done"
    server = "mail.carl.example" if is_named else "203.0.113.5"
    assert [each["server"] for each in told(world, "carl.example")] == [server]
    assert [each["server"] for each in told(world, "nora.example")] == ["203.0.113.5"]
    assert server in world.client("carl").get(f"/mailboxes/{box.pk}/programs/").content.decode()
    [account] = plistlib.loads(
        world.client("carl").get(f"/mailboxes/{box.pk}/apple.mobileconfig").content
    )["PayloadContent"]
    assert account["IncomingMailServerHostName"] == server
    answer = world.client("nora").get(f"/mailboxes/{theirs.pk}/apple.mobileconfig")
    assert b"203.0.113.5" in answer.content
    # Without a site the node does not have it.
    assert (
        world.finding("carl", "domain.hosting-settings", box.domain, hosting_type="none").code == ""
    )
    assert told(world, "carl.example")[0]["server"] == "203.0.113.5"

"""Letters of a domain are signed: a key of its own, told to the node and to the zone."""

import pytest

from hosting import purge
from hosting.agent.protocol import AgentError
from hosting.models.domains import Alias, Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail import dkim, driver_desired, localnames
from hosting.services.mail.desired import desired
from hosting.services.mail.models import DkimKey
from panel.core.log import Activity
from panel.core.work import State
from tests.hosting.dns import follow, more, permit, said, zone
from tests.hosting.test_mail_programs import PORTS
from tests.hosting.test_mailboxes import granted, made
from tests.hosting.world import DOORS, HostingWorld

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("granted")]
__all__ = ["granted"]
SIGN, STOP = "domain.sign-mail", "domain.stop-signing"
# Making one takes a tenth of a second.
PEM = dkim.new_key()


@pytest.fixture(autouse=True)
def mail(world: HostingWorld, granted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that signs; Carl and Nora have mailboxes, and names that are theirs."""
    monkeypatch.setattr(dkim, "new_key", lambda: PEM)
    Node.objects.update(services={"mail": {"ports": PORTS, "signs": True}})
    permit("carl.example")
    for name in ("carl", "nora"):
        made(world, name, f"{name}.example")
        localnames.take(world.sub(f"{name}.example").pk, [f"{name}.example"])


def site(world: HostingWorld, name: str = "carl") -> Domain:
    """Somebody's main domain."""
    return Domain.objects.get(name=f"{name}.example")


def work() -> None:
    """The worker makes the keys that are waited for."""
    while row := DkimKey.claim():
        row.carry_out()


def told(world: HostingWorld, name: str) -> list[dict]:
    """What the node is told of keys, after it has checked them."""
    pk = world.sub(name).pk
    found = desired([pk])[pk]
    driver_desired.parse(found)
    return found.get("keys", [])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["ada", "carl"])
def test_a_domain_is_signed_and_no_longer_by_every_door(world: HostingWorld, door: str, who: str):
    domain, before = site(world), world.generation("carl.example")
    assert world.through(door, who, SIGN, domain).result == "done"
    row = DkimKey.objects.get()
    assert (row.domain, row.state, told(world, "carl.example")) == (domain, State.QUEUED, [])
    work()
    assert told(world, "carl.example") == [
        {"name": "carl.example", "selector": f"fh{row.pk}", "pem": PEM}
    ]
    assert told(world, "nora.example") == []
    assert world.generation("carl.example") > before
    row.refresh_from_db()
    assert PEM.splitlines()[1] not in row.sealed + row.record
    assert world.finding(who, SIGN, domain).result == "unchanged"
    assert world.through(door, who, STOP, domain).result == "done"
    assert (DkimKey.objects.count(), told(world, "carl.example")) == (0, [])
    assert world.finding(who, STOP, domain).result == "unchanged"
    assert PEM.splitlines()[1] not in str(list(Activity.objects.values()))


def test_only_names_that_are_the_subscribers_are_signed_for(world: HostingWorld):
    world.alias("carl.example", "carl-too.example")
    Alias.objects.filter(name="carl-too.example").update(has_mail=True)
    world.perform("carl", SIGN, site(world))
    work()
    assert [key["name"] for key in told(world, "carl.example")] == ["carl.example"]
    localnames.take(world.sub("carl.example").pk, ["carl-too.example"])
    names = [key["name"] for key in told(world, "carl.example")]
    assert names == ["carl.example", "carl-too.example"]
    localnames.LocalName.objects.all().delete()
    assert told(world, "carl.example") == []


def test_a_node_that_signs_nothing_refuses_and_shows_nothing(world: HostingWorld):
    Node.objects.update(services={"mail": {"ports": PORTS, "signs": False}})
    assert world.finding("carl", SIGN, site(world)).code == "no_signing"
    page = world.client("carl").get(f"/domains/{site(world).pk}/mail/").content.decode()
    assert "sign-mail" not in page


def test_the_tab_says_whether_and_with_which_key(world: HostingWorld):
    domain = site(world)
    client, url = world.client("carl"), f"/domains/{domain.pk}/mail/"
    page = client.get(url).content.decode()
    assert "Letters are not signed" in page
    assert f"/domains/{domain.pk}/sign-mail/" in page
    world.perform("carl", SIGN, domain)
    page = client.get(url).content.decode()
    assert "The key is being made" in page
    assert "data-reload" in page
    work()
    row = DkimKey.objects.get()
    page = client.get(url).content.decode()
    assert f"signed with the key {row.selector}" in page
    assert f"{row.selector}._domainkey.carl.example" in page
    assert PEM.splitlines()[1] not in page


def test_the_zone_is_told_the_public_key_and_its_neighbour_is_not(world: HostingWorld):
    world.perform("carl", SIGN, site(world))
    work()
    row = DkimKey.objects.get()
    before = more("nora.example")
    assert world.finding("carl", "zone.add-mail-records", zone("carl.example")).result == "done"
    (value,) = (
        v for host, _type, v in more("carl.example") if host == f"{row.selector}._domainkey"
    )
    assert "".join(value.split('"')[1::2]) == row.record == dkim.record_of(PEM)
    assert row.record.startswith("v=DKIM1; k=rsa; p=MIIB")
    assert more("nora.example") == before
    again = world.finding("carl", "zone.add-mail-records", zone("carl.example"))
    assert again.result == "unchanged"


def test_keys_go_with_their_domain_and_their_subscription(world: HostingWorld):
    for name in ("carl", "nora"):
        world.perform("admin", SIGN, site(world, name))
    work()
    pk = world.sub("carl.example").pk
    purge.subscriptions([pk])
    assert not Subscription.objects.filter(pk=pk).exists()
    assert DkimKey.objects.get().domain.name == "nora.example"
    assert len(told(world, "nora.example")) == 1


def test_a_key_that_is_none_and_a_name_of_somebody_else_are_refused_by_the_node(
    world: HostingWorld,
):
    world.perform("carl", SIGN, site(world))
    work()
    pk = world.sub("carl.example").pk
    good = desired([pk])[pk]
    for change in (
        {"name": "nora.example"},
        {"selector": "fh1 x"},
        {"pem": PEM + "x"},
        {"pem": PEM.replace("PRIVATE", "PUBLIC")},
    ):
        bad = {**good, "keys": [{**good["keys"][0], **change}]}
        with pytest.raises(AgentError):
            driver_desired.parse(bad)
    assert PEM.splitlines()[1] not in repr(driver_desired.parse(good))


def test_a_zone_that_follows_has_the_record_for_itself(world: HostingWorld):
    world.alias("carl.example", "al.example")
    follow(world, "carl.example")
    world.perform("carl", SIGN, site(world))
    work()
    row, add = DkimKey.objects.get(), "zone.add-mail-records"
    own = (f"{row.selector}._domainkey", "_dmarc")
    assert world.finding("carl", add, zone("carl.example")).result == "done"
    assert [host for host, *_rest in said("al.example") if host in own] == ["_dmarc"]
    url = f"/zones/{zone('al.example').pk}/"
    assert "Add Mail Records" in world.client("carl").get(url).content.decode()
    assert world.finding("carl", add, zone("al.example")).result == "done"
    assert {host for host, *_rest in said("al.example") if host in own} == set(own)
    values = [
        {v for host, _type, v in said(name) if host == own[0]}
        for name in ("carl.example", "al.example")
    ]
    assert values[0] == values[1]
    assert "Add Mail Records" not in world.client("carl").get(url).content.decode()
    assert world.finding("carl", add, zone("al.example")).result == "unchanged"
    assert not any(host in own for host, *_rest in said("nora.example"))

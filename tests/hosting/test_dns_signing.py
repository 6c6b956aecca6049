"""Zones that are signed: keys that are the same wherever they are made anew, and by whom."""

import base64
import html

import pytest

from hosting.models.nodes import Node
from hosting.services.dns import signing
from hosting.services.dns.desired import desired
from hosting.services.dns.driver_desired import parse
from hosting.services.dns.models import Zone
from panel.core.log import Activity
from tests.hosting.dns import permit, zone
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
OFFERED = {"dns": {"address": "127.0.0.1", "port": 53, "is_powerdns": True}}


@pytest.fixture(autouse=True)
def place(settings, tmp_path, world):
    """A data directory of the test's own, on a node that signs."""
    settings.DATA_DIR = tmp_path
    Node.objects.update(services=OFFERED)
    return tmp_path


def keys(name: str) -> list[str]:
    """The private keys that a zone's node is told."""
    of = zone(name)
    told = desired([of.subscription_id])[of.subscription_id]
    assert parse(told)
    return next(each for each in told["zones"] if each["name"] == name).get("keys", [])


def test_a_public_key_and_its_ds_are_those_of_the_standard():
    """The example of RFC 6605, section 6.1."""
    private = base64.b64decode("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=")
    public = (
        "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
        "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
    )
    assert signing.public_key(private) == public
    assert signing.ds_record("example.net", public) == (
        "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"
    )


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_zone_is_signed_and_unsigned_by_every_door(world: HostingWorld, door: str, who: str):
    permit("carl.example")
    before = zone("carl.example").serial
    assert world.through(door, who, "zone.sign", zone("carl.example")).result == "done"
    signed = zone("carl.example")
    assert signed.dnskey.startswith("257 3 13 ")
    assert signed.serial > before
    assert len(keys("carl.example")) == 1
    assert keys("cleo.example") == []
    assert world.finding(who, "zone.sign", signed).result == "unchanged"
    assert zone("carl.example").dnskey == signed.dnskey
    assert world.through(door, who, "zone.unsign", signed).result == "done"
    assert keys("carl.example") == []
    assert not zone("carl.example").key_seed


def test_every_zone_has_a_key_of_its_own_and_keeps_it(world: HostingWorld):
    for name in ("carl.example", "cleo.example"):
        world.perform("ada", "zone.sign", zone(name))
    first = keys("carl.example")
    assert first != keys("cleo.example")
    signing._secret.cache_clear()
    assert keys("carl.example") == first


def test_signing_again_makes_another_key(world: HostingWorld):
    world.perform("ada", "zone.sign", zone("carl.example"))
    first = keys("carl.example")
    world.perform("ada", "zone.unsign", zone("carl.example"))
    world.perform("ada", "zone.sign", zone("carl.example"))
    assert keys("carl.example") != first


def test_no_private_key_is_in_the_database_or_in_the_log(world: HostingWorld, place):
    world.perform("ada", "zone.sign", zone("carl.example"))
    (key,) = keys("carl.example")
    secret = place / "dnssec.secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    held = str(list(Zone.objects.values())) + str(list(Activity.objects.values()))
    for hidden in (key, base64.b64decode(key).hex(), secret.read_bytes().hex()):
        assert hidden not in held
    assert not list(place.glob("dnssec.secret.*"))


def test_another_secret_is_noticed_before_anything_is_signed_with_it(world: HostingWorld, place):
    """With a DS record at the registrar, another key would take the domain off the net."""
    world.perform("ada", "zone.sign", zone("carl.example"))
    (place / "dnssec.secret").unlink()
    signing._secret.cache_clear()
    with pytest.raises(signing.SecretChanged):
        keys("carl.example")
    assert keys("cleo.example") == []


def test_a_node_without_powerdns_signs_nothing_and_says_so(world: HostingWorld):
    Node.objects.update(services={"dns": {"address": "127.0.0.1", "port": 8453}})
    finding = world.finding("ada", "zone.sign", zone("carl.example"))
    assert finding.code == "node_does_not_sign"
    assert not zone("carl.example").is_signed
    page = world.client("ada").get(f"/zones/{zone('carl.example').pk}/").content.decode()
    assert "PowerDNS is not installed on the node" in page


def test_without_the_permission_nobody_signs_its_zone(world: HostingWorld):
    assert world.finding("carl", "zone.sign", zone("carl.example")).code == "no_permission"
    assert world.finding("nora", "zone.sign", zone("carl.example")).code == "missing"
    assert not zone("carl.example").is_signed


def test_the_page_shows_the_ds_record_and_what_to_do_first(world: HostingWorld):
    url = f"/zones/{zone('carl.example').pk}/"
    assert " IN DS " not in world.client("ada").get(url).content.decode()
    world.perform("ada", "zone.sign", zone("carl.example"))
    page = html.unescape(world.client("ada").get(url).content.decode())
    ds = signing.ds_record("carl.example", zone("carl.example").dnskey)
    assert f"carl.example. IN DS {ds}" in page
    asked = world.client("ada").get(f"{url}unsign/").content.decode()
    assert "Have the registrar remove the DS record first" in asked


def test_a_zone_that_follows_is_signed_with_a_key_of_its_own(world: HostingWorld):
    world.alias("carl.example", "karl.example")
    world.perform("ada", "zone.sign", zone("carl.example"))
    assert keys("karl.example") == []
    world.perform("ada", "zone.sign", zone("karl.example"))
    assert keys("karl.example") != keys("carl.example")

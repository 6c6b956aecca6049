"""Certificates from an authority that asks our own name server and our own web server.

One node and one authority for all tests of this page; each adds sites of its own.
"""

import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.services.dns.models import Record
from hosting.services.tls import renewing
from hosting.services.tls.authority import Authority
from hosting.services.tls.models import AcmeAccount, Certificate, CertificateOrder
from hosting.services.web.driver_certificates import serving
from hosting.worker_provisioning import settle
from panel.core import setting
from panel.core.setting import Settings
from tests.hosting.certificates import a_pair
from tests.hosting.world import HostingWorld, why
from tests.system.debian import DebianNode, why_not
from tests.system.installation import installation
from tests.system.pebble import PROGRAM, Pebble

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(PROGRAM is None, reason="pebble is not installed"),
]
ISSUE = "domain.issue-certificate"


class Killed(BaseException):
    """What stands for kill -9."""


class Place:
    """An installation, its node, and an authority that knows both."""

    def __init__(self, world: HostingWorld, node: DebianNode, pebble: Pebble):
        self.world, self.node, self.pebble = world, node, pebble

    def apply(self) -> None:
        settle(Node.objects.get().pk, self.node.client)

    def work(self) -> None:
        """As the worker does, without its pauses."""
        for _step in range(300):
            self.apply()
            CertificateOrder.objects.update(run_after=timezone.now())
            order = CertificateOrder.claim()
            if order is None:
                return
            order.carry_out()
        raise AssertionError([row.error for row in CertificateOrder.objects.all()])

    def served(self, name: str) -> dict[str, Any]:
        """The certificate that a client takes for a name, by the authority's root."""
        trusting = ssl.create_default_context(cadata=self.pebble.root())
        with (
            socket.create_connection(("127.0.0.1", self.node.https_port), timeout=30) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as tls,
        ):
            found = tls.getpeercert()
        assert found is not None
        return found

    def is_trusted(self, name: str) -> bool:
        try:
            return bool(self.served(name))
        except ssl.SSLCertVerificationError:
            return False

    def site(self, name: str) -> Any:
        """A site whose names lead to this node."""
        self.world.space("carl", name)
        self.apply()
        return self.world.site(name)

    def certificate(self, name: str) -> Certificate:
        return Certificate.objects.get(domain__ascii=name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: Any, empty_database: Path, django_db_blocker: Any) -> Iterator[Place]:
    top = tmp_path_factory.mktemp("certificates")
    with django_db_blocker.unblock(), installation(top, empty_database) as (world, node):
        Node.objects.update(ipv4="127.0.0.1", platform="debian")
        # As the worker does with the agent's greeting.
        Node.objects.update(services=node.client.hello()["services"])
        pebble = Pebble(top, node.port, node.https_port, node.dns_port)
        try:
            Settings.objects.get_or_create(pk=setting.PK)
            setting.store(
                acme_authority="own",
                acme_directory=pebble.directory,
                acme_roots=pebble.trusted_by,
                acme_terms=True,
                acme_email="hostmaster@provider.example",
            )
            yield Place(world, node, pebble)
        finally:
            pebble.stop()


def test_a_certificate_is_issued_shown_by_name_renewed_and_removed(place: Place):
    one, neighbour = place.site("one.example"), place.site("two.example")
    assert not place.is_trusted("one.example")
    world = place.world
    assert world.finding("carl", ISSUE, one, www=True, mail=True).result == "done"
    # Nobody waits for a suspended site: it is answered for all the same.
    assert world.suspend("ada", "one.example").counts == {"done": 1}
    place.work()
    row = place.certificate("one.example")
    assert (row.state, row.error) == ("valid", "")
    first = place.served("one.example")
    names = {"one.example", "www.one.example", "mail.one.example"}
    assert {name for _kind, name in first["subjectAltName"]} == set(row.names) == names
    assert place.is_trusted("www.one.example")
    assert not place.is_trusted("two.example")
    assert place.node.get_by_https("one.example").status == 503
    assert world.activate("ada", "one.example").counts == {"done": 1}
    place.apply()
    assert place.node.get_by_https("one.example").status == 200
    # What mail and FTP take theirs from.
    found = serving(place.node.platform())
    assert found["mail.one.example"] == found["one.example"]
    assert stat.S_IMODE(found["one.example"].stat().st_mode) == 0o640
    assert "mail.two.example" not in found
    reloads = place.node.serial()
    Certificate.objects.filter(pk=row.pk).update(renew_at=timezone.now() - timedelta(days=1))
    renewing.renew()
    place.work()
    again = place.served("one.example")
    assert again["serialNumber"] != first["serialNumber"]
    # Whoever is shown another one by the same name needs no other configuration.
    assert place.node.serial() == reloads
    assert place.certificate("one.example").renew_at > timezone.now() + timedelta(days=30)
    assert not list(challenges(place))
    gone = world.finding("carl", "certificate.remove", place.certificate("one.example"))
    assert gone.result == "done"
    place.apply()
    assert not place.is_trusted("one.example")
    assert not found["one.example"].exists()
    assert neighbour.pk
    assert place.node.get_by_https("two.example").status == 200


def challenges(place: Place) -> Iterator[Path]:
    directory = place.node.directory / "web/acme/.well-known/acme-challenge"
    return (path for path in directory.iterdir() if path.name != "freehold-probe")


def test_a_wildcard_is_shown_by_records_of_our_zone_and_good_for_subdomains(place: Place):
    site = place.site("wild.example")
    blog = place.world.subdomain("wild.example", "blog")
    assert place.world.finding("carl", ISSUE, site, wildcard=True).result == "done"
    place.work()
    row = place.certificate("wild.example")
    assert (row.error, sorted(row.names)) == ("", ["*.wild.example", "wild.example"])
    for name in ("wild.example", "www.wild.example", "blog.wild.example"):
        assert place.is_trusted(name), name
    assert not Record.objects.filter(host__startswith="_acme-challenge").exists()
    assert blog.pk
    # One that is not the zone's own top has no zone.
    refused = place.world.perform("carl", ISSUE, blog, wildcard=True)
    assert "is not served here" in why(refused)


def test_what_the_authority_says_is_shown_and_a_neighbour_is_issued_all_the_same(place: Place):
    place.site("good.example")
    place.site("lost.example")
    # Its names lead elsewhere.
    Record.objects.filter(zone__ascii="lost.example", type="A").update(value="127.0.0.2")
    Deployment.objects.filter(subscription_id=place.world.sub("lost.example").pk).update(applied=0)
    sites = [place.world.site(name) for name in ("lost.example", "good.example")]
    assert place.world.perform("ada", ISSUE, sites, www=True).counts == {"done": 2}
    place.work()
    lost, good = place.certificate("lost.example"), place.certificate("good.example")
    assert (lost.state, good.state) == ("failed", "valid")
    assert "127.0.0.2" in lost.error
    assert lost.renew_at > timezone.now()
    assert place.is_trusted("good.example")
    # One that the node refuses fails alone.
    chain, _key = a_pair("good.example")
    Certificate.objects.filter(pk=good.pk).update(chain=chain)
    place.world.perform("ada", "domain.https-settings", sites, https_redirect=True)
    place.apply()
    failed = Deployment.objects.get(subscription_id=place.world.sub("good.example").pk)
    assert failed.is_behind
    assert "certificate for good.example" in failed.errors["web"]["message"]
    assert place.node.get("lost.example").status == 301
    assert place.is_trusted("good.example")


@contextmanager
def killed_at(number: int) -> Iterator[list[int]]:
    """Die at the n-th thing that is written down or sent to the authority, before or after it."""
    count = [0]

    def dying(wrapped: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] == number:
                raise Killed
            found = wrapped(*args, **kwargs)
            count[0] += 1
            if count[0] == number:
                raise Killed
            return found

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CertificateOrder, "put", dying(CertificateOrder.put))
        for verb in ("register", "new_order", "answer", "finalize", "certificate"):
            patch.setattr(Authority, verb, dying(getattr(Authority, verb)))
        yield count


def test_whoever_is_killed_between_two_steps_the_next_one_completes_it(place: Place):
    site, account = place.site("crash.example"), AcmeAccount.objects.get
    number, kills = 0, 0
    while True:
        number += 1
        # With a new account each third time.
        if number % 3 == 0:
            AcmeAccount.objects.update(url="")
        assert place.world.finding("carl", ISSUE, site).result in {"done", "unchanged"}
        before = Certificate.objects.filter(domain=site).values_list("fingerprint", flat=True)[0]
        with killed_at(number):
            try:
                place.work()
                is_done = True
            except Killed:
                is_done = False
        if is_done:
            break
        kills += 1
        CertificateOrder.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        place.work()
        row = place.certificate("crash.example")
        assert (row.state, row.fingerprint != before) == ("valid", True), (number, row.error)
        assert place.is_trusted("crash.example")
        assert not CertificateOrder.objects.exists()
        assert not list(challenges(place))
    assert kills >= 12
    assert account().url

"""Certificates of sites: ordered, uploaded, renewed and removed, by every door; what is wrong is
said at its field."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db import connection
from django.utils import timezone

from hosting.agent.protocol import AgentError
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.tls import issuing, ordering, renewing
from hosting.services.tls.authority import Later, Refusal
from hosting.services.tls.models import Certificate, CertificateOrder
from hosting.services.tls.reading import key_pem
from hosting.services.web import driver_desired, driver_maps
from hosting.services.web.desired import desired
from panel.core import secrets, setting
from panel.core.log import Activity
from panel.core.setting import Settings
from tests.agent.test_web_maps import PLATFORM
from tests.hosting.certificates import a_pair, above, root
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
ISSUE, UPLOAD = "domain.issue-certificate", "domain.upload-certificate"


@pytest.fixture
def agreed(world: HostingWorld) -> HostingWorld:
    """An authority is set, and its terms are agreed to."""
    Settings.objects.get_or_create(pk=setting.PK)
    setting.store(acme_terms=True)
    Node.objects.update(platform="debian", services={"web": {"https_port": 443}, "dns": {}})
    return world


def uploaded(world: HostingWorld, name: str, who: str = "carl", **how: Any) -> Certificate:
    chain, key = a_pair(name, f"www.{name}", **how)
    site = world.site(name)
    assert world.finding(who, UPLOAD, site, certificate=chain, key=key).result == "done"
    return Certificate.objects.get(domain=site)


def sent(world: HostingWorld, name: str) -> dict[str, Any]:
    pk = world.sub(name).pk
    return desired([pk])[pk]


@pytest.mark.parametrize("door", DOORS)
def test_one_is_uploaded_by_every_door_and_sent_with_its_site(world: HostingWorld, door: str):
    site, before = world.site("carl.example"), world.generation("carl.example")
    chain, key = a_pair("carl.example", "www.carl.example", "elsewhere.example")
    given = {"certificate": above() + chain, "key": key}
    assert world.through(door, "carl", UPLOAD, site, **given).result == "done"
    assert (
        world.through(door, "carl", UPLOAD, site, **given).result == "unchanged" or door == "page"
    )
    row = Certificate.objects.get()
    assert (row.kind, row.state, row.renew_at) == ("uploaded", "valid", None)
    # In order, the site's own first; the key as it was, and nowhere in the clear.
    assert row.chain == chain + above()
    assert row.private_key() == key
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM tls_certificate")
        assert "PRIVATE" not in cursor.fetchone()[0]
    assert "PRIVATE" not in str(list(Activity.objects.values_list("details", flat=True)))
    assert world.generation("carl.example") > before
    found = sent(world, "carl.example")
    assert found["sites"][0]["certificate"] == row.pk
    assert "certificates" not in sent(world, "cleo.example")
    # Shown under the site's own names only, and by name of its services where it is for them.
    web = driver_desired.parse(found)
    lines = driver_maps.lines(3, web, PLATFORM).maps["certificates.map"].splitlines()
    assert lines == [f"{name} s3-{row.pk};" for name in ("carl.example", "www.carl.example")]
    web.certificates[0].check()


def _weak() -> tuple[str, str]:
    return a_pair("carl.example", key=rsa.generate_private_key(65537, 1024))


def test_what_is_wrong_with_one_is_said_at_its_field(world: HostingWorld):
    site = world.site("carl.example")
    chain, key = a_pair("carl.example")
    others, others_key = a_pair("cleo.example")
    cases = {
        ("certificate", "no certificate in PEM"): {"certificate": "x", "key": key},
        ("certificate", "a private key in it"): {"certificate": chain + key, "key": key},
        ("certificate", "not for carl.example"): {"certificate": others, "key": others_key},
        ("certificate", "ran out"): dict(
            zip(("certificate", "key"), a_pair("carl.example", days=(-9, -1)), strict=True)
        ),
        ("certificate", "not good before"): dict(
            zip(("certificate", "key"), a_pair("carl.example", days=(2, 9)), strict=True)
        ),
        ("certificate", "1024 bits"): dict(zip(("certificate", "key"), _weak(), strict=True)),
        ("certificate", "names no host names"): dict(
            zip(("certificate", "key"), a_pair(), strict=True)
        ),
        ("certificate", "one certificate of a site"): {"certificate": chain + others, "key": key},
        ("chain", "chain is broken"): {"certificate": chain, "chain": root(), "key": key},
        ("chain", "PEM form, or nothing"): {"certificate": chain, "chain": "x", "key": key},
        ("key", "does not belong"): {"certificate": chain, "key": others_key},
        ("key", "no private key in PEM"): {"certificate": chain, "key": chain},
        ("key", "Keys of this type"): {
            "certificate": chain,
            "key": key_pem(ec.generate_private_key(ec.SECP521R1())),
        },
    }
    for door in ("page", "api"):
        for (field, words), given in cases.items():
            answer = world.through(door, "carl", UPLOAD, site, **given)
            assert answer.result == "invalid", (words, answer)
            assert words in " ".join(answer.errors[field]), (words, answer.errors)
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("door", DOORS)
def test_one_is_ordered_renewed_and_removed_by_every_door(agreed: HostingWorld, door: str):
    site = agreed.site("carl.example")
    on = True if door == "api" else "1"
    assert agreed.through(door, "carl", ISSUE, site, www=on, mail=on).result == "done"
    order = CertificateOrder.objects.get()
    assert (order.certificate.extent, order.certificate.state) == (["www", "mail"], "ordered")
    assert agreed.finding("carl", ISSUE, site, www=True, mail=True).code == "order_under_way"
    agreed.alias("carl.example", "karl.example")
    assert agreed.finding("carl", ISSUE, site, aliases=True, www=True).result == "done"
    assert CertificateOrder.objects.count() == 1
    for verb in ("renew", "remove"):
        CertificateOrder.objects.all().delete()
        row = Certificate.objects.get()
        assert agreed.through(door, "nora", f"certificate.{verb}", row).result == "missing"
        assert agreed.through(door, "carl", f"certificate.{verb}", row).result == "done"
    assert not Certificate.objects.exists()
    assert not CertificateOrder.objects.exists()


def test_nothing_is_ordered_where_nobody_would_issue_it(agreed: HostingWorld):
    site = agreed.site("carl.example")
    Subscription.objects.filter(name="cleo.example").update(permissions=[])
    assert agreed.finding("cleo", ISSUE, agreed.site("cleo.example")).code == "no_permission"
    assert agreed.finding("carl", ISSUE, site, wildcard=True).result == "done"
    Node.objects.update(services={"web": {"https_port": 443}})
    refused = agreed.finding("carl", ISSUE, site, wildcard=True, www=True)
    assert refused.code == "zone_elsewhere"
    Node.objects.update(platform="embedded")
    assert agreed.finding("carl", ISSUE, site).code == "not_reached"
    setting.store(acme_terms=False)
    assert agreed.finding("carl", ISSUE, site).code == "terms_not_agreed"
    setting.store(acme_authority="own")
    assert agreed.finding("carl", ISSUE, site).code == "no_authority"
    agreed.suspend("ada", "carl.example")
    row = uploaded(agreed, "carl.example", who="ada")
    assert agreed.finding("ada", "certificate.renew", row).code == "not_issued"
    assert agreed.finding("carl", "certificate.remove", row).code == "read_only"


def test_new_sites_get_one_where_their_plan_says_so_and_renamed_ones_another(
    agreed: HostingWorld,
):
    Subscription.objects.filter(name="carl.example").update(settings={"tls_issue": True})
    agreed.domain("carl.example", "shop.example")
    agreed.domain("cleo.example", "plain.example")
    ordered = set(CertificateOrder.objects.values_list("certificate__domain__ascii", flat=True))
    assert "shop.example" in ordered
    assert not ordered & {"plain.example", "cleo.example"}
    row = Certificate.objects.get(domain__ascii="shop.example")
    assert row.names == ["shop.example", "www.shop.example"]
    Certificate.objects.filter(pk=row.pk).update(not_before=timezone.now(), state="valid")
    CertificateOrder.objects.all().delete()
    agreed.alias("shop.example", "store.example")
    assert not CertificateOrder.objects.filter(certificate=row).exists()
    site = agreed.site("shop.example")
    assert agreed.finding("ada", "domain.rename", site, name="mart.example").result == "done"
    assert CertificateOrder.objects.get().certificate_id == row.pk


def test_what_is_due_is_renewed_but_not_of_the_removed(agreed: HostingWorld):
    rows = {
        name: uploaded(agreed, f"{name}.example", who="ada") for name in ("carl", "cleo", "ada")
    }
    late = timezone.now() - timedelta(hours=1)
    Certificate.objects.update(kind="acme", renew_at=late)
    Certificate.objects.filter(pk=rows["ada"].pk).update(
        renew_at=timezone.now() + timedelta(days=1)
    )
    agreed.suspend("ada", "carl.example")
    assert agreed.finding("ada", "subscription.remove", agreed.sub("cleo.example")).result == "done"
    renewing.renew()
    renewing.renew()
    assert CertificateOrder.objects.get().certificate_id == rows["carl"].pk


class Refusing:
    """An authority that says what it is told to say."""

    def __init__(self, says: Exception):
        self.says = says

    def go_on(self) -> None:
        raise self.says


def carried_out(monkeypatch: pytest.MonkeyPatch, says: Exception) -> None:
    monkeypatch.setattr(ordering, "_Attempt", lambda _order, _verify: Refusing(says))
    CertificateOrder.objects.update(run_after=timezone.now())
    order = CertificateOrder.claim()
    assert order is not None
    order.carry_out()


def test_a_refusal_is_kept_in_its_words_and_tried_again_less_and_less_often(
    agreed: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    site = agreed.site("carl.example")
    assert agreed.finding("carl", ISSUE, site).result == "done"
    pauses = []
    for _time in range(8):
        carried_out(monkeypatch, Refusal("DNS problem: NXDOMAIN"))
        row = Certificate.objects.get()
        assert (row.state, row.error) == ("failed", "DNS problem: NXDOMAIN")
        pauses.append(row.renew_at and row.renew_at - timezone.now())
        issuing.queue([row.pk])
    assert pauses[-1] is None
    assert pauses[:6] == sorted(pauses[:6])
    assert pauses[0] < timedelta(hours=2)
    page = agreed.client("carl").get(f"/domains/{site.pk}/certificate/").content.decode()
    assert "DNS problem: NXDOMAIN" in page


def test_what_passes_by_itself_waits_as_long_as_the_authority_says(
    agreed: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    agreed.perform("carl", ISSUE, agreed.site("carl.example"))
    carried_out(monkeypatch, Later("too many certificates", 5000))
    order = CertificateOrder.objects.get()
    assert (order.state, order.error, order.retries) == ("queued", "too many certificates", 1)
    assert order.run_after > timezone.now() + timedelta(seconds=4000)
    assert Certificate.objects.get().state == "ordered"
    for _time in range(8):
        carried_out(monkeypatch, Later("nobody there"))
    assert Certificate.objects.get().error == "nobody there"


def test_a_secret_of_one_row_is_none_of_anothers(world: HostingWorld):
    row = uploaded(world, "carl.example")
    with pytest.raises(secrets.SecretChanged):
        secrets.unseal(row.key, f"certificate:key:{row.pk + 1}")
    found = sent(world, "carl.example")
    found["certificates"][0]["pair"] = found["certificates"][0]["pair"].replace("M", "N", 1)
    with pytest.raises(AgentError):
        driver_desired.parse(found).certificates[0].check()


def test_home_counts_what_runs_out_and_what_could_not_be_issued(world: HostingWorld):
    def shown(who: str) -> list[tuple[str, str]]:
        page = world.client(who).get("/").context["page"]
        found = [(one["url"], one["count"]) for one in page["attention"]]
        return [one for one in found if one[0].startswith("/certificates/")]

    uploaded(world, "carl.example", days=(-80, 10))
    uploaded(world, "cleo.example", "ada", days=(-1, 90))
    assert shown("ada") == shown("admin") == [("/certificates/?state=expiring", "1")]
    assert shown("ben") == []
    Certificate.objects.filter(domain__name="cleo.example").update(state="failed")
    failing, runs_out = shown("ada")
    assert failing == ("/certificates/?state=failed", "1")
    for (url, _count), there, absent in (
        (failing, "cleo.example", "carl.example"),
        (runs_out, "carl.example", "cleo.example"),
    ):
        listed = world.client("ada").get(url).content.decode()
        assert there in listed
        assert absent not in listed
    # One that was never there does not run out: it is on its way.
    Certificate.objects.filter(domain__name="carl.example").update(not_before=None)
    assert [url for url, _count in shown("ada")] == ["/certificates/?state=failed"]


def test_pages_show_it_to_whoever_may_and_not_a_neighbour(world: HostingWorld):
    row = uploaded(world, "carl.example")
    site = world.site("carl.example")
    for who in ("admin", "ada", "carl"):
        client = world.client(who)
        page = client.get(f"/domains/{site.pk}/certificate/").content.decode()
        assert "In use" in page
        assert "PRIVATE" not in page
        assert "carl.example" in client.get("/certificates/?state=uploaded").content.decode()
    assert "carl.example" not in world.client("nora").get("/certificates/").content.decode()
    assert world.client("nora").get(f"/certificates/{row.pk}/").status_code == 404

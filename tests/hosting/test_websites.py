"""A customer's first page, Websites & Domains: its sites as cards, with what services say there."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosting import totals
from hosting.models.nodes import Node
from hosting.services import base
from hosting.services.php.models import DomainPhp
from hosting.services.tls.models import Certificate, CertificateState, Kind
from tests.hosting.world import HostingWorld

MAIL_PORTS = {
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "pop3s": 995,
}

WORDS = "quiet-harbour-lamp-3115"


def tools(world: HostingWorld, who: str) -> dict[str, dict[str, str]]:
    """What stands on the card of each site: the label of the link, and the words beside it."""
    page = world.client(who).get("/").context["page"]
    return {
        domain["label"]: {str(tool["label"]): str(tool["text"]) for tool in domain["tools"]}
        for subscription in page["subscriptions"]
        for domain in subscription["domains"]
    }


def offer(**services: Any) -> None:
    node = Node.objects.get()
    node.services = {**node.services, **services}
    node.save()


def grant(world: HostingWorld, name: str, *permissions: str, **limits: int) -> None:
    """Let a subscription, and who is above it, have more."""
    row = world.sub(name)
    row.permissions = [*row.permissions, *permissions]
    row.limits = {**row.limits, **limits}
    row.save()
    above = row.reseller
    above.permissions = [*above.permissions, *permissions]
    above.limits = {**above.limits, **dict.fromkeys(limits)}
    above.save()
    totals.judge([above.pk])


def test_a_card_says_what_services_know_of_its_site_and_leads_to_their_tabs(world: HostingWorld):
    site, other = world.site("carl.example"), world.site("nora.example")
    offer(php={"versions": ["8.2", "8.4"]}, mail={"ports": MAIL_PORTS})
    grant(world, "carl.example", "manage_mail", "manage_dns", mailboxes=5)
    grant(world, "nora.example", mailboxes=5)
    soon = timezone.now() + timedelta(days=80)
    for domain in (site, other):
        Certificate.objects.create(
            domain=domain, **_owner(domain), kind=Kind.ACME, state=CertificateState.VALID,
            names=[domain.ascii], not_before=timezone.now(), not_after=soon,
        )  # fmt: skip
        given = {"local": "info", "keeps": "on", "password": WORDS, "password_again": WORDS}
        assert world.finding("admin", "domain.add-mailbox", domain, **given).result == "done"
    found = tools(world, "carl")
    assert set(found) == {"carl.example"}
    words = found["carl.example"]
    assert words["PHP Settings"] == "8.4"
    assert words["Mail"] == "1 mailbox"
    assert words["SSL/TLS Certificates"].startswith("until ")
    assert words["DNS"] == words["Logs"] == ""
    page = world.client("carl").get("/").content.decode()
    for name in ("php", "certificate", "logs", "dns", "mail"):
        assert f'href="/domains/{site.pk}/{name}/"' in page
        assert world.client("carl").get(f"/domains/{site.pk}/{name}/").status_code == 200


def test_a_card_has_no_more_than_the_page_of_its_site_has(world: HostingWorld):
    site = world.site("carl.example")
    offer(php={"versions": ["8.4"]})
    DomainPhp.objects.create(domain=site, **_owner(site), is_on=False)
    words = tools(world, "carl")["carl.example"]
    assert words["PHP Settings"] == "off"
    assert words["SSL/TLS Certificates"] == "self-signed"
    # Neither the permission nor a server for it.
    assert not {"DNS", "Mail"} & set(words)
    actor = world.actor("carl")
    shown = {str(tab.label) for tab in base.tabs("domain").values() if tab.is_shown(actor, site)}
    assert set(words) <= shown
    site.hosting_type = "none"
    site.save()
    assert tools(world, "carl")["carl.example"] == {}


def test_a_certificate_that_wants_attention_says_so_on_the_card(world: HostingWorld):
    site, below = world.site("carl.example"), world.subdomain("carl.example", "shop")
    row = Certificate.objects.create(
        domain=site, **_owner(site), kind=Kind.ACME, state=CertificateState.VALID,
        names=["carl.example", "*.carl.example"], not_before=timezone.now() - timedelta(days=90),
        not_after=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    found = tools(world, "carl")
    assert found["carl.example"]["SSL/TLS Certificates"] == "Run out"
    # A wildcard is the subdomain's, too.
    assert found[below.name]["SSL/TLS Certificates"] == "Run out"
    Certificate.objects.filter(pk=row.pk).update(names=["carl.example"])
    assert tools(world, "carl")[below.name]["SSL/TLS Certificates"] == "self-signed"


def test_ten_sites_cost_as_many_statements_as_one(world: HostingWorld):
    offer(php={"versions": ["8.4"]}, mail={"ports": MAIL_PORTS})
    grant(world, "carl.example", "manage_mail", "manage_dns", mailboxes=5, subdomains=50)
    client = world.client("carl")
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for number in range(9):
        world.subdomain("carl.example", f"shop{number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/")
    assert len(tools(world, "carl")) == 10
    assert len(many) == len(few)


def _owner(domain: Any) -> dict[str, Any]:
    return {
        "subscription_id": domain.subscription_id,
        "account_id": domain.account_id,
        "reseller_id": domain.reseller_id,
    }

"""Whoever adds a site chooses whether it gets a certificate; else its plan says it."""

from typing import Any

import pytest

from accounts.models import Account
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.tls.models import CertificateOrder
from panel.core import setting
from panel.core.setting import Settings
from tests.hosting import importing
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
ADD, BELOW, SPACE = "subscription.add-domain", "domain.add-subdomain", "account.add-subscription"


@pytest.fixture(autouse=True)
def agreed(world: HostingWorld) -> None:
    """An authority is set, and its terms are agreed to. Carl's plan wishes certificates."""
    Settings.objects.get_or_create(pk=setting.PK)
    setting.store(acme_terms=True)
    Node.objects.update(platform="debian", services={"web": {"https_port": 443}, "dns": {}})
    Subscription.objects.filter(name="carl.example").update(settings={"tls_issue": True})


def ordered() -> set[str]:
    return set(CertificateOrder.objects.values_list("certificate__domain__ascii", flat=True))


@pytest.mark.parametrize("door", DOORS)
def test_one_is_issued_if_chosen_and_none_if_not_whatever_the_plan_says(
    world: HostingWorld, door: str
):
    carl, cleo = world.sub("carl.example"), world.sub("cleo.example")
    for row, name, chosen in (
        (carl, "none.example", "none"),
        (carl, "planned.example", ""),
        (cleo, "issued.example", "issue"),
        (cleo, "plain.example", ""),
    ):
        given = {"name": name} | ({"certificate": chosen} if chosen else {})
        assert world.through(door, "ada", ADD, row, **given).result == "done"
    assert ordered() == {"planned.example", "issued.example"}
    site = world.site("issued.example")
    given = {"name": "shop", "certificate": "issue"}
    assert world.through(door, "ada", BELOW, site, **given).result == "done"
    assert ordered() == {"planned.example", "issued.example", "shop.issued.example"}


def test_a_new_subscription_of_a_new_customer_too(world: HostingWorld):
    cleo = world.accounts["cleo"]
    given: dict[str, Any] = {"domain": "first.example", "certificate": "issue"}
    assert world.finding("ada", SPACE, cleo, **given).result == "done"
    assert world.finding("ada", SPACE, cleo, domain="second.example").result == "done"
    assert ordered() == {"first.example"}


def test_a_column_of_an_import_chooses_row_by_row(world: HostingWorld):
    text = "contact_name,email,username,domain,certificate\n"
    text += "Una,una@una.example,una,una.example,issue\n"
    text += "Uwe,uwe@uwe.example,uwe,uwe.example,\n"
    text += "Udo,udo@udo.example,udo,,issue\n"
    text += "Ute,ute@ute.example,ute,ute.example,gold\n"
    source = importing.imported(world, "ada", importing.uploaded(world, "ada", text))
    rows = importing.rows(source)
    assert [row.result for row in rows] == ["done", "done", "refused", "refused"]
    assert "SSL/TLS certificate: This needs a domain name" in rows[2].reason
    assert "gold is not one of the available choices" in rows[3].reason
    assert ordered() == {"una.example"}
    assert not Account.objects.filter(username__in=["udo", "ute"]).exists()


def refusal(world: HostingWorld, who: str, row: Any, operation: str = ADD) -> str:
    """What stands at the field, and that nothing was made; the page does not offer it."""
    verb = operation.split(".")[1]
    url = f"/subscriptions/{row.pk}/{verb}/"
    assert "SSL/TLS certificate" not in world.client(who).get(url).content.decode()
    finding = world.finding(who, operation, row, name="new.example", certificate="issue")
    assert finding.result == "refused"
    assert not world.sub(row.name).domains.filter(ascii="new.example").exists()
    # Without that wish it is added.
    return str(finding.params["error"])


def test_where_none_can_be_issued_the_field_says_why(world: HostingWorld):
    row = world.sub("cleo.example")
    assert "SSL/TLS certificate" in offered(world, "cleo", row)
    row.permissions = [each for each in row.permissions if each != "manage_hosting"]
    row.save(update_fields=["permissions"])
    assert "permission to manage hosting" in refusal(world, "cleo", row)
    assert "SSL/TLS certificate" in offered(world, "ada", row)
    Node.objects.update(platform="embedded")
    assert "reached from here alone" in refusal(world, "ada", row)
    setting.store(acme_terms=False)
    assert "agree to the authority" in refusal(world, "ada", row)
    given = {"name": "new.example", "certificate": "none"}
    assert world.finding("ada", ADD, row, **given).result == "done"
    assert ordered() == set()


def offered(world: HostingWorld, who: str, row: Any) -> str:
    return world.client(who).get(f"/subscriptions/{row.pk}/add-domain/").content.decode()

"""What nodes are told of mail besides mailboxes: what is sent, what is held, what is refused."""

import re

import pytest

from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.services.mail import driver_desired, localnames
from tests.hosting.test_mailboxes import domain, granted, made, told
from tests.hosting.world import HostingWorld
from tests.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("granted")]
__all__ = ["granted"]


def test_a_disabled_website_takes_its_domains_mail_along_and_says_so_before(world: HostingWorld):
    for who in ("carl", "nora"):
        made(world, who, f"{who}.example")
    row = domain(world, "carl.example")
    page = world.client("carl").post(f"/domains/{row.pk}/disable/").content.decode()
    assert "Mail to their addresses is refused" in page
    assert "disabled" not in told(world, "carl.example")["domains"][0]
    world.perform("carl", "domain.disable", row)
    said = told(world, "carl.example")
    assert said["domains"][0]["disabled"]
    assert driver_desired.parse(said).names_refused() == set()
    localnames.take(row.subscription_id, ["carl.example"])
    assert driver_desired.parse(told(world, "carl.example")).names_refused() == {"carl.example"}
    assert "disabled" not in told(world, "nora.example")["domains"][0]
    world.perform("carl", "domain.suspend", row)
    assert "disabled" not in told(world, "carl.example")["domains"][0]


def is_held(world: HostingWorld, name: str) -> bool:
    return bool(told(world, name).get("held"))


@pytest.mark.parametrize("whom", ["subscription", "customer", "reseller"])
def test_nodes_are_told_of_abuse_at_whatever_level_also_beside_another_reason(
    world: HostingWorld, whom: str
):
    for who in ("carl", "nora"):
        made(world, who, f"{who}.example")
    row = world.sub("carl.example")
    target = {"subscription": row, "customer": row.account, "reseller": row.reseller}[whom]

    def generation() -> int:
        return Deployment.objects.get(subscription_id=row.pk).generation

    world.perform("admin", "subscription.suspend", row, kind="unpaid")
    before, theirs = generation(), told(world, "nora.example")
    assert not is_held(world, "carl.example")
    world.perform("admin", f"{whom}.suspend", target, kind="abuse")
    assert is_held(world, "carl.example")
    assert generation() > before
    driver_desired.parse(told(world, "carl.example"))
    before = generation()
    world.perform("admin", f"{whom}.activate", target, abuse="on", own="on")
    assert not is_held(world, "carl.example")
    assert generation() > before
    assert told(world, "nora.example") == theirs


def test_undone_abuse_is_told_as_well_and_panel_only_is_none(world: HostingWorld):
    made(world, "carl", "carl.example")
    row = world.sub("carl.example")
    world.perform("admin", "subscription.suspend", row, kind="unpaid")
    world.perform("admin", "reseller.suspend", row.reseller, kind="abuse", scope="panel")
    assert not is_held(world, "carl.example")
    run = world.finding("admin", "customer.suspend", row.account, kind="abuse")
    assert run.result == "done"
    assert is_held(world, "carl.example")


def outgoing(world: HostingWorld, name: str) -> tuple[int, int]:
    said = told(world, name)["outgoing"]
    return said["mailbox"], said["subscription"]


def test_plans_say_how_much_may_be_sent_and_the_least_holds(world: HostingWorld):
    box = made(world, "carl", "carl.example")
    made(world, "nora", "nora.example")
    row = world.sub("carl.example")
    before = Deployment.objects.get(subscription_id=row.pk).generation
    url = f"/subscriptions/{row.pk}/customize/"
    Page.open(world.client("ada"), url).press(
        "Update & Lock", limit_mailbox_hourly="20", limit_mail_hourly="2000"
    )
    assert Deployment.objects.get(subscription_id=row.pk).generation > before
    assert outgoing(world, "carl.example") == (20, 1000)
    assert outgoing(world, "nora.example") == (300, 1000)
    Page.open(world.client("ada"), url).press("Update & Lock", limit_mail_hourly="0")
    assert outgoing(world, "carl.example") == (20, -1)
    driver_desired.parse(told(world, "carl.example"))
    Node.objects.update(services={"mail": {"ports": {"imaps": 9930}}})
    page = world.client("carl").get(f"/mailboxes/{box.pk}/").content.decode()
    assert re.search(r"Most recipients within an hour\s*</dt>\s*<dd[^>]*>\s*none", page)


def test_a_resellers_limit_on_sending_holds_below_it_at_once(world: HostingWorld):
    made(world, "carl", "carl.example")
    made(world, "nora", "nora.example")
    row, theirs = world.sub("carl.example"), world.sub("nora.example")
    before = dict(Deployment.objects.values_list("subscription_id", "generation"))
    url = f"/resellers/{world.accounts['ada'].pk}/customize/"
    Page.open(world.client("admin"), url).press("Update & Lock", limit_mailbox_hourly="7")
    now = dict(Deployment.objects.values_list("subscription_id", "generation"))
    assert (now[row.pk] > before[row.pk], now[theirs.pk] > before[theirs.pk]) == (True, False)
    assert outgoing(world, "carl.example") == (7, 1000)
    assert outgoing(world, "nora.example") == (300, 1000)

"""Lists leave out the columns that would say the same in every row."""

import re

import pytest

from accounts.models import Account
from hosting import conditions
from hosting.models.subscriptions import Subscription
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def heads(world: HostingWorld, who: str, path: str) -> list[str]:
    """What stands over the columns of the list on a page."""
    response = world.client(who).get(path)
    assert response.status_code == 200, path
    table = response.content.decode().partition('<table class="list">')[2].partition("</table>")[0]
    found = re.findall(r"<th scope=.col.[^>]*>(?:<a [^>]*>)?([^<]+)", table)
    assert found, path
    return found


def test_a_tab_does_not_repeat_whose_it_is(world: HostingWorld) -> None:
    customer, subscription = f"/customers/{world.carl.pk}", world.sub("carl.example").pk
    assert "Subscriber" not in heads(world, "ada", f"{customer}/")
    assert "Subscriber" not in heads(world, "ada", f"{customer}/domains/")
    assert "Subscription" in heads(world, "ada", f"{customer}/domains/")
    assert not {"Subscriber", "Subscription"} & set(
        heads(world, "ada", f"/subscriptions/{subscription}/")
    )
    assert "Provider" not in heads(world, "admin", f"/resellers/{world.ada.pk}/customers/")


def test_subdomains_are_not_counted_against_the_limit_on_domains(world: HostingWorld) -> None:
    site = world.site("carl.example")
    assert world.finding("carl", "domain.add-subdomain", site, name="blog").result == "done"
    page = world.client("ada").get("/subscriptions/?q=carl").content.decode()
    assert "1 / 5" in page
    assert "2 / 5" not in page


def test_a_resellers_tab_says_which_customer(world: HostingWorld) -> None:
    tab = heads(world, "admin", f"/resellers/{world.ada.pk}/subscriptions/")
    assert "Subscriber" in tab


def test_columns_are_for_those_to_whom_they_say_something(world: HostingWorld) -> None:
    assert "Provider" in heads(world, "admin", "/customers/")
    assert "Provider" not in heads(world, "ada", "/customers/")
    assert "Subscriber" in heads(world, "ada", "/subscriptions/")
    for path in ("/subscriptions/", "/domains/"):
        assert "Subscriber" not in heads(world, "carl", path)
    export = b"".join(world.client("ada").get("/customers/export.csv").streaming_content).decode()
    assert export.splitlines()[0] == "\ufeffid,Name,Status,Username,Subscriptions,Domains,Created"


def test_a_name_in_a_help_text_is_text(world: HostingWorld) -> None:
    """Whose it is now, on Change Subscriber: help texts are markup."""
    Account.objects.filter(pk=world.carl.pk).update(contact_name='Carl"><i>')
    pk = world.sub("carl.example").pk
    page = world.client("ada").get(f"/subscriptions/{pk}/change-subscriber/").content.decode()
    assert "Carl&quot;&gt;&lt;i&gt;" in page
    assert 'Carl"><i>' not in page


def test_subscribers_and_their_providers_are_links(world: HostingWorld) -> None:
    """In lists each name, provider and subscriber is a link."""
    for path in ("/subscriptions/?q=carl", "/domains/?q=carl.example"):
        page = world.client("admin").get(path).content.decode()
        assert f"<a href=/customers/{world.carl.pk}/>Carl Customer</a>" in page
    page = world.client("admin").get("/subscriptions/?q=carl").content.decode()
    assert f"<a href=/resellers/{world.ada.pk}/>Ada Reseller</a>" in page
    assert "/resellers/" not in world.client("ada").get("/subscriptions/").content.decode()


def test_an_overused_subscription_shows_it_in_every_list(world: HostingWorld) -> None:
    """Of its subscriber, of its provider, of the administrator, and on the page of its customer."""
    Subscription.objects.filter(name="carl.example").update(limits={"domains": 0})
    conditions.judge([world.sub("carl.example").pk])
    for who, path in (
        *((who, "/subscriptions/") for who in ("admin", "ada", "carl")),
        ("ada", f"/customers/{world.carl.pk}/"),
        ("admin", f"/resellers/{world.ada.pk}/subscriptions/"),
        ("carl", "/"),
    ):
        answer = world.client(who).get(path)
        assert answer.status_code == 200, path
        assert ">Overused</span>" in answer.content.decode(), (who, path)
    assert ">Overused</span>" not in world.client("cleo").get("/subscriptions/").content.decode()


def test_behind_a_name_stands_its_plan_or_custom_in_brackets(world: HostingWorld) -> None:
    page = world.client("ada").get("/subscriptions/").content.decode()
    row = page.partition(">carl.example<")[2]
    assert "(Ada Basic)" in row.partition("<tr")[0]
    row = page.partition(">ada.example<")[2]
    assert "(Custom)" in row.partition("<tr")[0]

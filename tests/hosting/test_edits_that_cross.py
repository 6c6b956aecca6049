"""Edits that cross: who changed what meanwhile, with the value of now, on every edit of values."""

import pytest

from hosting.models.plans import Plan
from tests.hosting.world import SPACE, HostingWorld
from tests.pages import Page

pytestmark = pytest.mark.django_db


def customize(world: HostingWorld, who: str, **typed: object) -> Page:
    """Subscription ▸ Customize, opened by one person."""
    url = f"/subscriptions/{world.sub('carl.example').pk}/customize/"
    return Page.open(world.client(who), url)


def test_customize_says_who_changed_what_and_saves_when_asked_again(world: HostingWorld):
    page = customize(world, "ada")
    customize(world, "admin").press("Update & Lock", limit_domains="9", may_manage_domains="")
    page = page.press("Update & Lock", limit_domains="7")
    assert page.status == 409
    assert "The administrator changed this meanwhile: Domains (now “9”)" in page.text
    assert world.sub("carl.example").limits["domains"] == 9
    assert page.form("Update & Lock").values["limit_domains"] == "7"
    page = page.press("Update & Lock")
    assert "Customize: done." in page.text
    assert world.sub("carl.example").limits["domains"] == 7


def test_permissions_are_told_by_their_names(world: HostingWorld):
    page = customize(world, "admin")
    customize(world, "ada").press("Update & Lock", may_manage_domains="", may_manage_hosting="")
    told = page.press("Update & Lock").text
    assert "ada changed this meanwhile: Permissions (now “Domain alias management" in told


def test_a_change_of_plan_stands_against_it_too(world: HostingWorld):
    page = customize(world, "ada")
    big = world.plan("ada", "Big", limits={**SPACE, "domains": 50})
    row = world.sub("carl.example")
    world.perform("admin", "subscription.change-plan", row, plan=str(big.pk))
    told = page.press("Update & Lock").text
    assert "The administrator changed this meanwhile: Domains (now “50”)" in told


def test_what_a_plan_brought_is_not_written_over_unseen(world: HostingWorld):
    """Nobody changed the subscription itself, and yet its values are others."""
    page = customize(world, "ada")
    plan = Plan.objects.get(name="Ada Basic")
    edit = Page.open(world.client("ada"), f"/plans/{plan.pk}/edit/")
    edit.press("Update & Sync", limit_domains="6").press("Update & Sync")
    page = page.press("Update & Lock", limit_domains="7")
    assert page.status == 409
    assert "Somebody changed this meanwhile." in page.text
    assert world.sub("carl.example").limits["domains"] == 6


@pytest.mark.parametrize("operation", ["set-expiry", "description"])
def test_edits_of_something_else_do_not_stand_against_it(world: HostingWorld, operation: str):
    page = customize(world, "ada")
    values = {"set-expiry": {"expires_on": "2099-01-01"}, "description": {"description": "New"}}
    row = world.sub("carl.example")
    world.perform("admin", f"subscription.{operation}", row, **values[operation])
    page = page.press("Update & Lock", limit_domains="7")
    assert "Customize: done." in page.text
    assert world.sub("carl.example").limits["domains"] == 7


def test_plans_say_it_as_well(world: HostingWorld):
    plan = Plan.objects.get(name="Ada Basic")
    pages = [Page.open(world.client(who), f"/plans/{plan.pk}/edit/") for who in ("admin", "ada")]
    values = {"name": "Basic by Ada", "limit_aliases": "unlimited"}
    pages[0].press("Update & Sync", **values).press("Update & Sync")
    told = pages[1].press("Update & Sync", limit_domains="3").text
    assert "Name (now “Basic by Ada”), Domain aliases (now “unlimited”)" in told
    assert Plan.objects.get(pk=plan.pk).limits["domains"] == 5


def test_hosting_settings_say_it_as_well(world: HostingWorld):
    url = f"/domains/{world.site('carl.example').pk}/hosting-settings/"
    pages = [Page.open(world.client(who), url) for who in ("carl", "ada")]
    pages[1].press("OK", document_root="theirs")
    told = pages[0].press("OK", document_root="mine").text
    assert "Your provider changed this meanwhile: Document root (now “theirs”)" in told
    assert world.site("carl.example").document_root == "theirs"


def test_through_the_api_a_stale_version_is_refused(world: HostingWorld):
    row = world.sub("carl.example")
    edit = "subscription.customize"
    assert world.through("api", "admin", edit, row, limit_domains=9).result == "done"
    answer = world.through("api", "ada", edit, row, limit_domains=7, version=row.version)
    assert answer.result == "refused"
    assert "Domains (now “9”)" in answer.text

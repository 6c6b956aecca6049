"""Change Plan for many: a plan for each, of its own provider, asked for in one go."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken
from panel.core import api_operations
from tests.hosting.world import HostingWorld
from tests.pages import Page
from tests.panel.api_client import Api

pytestmark = pytest.mark.django_db
CHANGE = "subscription.change-plan"


def asked_for_each(world: HostingWorld, who: str, *names: str) -> Page:
    """The page of Change Plan for several."""
    client = world.client(who)
    data = {"ids": [str(world.sub(name).pk) for name in names], "query": ""}
    return Page(client, client.post("/subscriptions/change-plan/", data, follow=True))


def test_each_may_take_a_plan_of_its_own(world: HostingWorld):
    """The same for all, and others where one says so; what was not chosen stays."""
    big, small = world.plan("ada", "Big"), world.plan("ada", "Small")
    carl, cleo = world.sub("carl.example"), world.sub("cleo.example")
    page = asked_for_each(world, "ada", "carl.example", "cleo.example", "ada.example")
    offered = page.form("Next").choices[f"item-{cleo.pk}-plan"]
    labels = ["as for all", "The present plan of each", "Custom plan", "Ada Basic", "Big", "Small"]
    assert list(offered) == labels
    assert "Ben Basic" not in page.text
    given = {"all-plan": str(big.pk), f"item-{cleo.pk}-plan": str(small.pk)}
    given |= {f"item-{carl.pk}-plan": offered["The present plan of each"]}
    page = page.press("Next", **given)
    assert "1 subscription has the service plan Small then." in page.text
    page = page.press("OK")
    assert "Change Plan: 2 of 3 done." in page.text
    names = ("carl.example", "cleo.example", "ada.example", "nora.example")
    plans = [str(world.sub(name).plan) for name in names]
    assert plans == ["Ada Basic", "Small", "Big", "Ben Basic"]


def test_of_several_providers_each_takes_its_own_providers(world: HostingWorld):
    carl, nora = world.sub("carl.example"), world.sub("nora.example")
    big, theirs = world.plan("ada", "Big"), world.plan("ben", "Theirs")
    page = asked_for_each(world, "admin", "carl.example", "nora.example")
    choices = page.form("Next").choices
    assert list(choices["all-plan"]) == ["The present plan of each", "Custom plan"]
    assert "Theirs" not in choices[f"item-{carl.pk}-plan"]
    given = {f"item-{carl.pk}-plan": str(theirs.pk), "all-plan": "keep"}
    assert page.press("Next", **given).status == 422
    given = {f"item-{carl.pk}-plan": str(big.pk), f"item-{nora.pk}-plan": str(theirs.pk)}
    page.press("Next", **{"all-plan": "keep", **given}).press("OK")
    assert world.sub("carl.example").plan == big
    assert world.sub("nora.example").plan == theirs


def test_programs_give_each_its_plan_and_what_is_left_out_stays(world: HostingWorld):
    big = world.plan("ada", "Big")
    addon = world.plan("ada", "Three more", kind="addon", limits={"domains": 3}, permissions=[])
    carl, cleo = world.sub("carl.example"), world.sub("cleo.example")
    values = {
        "ids": [carl.pk, cleo.pk],
        "addons": [addon.pk],
        "items": {str(cleo.pk): {"plan": big.pk}},
    }
    _token, text = ApiToken.make(world.user("ada"), "test", ["read", "write"])
    answer = Client().post(
        "/api/v1/subscriptions/change-plan",
        json.dumps(values),
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert len(answer.json()["done"]) == 2
    assert world.sub("carl.example").plan.name == "Ada Basic"
    assert world.sub("cleo.example").plan == big


def test_of_a_great_many_programs_change_the_plan_of_all(
    world: HostingWorld, monkeypatch: pytest.MonkeyPatch
):
    """Beyond what has a form of its own the same is asked of all, as the page does."""
    monkeypatch.setattr(api_operations, "MAX_ITEMS", 2)
    big = world.plan("ada", "Big")
    names = ("carl.example", "cleo.example", "ada.example")
    ids = [world.sub(name).pk for name in names]
    api = Api(world, "ada")
    before = [str(world.sub(name).plan) for name in names]
    asked = {"ids": ids, "plan": big.pk, "dry_run": True}
    assert len(api.post("/subscriptions/change-plan", asked).json()["done"]) == 3
    # Nothing said of the plan: each keeps its own.
    answer = api.post("/subscriptions/change-plan", {"ids": ids}).json()
    assert len(answer["unchanged"]) == 3
    assert [str(world.sub(name).plan) for name in names] == before
    wrong = api.post("/subscriptions/change-plan", {"ids": ids, "plan": 999_999})
    assert wrong.status_code == 422
    theirs = world.plan("ben", "Theirs")
    wrong = api.post("/subscriptions/change-plan", {"ids": ids, "plan": theirs.pk})
    assert wrong.status_code == 422
    each = api.post("/subscriptions/change-plan", {"ids": ids, "items": {str(ids[0]): {}}})
    assert each.status_code == 422
    answer = api.post("/subscriptions/change-plan", {"ids": ids, "plan": big.pk}).json()
    assert len(answer["done"]) == 3
    given = {"filter": {"status": "active"}, "plan": None}
    answer = api.post("/subscriptions/change-plan", given).json()
    assert len(answer["done"]) == 3
    assert [world.sub(name).plan for name in names] == [None] * 3
    assert str(world.sub("nora.example").plan) == "Ben Basic"


def test_the_plans_are_read_once_for_all(
    world: HostingWorld, django_assert_max_num_queries: Callable[..., Any]
):
    """One form for each, and no more statements for many than for two."""
    world.plan("ada", "Big")
    for number in range(12):
        world.space("carl", f"many{number}.example", "Ada Basic")
    rows = [world.sub(f"many{number}.example") for number in range(12)]
    client, counted = world.client("ada"), []
    for some in (rows[:2], rows):
        data = {"ids": [str(row.pk) for row in some], "query": ""}
        with django_assert_max_num_queries(50) as asking:
            page = Page(client, client.post("/subscriptions/change-plan/", data, follow=True))
        big = page.form("Next").choices["all-plan"]["Big"]
        with django_assert_max_num_queries(50) as looking:
            page = page.press("Next", **{"all-plan": big})
        assert f"{len(some)} subscriptions have the service plan Big then." in page.text
        counted.append((len(asking), len(looking)))
    assert counted[0] == counted[1]

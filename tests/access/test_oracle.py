"""Everything that somebody can fetch, searched for what this person must never read.

Every text of every row is a marker (canaries.py); every page, export, search, answer of the API is
fetched as everybody who might see too much. Secrets are looked for besides, as the administrator
too, for nobody sees those.
"""

import json
import logging

import pytest

from accounts.models import ApiToken
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity
from tests.access.canaries import HOSTILE, UNESCAPED, Canaries, plant, unplanted
from tests.access.crawl import content, everything, everything_of_the_api
from tests.access.routes import without_noise
from tests.access.world import AccessWorld, Tenant
from tests.world import PASSWORD

pytestmark = pytest.mark.census

# Everybody who sees a part, but for those whose part is another's here.
CUT_DOWN = ["customer", "viewer", "limited", "reseller", "r-limited"]


@pytest.fixture
def canaries(world: AccessWorld) -> Canaries:
    """Markers everywhere, and some work done on both sides, so that log and runs repeat them."""
    planted = plant(world)
    for tenant in (world.ours, world.theirs):
        _work(world, planted, tenant)
    return planted


def _work(world: AccessWorld, canaries: Canaries, tenant: Tenant) -> None:
    """By the reseller, the administrator and the customer; each text has readers of its own."""
    is_ours = tenant is world.ours
    above = {"reseller", "r-viewer", "r-limited", "admin"} if is_ours else {"admin"}
    below = {"customer", "owner", "webmaster", "viewer", "limited", "entered"} if is_ours else set()

    def marked(place: str, allowed: set[str]) -> str:
        return canaries.new(f"{place}, {tenant.customer}", allowed) + HOSTILE

    def done(who: str, operation: str, word: str, **params: object) -> None:
        target = tenant.rows[word]
        target.refresh_from_db()
        world.done(who, operation, target, version=getattr(target, "version", None), **params)

    manager = tenant.reseller
    done(manager, "customer.description", "customer", description=marked("description", above))
    note = marked("administrator's note", {"admin"})
    done("admin", "customer.administrators-note", "customer", admin_note=note)
    done("admin", "reseller.description", "reseller", description=marked("of reseller", {"admin"}))
    description = marked("of subscription", above)
    done(manager, "subscription.description", "subscription", description=description)
    note = marked("administrator's note on subscription", {"admin"})
    done("admin", "subscription.administrators-note", "subscription", admin_note=note)
    message, note = marked("message", above | below), marked("internal note", above)
    done(manager, "subscription.suspend", "subscription", message=message, note=note)
    note = marked("administrator's internal note", {"admin"})
    done("admin", "subscription.suspend", "subscription", note=note, kind="abuse")
    done(tenant.customer, "user.deactivate", "user")


@pytest.mark.parametrize("person", CUT_DOWN)
def test_no_page_tells_what_is_not_for_the_reader(
    world: AccessWorld, canaries: Canaries, person: str
) -> None:
    """Nor does any text of anybody stand in it as markup."""
    found = {}
    for url, answer in everything(world.browser(person)):
        text = content(answer)
        if told := canaries.forbidden_in(text, person):
            found[url] = told[:5]
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if is_page and any(piece in text for piece in UNESCAPED):
            found[url] = ["not escaped"]
    assert not found


@pytest.mark.parametrize("person", CUT_DOWN)
def test_no_answer_of_the_api_does(world: AccessWorld, canaries: Canaries, person: str) -> None:
    world.tokens.clear()
    found = {}
    for url, answer in everything_of_the_api(world.bearer(person)):
        if told := canaries.forbidden_in(content(answer), person):
            found[url] = told[:5]
    assert not found


@pytest.mark.parametrize("person", ["reseller"])
def test_searching_for_what_is_not_ones_own_finds_nothing(
    world: AccessWorld, canaries: Canaries, person: str
) -> None:
    """The same page as for a word that is nowhere, but for the word itself."""
    client, wrong = world.browser(person), []

    def page(place: str, word: str) -> str:
        return without_noise(client.get(place, {"q": word}).content).replace(word, "")

    for place, kind in (("/search/", ""), ("/subscriptions/", "Subscr"), ("/domains/", "Domain")):
        nothing = page(place, "zq0000qz")
        for marker, allowed in canaries.allowed.items():
            is_asked = person not in allowed and kind in canaries.place[marker]
            if is_asked and page(place, marker) != nothing:
                wrong.append(f"{place} finds {canaries.place[marker]}")
    assert not wrong


def test_no_secret_is_written_down(world: AccessWorld, caplog: pytest.LogCaptureFixture) -> None:
    """Not into runs, not into the activity log, not into the program's log."""
    password = "planted secret of the tests"
    given = {"password": password, "password_again": password}
    caplog.set_level(logging.DEBUG)
    world.done("ada", "customer.change-login-info", world.carl, username="carl", version=1, **given)
    values = {"username": "zoe", "name": "Zoe", "email": "zoe@mail.example", "user_role": "viewer"}
    world.done(
        "cleo", "account.add-user", world.cleo, access="all", is_active="on", **given, **values
    )
    form = {"name": "t", "scopes": ["read"], "current_password": PASSWORD}
    page = world.browser("reseller").post("/account/tokens/add/", form)
    token = page.context["text"]
    written = json.dumps([*BulkRun.objects.values_list("params", "notes", "back")])
    written += json.dumps([*BulkTarget.objects.values_list("item_params", "reason_params")])
    written += "".join(Activity.objects.exclude(details=None).values_list("details", flat=True))
    written += caplog.text
    assert ApiToken.objects.filter(digest=ApiToken.digest_of(token)).exists()
    for secret in (password, PASSWORD, token, ApiToken.digest_of(token)):
        assert secret not in written


def test_every_text_of_a_tenant_has_a_marker() -> None:
    """A new model with owners has to come into canaries.py."""
    assert not unplanted()

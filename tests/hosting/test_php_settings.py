"""PHP Settings of domains: of one's own or as in the plan, and what becomes of it on the node."""

from typing import Any

import pytest

from accounts.models import Account
from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.plans import Plan
from hosting.services import base
from hosting.services.php import desired as php
from hosting.services.php.driver_desired import parse
from hosting.services.php.driver_table import TABLE
from hosting.services.php.models import DomainPhp
from panel.core import reasons
from panel.core.log import Activity
from tests.hosting.world import DOORS, HostingWorld

pytestmark = pytest.mark.django_db
SET = "domain.php-settings"
EVERY = ["manage_php_settings", "manage_php_version", "manage_php_insecure"]


def install(*versions: str) -> None:
    """What the agent of the node says that it has."""
    found = {"php": {"versions": list(versions)}} if versions else {}
    Node.objects.update(services={"web": {}, **found})


def grant(plan: str, *names: str) -> None:
    """Permissions of PHP for all that follow a plan."""
    row = Plan.objects.get(name=plan)
    row.permissions = sorted({*row.permissions, *EVERY} - (set(EVERY) - set(names)))
    row.save()
    for each in row.subscriptions.all():
        each.permissions = row.permissions
        each.save()


@pytest.fixture(autouse=True)
def _node(world: HostingWorld) -> None:
    install("8.1", "8.2")
    for row in Account.objects.filter(role="reseller"):
        row.permissions = sorted(base.permissions())
        row.save()
    grant("Ada Basic", *EVERY)


def words(found: Any) -> str:
    """The reason why one target was refused."""
    return reasons.render(found.code, found.params)


def sent(name: str) -> dict[str, Any]:
    """What the node is to have of a domain's PHP; {} for none."""
    row = Domain.objects.get(ascii=name)
    sites = php.desired([row.subscription_id])[row.subscription_id]["sites"]
    return next((site for site in sites if site["id"] == row.pk), {})


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["admin", "ada", "carl"])
def test_a_setting_of_ones_own_by_every_door(world: HostingWorld, door: str, who: str):
    before, site = world.generation("carl.example"), world.site("carl.example")
    value = 256 if door == "api" else "256"
    answer = world.through(door, who, SET, site, memory_limit=value, display_errors="on")
    assert answer.result == "done", answer
    assert sent("carl.example")["values"]["memory_limit"] == 256
    assert sent("carl.example")["values"]["display_errors"] is True
    assert sent("carl.example")["values"]["max_execution_time"] == 30
    assert world.generation("carl.example") > before
    assert sent("cleo.example")["values"]["memory_limit"] == 128


@pytest.mark.parametrize("door", DOORS)
def test_a_version_and_off_by_every_door_and_twice_is_unchanged(world: HostingWorld, door: str):
    site = world.site("carl.example")
    assert sent("carl.example")["version"] == "newest"
    assert world.through(door, "carl", SET, site, php_version="8.1").result == "done"
    assert sent("carl.example")["version"] == "8.1"
    assert world.finding("carl", SET, site, php_version="8.1").result == "unchanged"
    assert world.through(door, "carl", SET, world.site("carl.example"), php="off").result == "done"
    assert sent("carl.example") == {}
    assert sent("cleo.example")["version"] == "newest"


def test_many_at_once_each_as_far_as_it_can(world: HostingWorld):
    sites = [world.site(name) for name in ("carl.example", "cleo.example", "nora.example")]
    outcome = world.perform("admin", SET, sites, memory_limit="512")
    assert [one.result for one in outcome.findings] == ["done"] * 3
    assert {sent(str(row))["values"]["memory_limit"] for row in sites} == {512}
    outcome = world.perform("admin", SET, sites[:2], post_max_size="64")
    # What was not given stays.
    assert sent("carl.example")["values"]["memory_limit"] == 512
    assert sent("nora.example")["values"]["post_max_size"] == 32


def test_the_plan_gives_what_is_not_ones_own_and_comes_back(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, memory_limit="200")
    plan = Plan.objects.get(name="Ada Basic")
    plan.settings = {"php_memory_limit": 300, "php_post_max_size": 50, "php_processes": 9}
    plan.save()
    for row in plan.subscriptions.all():
        row.settings = plan.settings
        row.save()
    values = sent("carl.example")["values"]
    assert (values["memory_limit"], values["post_max_size"]) == (200, 50)
    assert sent("cleo.example")["values"]["memory_limit"] == 300
    row = world.sub("carl.example")
    assert php.desired([row.pk])[row.pk]["children"] == 9
    for door, word in (("api", None), ("cli", "plan"), ("page", "plan")):
        world.perform("carl", SET, world.site("carl.example"), memory_limit="200")
        site = world.site("carl.example")
        assert world.through(door, "carl", SET, site, memory_limit=word).result == "done"
        assert sent("carl.example")["values"]["memory_limit"] == 300
    assert DomainPhp.objects.get(domain=site).settings == {}


def test_a_plan_without_php_has_none_and_nobody_below_it_switches_it_on(world: HostingWorld):
    row = world.sub("carl.example")
    row.settings = {"php": False}
    row.save()
    assert sent("carl.example") == {}
    site = world.site("carl.example")
    world.perform("carl", SET, site, php="off")
    found = world.finding("carl", SET, site, php="on")
    assert (found.result, found.code) == ("refused", "php_not_in_plan")


@pytest.mark.parametrize("door", DOORS)
def test_what_is_out_of_bounds_is_no_value(world: HostingWorld, door: str):
    site = world.site("carl.example")
    for name, value in (("memory_limit", 0), ("memory_limit", 4097), ("max_execution_time", 3601)):
        given = value if door == "api" else str(value)
        answer = world.through(door, "carl", SET, site, **{name: given})
        assert (answer.result, list(answer.errors)) == ("invalid", [name])
    for name, text in (("memory_limit", "12M"), ("timezone", "Mars/Phobos"), ("php_version", "9")):
        answer = world.through(door, "carl", SET, site, **{name: text})
        assert (answer.result, list(answer.errors)) == ("invalid", [name])
    assert not DomainPhp.objects.exists()


def test_each_permission_opens_its_own_settings(world: HostingWorld):
    site = world.site("carl.example")
    asked = {
        "manage_php_settings": {"memory_limit": "99"},
        "manage_php_version": {"php_version": "8.1"},
        "manage_php_insecure": {"programs": "on"},
    }
    for held in EVERY:
        grant("Ada Basic", held)
        for needed, params in asked.items():
            answer = world.through("api", "carl", SET, site, **_json(params))
            expected = "invalid" if needed != held else "done"
            assert answer.result == expected, (held, needed, answer)
    grant("Ada Basic")
    found = world.finding("carl", SET, site, memory_limit="77")
    assert found.result in {"refused", "unchanged"}
    assert sent("carl.example")["values"]["memory_limit"] == 99


def _json(params: dict[str, str]) -> dict[str, Any]:
    return {name: int(text) if text.isdigit() else text for name, text in params.items()}


def test_of_many_those_without_the_permission_are_refused(world: HostingWorld):
    # What one may not change in one of them is still there for the other.
    world.space("carl", "two.example")
    sites = [world.site("carl.example"), world.site("two.example")]
    outcome = world.perform("carl", SET, sites, programs="on")
    assert [(one.result, one.code) for one in outcome.findings] == [
        ("done", ""),
        ("refused", "no_permission"),
    ]


def test_a_version_that_is_not_there_is_refused_and_one_that_went_is_told(world: HostingWorld):
    site = world.site("carl.example")
    found = world.finding("carl", SET, site, php_version="7.4")
    assert (found.result, found.code) == ("refused", "php_version_missing")
    assert "8.1, 8.2" in words(found)
    world.perform("carl", SET, site, php_version="8.1")
    install("8.2", "8.4")
    page = world.client("carl").get(f"/domains/{site.pk}/php/").content.decode()
    assert "PHP 8.1 is not installed on this server any more" in page
    assert "8.2, 8.4" in page
    form = world.client("carl").get(f"/domains/{site.pk}/php-settings/").content.decode()
    assert "8.1 (not installed any more)" in form
    assert "The newest (now 8.4)" in form
    # Something else can be changed meanwhile; and the version is as it was.
    assert world.finding("carl", SET, site, memory_limit="70").result == "done"
    assert sent("carl.example")["version"] == "8.1"


def test_versions_are_in_the_order_of_numbers(world: HostingWorld):
    install("8.10", "8.9")
    site = world.site("carl.example")
    form = world.client("carl").get(f"/domains/{site.pk}/php-settings/").content.decode()
    assert "The newest (now 8.10)" in form


def test_where_nothing_runs_php_the_page_says_so_and_nothing_is_offered(world: HostingWorld):
    install()
    site = world.site("carl.example")
    page = world.client("carl").get(f"/domains/{site.pk}/php/").content.decode()
    assert "PHP is not available on this server" in page
    assert f"/domains/{site.pk}/php-settings/" not in page
    found = world.finding("carl", SET, site, memory_limit="70")
    assert (found.result, found.code) == ("refused", "php_unavailable")


def test_the_page_shows_what_is_in_force_the_plans_and_ones_own(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, memory_limit="777")
    for who in ("carl", "ada", "admin"):
        page = world.client(who).get(f"/domains/{site.pk}/php/").content.decode()
        assert "777 MiB" in page
        assert "128 MiB" in page
        assert "8.2 (the newest)" in page
        assert f"/domains/{site.pk}/php-settings/" in page
    assert world.client("nora").get(f"/domains/{site.pk}/php/").status_code == 404


def test_what_forwards_has_no_php(world: HostingWorld):
    site = world.site("carl.example")
    Domain.objects.filter(pk=site.pk).update(
        hosting_type="forwarding", forward_to="https://a.example"
    )
    assert sent("carl.example") == {}
    assert world.finding("carl", SET, site, memory_limit="70").code == "not_applicable"
    assert "PHP Settings" not in world.client("carl").get(f"/domains/{site.pk}/").content.decode()


def test_a_neighbours_domain_is_not_there(world: HostingWorld):
    for who in ("nora", "ben", "cleo"):
        found = world.finding(who, SET, world.site("carl.example"), memory_limit="70")
        assert found.result == "missing"
    assert not DomainPhp.objects.exists()


def test_edits_that_cross_are_told(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("ada", SET, site, memory_limit="300", version=str(site.version))
    found = world.finding("carl", SET, site, memory_limit="70", version=str(site.version))
    assert found.code == "changed_meanwhile"
    assert "300 MiB" in words(found)


def test_the_log_tells_old_and_new(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, memory_limit="300", php="off")
    entry = Activity.objects.filter(action=SET).latest("pk")
    assert entry.old == {"memory_limit": None, "php": True, "version": 1}
    assert entry.new == {"memory_limit": 300, "php": False, "version": 2}


def test_rows_go_along_with_the_subscriber_and_go_with_the_subscription(world: HostingWorld):
    site = world.site("carl.example")
    world.perform("carl", SET, site, memory_limit="300")
    params = {"subscriber": str(world.cleo.pk), "plan": ""}
    row = world.sub("carl.example")
    world.perform("ada", "subscription.change-subscriber", row, **params)
    assert DomainPhp.objects.get(domain=site).account_id == world.cleo.pk
    php.purge([row.pk])
    assert not DomainPhp.objects.exists()
    world.perform("cleo", SET, site, memory_limit="300")
    extra = world.domain("carl.example", "more.example")
    world.perform("admin", SET, extra, memory_limit="300")
    assert world.finding("admin", "domain.remove", extra).result == "done"
    assert not DomainPhp.objects.filter(domain_id=extra.pk).exists()


def test_as_many_queries_for_one_as_for_many(world: HostingWorld, django_assert_num_queries):
    ids = [world.sub(name).pk for name in ("carl.example", "cleo.example", "nora.example")]
    world.perform("admin", SET, [world.site("carl.example")], memory_limit="300")
    for some in (ids[:1], ids):
        with django_assert_num_queries(3):
            assert php.desired(some).keys() == set(some)


def test_the_node_takes_what_it_is_sent(world: HostingWorld):
    row = world.sub("carl.example")
    parsed = parse(php.desired([row.pk])[row.pk])
    assert [len(site.values) for site in parsed.sites] == [len(TABLE)]

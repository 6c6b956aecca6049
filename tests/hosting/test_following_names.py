"""Services that keep something for each name hear of names that come and go, in the transaction."""

from collections.abc import Iterator

import pytest

from hosting import purge
from hosting.models.domains import Alias, Domain
from hosting.services.web.apps import WebConfig
from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db
HEARD: list[tuple[str, list[int]]] = []


def names_changed(_step: object, subscription_ids: list[int]) -> None:
    HEARD.append(("names", subscription_ids))


def gone(subscription_ids: list[int]) -> None:
    rows = Domain.objects.filter(subscription_id__in=subscription_ids)
    HEARD.append(("purge", subscription_ids if rows.exists() else []))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, list[int]]]]:
    monkeypatch.setattr(WebConfig, "names_source", f"{__name__}.names_changed")
    monkeypatch.setattr(WebConfig, "purge_source", f"{__name__}.gone")
    HEARD.clear()
    yield HEARD
    HEARD.clear()


def test_names_that_come_and_go_are_told_by_subscription(
    world: HostingWorld, heard: list[tuple[str, list[int]]]
):
    carl = world.sub("carl.example")
    told = [("names", [carl.pk])]
    world.perform("carl", "subscription.add-domain", carl, name="shop.example")
    assert heard == told
    world.perform("carl", "domain.add-alias", world.site("shop.example"), name="store.example")
    assert heard == told * 2
    world.perform("carl", "alias.remove", Alias.objects.get(ascii="store.example"))
    assert heard == told * 3
    world.perform("carl", "domain.remove", world.site("shop.example"))
    assert heard == told * 4


def test_a_batch_is_told_once(world: HostingWorld, heard: list[tuple[str, list[int]]]):
    rows = [world.domain("carl.example", f"{word}.example") for word in ("one", "two")]
    rows.append(world.domain("cleo.example", "three.example"))
    heard.clear()
    world.perform("ada", "domain.remove", rows)
    ids = sorted([world.sub("carl.example").pk, world.sub("cleo.example").pk])
    assert heard == [("names", ids)]


def test_a_new_subscription_is_told_and_a_refused_name_is_not(
    world: HostingWorld, heard: list[tuple[str, list[int]]]
):
    made = world.space("carl", "fresh.example")
    assert heard == [("names", [made.pk])]
    row = world.sub("carl.example")
    outcome = world.finding("carl", "subscription.add-domain", row, name="nora.example")
    assert outcome.result == "refused"
    assert len(heard) == 1


def test_a_purge_is_told_while_the_rows_are_there(
    world: HostingWorld, heard: list[tuple[str, list[int]]]
):
    pk = world.sub("carl.example").pk
    world.perform("ada", "subscription.remove", world.sub("carl.example"))
    assert heard == []
    purge.subscriptions([pk])
    assert heard == [("purge", [pk])]

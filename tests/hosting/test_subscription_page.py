"""A subscription's page: from there into its subscriber's panel."""

import pytest

from tests.hosting.world import HostingWorld

pytestmark = pytest.mark.django_db


def test_a_subscription_leads_into_its_subscribers_panel(world: HostingWorld) -> None:
    row, nora = world.sub("carl.example"), world.sub("nora.example")
    client = world.client("ada")
    page = client.get(f"/subscriptions/{row.pk}/").content.decode()
    assert "Log in as subscriber" in page
    assert f'"/customers/{row.account_id}/log-in-as/"' in page
    answer = client.post(f"/customers/{row.account_id}/log-in-as/", follow=True)
    assert "carl" in answer.content.decode()
    # Inside it leads nowhere else, and the neighbour's is not there.
    assert "Log in as" not in client.get(f"/subscriptions/{row.pk}/").content.decode()
    assert client.get(f"/subscriptions/{nora.pk}/").status_code == 404


def test_nobody_logs_in_as_oneself(world: HostingWorld) -> None:
    own = world.sub("ada.example")
    page = world.client("ada").get(f"/subscriptions/{own.pk}/").content.decode()
    assert "Log in as" not in page
    assert (
        "Log in as subscriber"
        in world.client("admin").get(f"/subscriptions/{own.pk}/").content.decode()
    )

"""Dates are shown in the zone of whoever reads them."""

from datetime import UTC, datetime

from accounts.models import Account


def test_dates_are_shown_in_the_readers_zone(world, client):
    moment = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    Account.objects.filter(username="carl").update(created_at=moment)
    Account.objects.filter(username="admin").update(time_zone="Pacific/Auckland")
    client.login(username="admin", password="correct horse battery")
    carl = Account.objects.get(username="carl")

    assert "4 Nov 2026, 12:30" in client.get(f"/customers/{carl.pk}/").content.decode()

    Account.objects.filter(username="admin").update(time_zone="America/Lima")
    assert "3 Nov 2026, 18:30" in client.get(f"/customers/{carl.pk}/").content.decode()

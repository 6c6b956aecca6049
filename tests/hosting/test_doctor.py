"""The doctor: finds what is wrong, mends what is only cached, and is quiet otherwise."""

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import Account
from hosting import doctor
from hosting.models.subscriptions import Subscription


def test_a_sound_panel_has_nothing_wrong(world):
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "Nothing is wrong." in out.getvalue()


def test_a_wrong_count_is_found_and_mended(world):
    Account.objects.filter(username="carl").update(subscriptions_count=4711)
    assert [finding.cure for finding in doctor.examine()] == ["manage.py doctor --mend"]
    assert Account.objects.get(username="carl").subscriptions_count == 4711, (
        "looking changes nothing"
    )

    call_command("doctor", "--mend", stdout=StringIO())
    assert doctor.examine() == []


def test_a_state_that_no_entry_explains_is_found(world):
    Subscription.objects.filter(account__username="carl").update(is_suspended=True)
    assert doctor.examine()
    doctor.mend()
    assert not Subscription.objects.filter(account__username="carl", is_suspended=True).exists()


def test_a_row_of_the_wrong_owner_is_found(world):
    carl = Account.objects.get(username="carl")
    ben = Account.objects.get(username="ben")
    Account.objects.filter(pk=carl.pk).update(reseller=ben)
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=StringIO())
    assert any("owner" in finding.what for finding in doctor.examine())
    Account.objects.filter(pk=carl.pk).update(reseller=carl.reseller)

"""From rows to what the agent is sent."""

import pytest
from django.utils import timezone

from hosting import provisioning
from hosting.models.domains import AliasMode, Domain, HostingType, PreferredName, SiteState
from hosting.models.subscriptions import Subscription
from hosting.provisioning_queue import desired
from hosting.services.web.driver_desired import parse
from tests.hosting import rows

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def only(row: Subscription) -> dict:
    [frame] = desired([row.pk])
    return frame


def site_of(row: Subscription) -> dict:
    [site] = only(row)["web"]["sites"]
    return site


def test_a_website_answers_for_its_name_and_www():
    anna = rows.subscription("anna.example")
    assert site_of(anna) == {
        "id": anna.domains.get().pk,
        "name": "anna.example",
        "names": ["anna.example", "www.anna.example"],
        "redirects": [],
        "document_root": "httpdocs",
        "state": "active",
        "title": "anna.example",
    }


def test_aliases_are_the_same_site_or_lead_to_it():
    anna = rows.subscription("anna.example")
    main = anna.domains.get()
    rows.alias(main, "anna.test", AliasMode.SAME)
    rows.alias(main, "old.example", AliasMode.REDIRECT)
    site = site_of(anna)
    assert site["names"] == ["anna.example", "www.anna.example", "anna.test", "www.anna.test"]
    assert site["redirects"] == ["old.example", "www.old.example"]


@pytest.mark.parametrize("preferred", PreferredName)
def test_a_name_of_full_length_gets_no_www(preferred: PreferredName):
    label = "a" * 61
    name = ".".join([label, label, label, "a" * 59, "test"])
    anna = rows.subscription(name[:253])
    Domain.objects.update(preferred_name=preferred)
    assert site_of(anna)["names"] == [name[:253]]
    assert "moves" not in site_of(anna)


def test_the_name_that_is_not_preferred_leads_to_its_twin():
    anna = rows.subscription("anna.example")
    main = anna.domains.get()
    rows.alias(main, "anna.test", AliasMode.SAME)
    rows.alias(main, "old.example", AliasMode.REDIRECT)
    Domain.objects.update(preferred_name=PreferredName.WWW)
    site = site_of(anna)
    assert site["names"] == ["www.anna.example", "www.anna.test"]
    assert site["moves"] == [
        ["anna.example", "www.anna.example"],
        ["anna.test", "www.anna.test"],
    ]
    Domain.objects.update(preferred_name=PreferredName.BARE)
    site = site_of(anna)
    assert site["names"] == ["anna.example", "anna.test"]
    assert site["moves"] == [
        ["www.anna.example", "anna.example"],
        ["www.anna.test", "anna.test"],
    ]
    assert site["redirects"] == ["old.example", "www.old.example"]


def test_a_domain_that_forwards_has_no_files_and_no_preference():
    anna = rows.subscription("anna.example")
    Domain.objects.update(
        hosting_type=HostingType.FORWARDING,
        preferred_name=PreferredName.WWW,
        forward_to="https://new.example",
        forward_code=302,
    )
    site = site_of(anna)
    assert site["names"] == ["anna.example", "www.anna.example"]
    assert site["forward"] == {"to": "https://new.example", "code": 302}
    assert "document_root" not in site
    assert "moves" not in site


def test_a_domain_without_hosting_is_no_site():
    anna = rows.subscription("anna.example")
    rows.domain(anna, "mail-only.example", hosting_type=HostingType.NONE)
    assert [site["name"] for site in only(anna)["web"]["sites"]] == ["anna.example"]


def test_a_removed_domain_is_no_site():
    anna = rows.subscription("anna.example")
    rows.domain(anna, "gone.example", removing_at=timezone.now())
    assert [site["name"] for site in only(anna)["web"]["sites"]] == ["anna.example"]


def test_the_website_s_own_state_is_sent_beside_the_suspension():
    anna = rows.subscription("anna.example")
    Domain.objects.update(site_state=SiteState.SUSPENDED)
    assert (only(anna)["state"], site_of(anna)["state"]) == ("open", "suspended")
    rows.suspend(anna)
    assert (only(anna)["state"], site_of(anna)["state"]) == ("shut", "suspended")


def test_a_removed_subscription_is_shut_on_all_its_names_until_it_is_forgotten():
    anna = rows.subscription("anna.example")
    Subscription.objects.update(removing_at=timezone.now())
    Domain.objects.update(removing_at=timezone.now())
    assert (only(anna)["present"], only(anna)["state"]) == (True, "shut")
    # Without its sites the web server would answer 404, as for a name that nobody has.
    assert site_of(anna)["names"] == ["anna.example", "www.anna.example"]
    provisioning.forget([anna.pk])
    assert only(anna) == {"id": anna.pk, "generation": 2, "present": False, "state": "shut"}


def test_a_subscription_whose_row_is_gone_is_absent():
    anna = rows.subscription("anna.example")
    Domain.objects.all().delete()
    Subscription.objects.all().delete()
    assert only(anna) == {"id": anna.pk, "generation": 1, "present": False, "state": "shut"}


def test_a_subscription_without_sites_is_present():
    anna = rows.subscription("anna.example")
    Domain.objects.all().delete()
    assert only(anna)["web"] == {"sites": []}


def test_the_agent_takes_what_is_sent():
    anna = rows.subscription("anna.example")
    main = anna.domains.get()
    rows.alias(main, "xn--bcher-kva.example", AliasMode.SAME)
    rows.alias(main, "old.example", AliasMode.REDIRECT)
    forwarding = {"hosting_type": HostingType.FORWARDING, "forward_to": "http://192.0.2.7:81/?a#b"}
    rows.domain(anna, "away.example", **forwarding)
    for preferred in PreferredName:
        Domain.objects.update(preferred_name=preferred)
        assert len(parse(only(anna)["web"]).all_names) == 8


def test_many_subscriptions_take_as_many_queries_as_one(django_assert_num_queries):
    ids = [rows.subscription(f"s{number}.example").pk for number in range(30)]
    with django_assert_num_queries(13):
        desired(ids[:1])
    with django_assert_num_queries(13):
        frames = desired(ids)
    assert [len(frame["web"]["sites"]) for frame in frames] == [1] * 30

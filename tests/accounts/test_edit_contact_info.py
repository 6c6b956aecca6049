"""Edit Contact Info: of those below, and of oneself."""

import pytest

from accounts.models import Account
from panel.core.log import Activity
from panel.core.operations import Result
from panel.core.search import SearchText
from tests.world import World

BASE = {
    "contact_name": "Carl Berg",
    "email": "carl@berg.example",
    "locale": "en",
    "time_zone": "UTC",
}


def test_it_changes_contact_information(world: World) -> None:
    given = {**BASE, "company": "Berg AG", "city": "Bern", "country": "CH", "external_id": "K-1"}
    assert world.finding("ada", "customer.edit-contact-info", world.carl, **given).result == "done"
    carl = world.fresh("carl")
    assert (carl.contact_name, carl.company, carl.city) == ("Carl Berg", "Berg AG", "Bern")
    assert (carl.email, carl.country, carl.external_id) == ("carl@berg.example", "CH", "K-1")
    assert (carl.name_key, carl.version) == ("carl berg", 2)


def test_its_own_login_gets_the_same_name_and_email(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    user = world.user("carl")
    assert (user.name, user.email) == ("Carl Berg", "carl@berg.example")


def test_it_works_by_its_page(world: World) -> None:
    client = world.client("ada")
    url = f"/customers/{world.carl.pk}/edit-contact-info/"
    assert b"Edit Contact Info" in client.get(url).content
    answer = client.post(url, {**BASE, "confirmed": "1", "version": "1"})
    assert answer.status_code == 303
    assert world.fresh("carl").contact_name == "Carl Berg"


def test_one_edits_oneself_on_the_account_page(world: World) -> None:
    client = world.client("carl")
    answer = client.post("/account/edit-contact-info/", {**BASE, "confirmed": "1"})
    assert answer.status_code == 303
    assert answer["Location"].startswith("/account/?run=")
    assert world.fresh("carl").email == "carl@berg.example"
    assert client.get(answer["Location"]).status_code == 200


def test_doing_it_twice_changes_nothing(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    again = world.finding("ada", "customer.edit-contact-info", world.carl, **BASE)
    assert again.result == Result.UNCHANGED
    assert world.fresh("carl").version == 2


def test_an_empty_field_is_cleared(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE, company="Berg AG")
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    assert world.fresh("carl").company == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact_name": ""},
        {"contact_name": "Carl\r\nBcc: x@y.example"},
        {"contact_name": "Carl\u2028Berg"},
        {"email": ""},
        {"email": "carl"},
        {"email": "a@b@c"},
        {"email": "carl@-.example"},
        {"email": "carl@berg.example\nBcc: x@y.example"},
        {"country": "XX"},
        {"time_zone": "Mars/Olympus"},
        {"external_id": "x" * 101},
    ],
)
def test_it_refuses_what_is_not_valid(world: World, wrong: dict[str, str]) -> None:
    finding = world.finding("ada", "customer.edit-contact-info", world.carl, **{**BASE, **wrong})
    assert (finding.result, finding.code) == (Result.REFUSED, "invalid")
    assert world.fresh("carl").contact_name == "Carl Customer"


def test_a_nul_is_refused_at_the_door(world: World) -> None:
    answer = world.client("ada").post(
        f"/customers/{world.carl.pk}/edit-contact-info/",
        {**BASE, "company": "Nul\x00", "confirmed": "1"},
    )
    assert answer.status_code == 422


def test_composed_and_decomposed_domains_are_one_address(world: World) -> None:
    for typed in ("carl@bücher.example", "carl@BÜCHER.example", "carl@bu\u0308cher.example"):
        world.perform("ada", "customer.edit-contact-info", world.carl, **{**BASE, "email": typed})
        assert world.fresh("carl").email == "carl@xn--bcher-kva.example"


def test_an_external_id_is_unique_within_the_provider(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.cleo, **{**BASE, "external_id": "K-1"})
    taken = world.finding(
        "ada", "customer.edit-contact-info", world.carl, **{**BASE, "external_id": "K-1"}
    )
    assert taken.result == Result.REFUSED
    answer = world.client("ada").post(
        f"/customers/{world.carl.pk}/edit-contact-info/",
        {**BASE, "external_id": "K-1", "confirmed": "1"},
    )
    assert answer.status_code == 422
    assert "Another account has this external id." in answer.content.decode()
    # Another provider's billing counts by itself.
    other = world.finding(
        "ben", "customer.edit-contact-info", world.nora, **{**BASE, "external_id": "K-1"}
    )
    assert other.result == Result.DONE


def test_oneself_does_not_set_the_external_id(world: World) -> None:
    Account.objects.filter(pk=world.carl.pk).update(external_id="K-9")
    world.perform("carl", "account.edit-contact-info", world.carl, **BASE, external_id="K-1")
    assert world.fresh("carl").external_id == "K-9"


def test_a_stale_form_is_refused_with_who_and_what(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE, company="Berg AG")
    stale = {**BASE, "company": "Other", "version": "1"}
    finding = world.finding("admin", "customer.edit-contact-info", world.carl, **stale)
    assert (finding.result, finding.code) == (Result.REFUSED, "changed_meanwhile")
    assert finding.params["who"] == "ada"
    assert "Company (now “Berg AG”)" in finding.params["fields"]
    assert world.fresh("carl").company == "Berg AG"


def test_a_stale_form_keeps_what_was_typed_and_can_be_saved_again(world: World) -> None:
    client = world.client("admin")
    url = f"/customers/{world.carl.pk}/edit-contact-info/"
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE, company="Berg AG")
    typed = {**BASE, "company": "Typed here", "confirmed": "1"}
    answer = client.post(url, {**typed, "version": "1"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Typed here" in text
    assert "ada changed this meanwhile" in text
    assert 'name="version" value="2"' in text
    assert client.post(url, {**typed, "version": "2"}).status_code == 303
    assert world.fresh("carl").company == "Typed here"


def test_a_stale_form_with_mistakes_stays_stale(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE, company="Berg AG")
    answer = world.client("admin").post(
        f"/customers/{world.carl.pk}/edit-contact-info/",
        {**BASE, "email": "wrong", "confirmed": "1", "version": "1"},
    )
    assert answer.status_code == 422
    assert 'name="version" value="1"' in answer.content.decode()


def test_an_edit_of_other_fields_does_not_stand_against_it(world: World) -> None:
    world.perform("ada", "customer.description", world.carl, description="Pays late")
    finding = world.finding("ada", "customer.edit-contact-info", world.carl, **BASE, version="1")
    assert finding.result == Result.DONE


def test_a_customer_does_not_learn_the_logins_above(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    stale = {**BASE, "contact_name": "Carl", "version": "1"}
    finding = world.finding("carl", "account.edit-contact-info", world.carl, **stale)
    assert finding.code == "changed_meanwhile"
    assert finding.params["who"] == "Your provider"


def test_the_neighbour_is_not_there(world: World) -> None:
    finding = world.finding("ben", "customer.edit-contact-info", world.carl, **BASE)
    assert finding.result == Result.MISSING
    url = f"/customers/{world.carl.pk}/edit-contact-info/"
    assert world.client("ben").get(url).status_code == 404
    assert world.client("nora").get(url).status_code == 404
    assert world.fresh("carl").contact_name == "Carl Customer"


def test_nobody_edits_an_account_above_or_beside(world: World) -> None:
    for who, noun, target in [
        ("ada", "reseller", world.ada),
        ("ada", "account", world.carl),
        ("carl", "customer", world.carl),
        ("carl", "account", world.ada),
        ("admin", "account", world.carl),
    ]:
        finding = world.finding(who, f"{noun}.edit-contact-info", target, **BASE)
        assert finding.result in {Result.MISSING, Result.REFUSED}, (who, noun)
    assert not Account.objects.filter(contact_name="Carl Berg").exists()


def test_the_administrator_edits_resellers_and_customers_of_resellers(world: World) -> None:
    assert world.finding("admin", "reseller.edit-contact-info", world.ada, **BASE).result == "done"
    assert world.finding("admin", "customer.edit-contact-info", world.carl, **BASE).result == "done"


def test_a_viewer_does_not_edit_the_account(world: World) -> None:
    world.add_user("carl", "vera", user_role="viewer")
    finding = world.finding("vera", "account.edit-contact-info", world.carl, **BASE)
    assert (finding.result, finding.code) == (Result.REFUSED, "not_allowed")


def test_a_removed_account_is_left_alone(world: World) -> None:
    from django.utils import timezone

    Account.objects.filter(pk=world.carl.pk).update(removing_at=timezone.now())
    finding = world.finding("ada", "customer.edit-contact-info", world.carl, **BASE)
    assert finding.result == Result.REFUSED


def test_the_log_has_old_and_new_values(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    entry = Activity.objects.get(action="customer.edit-contact-info")
    assert entry.old["contact_name"] == "Carl Customer"
    assert entry.new["contact_name"] == "Carl Berg"
    assert "company" not in entry.new
    assert (entry.account_id, entry.reseller_id) == (world.carl.pk, world.ada.pk)


def test_the_search_finds_the_new_name(world: World) -> None:
    world.perform("ada", "customer.edit-contact-info", world.carl, **BASE)
    found = SearchText.objects.get(kind="customer", object_id=world.carl.pk)
    assert "berg" in found.text

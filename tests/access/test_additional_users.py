"""An additional user reaches what its role and its subscriptions say, by whatever way it tries."""

from accounts.actors import act_as
from accounts.models import ApiToken
from hosting.models.suspension import SuspensionEntry
from panel.core import runs
from panel.core.bulk import BulkRun
from panel.core.log import Activity
from panel.core.operations import Result, operations
from tests.access.world import AccessWorld


def test_search_finds_only_the_subscriptions_one_was_given(world: AccessWorld) -> None:
    whole, part = world.browser("customer"), world.browser("limited")
    assert b"/subscriptions/" in whole.get("/search/?q=carl-two").content
    answer = part.get("/search/?q=carl-two")
    assert answer.context["groups"] == []
    labels = [
        i["label"] for g in part.get("/search/?q=carl-one").context["groups"] for i in g["items"]
    ]
    assert "carl-one.example" in labels


def test_a_colleagues_run_is_not_found(world: AccessWorld) -> None:
    run = world.ours.pk("customers-run")
    for person in ("owner", "webmaster", "viewer", "limited"):
        assert world.browser(person).get(f"/runs/{run}/").status_code == 404
        assert world.browser(person).post(f"/runs/{run}/cancel/").status_code == 404


def test_who_may_not_do_it_cannot_stop_it(world: AccessWorld) -> None:
    user = world.user("ada-viewer")
    run = runs.start(operations["customer.suspend"], world.who("reseller"), [world.carl.pk])
    BulkRun.objects.filter(pk=run.pk).update(user_id=user.pk)
    assert world.browser("r-viewer").post(f"/runs/{run.pk}/cancel/").status_code == 403
    run.refresh_from_db()
    assert not run.cancel_requested


def test_one_subscription_does_not_reach_its_customer(world: AccessWorld) -> None:
    """With the role "Owner", but one subscription: what shuts the customer shuts the others too."""
    for name in ("customer.suspend", "customer.remove", "customer.change-login-info"):
        assert not operations[name].may(world.who("r-limited"))
    for name in ("plan.edit", "account.add-plan", "account.add-customer"):
        assert not operations[name].may(world.who("r-limited"))
    assert operations["subscription.suspend"].may(world.who("r-limited"))


def test_one_subscription_is_no_way_into_the_whole_customer(world: AccessWorld) -> None:
    assert act_as(world.who("reseller"), world.user("carl")) is not None
    assert act_as(world.who("r-limited"), world.user("carl")) is None
    answer = world.browser("r-limited").post(f"/customers/{world.carl.pk}/log-in-as/")
    assert answer.status_code == 403


def test_a_billing_token_has_no_right_that_its_user_lacks(world: AccessWorld) -> None:
    for login, status in (("ada", 200), ("ada-viewer", 403), ("ada-limited", 403)):
        _token, text = ApiToken.make(world.user(login), "billing", ["billing"])
        answer = world.browser("anonymous").post(
            f"/api/v1/customers/{world.carl.pk}/suspend",
            "{}",
            content_type="application/json",
            headers={"Authorization": f"Bearer {text}"},
        )
        assert answer.status_code == status, login
    assert SuspensionEntry.objects.filter(account=world.carl).count() == 1


def test_the_description_is_for_who_is_above(world: AccessWorld) -> None:
    world.done("ada", "customer.description", world.carl, description="pays late", version=1)
    world.done("admin", "reseller.description", world.ada, description="big fish", version=1)
    seen = {
        person: world.browser(person).get(url).content.decode()
        for person, url in (
            ("customer", f"/customers/{world.carl.pk}/"),
            ("reseller", f"/customers/{world.carl.pk}/"),
            ("admin", f"/resellers/{world.ada.pk}/"),
        )
    }
    assert "pays late" not in seen["customer"]
    assert "pays late" in seen["reseller"]
    assert "big fish" in seen["admin"]
    assert (
        "big fish"
        not in world.browser("reseller").get(f"/resellers/{world.ada.pk}/").content.decode()
    )


def test_an_alias_is_edited_and_removed_on_its_pages(world: AccessWorld) -> None:
    """It has no list of its own to go back to."""
    browser, pk = world.browser("customer"), world.ours.pk("alias")
    assert browser.get(f"/aliases/{pk}/edit/").status_code == 200
    answer = browser.post(f"/aliases/{pk}/edit/", {"mode": "same", "confirmed": "1"})
    assert answer.status_code == 303
    run = BulkRun.objects.latest("pk")
    assert run.counts == {Result.DONE: 1}
    assert browser.get(f"/runs/{run.pk}/").status_code == 200
    answer = browser.post(f"/aliases/{pk}/remove/", {"confirmed": "1"})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (
        303,
        f"/domains/{world.ours.pk('domain')}/",
    )


def test_the_log_is_cut_down_too(world: AccessWorld) -> None:
    """For a reseller's users as for a customer's: by subscription, and without colleagues."""
    given = world.ours.pk("subscription")
    for person in ("limited", "r-limited"):
        seen = Activity.objects.visible_to(world.who(person))
        assert set(seen.values_list("subscription_id", flat=True)) == {given}, person
    world.done("carl", "user.deactivate", world.ours.rows["user"])
    about_users = {
        person: Activity.objects.visible_to(world.who(person)).filter(target_kind="user").exists()
        for person in ("customer", "owner", "webmaster", "viewer")
    }
    assert about_users == {"customer": True, "owner": True, "webmaster": False, "viewer": False}

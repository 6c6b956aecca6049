"""The demo: an empty panel filled through operations, as believable people would have."""

import json
import stat
from io import StringIO
from pathlib import Path

import bcrypt
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.actors import actor_of
from accounts.creation import add_account
from accounts.models import Account, User
from hosting import demo
from hosting.models.domains import Alias, Domain, HostingType, SiteState
from hosting.models.imports import Import
from hosting.models.plans import Plan, PlanKind
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from hosting.models.suspension import Kind, Level, Scope, SuspensionEntry
from hosting.services.cron.models import ScheduledTask
from hosting.services.dns.settings import NAME_SERVERS
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from panel.core.bulk import BulkTarget
from panel.core.lists import Listing, list_pages
from panel.core.log import Activity
from tests.hosting.truth import check_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "demo.json"


def fill() -> None:
    call_command("demo", stdout=StringIO())


def assert_every_cause_and_every_user() -> None:
    agency = Plan.objects.get(kind=PlanKind.RESELLER, name="Agency").pk
    resellers = Account.objects.filter(role="reseller").order_by("username")
    told = [(row.username, row.plan_id, row.is_locked, row.is_overused) for row in resellers]
    assert told == [
        ("lindqvist", agency, False, False),
        ("moreau", agency, False, False),
        ("okonkwo", agency, True, True),
        ("tanaka", None, False, False),
    ]
    entries = SuspensionEntry.objects.all()
    # Each level, on accounts and on subscriptions.
    assert {entry.level for entry in entries} == set(Level.values)
    assert {entry.level for entry in entries.exclude(account=None)} == {"administrator", "reseller"}
    assert {entry.kind for entry in entries} == set(Kind.values)
    assert entries.filter(scope=Scope.PANEL).exists()
    assert Subscription.objects.filter(account__username="haruto", is_suspended=False).exists()
    removed = Subscription.objects.removed().filter(account__removing_at=None)
    assert list(removed.values_list("name", flat=True)) == ["bluefin-winter.localhost"]
    # One has more aliases than it may, one was suspended for its traffic, which it can reduce.
    over = Subscription.objects.present().filter(is_overused=True).order_by("name")
    assert list(over.values_list("name", "is_overuse_only")) == [
        ("atelier-dubois.localhost", False),
        ("haddad-festival.localhost", True),
    ]
    users = User.objects.filter(is_own=False)
    assert {user.user_role for user in users} == {"owner", "viewer", "webmaster"}
    assert users.filter(is_active=False).exists()
    assert users.exclude(subscription_ids=None).exists()
    assert Account.objects.exclude(admin_note="").exists()


def assert_every_state_is_found_by_its_filter() -> None:
    """Of accounts, subscriptions, domains and zones, in the lists of the administrator."""
    actor, looked_at, empty = actor_of(User.objects.get(username="admin")), 0, set()
    for noun in ("customer", "reseller", "subscription", "domain", "zone"):
        page = list_pages[noun]()
        fields = Listing(page, actor, {}).filterset.form.fields
        for name in {"status", "state", "hosting_type"} & fields.keys():
            for state, _label in fields[name].choices:
                looked_at += 1
                if state and not Listing(page, actor, {name: state}).matching.exists():
                    empty.add((noun, state))
    # What the node refuses is known once it was asked: of the one whose directives it refuses.
    assert empty == {("subscription", "failed")}
    assert looked_at > 25
    # What has no filter by state, as not many are in one list.
    switched = {
        "mailbox": [row.is_on for row in Mailbox.objects.all()],
        "ftp": [row.is_on for row in FtpAccount.objects.all()],
        "task": [row.is_active for row in ScheduledTask.objects.all()],
    }
    for name, found in switched.items():
        assert set(found) == {True, False}, name


def assert_the_ftp_account_is_what_is_told(told: dict) -> None:
    account = FtpAccount.objects.get(name=told["ftp"]["username"])
    assert account.account.username == told["logins"]["customer"]["username"]
    assert not account.subscription.is_suspended
    assert bcrypt.checkpw(told["ftp"]["password"].encode(), account.password_hash.encode())


def test_it_fills_an_empty_panel_and_everything_is_right(target: Path):
    fill()
    check_everything()
    people = [*demo.RESELLERS, *demo.CUSTOMERS]
    assert Account.objects.count() == len(people) + 1
    assert {row.status for row in Account.objects.all()} == {"active", "suspended", "removed"}
    rows = Subscription.objects.present()
    assert rows.filter(is_suspended=True).exists()
    assert rows.filter(is_expired=True).exists()
    assert rows.filter(is_locked=True).exists()
    assert rows.filter(is_unsynced=True).exists()
    assert {row.mode for row in Alias.objects.all()} == {"redirect", "same"}
    assert Alias.objects.filter(has_mail=False).exists()
    assert Alias.objects.filter(syncs_dns=False).exists()
    sites = Domain.objects.all()
    # One that the web server will refuse, which so is not among those to look at.
    (refused,) = sites.exclude(directives="")
    assert refused.subscription.name not in target.read_text(encoding="utf-8")
    assert len(NAME_SERVERS.get()) == 2
    assert {row.hosting_type for row in sites} == set(HostingType.values)
    assert {row.forward_code for row in sites.filter(hosting_type="forwarding")} == {301, 302}
    assert {row.site_state for row in sites} == set(SiteState.values)
    assert sites.exclude(parent=None).exists()
    assert sites.filter(preferred_name="www").exists()
    added = SubscriptionAddOn.objects.get()
    assert (str(added.subscription), str(added.plan)) == (
        "weber-steuer.localhost",
        "Five more domains",
    )
    assert rows.get(name="weber-steuer.localhost").limits["domains"] == 10
    assert set(Plan.objects.values_list("kind", flat=True)) == set(PlanKind.values)
    assert_every_cause_and_every_user()
    source = Import.objects.get()
    assert (source.status, source.counts) == ("checked", {"done": 3, "refused": 3})
    assert not BulkTarget.objects.exclude(result="done").exists()
    assert Activity.objects.filter(action="customer.suspend", actor_name="lindqvist").exists()
    assert_every_state_is_found_by_its_filter()
    told = json.loads(target.read_text(encoding="utf-8"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for login in told["logins"].values():
        client = Client()
        assert client.login(username=login["username"], password=login["password"])
    assert_the_ftp_account_is_what_is_told(told)
    suspended = {site["subscription"] for site in told["sites"] if site["suspended"]}
    assert suspended == set(rows.filter(is_suspended=True).values_list("name", flat=True))
    # Once more: nothing is added, and the logins stay.
    before = Activity.objects.count()
    fill()
    assert Activity.objects.count() == before
    assert json.loads(target.read_text(encoding="utf-8")) == told


def test_it_touches_no_panel_that_is_in_use(target: Path):
    add_account("administrator", None, username="boss", contact_name="Boss", email="b@mail.example")
    with pytest.raises(CommandError, match="empty panel"):
        fill()
    assert Account.objects.count() == 1
    assert not target.exists()

"""Two tenants that mirror each other, and everybody who might look from one into the other.

Ours: reseller ada with customer carl. Theirs: reseller ben with customer nora. What carl has, nora
has. Around them: the administrator with a customer of its own (dora), additional users of carl with
each role, one that was given one subscription only, additional users of ada, a suspended and a
removed customer.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.actors import actor_of, users
from accounts.models import Account, ApiToken, User
from hosting.importing import carry_out_here
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain
from hosting.models.imports import Import
from hosting.models.nodes import Node
from hosting.models.plans import Plan, PlanKind
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.services import base
from hosting.services.cron.models import ScheduledTask, TaskRun
from hosting.services.database import spool
from hosting.services.database.models import Database, DatabaseDump, DatabaseUser
from hosting.services.dns.models import Record, TemplateRecord, Zone
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from hosting.services.system.models import SshKey
from hosting.services.tls.models import Certificate
from panel.core.access import Actor
from panel.core.bulk import BulkRun
from panel.core.runs import Outcome
from panel.core.setting import Settings
from panel.core.work import State
from tests.access import second_factors
from tests.hosting.certificates import a_pair
from tests.hosting.ssh import public_key
from tests.hosting.world import every_limit
from tests.world import PASSWORD, World, make_world

ALL = ["manage_dns", "manage_domains", "manage_subdomains", "manage_aliases", "manage_hosting"]
ALL += ["manage_databases", "manage_mail", "manage_ftp", "manage_cron"]
SYSTEM_PASSWORD = "the system user's own, of nobody else"
DATABASE_PASSWORD = "of a database, and of nothing else"
# Person -> the login behind. The columns of the tables are these, in this order.
PEOPLE = {
    "customer": "carl",
    "owner": "carl-owner",
    "webmaster": "carl-webmaster",
    "viewer": "carl-viewer",
    "limited": "carl-limited",
    "reseller": "ada",
    "r-viewer": "ada-viewer",
    "r-limited": "ada-limited",
    "admin": "admin",
    "entered": "ada",
    "suspended": "sue",
    "removed": "rex",
}
# The same people on the other side: they see of ours what ours see of theirs.
MIRROR = {"customer": "nora", "reseller": "ben"}


@dataclass
class Tenant:
    """What one reseller's customer has, by the words of the tables."""

    reseller: str
    customer: str
    rows: dict[str, Any] = field(default_factory=dict)

    def pk(self, word: str) -> int:
        return self.rows[word].pk


@dataclass
class AccessWorld(World):
    """The people of tests.world with everything that they host."""

    ours: Tenant = field(default_factory=lambda: Tenant("ada", "carl"))
    theirs: Tenant = field(default_factory=lambda: Tenant("ben", "nora"))
    tokens: dict[str, str] = field(default_factory=dict)
    # Secrets and recovery codes of those who have a second factor.
    second_factors: list[str] = field(default_factory=list)
    # Login as it was made -> number: tests write markers over all names.
    numbers: dict[str, int] = field(default_factory=dict)

    def user(self, name: str) -> User:
        """A login as it is stored now, by the name that it was made with."""
        number = self.numbers.get(name)
        return super().user(name) if number is None else users().get(pk=number)

    def browser(self, person: str, side: str = "ours") -> Client:
        """A browser of this person, logged in while that was still possible."""
        if person == "anonymous":
            return Client(raise_request_exception=False)
        login = PEOPLE[person] if side == "ours" else MIRROR[person]
        client = Client(raise_request_exception=False)
        client.force_login(self.user(login))
        if person == "entered":
            answer = client.post(f"/customers/{self.ours.pk('customer')}/log-in-as/")
            assert answer.status_code == 303
        return client

    def who(self, person: str, side: str = "ours", **changes: Any) -> Actor:
        """The actor that this person is."""
        login = PEOPLE[person] if side == "ours" else MIRROR[person]
        if person == "entered":
            real = self.actor("ada")
            entered = actor_of(self.user("carl"), real=real)
            assert entered is not None
            return entered
        return self.actor(login, **changes)

    def bearer(self, person: str, side: str = "ours") -> dict[str, str]:
        """The header with a token that may read and write everything its user may."""
        if person == "anonymous":
            return {}
        login = PEOPLE[person] if side == "ours" else MIRROR[person]
        if login not in self.tokens:
            user = self.user(login)
            self.tokens[login] = ApiToken.make(user, "tests", ["read", "write"])[1]
        return {"Authorization": f"Bearer {self.tokens[login]}"}

    def done(self, who: str, operation: str, target: Any, **params: Any) -> Outcome:
        """Perform an operation that has to succeed."""
        outcome = self.perform(who, operation, target, **params)
        assert outcome.is_clean, [(f.label, f.result, f.code, f.params) for f in outcome.findings]
        return outcome


def make_access_world() -> AccessWorld:
    """Everything by the operations themselves, so that log, runs and search text are there too."""
    Node.objects.get_or_create(name="one", defaults={"ipv4": "127.0.0.1"})
    world = AccessWorld(accounts=make_world().accounts)
    for account in Account.objects.filter(role="reseller"):
        account.limits = dict.fromkeys(base.resources("reseller"))
        account.permissions = list(base.permissions())
        account.save(update_fields=["limits", "permissions"])
    for tenant in (world.ours, world.theirs):
        _fill(world, tenant)
        world.second_factors += second_factors.give(world, tenant.customer)
    _direct_customer(world)
    _users_of_ours(world)
    _shut_out(world)
    world.numbers = dict(User.objects.values_list("username", "pk"))
    return world


def _plan(world: World, owner: str) -> Plan:
    limits = {"limit_domains": "50", "limit_subdomains": "50", "limit_aliases": "50"}
    limits |= {"limit_databases": "50", "limit_mailboxes": "50", "limit_ftp_accounts": "50"}
    limits |= {"limit_scheduled_tasks": "50"}
    granted = {f"may_{name}": "on" for name in ALL}
    values = {"name": f"{owner} plan", "description": "of a plan", "overuse_policy": "space"}
    outcome = world.perform(
        owner, "account.add-plan", world.accounts[owner], **values, **limits, **granted
    )
    return Plan.objects.get(pk=outcome.findings[0].created_id)


def _addon(world: AccessWorld, owner: str) -> Plan:
    values = {"name": f"{owner} add-on", "description": "of an add-on", "limit_domains": "1"}
    outcome = world.done(owner, "account.add-addon", world.accounts[owner], **values)
    return Plan.objects.get(pk=outcome.findings[0].created_id)


def _reseller_plan(world: AccessWorld) -> Plan:
    """The administrator's: neither side sees it."""
    found = Plan.objects.filter(kind=PlanKind.RESELLER).first()
    if found is not None:
        return found
    names = [f"limit_{one}" for one in base.resources("reseller")]
    values = {"name": "for resellers", "description": "of a reseller plan"}
    outcome = world.done(
        "admin",
        "account.add-reseller-plan",
        world.accounts["admin"],
        **values,
        **dict.fromkeys(names, "unlimited"),
    )
    return Plan.objects.get(pk=outcome.findings[0].created_id)


def _space(world: World, who: str, owner: str, domain: str, plan: Plan) -> Subscription:
    values = {"domain": domain, "plan": plan.pk, "description": "of a subscription"}
    outcome = world.perform(who, "account.add-subscription", world.accounts[owner], **values)
    finding = outcome.findings[0]
    assert finding.created_id, (finding.code, finding.params)
    return Subscription.objects.get(pk=finding.created_id)


def _fill(world: AccessWorld, tenant: Tenant) -> None:
    reseller, customer = tenant.reseller, tenant.customer
    rows = tenant.rows
    rows["reseller"], rows["customer"] = world.accounts[reseller], world.accounts[customer]
    rows["plan"] = plan = _plan(world, reseller)
    rows["addon"] = _addon(world, reseller)
    rows["reseller-plan"] = _reseller_plan(world)
    rows["subscription"] = _space(world, reseller, customer, f"{customer}-one.example", plan)
    rows["second"] = _space(world, reseller, customer, f"{customer}-two.example", plan)
    rows["providers-own"] = _space(world, reseller, reseller, f"{reseller}-own.example", plan)
    made = world.done(
        customer, "subscription.add-domain", rows["subscription"], name=f"{customer}-shop.example"
    )
    rows["domain"] = Domain.objects.get(pk=made.findings[0].created_id)
    rows["customers-run"] = made.run
    made = world.done(
        customer, "domain.add-alias", rows["domain"], name=f"{customer}-shop-alias.example"
    )
    rows["alias"] = Alias.objects.get(pk=made.findings[0].created_id)
    rows["second-domain"] = Domain.objects.get(subscription=rows["second"])
    rows["zone"] = Zone.objects.get(domain=rows["domain"])
    rows["alias-zone"] = Zone.objects.get(alias=rows["alias"])
    rows["second-zone"] = Zone.objects.get(domain=rows["second-domain"])
    rows["record"] = Record.objects.get(zone=rows["zone"], host="www")
    rows["template-record"] = TemplateRecord.objects.earliest("pk")
    rows["ssh-key"] = _ssh_key(world, customer, rows["subscription"])
    found = _database(world, customer, rows["subscription"])
    rows["database"], rows["database-user"], rows["database-dump"] = found
    rows["certificate"] = _certificate(world, customer, rows["domain"])
    rows["mailbox"] = _mailbox(world, customer, rows["domain"])
    rows["ftp-account"] = _ftp_account(world, customer, rows["subscription"])
    rows["scheduled-task"] = _task(rows["subscription"])
    rows["node"] = Node.objects.get()
    rows["user"] = world.add_user(customer, f"{customer}-extra", user_role="webmaster")
    rows["token"], _text = ApiToken.make(world.user(customer), "a token", ["read"])
    rows["trash-customer"] = _trash(world, reseller, "customer", f"{customer}-trash")
    rows["trash-reseller"] = _trash(world, "admin", "reseller", f"{reseller}-trash")
    rows["login"] = world.user(customer)
    rows["import"] = _import(world, reseller)
    rows["settings"] = Settings.objects.get()
    rows["trash"] = _space(world, reseller, customer, f"{customer}-trash.example", plan)
    world.done(reseller, "subscription.remove", rows["trash"])
    _on_the_node(rows["subscription"])
    # Suspended and activated again: entries in the log and a run that can be undone.
    row = rows["second"]
    world.done(reseller, "subscription.suspend", row, kind="unpaid", message="pay", note="hm")
    rows["resellers-run"] = world.done(
        reseller, "customer.suspend", rows["customer"], message="call us", note="third time"
    ).run
    world.done(reseller, "customer.activate", rows["customer"])


def _task(row: Subscription) -> ScheduledTask:
    """Something that is run each night, and once was."""
    task = ScheduledTask.objects.create(
        account_id=row.account_id,
        reseller_id=row.reseller_id,
        subscription=row,
        kind="url",
        what=f"https://{row.name}/cron",
        line="0 4 * * *",
        zone="UTC",
        seconds=60,
        memory=512,
    )
    then = timezone.now()
    TaskRun.objects.create(task=task, number=1, end=1, started_at=then, ended_at=then, code=0)
    return task


def _ssh_key(world: AccessWorld, who: str, row: Subscription) -> SshKey:
    """What lets into a system user: a password, and a key."""
    typed = {"password": SYSTEM_PASSWORD, "password_again": SYSTEM_PASSWORD}
    world.done(who, "subscription.system-user-password", row, **typed)
    world.done(who, "subscription.add-ssh-key", row, key=public_key(who), label="laptop")
    return SshKey.objects.get(subscription=row)


def _database(
    world: AccessWorld, who: str, row: Subscription
) -> tuple[Database, DatabaseUser, DatabaseDump]:
    """On a node that has a server for it."""
    offer = {"port": 3306, "remote": True, "dumps": True}
    Node.objects.update(services={"database": {"mariadb": offer}})
    typed = {"password": DATABASE_PASSWORD, "password_again": DATABASE_PASSWORD}
    params = {"server": "mariadb", "name": "shop", "user": "shop", **typed}
    world.done(who, "subscription.add-database", row, **params)
    made = Database.objects.get(subscription=row)
    dump = DatabaseDump.objects.create(
        database=made,
        subscription=row,
        account_id=made.account_id,
        reseller_id=made.reseller_id,
        server=made.server,
        name="dump.sql.gz",
        token=spool.new_token(),
        task="export",
        state=State.DONE,
        is_whole=True,
    )
    spool.create(dump.token).close()
    return made, DatabaseUser.objects.get(subscription=row), dump


def _certificate(world: AccessWorld, who: str, row: Domain) -> Certificate:
    """One that somebody uploaded, with its key."""
    chain, key = a_pair(row.ascii)
    world.done(who, "domain.upload-certificate", row, certificate=chain, key=key)
    return Certificate.objects.get(domain=row)


def _mailbox(world: AccessWorld, who: str, row: Domain) -> Mailbox:
    typed = {"password": SYSTEM_PASSWORD, "password_again": SYSTEM_PASSWORD}
    reply = {"reply_subject": "away", "reply_text": "until Monday"}
    more = {"aliases": "sales", "forwards": f"{who}@elsewhere.example", "keeps": "on"}
    world.done(who, "domain.add-mailbox", row, local="info", **typed, **reply, **more)
    return Mailbox.objects.get(domain=row)


def _ftp_account(world: AccessWorld, who: str, row: Subscription) -> FtpAccount:
    """A login of its own, with a key."""
    typed = {"password": SYSTEM_PASSWORD, "password_again": SYSTEM_PASSWORD, "home": "httpdocs"}
    world.done(who, "subscription.add-ftp-account", row, name=f"{who}.ftp", **typed)
    made = FtpAccount.objects.get(subscription=row)
    world.done(who, "ftp-account.add-key", made, key=public_key(who), label="laptop")
    return FtpAccount.objects.get(pk=made.pk)


def _add(world: AccessWorld, who: str, noun: str, username: str, **more: Any) -> Account:
    """An account below `who`."""
    values = {
        "contact_name": username.title(),
        "email": f"{username}@mail.example",
        "username": username,
        "password": PASSWORD,
        "password_again": PASSWORD,
        "locale": "en",
        "time_zone": "UTC",
        **every_limit("1", "reseller"),
        **more,
    }
    made = world.perform(who, f"account.add-{noun}", world.accounts[who], **values).findings[0]
    assert made.created_id, (made.code, made.params)
    account = Account.objects.get(pk=made.created_id)
    world.accounts[username] = account
    return account


def _trash(world: AccessWorld, who: str, noun: str, username: str) -> Account:
    account = _add(world, who, noun, username, description="of a removed account")
    world.done(who, f"{noun}.remove", account)
    return Account.objects.get(pk=account.pk)


def _import(world: AccessWorld, who: str) -> Import:
    """A file that was checked: a good row and one that is refused."""
    text = (
        "contact_name,email,username,domain,password\n"
        f"Imp Ort,{who}-imp@mail.example,{who}-imp,{who}-imp.example,{PASSWORD}\n"
        f"No Body,{who}-nobody@mail.example,{who},,\n"
    )
    made = world.done(who, "account.add-import", world.accounts[who], file=text)
    return carry_out_here(made.findings[0].created_id)


def _on_the_node(row: Subscription) -> None:
    """A failure and an answer, as the worker writes them."""
    error = {"web": {"kind": "check", "message": "the daemon's words"}}
    Deployment.objects.filter(subscription_id=row.pk).update(errors=error)
    Subscription.objects.filter(pk=row.pk).update(is_failed=True)
    Question.objects.create(
        account_id=row.account_id,
        reseller_id=row.reseller_id,
        subscription=row,
        verb="plan",
        answered_at=timezone.now(),
        answer={"plans": [{"changes": [{"what": "a file", "before": ["b"], "after": ["a"]}]}]},
    )


def _direct_customer(world: AccessWorld) -> None:
    plan = _plan(world, "admin")
    _space(world, "admin", "dora", "dora.example", plan)


def _users_of_ours(world: AccessWorld) -> None:
    only = [world.ours.pk("subscription")]
    world.add_user("carl", "carl-owner", user_role="owner")
    world.add_user("carl", "carl-webmaster", user_role="webmaster")
    world.add_user("carl", "carl-viewer", user_role="viewer")
    world.add_user("carl", "carl-limited", user_role="webmaster", subscription_ids=only)
    world.add_user("ada", "ada-viewer", user_role="viewer")
    world.add_user("ada", "ada-limited", user_role="owner", subscription_ids=only)


def _shut_out(world: AccessWorld) -> None:
    """Customers of ada who were let in once: one suspended since, one removed."""
    world.done("ada", "customer.suspend", _add(world, "ada", "customer", "sue"))
    world.done("ada", "customer.remove", _add(world, "ada", "customer", "rex"))
    BulkRun.objects.update(created_at=timezone.now() - timedelta(hours=1))

"""A marker in every text of every row, and who may ever read it.

The rules here are the domain's, written a second time and independently of the code under test:
owner columns, then what is said of single fields.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models

from accounts.models import Account, ApiToken, User
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Domain, Name
from hosting.models.imports import Import, ImportRow
from hosting.models.plans import Plan
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from hosting.services.cron.models import ScheduledTask
from hosting.services.database.models import DatabaseDump
from hosting.services.dns.models import Record, Zone
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from hosting.services.system.models import SshKey
from hosting.services.tls.models import Certificate
from panel.core import search
from panel.core.access import Actor, Role
from tests.access.world import PEOPLE, AccessWorld

# Fields that hold no text of anybody's: closed lists, formats, and what is a secret of its own.
EXEMPT = {
    "accounts.Account.locale": "a code from a list",
    "accounts.Account.time_zone": "a name from a list",
    "accounts.User.password": "a secret: looked for by itself",
    "accounts.User.user_role": "a name from a list",
    "accounts.ApiToken.hint": "the first letters of a token, shown to its owner",
    "accounts.ApiToken.digest": "a secret: looked for by itself",
    "hosting.ImportRow.password": "a secret: looked for by itself",
    "hosting.Subscription.system_user_hash": "a secret: looked for by itself",
    "mail.Mailbox.address": "its name and its domain's, which have markers of their own",
    "mail.Mailbox.password_hash": "a secret: looked for by itself",
    "mail.Mailbox.off_level": "a level from a list",
    "system.SshKey.type": "a name from a list",
    "hosting.ImportRow.code": "a name from a list",
    "hosting.Domain.site_state_level": "a level from a list",
    "hosting.Question.verb": "a name from a list",
    "hosting.Name.apex": "one table with all names, shown nowhere",
    "hosting.Name.ascii": "one table with all names, shown nowhere",
    "ftp.FtpAccount.off_level": "a level from a list",
    "ftp.FtpAccount.password_hash": "a secret: looked for by itself",
    "cron.ScheduledTask.line": "times, which the page reads",
    "cron.ScheduledTask.zone": "a name from a list",
    "cron.ScheduledTask.off_level": "a level from a list",
    "dns.Zone.ascii": "the domain's or alias's name, which has a marker of its own",
    "dns.Zone.name": "the domain's or alias's name, which has a marker of its own",
    "dns.Zone.dnskey": "a public key, which every resolver is given",
    "dns.Zone.key_mark": "a digest of a key, by which it is known again",
    "dns.Zone.key_seed": "a random number, from which nothing follows without the secret",
    "database.Database.name": "a name that is made of letters, digits and _ only",
    "database.DatabaseUser.name": "a name that is made of letters, digits and _ only",
    "database.Database.server": "a name from a list",
    "database.DatabaseUser.server": "a name from a list",
    "database.DatabaseDump.token": "a secret: looked for by itself",
    "database.DatabaseDump.fence": "a random number of the worker's",
    "database.DatabaseUser.access": "a name from a list",
    "database.DatabaseUser.password": "a secret: looked for by itself",
    "tls.Certificate.key": "a secret: looked for by itself",
    "php.DomainPhp.php_version": "a version from a list",
    "hosting.SuspensionEntry.by_name": "the username, which has a marker of its own",
}
PLANTED = (
    Account,
    User,
    ApiToken,
    Plan,
    Subscription,
    Domain,
    Alias,
    Question,
    SuspensionEntry,
    Record,
    Import,
    ImportRow,
    SshKey,
    Mailbox,
    FtpAccount,
    Certificate,
    ScheduledTask,
    DatabaseDump,
)
# Behind the markers of free texts: what ends an attribute and opens an element, if it ever stands
# in a page as it is, or half of it escaped.
HOSTILE = '"><i>'
UNESCAPED = ('qz"><i>', 'qz"&gt;&lt;i&gt;', "qz&quot;><i>")
FORMATTED = {"username", "document_root", "system_user", "name_key"}
READERS = [person for person in PEOPLE if person not in {"suspended", "removed"}]


@dataclass
class Canaries:
    """Markers with the people who may read them, and where each stands."""

    allowed: dict[str, set[str]] = field(default_factory=dict)
    place: dict[str, str] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def new(self, place: str, allowed: set[str]) -> str:
        marker = f"zq{next(self.numbers):04d}qz"
        self.allowed[marker], self.place[marker] = allowed, place
        return marker

    def forbidden_in(self, text: str, person: str) -> list[str]:
        """Places of the markers in a text that this person may not read."""
        lower = text.lower()
        return [
            self.place[marker]
            for marker, allowed in self.allowed.items()
            if person not in allowed and marker in lower
        ]


def plant(world: AccessWorld) -> Canaries:
    """Write a marker into every text field of every row there is; search text follows."""
    canaries = Canaries(actors={person: world.who(person) for person in READERS})
    for model in PLANTED:
        for row in model._base_manager.order_by("pk"):
            values = {column.name: shaped(canaries, model, column, row) for column in texts(model)}
            if values:
                model._base_manager.filter(pk=row.pk).update(**values)
    _same_name_twice()
    _nodes_words(canaries)
    _lists(canaries)
    for noun in ("customer", "reseller", "subscription", "domain", "plan"):
        model = {"customer": Account, "reseller": Account, "subscription": Subscription}
        chosen = model.get(noun) or {"domain": Domain, "plan": Plan}[noun]
        search.refresh(noun, list(chosen._base_manager.values_list("pk", flat=True)))
    return canaries


def texts(model: type[models.Model]) -> list[models.Field]:
    return [
        column
        for column in model._meta.concrete_fields
        if isinstance(column, (models.CharField, models.TextField))
        and not column.choices
        and not column.name.endswith("_key")
        and f"{model._meta.label}.{column.name}" not in EXEMPT
    ]


def shaped(canaries: Canaries, model: Any, column: Any, row: Any) -> str:
    """A marker in the shape that the field wants."""
    place = f"{model._meta.label}.{column.name} of {row.pk}"
    marker = canaries.new(place, readers(canaries.actors, model, column.name, row))
    if isinstance(column, models.EmailField):
        return f"{marker}@mail.example"
    if model in {Domain, Alias} and column.name in {"ascii", "name"}:
        return f"{marker}.example"
    if model is Record:
        # In the form that a zone file has of it: a text in quotes.
        return marker if column.name == "host" else f'"{marker}\\{HOSTILE}"'
    if column.name in FORMATTED or (column.max_length or 100) < 40:
        return marker
    return f"{marker}{HOSTILE}"


def readers(actors: dict[str, Actor], model: Any, name: str, row: Any) -> set[str]:
    """Who may read this field of this row."""
    allowed = set(READERS)
    if model is ApiToken:
        return {p for p in allowed if p != "entered" and actors[p].user_id == row.user_id}
    if model is SuspensionEntry:
        return _entry_readers(actors, name, row)
    for person in READERS:
        actor = actors[person]
        if not _sees(actor, model, row) or not _sees_field(actor, model, name, row):
            allowed.discard(person)
        if model is Plan and name == "name" and _is_on(actor, row):
            allowed.add(person)
    if model is Account and row.username == "ada" and name in {"username", "contact_name"}:
        # Who entered is named at the top of each page.
        allowed.add("entered")
    if model is User and row.username == "ada" and name == "username":
        allowed.add("entered")
    return allowed


def _sees(actor: Any, model: Any, row: Any) -> bool:
    if actor.role == Role.ADMINISTRATOR:
        return True
    owner = row.reseller_id if actor.role == Role.RESELLER else row.account_id
    if owner != actor.account_id:
        return False
    if model is User and actor.areas is not None and "users" not in actor.areas:
        # An additional user's account has one own login, named on the account's page.
        return row.pk == actor.user_id or row.is_own
    if model in {Import, ImportRow} and actor.subscriptions is not None:
        # A file names everybody in it.
        return False
    if actor.subscriptions is None or model in {Account, User, Plan}:
        return True
    subscription = row.pk if model is Subscription else row.subscription_id
    return subscription in actor.subscriptions


def _sees_field(actor: Any, model: Any, name: str, row: Any) -> bool:
    if name == "admin_note":
        return actor.role == Role.ADMINISTRATOR
    if name == "description" and model in {Account, Subscription}:
        is_above = actor.role != Role.CUSTOMER and row.account_id != actor.account_id
        return actor.role == Role.ADMINISTRATOR or is_above
    return True


def _is_on(actor: Any, plan: Plan) -> bool:
    rows = Subscription._base_manager.filter(plan=plan, account_id=actor.account_id)
    if actor.subscriptions is not None:
        rows = rows.filter(pk__in=actor.subscriptions)
    return rows.exists()


def _entry_readers(actors: dict[str, Actor], name: str, entry: SuspensionEntry) -> set[str]:
    """The message: who sees the object. The internal note: its level and above."""
    target = entry.account or entry.subscription
    model = Account if entry.account_id else Subscription
    allowed = {p for p in READERS if _sees(actors[p], model, target)}
    if name == "note" and entry.level in {"administrator", "reseller"}:
        levels = {"administrator": {Role.ADMINISTRATOR}}
        levels["reseller"] = levels["administrator"] | {Role.RESELLER}
        allowed = {p for p in allowed if actors[p].role in levels[entry.level]}
    return allowed


def _same_name_twice() -> None:
    """Where a name is written in two places: logins, subscriptions named by their main domain."""
    for account in Account._base_manager.all():
        own = User._base_manager.filter(account=account, is_own=True)
        own.update(username=account.username, name=account.contact_name, email=account.email)
    for domain in Domain._base_manager.all():
        Domain._base_manager.filter(pk=domain.pk).update(name=domain.ascii)
        if domain.is_main:
            Subscription._base_manager.filter(pk=domain.subscription_id).update(name=domain.ascii)
        Name._base_manager.filter(domain=domain).update(ascii=domain.ascii)
    for alias in Alias._base_manager.all():
        Alias._base_manager.filter(pk=alias.pk).update(name=alias.ascii)
        Name._base_manager.filter(alias=alias).update(ascii=alias.ascii)
    for zone in Zone._base_manager.select_related("domain", "alias"):
        of = zone.domain or zone.alias
        Zone._base_manager.filter(pk=zone.pk).update(ascii=of.ascii, name=of.name)
    Record._base_manager.update(type="TXT")
    for model in (Account, Subscription, Domain, Plan, Zone):
        name = "contact_name" if model is Account else "name"
        model._base_manager.update(name_key=models.F(name))


def _nodes_words(canaries: Canaries) -> None:
    """What daemons and agents say about somebody's hosting."""
    for question in Question._base_manager.all():
        place = f"answer to question {question.pk}"
        marker = canaries.new(place, readers(canaries.actors, Question, "answer", question))
        text = f"{marker}{HOSTILE}"
        answer = {"plans": [{"changes": [{"what": text, "before": [text], "after": [text]}]}]}
        Question._base_manager.filter(pk=question.pk).update(answer=answer)
    for deployment in Deployment.objects.exclude(errors={}):
        row = Subscription._base_manager.get(pk=deployment.subscription_id)
        allowed = readers(canaries.actors, Subscription, "errors", row)
        marker = canaries.new(f"error of deployment {deployment.pk}", allowed)
        errors = {"web": {"kind": "check", "message": f"{marker}{HOSTILE}"}}
        Deployment.objects.filter(pk=deployment.pk).update(errors=errors)


def _lists(canaries: Canaries) -> None:
    """What is kept as lists, so none of the texts above."""
    for row in Certificate._base_manager.all():
        text = _listed(canaries, row, "names")
        Certificate._base_manager.filter(pk=row.pk).update(names=[text])
    for row in FtpAccount._base_manager.exclude(keys=[]):
        keys = [{**key, "label": _listed(canaries, row, "keys")} for key in row.keys]
        FtpAccount._base_manager.filter(pk=row.pk).update(keys=keys)


def _listed(canaries: Canaries, row: Any, name: str) -> str:
    allowed = readers(canaries.actors, type(row), name, row)
    return f"{canaries.new(f'{row._meta.label}.{name} of {row.pk}', allowed)}{HOSTILE}"


def unplanted() -> list[str]:
    """Models with owners that hold texts and have no markers: a new one has to come in here."""
    known = {*PLANTED, Name}
    found = []
    for model in apps.get_models():
        attnames = {column.attname for column in model._meta.concrete_fields}
        is_owned = {"account_id", "reseller_id"} <= attnames and model._meta.app_label != "core"
        if is_owned and not model._meta.proxy and model not in known and texts(model):
            found.append(model._meta.label)
    return found

"""A panel at size: rows by the hundred thousand, left as operations would have left them.

For benchmarks, and for whoever wants to see how the panel feels with that many. A test compares the
result with what the panel itself computes: owner columns, effective states, counts, search text.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.db import connection, transaction

from accounts.creation import add_account
from accounts.models import Account, User, sort_key
from hosting import nodes, seed_hosting, seed_loader, totals
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, Apex, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import SuspensionEntry
from hosting.seed_accounts import Owner, People, Sizes
from hosting.seed_words import NOTES
from hosting.services import base
from hosting.settings import KEEP_REMOVED_DAYS
from panel.core import log
from panel.core.access import Actor, Role
from panel.core.rows import insert, stored_json
from panel.core.search import SearchText, fold

_WHY = "seeding fills the whole panel"
# A demo has some thirty accounts; more than this is somebody's real panel.
MOST_BEFORE = 100
HOSTED = (Plan, Subscription, Domain, Alias, Apex, Name, Deployment)
TABLES = (Account, User, *HOSTED, SuspensionEntry, SearchText, log.Activity)


class NotEmpty(Exception):
    """There is more in this panel than a demo: seeding it would bury it."""


class Seed(People):
    """One filling of a panel."""

    def __init__(self, sizes: Sizes, say: Callable[[str], None] = lambda words: None) -> None:
        super().__init__(sizes)
        self.say = say

    def fill(self, password: str = "") -> None:
        """Everything, in one transaction; `password` is the administrator's where there is none."""
        if Account.objects.unscoped(_WHY).count() > MOST_BEFORE:
            raise NotEmpty
        with seed_loader.much_memory(), transaction.atomic():
            self.administrator = self._administrator(password)
            self.node_id = nodes.choose().pk
            self.next = {model: seed_loader.next_id(model) for model in TABLES}
            with seed_loader.without_indexes(TABLES), seed_loader.pieces_at_once():
                hosted = self._write()
                self.say("building indexes")
            # By indexes: services look up what they follow, a thousand subscriptions at a time.
            self.say("names of services")
            hosted.follow()
            with seed_loader.without_indexes([Deployment]):
                hosted.deploy()
            seed_loader.reset_sequences(TABLES)
            totals.judge(owner.pk for owner in self.accounts if owner.role == Role.RESELLER)
        seed_loader.collect_statistics()

    def _administrator(self, password: str) -> Owner:
        row = Account.objects.unscoped(_WHY).filter(role=Role.ADMINISTRATOR).first()
        if row is None:
            row = add_account(
                Role.ADMINISTRATOR,
                None,
                username="admin",
                password=password,
                contact_name="Freehold Administrator",
                email="admin@panel.example",
            )
        return Owner(row.pk, row.role, None, row.contact_name, row.company, row.username, row.email)

    def _write(self) -> "seed_hosting.Hosted":
        hosted = seed_hosting.Hosted(self)
        self.say("accounts")
        # Before they are written: an account's row holds the counts of what is below it.
        hosted.distribute()
        self._accounts()
        self._users()
        self.say("subscriptions and domains")
        hosted.write()
        self.say("search text")
        self._entries(hosted)
        self._search(self._found_accounts(), hosted.found_domains(), hosted.found_rest())
        self._activity()
        return hosted

    def _accounts(self) -> None:
        columns = (
            "id account_id reseller_id role provider_id contact_name name_key company email"
            " username description limits permissions is_suspended epoch subscriptions_count"
            " domains_count customers_count created_at removing_at purge_at version"
        )
        insert(Account, columns, self._account_rows())

    def _account_rows(self) -> Iterator[tuple]:
        unlimited = stored_json(dict.fromkeys(base.resources("reseller")))
        granted = stored_json(sorted(base.permissions()))
        none, nothing = stored_json({}), stored_json([])
        adapt = connection.ops.adapt_datetimefield_value
        at = adapt(self.now)
        purge_at = adapt(self.now + timedelta(days=KEEP_REMOVED_DAYS.get()))
        for index, owner in enumerate(self.accounts):
            yield (
                owner.pk,
                owner.pk,
                owner.reseller_id,
                owner.role,
                owner.provider.pk,
                owner.name,
                sort_key(owner.name),
                owner.company,
                owner.email,
                owner.username,
                NOTES[index // 7 % len(NOTES)] if index % 7 == 0 else "",
                unlimited if owner.role == Role.RESELLER else none,
                granted if owner.role == Role.RESELLER else nothing,
                owner.is_suspended,
                int(owner.is_suspended) + int(owner.removed),
                owner.subscriptions,
                owner.domains,
                owner.customers,
                adapt(self.moment(index, len(self.accounts))),
                at if owner.removed else None,
                purge_at if owner.removed else None,
                2 if owner.removed else 1,
            )

    def _users(self) -> None:
        """Each account's own login, without a password until one is set; providers get in by "Log
        in as"."""
        columns = "account_id reseller_id username email name is_own password"
        rows = (
            (
                owner.pk,
                owner.reseller_id,
                owner.username,
                owner.email,
                owner.name,
                True,
                f"!{self.random.getrandbits(200):050x}",
            )
            for owner in self.accounts
        )
        insert(User, columns, rows)

    def _entries(self, hosted: "seed_hosting.Hosted") -> None:
        columns = "account_id subscription_id level kind by_name at"
        at = connection.ops.adapt_datetimefield_value(self.now)
        of_accounts = (
            (owner.pk, None, level, kind, owner.provider.username, at)
            for owner in self.accounts
            for level, kind in owner.entries
        )
        insert(SuspensionEntry, columns, of_accounts)
        insert(SuspensionEntry, columns, hosted.entries(at))

    def _found_accounts(self) -> Iterator[tuple]:
        for owner in self.accounts:
            below = [word for word in (owner.company, owner.username, owner.email) if word]
            words = [owner.name, *below]
            detail = " · ".join(below)
            who = owner.role, owner.pk, owner.pk, owner.reseller_id, owner.name
            yield *who, detail, words, owner.removed

    def _search(self, *sources: Iterable[tuple]) -> None:
        columns = "kind object_id account_id reseller_id label detail text is_removed"
        rows = (
            (*owner, label[:255], detail[:255], fold(" ".join(words)), removed)
            for source in sources
            for *owner, label, detail, words, removed in source
        )
        insert(SearchText, columns, rows)

    def _activity(self) -> None:
        """That each account was added, by its provider. (The seal follows from the worker.)"""
        providers = {id(owner.provider): owner.provider for owner in self.accounts}
        logins = dict(
            User.objects.unscoped(_WHY)
            .filter(account_id__in=[owner.pk for owner in providers.values()], is_own=True)
            .values_list("account_id", "pk")
        )
        for provider in providers.values():
            actor = Actor(
                Role(provider.role), provider.pk, provider.username, logins[provider.pk], door="cli"
            )
            log.write(
                actor,
                (
                    log.Entry(f"account.add-{owner.role}", owner.role, _Logged(owner))
                    for owner in self.accounts
                    if owner.provider is provider
                ),
            )


class _Logged:
    """An owner as the activity log reads a target."""

    def __init__(self, owner: Owner) -> None:
        self.pk = self.account_id = owner.pk
        self.reseller_id = owner.reseller_id
        self.name = owner.name

    def __str__(self) -> str:
        return self.name

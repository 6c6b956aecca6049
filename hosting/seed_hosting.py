"""What the accounts of a seeded panel host: plans, subscriptions, domains, aliases, deployments."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connection

from accounts.models import sort_key
from hosting import conditions, limits
from hosting.models.deployments import Deployment
from hosting.models.domains import Alias, AliasMode, Apex, Domain, Name
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Kind, Level
from hosting.seed_accounts import Owner, People
from hosting.seed_words import LAST, TRADES
from hosting.services import base
from hosting.settings import KEEP_REMOVED_DAYS
from panel.core.access import Role
from panel.core.rows import insert, stored_json

# (name, description, domains, aliases): what providers offer.
OFFERS = {
    Role.ADMINISTRATOR: (
        ("Single", "One site", 1, 5),
        ("Company", "Several sites", 5, 20),
        ("Agency", "As many sites as wanted", None, None),
    ),
    Role.RESELLER: (
        ("Basic", "One site and its names", 1, 5),
        ("Plus", "A handful of sites", 10, 20),
        ("Open", "No limits", None, None),
    ),
}

# So many subscriptions at once are shown to services.
FOLLOWED = 1000


@dataclass(slots=True)
class Offer:
    """A plan to be."""

    pk: int
    owner: Owner
    name: str
    description: str
    domains: int | None
    aliases: int | None
    subscriptions: int = 0


@dataclass(slots=True)
class Space:
    """A subscription to be, with the names of its domains; the first is the main one."""

    pk: int
    owner: Owner
    names: list[str] = field(default_factory=list)
    first_domain: int = 0
    offer: Offer | None = None
    domain_limit: int | None = None
    is_locked: bool = False
    expires_on: date | None = None
    entries: list[tuple[str, str]] = field(default_factory=list)
    removed: bool = False
    aliases: int = 0

    @property
    def is_suspended(self) -> bool:
        return bool(self.entries) or self.owner.is_suspended

    @property
    def is_expired(self) -> bool:
        return any(level == Level.EXPIRED for level, _kind in self.entries)


class Hosted:
    """Spreads subscriptions over accounts and domains over subscriptions, then writes them."""

    def __init__(self, seed: People) -> None:
        self.seed = seed
        self.random = seed.random
        self.spaces: list[Space] = []
        self.offers: dict[int, list[Offer]] = {}
        # (id, space, domain, ASCII name) of each alias.
        self.aliases: list[tuple[int, Space, int, str]] = []
        self.aliased: dict[int, str] = {}

    def distribute(self) -> None:
        """Decide what there will be, and count it where lists show counts."""
        self._offers()
        ids = self.seed.ids(Subscription)
        self.spaces = [Space(next(ids), owner) for owner in self._owners()]
        self._name_domains()
        today = conditions.today()
        for number, space in enumerate(self.spaces):
            self._fate(number, space, today)
            self._follow(number, space)
            if not space.removed:
                self._count(space)
        domain_ids, alias_ids = self.seed.ids(Domain), self.seed.ids(Alias)
        for space in self.spaces:
            for position, name in enumerate(space.names):
                pk = next(domain_ids)
                if position == 0:
                    space.first_domain = pk
                if pk % 20 == 0:
                    alias = f"my-{name}"
                    self.aliases.append((next(alias_ids), space, pk, alias))
                    self.aliased[pk] = alias
                    space.aliases += 1

    def _offers(self) -> None:
        ids = self.seed.ids(Plan)
        providers = [owner for owner in self.seed.accounts if owner.role == Role.RESELLER]
        for owner in (self.seed.administrator, *providers):
            self.offers[owner.pk] = [
                Offer(next(ids), owner, *values) for values in OFFERS[Role(owner.role)]
            ]

    def _owners(self) -> Iterator[Owner]:
        """One for most customers, then one for each reseller itself, the rest at random."""
        wanted = self.seed.sizes.subscriptions
        customers = [owner for owner in self.seed.accounts if owner.role == Role.CUSTOMER]
        resellers = [owner for owner in self.seed.accounts if owner.role == Role.RESELLER]
        first = [owner for number, owner in enumerate(customers) if number % 50 != 49]
        every = [*first, *resellers][:wanted]
        while len(every) < wanted:
            every.append(customers[int(self.random.random() * len(customers))])
        return iter(every)

    def _name_domains(self) -> None:
        if not self.spaces:
            return
        pick, taken = self.random.random, 0
        for space in self.spaces:
            space.names.append(self._name(taken))
            taken += 1
        while taken < self.seed.sizes.domains:
            self.spaces[int(pick() * len(self.spaces))].names.append(self._name(taken))
            taken += 1

    def _name(self, number: int) -> str:
        pick = self.random.random
        trade, last = TRADES[int(pick() * len(TRADES))], LAST[int(pick() * len(LAST))]
        # Browsers take *.localhost for this machine: these sites can be looked at.
        return f"{last}-{trade}-{number}.localhost".lower()

    def _fate(self, number: int, space: Space, today: date) -> None:
        """One in 100 is suspended by itself, one in 200 has expired, one in 500 was removed."""
        if number % 100 == 13:
            level = space.owner.provider_level if number % 200 == 13 else Level.CUSTOMER
            if space.owner.role == Role.RESELLER:
                level = Level.ADMINISTRATOR
            space.entries.append((level, Kind.OTHER))
        if number % 200 == 21:
            space.expires_on = today - timedelta(days=1 + number % 60)
            space.entries.append((Level.EXPIRED, Kind.OTHER))
        elif number % 10 == 3:
            space.expires_on = today + timedelta(days=number % 400)
        space.removed = space.owner.removed or number % 500 == 31

    def _follow(self, number: int, space: Space) -> None:
        """Its plan: the smallest of the subscriber's provider that holds its domains; or Custom."""
        domains = len(space.names)
        provider = space.owner if space.owner.role == Role.RESELLER else space.owner.provider
        space.domain_limit = domains + 2
        if number % 10 == 9:
            return
        for offer in self.offers[provider.pk]:
            if limits.fits(offer.domains, domains):
                space.offer, space.domain_limit = offer, offer.domains
                break
        if number % 20 == 5:
            space.is_locked = True
            # One in 100 was cut down to less than it uses, where it uses more than one.
            is_cut = number % 100 == 5 and domains > 1
            space.domain_limit = domains - 1 if is_cut else domains + 1

    def _count(self, space: Space) -> None:
        owner, domains = space.owner, len(space.names)
        owner.subscriptions += 1
        owner.domains += domains
        if owner.role == Role.CUSTOMER and owner.reseller_id:
            owner.provider.subscriptions += 1
            owner.provider.domains += domains
        if space.offer:
            space.offer.subscriptions += 1

    def write(self) -> None:
        """All rows of what is hosted; what follows from them is `follow` and `deploy`."""
        self._plans()
        self._subscriptions()
        insert(
            Domain,
            (
                "id subscription_id account_id reseller_id ascii name name_key is_main"
                " aliases_count is_suspended created_at removing_at"
            ),
            self._domain_rows(),
        )
        insert(
            Alias,
            "id subscription_id domain_id account_id reseller_id ascii name mode",
            (
                (pk, space.pk, domain, space.owner.pk, space.owner.reseller_id, name, name, mode)
                for pk, space, domain, name in self.aliases
                for mode in (AliasMode.SAME if pk % 3 == 0 else AliasMode.REDIRECT,)
            ),
        )
        self._names()

    def follow(self) -> None:
        """What services keep for names: they write it as they do at any other time."""
        every = [space.pk for space in self.spaces]
        for start in range(0, len(every), FOLLOWED):
            base.names_changed(None, every[start : start + FOLLOWED])

    def _plans(self) -> None:
        columns = (
            "id account_id reseller_id name name_key description limits permissions"
            " subscriptions_count"
        )
        permissions = stored_json(self._permissions())
        rows = (
            (
                offer.pk,
                offer.owner.pk,
                offer.owner.reseller_id,
                offer.name,
                sort_key(offer.name),
                offer.description,
                stored_json(self._limits(offer.domains, offer.aliases)),
                permissions,
                offer.subscriptions,
            )
            for offers in self.offers.values()
            for offer in offers
        )
        insert(Plan, columns, rows)

    def _permissions(self) -> list[str]:
        return sorted(name for name, given in base.permissions().items() if given.default)

    def _limits(self, domains: int | None, aliases: int | None) -> dict[str, int | None]:
        defaults = {name: resource.default for name, resource in base.resources().items()}
        return {**defaults, "domains": domains, "aliases": aliases}

    def _subscriptions(self) -> None:
        columns = (
            "id account_id reseller_id name name_key plan_id limits permissions system_user"
            " node_id expires_on usage is_suspended is_locked is_overused is_expired"
            " domains_count created_at removing_at purge_at version"
        )
        insert(Subscription, columns, self._subscription_rows())

    def _subscription_rows(self) -> Iterator[tuple]:
        adapt, now = connection.ops.adapt_datetimefield_value, self.seed.now
        at, purge_at = adapt(now), adapt(now + timedelta(days=KEEP_REMOVED_DAYS.get()))
        permissions = stored_json(self._permissions())
        counted = [name for name, each in base.resources().items() if each.unit != "bytes"]
        none_used = dict.fromkeys(counted, 0)
        for number, space in enumerate(self.spaces):
            name, domains = space.names[0], 0 if space.removed else len(space.names)
            allowed = self._limits(space.domain_limit, space.offer.aliases if space.offer else 20)
            used = {**none_used, "domains": domains, "aliases": space.aliases}
            if space.removed:
                # Judged while it was there; nobody judges what waits to be purged.
                used["domains"] = len(space.names)
            yield (
                space.pk,
                space.owner.pk,
                space.owner.reseller_id,
                name,
                name,
                space.offer.pk if space.offer else None,
                stored_json(allowed),
                permissions,
                f"{name.partition('-')[0]}{number}",
                self.seed.node_id,
                connection.ops.adapt_datefield_value(space.expires_on),
                stored_json(used),
                space.is_suspended,
                space.is_locked,
                bool(limits.overused(allowed, used)),
                space.is_expired,
                len(space.names),
                adapt(self.seed.moment(number, len(self.spaces))),
                at if space.removed else None,
                purge_at if space.removed else None,
                2 if space.removed else 1,
            )

    def _domain_rows(self) -> Iterator[tuple]:
        adapt = connection.ops.adapt_datetimefield_value
        at = adapt(self.seed.now)
        for number, space in enumerate(self.spaces):
            made = adapt(self.seed.moment(number, len(self.spaces)))
            for position, name in enumerate(space.names):
                pk = space.first_domain + position
                yield (
                    pk,
                    space.pk,
                    space.owner.pk,
                    space.owner.reseller_id,
                    name,
                    name,
                    name,
                    position == 0,
                    int(pk in self.aliased),
                    space.is_suspended,
                    made,
                    at if space.removed else None,
                )

    def _names(self) -> None:
        columns = "ascii apex account_id reseller_id subscription_id domain_id alias_id"
        # Directly below .localhost each name is its own apex.
        rows = [
            (name, name, space.owner.pk, space.owner.reseller_id, space.pk, pk, None)
            for space in self.spaces
            for pk, name in enumerate(space.names, space.first_domain)
        ]
        rows += [
            (name, name, space.owner.pk, space.owner.reseller_id, space.pk, None, pk)
            for pk, space, _domain, name in self.aliases
        ]
        # In the order of their unique index, which then only grows at its end.
        rows.sort()
        insert(Name, columns, rows)
        insert(Apex, "name", (row[:1] for row in rows))

    def deploy(self) -> None:
        """That nodes have done all of it."""
        columns = "subscription_id node_id generation applied switched applied_at"
        at = connection.ops.adapt_datetimefield_value(self.seed.now)
        rows = (
            (space.pk, self.seed.node_id, raised, raised, raised, at)
            for space in self.spaces
            for raised in (1 + int(space.is_suspended) + int(space.removed),)
        )
        insert(Deployment, columns, rows)

    def entries(self, at: Any) -> Iterator[tuple]:
        """Suspension entries of subscriptions, as rows."""
        for space in self.spaces:
            for level, kind in space.entries:
                is_condition = level == Level.EXPIRED
                by = "" if is_condition else space.owner.username
                yield None, space.pk, level, kind, by, at

    def found_domains(self) -> Iterator[tuple]:
        """What the search knows of domains: name, aliases, the customer's name and company."""
        for space in self.spaces:
            if space.removed:
                continue
            owner = space.owner
            for pk, name in enumerate(space.names, space.first_domain):
                words = sorted({word for word in (owner.name, owner.company) if word})
                alias = [self.aliased[pk]] if pk in self.aliased else []
                found = [name, *words, *alias]
                where = "domain", pk, owner.pk, owner.reseller_id, name
                yield *where, owner.name, found, False

    def found_rest(self) -> Iterator[tuple]:
        """What it knows of subscriptions and plans."""
        for number, space in enumerate(self.spaces):
            name, owner = space.names[0], space.owner
            words = [name, f"{name.partition('-')[0]}{number}"]
            where = "subscription", space.pk, owner.pk, owner.reseller_id, name
            yield *where, owner.name, words, space.removed
        for offers in self.offers.values():
            for offer in offers:
                owner, name = offer.owner, offer.name
                where = "plan", offer.pk, owner.pk, owner.reseller_id, name
                yield *where, offer.description, [name], False

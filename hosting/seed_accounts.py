"""Who a seeded panel has: resellers and customers, and what the rows below them need to know."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from django.utils import timezone

from accounts.models import Account
from hosting.models.suspension import Kind, Level
from hosting.seed_words import FIRST, LAST, TRADES
from panel.core.access import Role


@dataclass(frozen=True)
class Sizes:
    """How much of each there shall be."""

    customers: int
    subscriptions: int
    domains: int
    resellers: int

    def problem(self) -> str:
        """What is wrong with these numbers, or nothing."""
        if min(self.customers, self.subscriptions, self.resellers) < 0 or not self.customers:
            return "There has to be a customer."
        if self.domains < self.subscriptions:
            return "Each subscription has a main domain: as many domains are needed, or more."
        return ""


@dataclass(slots=True)
class Owner:
    """An account to be, as far as the rows below it need to know."""

    pk: int
    role: str
    provider: "Owner | None"
    name: str
    company: str
    username: str
    email: str
    entries: list[tuple[str, str]] = field(default_factory=list)
    removed: bool = False
    subscriptions: int = 0
    domains: int = 0
    customers: int = 0

    @property
    def reseller_id(self) -> int | None:
        """The owner column of everything of this account."""
        above = self if self.role == Role.RESELLER else self.provider
        return above.pk if above is not None and above.role == Role.RESELLER else None

    @property
    def is_suspended(self) -> bool:
        above = self.provider
        return bool(self.entries) or (above is not None and above.is_suspended)

    @property
    def provider_level(self) -> str:
        """The level at which its provider suspends."""
        is_below_reseller = self.provider is not None and self.provider.role == Role.RESELLER
        return Level.RESELLER if is_below_reseller else Level.ADMINISTRATOR


class People:
    """The accounts to be, their numbers and their days. The same sizes make the same accounts."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.random = random.Random(1)
        self.now = timezone.now()
        self.node_id = 0
        # The first free number of each table.
        self.next: dict[type, int] = {}
        self.administrator: Owner

    def ids(self, model: type) -> Iterator[int]:
        """Numbers for new rows of a table."""
        while True:
            self.next[model] += 1
            yield self.next[model] - 1

    def moment(self, index: int, of: int) -> datetime:
        """When the row `index` of so many was made: spread over three years, in order."""
        return self.now - timedelta(days=1095) * (1 - index / max(of, 1))

    @cached_property
    def accounts(self) -> list[Owner]:
        """Resellers, then customers; three in five of them below a reseller."""
        ids = self.ids(Account)
        resellers = [
            self._owner(next(ids), number, Role.RESELLER, self.administrator)
            for number in range(self.sizes.resellers)
        ]
        for number, reseller in enumerate(resellers):
            if number % 60 == 59:
                reseller.entries.append((Level.ADMINISTRATOR, Kind.UNPAID))
        customers = []
        for number in range(self.sizes.customers):
            below_reseller = resellers and number % 5 < 3
            provider = resellers[number // 5 % len(resellers)] if below_reseller else None
            owner = self._owner(next(ids), number, Role.CUSTOMER, provider or self.administrator)
            self._fate(number, owner)
            if below_reseller and not owner.removed:
                provider.customers += 1
            customers.append(owner)
        return [*resellers, *customers]

    def _owner(self, pk: int, number: int, role: str, provider: Owner) -> Owner:
        pick = self.random.random
        first, last = FIRST[int(pick() * len(FIRST))], LAST[int(pick() * len(LAST))]
        company = f"{last} {TRADES[int(pick() * len(TRADES))]}" if pick() < 0.6 else ""
        kind = "r" if role == Role.RESELLER else "c"
        username = f"{first}.{last}.{kind}{number}".lower()
        name = f"{first} {last}"
        return Owner(pk, role, provider, name, company, username, f"{username}@mail.example")

    def _fate(self, number: int, owner: Owner) -> None:
        """One in forty is suspended by its provider, one in 250 was removed."""
        if number % 40 == 7:
            kind = Kind.ABUSE if number % 400 == 7 else Kind.UNPAID
            owner.entries.append((owner.provider_level, kind))
        owner.removed = number % 250 == 11

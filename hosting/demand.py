"""What rows ask of the account above them, and whether it has that: limits, permissions, its state.

One answer for all that adds below a reseller: creating, restoring, moving, changing the subscriber.
Several askers are judged in the order of their list; each that is refused leaves its share to the
next. The reseller is locked by the caller, and figures are counted from rows: no counter refuses.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import tree
from accounts.models import Account
from hosting import limits, totals
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor, Role
from panel.core.operations import Consequence, Refused, Step

reasons.declare(
    limit=gettext_lazy(
        "%(resource)s: the limit of %(who)s is %(limit)s, and %(used)s are used. %(raise_by)s can"
        " raise it."
    ),
    limit_buy=gettext_lazy(
        "%(resource)s: the limit of %(who)s is %(limit)s, and %(used)s are used. %(raise_by)s can"
        " raise it. Buy more: %(url)s"
    ),
    allotment=gettext_lazy(
        "%(resource)s: the limit of %(who)s is %(limit)s, and %(used)s are promised to"
        " subscriptions; without the permission to oversell, no more can be. %(raise_by)s can raise"
        " it."
    ),
    allotment_buy=gettext_lazy(
        "%(resource)s: the limit of %(who)s is %(limit)s, and %(used)s are promised to"
        " subscriptions; without the permission to oversell, no more can be. %(raise_by)s can raise"
        " it. Buy more: %(url)s"
    ),
    limit_buy_action=gettext_lazy("Buy more…"),
    allotment_buy_action=gettext_lazy("Buy more…"),
    limit_above=gettext_lazy("%(resource)s: your provider has no room left. It can get more."),
    owner_suspended=gettext_lazy(
        "%(name)s is suspended. Activate it first, or tick that what moves may be shut with it."
    ),
)
_WHY = "what is asked of an account, whoever acts"
OVERSELL = "oversell"


@dataclass
class Demand:
    """What some rows ask: how much of each resource, which shares are promised to them (None is
    unlimited), and which permissions they have."""

    amounts: Counter[str] = field(default_factory=Counter)
    shares: dict[str, int | None] = field(default_factory=dict)
    permissions: set[str] = field(default_factory=set)

    def add(self, other: "Demand") -> None:
        self.amounts.update(other.amounts)
        both = [self.shares, other.shares]
        self.shares = limits.total(both, {*self.shares, *other.shares})
        self.permissions |= other.permissions

    def drop(self, other: "Demand") -> None:
        """The contrary of `add`; what is unlimited stays so."""
        self.amounts.subtract(other.amounts)
        for name, share in other.shares.items():
            mine = self.shares.get(name, 0)
            self.shares[name] = None if mine is None else mine - (share or 0)


@dataclass
class Ahead:
    """A look ahead in pieces, each of which is taken back: what resellers gave in the pieces before
    stands in no table any more. By reseller."""

    before: dict[int, Demand] = field(default_factory=dict)
    # In this piece: in the tables for now.
    given: dict[int, Demand] = field(default_factory=dict)


_ahead: ContextVar[Ahead | None] = ContextVar("ahead", default=None)


@contextmanager
def looking_ahead(ahead: Ahead) -> Iterator[None]:
    """While this lasts, resellers have given `ahead.before` too, and what they give is noted."""
    token = _ahead.set(ahead)
    try:
        yield
    finally:
        _ahead.reset(token)


def shares_of(given: limits.Limits) -> dict[str, int | None]:
    """What limits promise of what is finite."""
    finite = [name for name, resource in base.resources().items() if resource.is_allotted]
    return {name: limits.limit_of(given, name) for name in finite}


def of_new_subscription(values: Mapping[str, Any]) -> Demand:
    """A subscription to be, with these limits and permissions, and its main domain."""
    return Demand(
        Counter(subscriptions=1, domains=1),
        shares_of(values["limits"]),
        set(values["permissions"]),
    )


def of_change(old: limits.Limits, new: limits.Limits) -> Demand:
    """What other limits promise on top of those of now; lowering asks nothing."""
    now, then = shares_of(old), shares_of(new)
    more: dict[str, int | None] = {}
    for name, promised in then.items():
        before = now[name]
        if promised is None:
            more[name] = 0 if before is None else None
        else:
            more[name] = max(0, promised - before) if before is not None else 0
    return Demand(shares=more)


def of_subscriptions(
    ids: Iterable[int], plans: Mapping[int, Plan | None] | None = None
) -> dict[int, Demand]:
    """What each subscription asks as it is, or with the plan that it is about to get.

    What waits in the trash counts nowhere; of it the last figures are taken, as it is restored.
    """
    wanted = list(ids)
    declared = base.resources()
    counted = {name: resource.usage(wanted) for name, resource in declared.items()}
    found = {}
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=wanted)
    for row in rows.only("limits", "permissions", "usage", "removing_at"):
        plan = (plans or {}).get(row.pk)
        asked = Demand(
            Counter(subscriptions=1),
            shares_of(plan.limits if plan else row.limits),
            set(plan.permissions if plan else row.permissions),
        )
        for name, resource in declared.items():
            is_stored = resource.unit == "bytes" or row.removing_at is not None
            unstated = row.usage.get(name, 0) if is_stored else 0
            if not resource.is_each:
                asked.amounts[name] = counted[name].get(row.pk, unstated)
        found[row.pk] = asked
    return found


def of_customers(
    ids: Iterable[int], plans: Mapping[int, Plan | None] | None = None
) -> dict[int, Demand]:
    """What each customer asks with all present subscriptions, or with a plan for all of them."""
    found = {pk: Demand(Counter(customers=1)) for pk in ids}
    rows = Subscription.objects.unscoped(_WHY).filter(account_id__in=list(found), removing_at=None)
    owners = dict(rows.values_list("pk", "account_id"))
    by_row = {pk: (plans or {}).get(owner) for pk, owner in owners.items()}
    for pk, asked in of_subscriptions(owners, by_row).items():
        found[owners[pk]].add(asked)
    return found


class Room:
    """What one reseller has left, drawn down in the order of asking. Others have no limits."""

    def __init__(self, account_id: int | None) -> None:
        rows = Account.objects.unscoped(_WHY).filter(pk=account_id, role=Role.RESELLER)
        self.reseller = rows.select_related("provider").first()
        if self.reseller is None:
            return
        self.limits: limits.Limits = self.reseller.limits
        self.used = Counter(totals.usage([self.reseller.pk])[self.reseller.pk])
        may_oversell = OVERSELL in self.reseller.permissions
        self.promised = {} if may_oversell else totals.allotted(self.reseller.pk)
        ahead = _ahead.get()
        if ahead is not None and (given := ahead.before.get(self.reseller.pk)):
            self._give(given)

    def take(self, asked: Demand, actor: Actor | None = None) -> Refused | None:
        """Give it what it asks, or say why not; then nothing was given."""
        if self.reseller is None:
            return None
        declared = base.resources("reseller")
        for name, amount in asked.amounts.items():
            limit = limits.limit_of(self.limits, name)
            if name in declared and declared[name].unit == "bytes":
                # What is measured is never refused: it shows as overused.
                continue
            # Who adds nothing of a resource is not refused for it, however much others use.
            if name in declared and amount and not limits.fits(limit, self.used[name] + amount):
                return self._refused("limit", declared[name], self.used[name], actor)
        for name, promised in self.promised.items():
            limit, more = limits.limit_of(self.limits, name), asked.shares.get(name, 0)
            if limit is None or more == 0:
                continue
            if promised is None or more is None or promised + more > limit:
                return self._refused("allotment", declared[name], promised, actor)
        self._give(asked)
        return None

    def _give(self, asked: Demand) -> None:
        self.used.update(asked.amounts)
        if self.promised:
            self.promised = limits.total([self.promised, asked.shares], self.promised)

    def lacking(self, asked: Demand) -> list[str]:
        """Permissions among those asked that this reseller does not have, by name."""
        if self.reseller is None:
            return []
        return sorted(asked.permissions - set(self.reseller.permissions))

    def _refused(
        self, code: str, resource: base.Resource, used: int | None, actor: Actor | None
    ) -> Refused:
        """The limit, the usage, who can raise it, and where to buy more.

        SECURITY: a customer is not told its reseller's figures.
        """
        if actor is not None and actor.is_customer:
            return Refused("limit_above", resource=str(resource.label))
        assert self.reseller is not None
        assert self.reseller.provider is not None
        url = self.reseller.provider.buy_more_url
        return Refused(
            f"{code}_buy" if url else code,
            resource=str(resource.label),
            who=str(self.reseller),
            limit=limits.shown(resource, limits.limit_of(self.limits, resource.name)),
            used=limits.shown(resource, used),
            raise_by=_("The administrator"),
            **({"url": url, "action": url} if url else {}),
        )


def refuse_full(reseller_id: int | None, asked: Demand, actor: Actor | None = None) -> None:
    """Raise Refused if this reseller has no room for one thing more. It is locked."""
    if reseller_id is None:
        return
    if refused := Room(reseller_id).take(asked, actor):
        raise refused
    if (ahead := _ahead.get()) is not None:
        ahead.given.setdefault(reseller_id, Demand()).add(asked)


def refuse_beyond(step: Step, asked: Mapping[int, Demand]) -> None:
    """Refuse the targets for which the reseller above leaves no room, in the order of the list.

    `asked` by target; the resellers are locked.
    """
    rooms: dict[int, Room] = {}
    for row in step.open:
        if row.reseller_id is None or row.pk not in asked:
            continue
        if row.reseller_id not in rooms:
            rooms[row.reseller_id] = Room(row.reseller_id)
        if refused := rooms[row.reseller_id].take(asked[row.pk], step.actor):
            step.refuse(row.pk, refused.code, **refused.params)


def judge(
    owner: Account,
    asked: Mapping[int, Demand],
    actor: Actor | None = None,
    *,
    may_be_suspended: bool = False,
) -> dict[int, Refused]:
    """What stands against these rows coming to an account, in their order: {id: why not}.

    `owner` and the reseller above it are locked. What that lacks of permissions is no refusal: see
    `lacking`.
    """
    room, found = Room(tree.reseller_of(owner)), {}
    for pk, demand in asked.items():
        if owner.is_suspended and not may_be_suspended:
            found[pk] = Refused("owner_suspended", name=str(owner))
        elif refused := room.take(demand, actor):
            found[pk] = refused
    return found


def lacking(owner: Account, asked: Mapping[int, Demand]) -> dict[str, list[int]]:
    """Which permissions, as labels, some of these rows have that the reseller at or above a new
    owner does not: they are kept, and not in force below it."""
    room, declared = Room(tree.reseller_of(owner)), base.permissions()
    found: dict[str, list[int]] = {}
    for pk, demand in asked.items():
        for name in room.lacking(demand):
            if name in declared:
                found.setdefault(str(declared[name].label), []).append(pk)
    return found


def foresee_lacking(owner: Account, asked: Mapping[int, Demand]) -> list[Consequence]:
    """The same, as the page that says what will happen puts it."""
    found = lacking(owner, asked)
    if not found:
        return []
    text = _("%(who)s does not have these permissions. They are kept, and not in force there:")
    reseller = Room(tree.reseller_of(owner)).reseller
    return [Consequence(text % {"who": reseller}, "warn", sorted(found))]

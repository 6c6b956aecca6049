"""The one meaning of "suspended": effective state from entries, recomputed set-based."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import Account
from hosting import provisioning
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL, Kind, Level, Scope, SuspensionEntry
from panel.core.access import Actor, Role
from panel.core.rows import among

_WHY = "effective suspension follows from the tree, whoever acts"


def entries() -> models.QuerySet:
    return SuspensionEntry.objects.all()


def recompute(*, accounts: Iterable[int] = (), subscriptions: Iterable[int] = ()) -> None:
    """Make the effective state right for these accounts with all below them, and subscriptions.

    Called wherever entries or owners change, inside the same transaction. Accounts that become
    suspended lose their sessions for good (their epoch is raised); subscriptions whose state
    changed are raised for their nodes. Nothing else is touched, so calling it too often is safe.
    """
    account_ids, subscription_ids = list(accounts), list(subscriptions)
    if account_ids:
        own, of_own = Q(pk__in=among(account_ids)), Q(account_id__in=among(account_ids))
        resellers = list(
            Account.objects.unscoped(_WHY)
            .filter(own, role=Role.RESELLER)
            .values_list("pk", flat=True)
        )
        # By the reseller above, not one by one.
        below = Q(reseller_id__in=resellers) if resellers else None
        _recompute_accounts(own | below if below else own)
        _recompute_subscriptions(of_own | below if below else of_own)
    if subscription_ids:
        _recompute_subscriptions(Q(pk__in=among(subscription_ids)))
        # Domains that were added since carry nothing yet.
        _repeat_on_domains(subscription_ids)


def _recompute_accounts(which: Q) -> None:
    rows = Account.objects.unscoped(_WHY).filter(which)
    own = Exists(entries().filter(account_id=OuterRef("pk")))
    above = Exists(
        entries().filter(account_id=OuterRef("reseller_id"), scope=Scope.EVERYTHING)
    ) & ~Q(reseller_id=models.F("pk"))
    wrong: dict[bool, list[int]] = {True: [], False: []}
    for pk, is_suspended, shut in rows.values_list("pk", "is_suspended", own | above):
        if is_suspended != bool(shut):
            wrong[bool(shut)].append(pk)
    every = Account.objects.unscoped(_WHY)
    if wrong[True]:
        every.filter(pk__in=among(wrong[True])).update(
            is_suspended=True, epoch=models.F("epoch") + 1
        )
    if wrong[False]:
        every.filter(pk__in=among(wrong[False])).update(is_suspended=False)


def _recompute_subscriptions(which: Q) -> None:
    rows = Subscription.objects.unscoped(_WHY).filter(which)
    own = entries().filter(subscription_id=OuterRef("pk"))
    of_account = entries().filter(account_id=OuterRef("account_id"), scope=Scope.EVERYTHING)
    of_reseller = entries().filter(account_id=OuterRef("reseller_id"), scope=Scope.EVERYTHING)
    full = Exists(own.exclude(level=Level.OVERUSE)) | Exists(of_account) | Exists(of_reseller)
    overuse = Exists(own.filter(level=Level.OVERUSE))
    # Asked for once and compared here: three conditions of such a kind take three times as long.
    wrong: dict[tuple[bool, bool], list[int]] = {}
    columns = ("pk", "is_suspended", "is_overuse_only")
    for pk, *present, is_full, is_overused in rows.values_list(*columns, full, overuse):
        wanted = (bool(is_full or is_overused), bool(is_overused and not is_full))
        if tuple(present) != wanted:
            wrong.setdefault(wanted, []).append(pk)
    for (is_suspended, is_overuse_only), ids in wrong.items():
        Subscription.objects.unscoped(_WHY).filter(pk__in=among(ids)).update(
            is_suspended=is_suspended, is_overuse_only=is_overuse_only
        )
        Domain.objects.unscoped(_WHY).filter(subscription_id__in=among(ids)).exclude(
            is_suspended=is_suspended
        ).update(is_suspended=is_suspended)
        provisioning.touch(ids)


def _repeat_on_domains(subscription_ids: list[int]) -> None:
    """Domains carry their subscription's state for their list's filter: a join there would cost a
    hundred times as much."""
    ids = among(subscription_ids)
    rows = Domain.objects.unscoped(_WHY).filter(subscription_id__in=ids)
    shut = Subscription.objects.unscoped(_WHY).filter(pk__in=ids, is_suspended=True)
    rows.filter(is_suspended=False, subscription_id__in=shut.values("pk")).update(is_suspended=True)
    rows.filter(is_suspended=True).exclude(subscription_id__in=shut.values("pk")).update(
        is_suspended=False
    )


def for_abuse(subscription_ids: Iterable[int]) -> set[int]:
    """Those of these that are suspended for abuse, by an entry of their own or from above."""
    own = Q(subscription_id=OuterRef("pk"))
    above = Q(account_id=OuterRef("account_id")) | Q(account_id=OuterRef("reseller_id"))
    found = entries().filter(own | above & Q(scope=Scope.EVERYTHING), kind=Kind.ABUSE)
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=among(subscription_ids))
    return set(rows.filter(Exists(found)).values_list("pk", flat=True))


def tell_of_abuse(*, accounts: Iterable[int] = (), subscriptions: Iterable[int] = ()) -> None:
    """Nodes hold letters of who is suspended for abuse: called where such an entry comes or goes,
    which changes nothing else for who is suspended for another reason as well."""
    account_ids = among(accounts)
    of_account = Q(account_id__in=account_ids) | Q(reseller_id__in=account_ids)
    rows = Subscription.objects.unscoped(_WHY).filter(
        of_account | Q(pk__in=among(subscriptions)), is_suspended=True
    )
    provisioning.touch(list(rows.order_by("pk").values_list("pk", flat=True)))


def level_of(actor: Actor, target: Any) -> Level:
    """At which level the actor's entry on this object stands: a relation, not a person.

    On its own subscriptions a reseller acts as their subscriber; the administrator is always the
    administrator.
    """
    if actor.is_administrator:
        return Level.ADMINISTRATOR
    if actor.is_reseller and target.account_id != actor.account_id:
        return Level.RESELLER
    return Level.CUSTOMER


def liftable_levels(actor: Actor, target: Any) -> list[Level]:
    """The levels whose entries the actor may lift: its own and those below, highest first.

    What the subscriber switched off itself, nobody else switches on; who took it over is that
    subscriber, the administrator too.
    """
    levels = PERSONAL[PERSONAL.index(level_of(actor, target)) :]
    if target.account_id == actor.account_id or levels[0] == Level.CUSTOMER:
        return levels
    return [level for level in levels if level != Level.CUSTOMER]


def pass_on(entries_of: models.QuerySet, level: Level) -> None:
    """Entries of a reseller that is no longer the provider stand at another level from now on.

    Who, when and why stay. Where that level has one of the same kind already, this one is it.
    """
    of_reseller = entries_of.filter(level=Level.RESELLER)
    for kind in Kind:
        there = entries_of.filter(level=level, kind=kind)
        doubled = Q(subscription_id__in=there.exclude(subscription=None).values("subscription_id"))
        doubled |= Q(account_id__in=there.exclude(account=None).values("account_id"))
        gone = list(of_reseller.filter(doubled, kind=kind).values_list("pk", flat=True))
        entries().filter(pk__in=among(gone)).delete()
    of_reseller.update(level=level)


def is_billing(actor: Actor) -> bool:
    """Whether the actor is a token that may handle unpaid bills and nothing else."""
    scopes = actor.scopes
    return scopes is not None and "billing" in scopes and not scopes & {"write", "suspension"}


def entries_below(actor: Actor, account_ids: Iterable[int]) -> models.QuerySet:
    """Entries that subscriptions below these accounts carry, as far as the actor sees them."""
    ids = list(account_ids)
    below = Subscription.objects.visible_to(actor).present()
    below = below.filter(Q(account_id__in=ids) | Q(reseller_id__in=ids))
    return entries().filter(subscription_id__in=below.values("pk"))


def liftable_below(
    actor: Actor, account_ids: Iterable[int], *, abuse: bool = False
) -> models.QuerySet:
    """Of those, the ones that the actor may lift along with the accounts: never the subscriber's
    own choice, never an expiry, abuse only if it was ticked."""
    levels = [Level.RESELLER]
    if actor.is_administrator:
        levels.append(Level.ADMINISTRATOR)
    found = entries_below(actor, account_ids).filter(level__in=levels)
    if is_billing(actor):
        found = found.filter(kind=Kind.UNPAID)
    return found if abuse else found.exclude(kind=Kind.ABUSE)


def known_cause(entry: SuspensionEntry, actor: Actor) -> bool:
    """Whether the reader may know who and why: its own level and below, or what is on itself."""
    if actor.is_administrator:
        return True
    if actor.is_reseller:
        return entry.level != Level.ADMINISTRATOR or entry.account_id == actor.account_id
    return entry.level in {Level.CUSTOMER, Level.EXPIRED, Level.OVERUSE}


def administrator_holds(
    rows: models.QuerySet, *, account: str, reseller: str, own: str = ""
) -> set[int]:
    """Of these rows, those that carry an `administrator` entry, or whose accounts above do.

    While that is so, nobody below the administrator removes, moves, renames or restores them.
    `account`, `reseller` and `own` name the columns to look the entries up by. Without `own` the
    rows are accounts, which are held by what is in them too: it would go along.
    """
    held = entries().filter(level=Level.ADMINISTRATOR)
    condition = Exists(held.filter(account_id=OuterRef(account))) | Exists(
        held.filter(account_id=OuterRef(reseller))
    )
    if own:
        condition |= Exists(held.filter(subscription_id=OuterRef(own)))
    else:
        condition |= Exists(held.filter(subscription__account_id=OuterRef("pk")))
    return set(rows.filter(condition).values_list("pk", flat=True))

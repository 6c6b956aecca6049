"""What one may do: a permission that a reseller does not have, nobody below it has.

Subscriptions store what they were given; what is in force is that, less what the reseller above
lacks. Everything that asks for a permission asks here.
"""

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from accounts.models import Account
from hosting.models.subscriptions import Subscription
from panel.core.access import Actor

_WHY = "what a reseller lacks holds below it, whoever asks"
Names = frozenset[str]
_remembered: ContextVar[dict[int, Names] | None] = ContextVar("remembered", default=None)


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """While this lasts, a reseller's permissions are read once. Only for what changes nothing:
    a page asks once for each tab and each tool."""
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)


def of_resellers(ids: Iterable[int | None]) -> dict[int, Names]:
    """The permissions that each of these resellers has."""
    wanted = {pk for pk in ids if pk is not None}
    known = _remembered.get()
    known = {} if known is None else known
    unknown = wanted - known.keys()
    known.update((pk, frozenset(names)) for pk, names in _of_resellers(unknown, "permissions"))
    return {pk: known[pk] for pk in wanted if pk in known}


def applications_of_resellers(ids: Iterable[int | None]) -> dict[int, Names | None]:
    """The applications that each of these resellers may grant; None: all."""
    found = _of_resellers(ids, "applications")
    return {pk: None if names is None else frozenset(names) for pk, names in found}


def _of_resellers(ids: Iterable[int | None], column: str) -> Iterable[tuple[int, Any]]:
    wanted = {pk for pk in ids if pk is not None}
    if not wanted:
        return ()
    return Account.objects.unscoped(_WHY).filter(pk__in=wanted).values_list("pk", column)


def of_actor(actor: Actor) -> Names | None:
    """What an actor may grant; None: everything."""
    if not actor.is_reseller:
        return None
    return of_resellers([actor.account_id])[actor.account_id]


def in_force(subscriptions: Iterable[Subscription]) -> dict[int, Names]:
    """What the subscribers of these may do for themselves, by subscription."""
    rows = list(subscriptions)
    above = of_resellers(row.reseller_id for row in rows)
    found = {}
    for row in rows:
        given = frozenset(row.permissions)
        found[row.pk] = given if row.reseller_id is None else given & above[row.reseller_id]
    return found


def lacking(subscriptions: Iterable[Subscription], actor: Actor, permission: str) -> set[int]:
    """In which of these the actor may not do what takes this permission.

    Customers need it in their subscription, resellers have it or not; the administrator always may.
    """
    rows = list(subscriptions)
    if actor.is_administrator or not permission:
        return set()
    if actor.is_reseller:
        return set() if permission in (of_actor(actor) or ()) else {row.pk for row in rows}
    granted = in_force(rows)
    return {row.pk for row in rows if permission not in granted[row.pk]}


def anywhere(actor: Actor, permission: str) -> bool:
    """Whether there is anything at all where the actor may do what takes this permission."""
    if actor.is_customer:
        rows = list(Subscription.objects.visible_to(actor).present())
        return len(lacking(rows, actor, permission)) < len(rows)
    return actor.is_administrator or permission in (of_actor(actor) or ())

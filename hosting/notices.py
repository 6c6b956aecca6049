"""Notices by email: who is told what happened to an account or a subscription.

Notices are rows of the mail queue, put down in the transaction of what they are about. What nobody
did (overuse, a day that comes near) is found by the daily run in the rows themselves, and written
down beside them, so that nobody is told twice.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.models import Account
from hosting import conditions, limits
from hosting.models.subscriptions import Subscription
from hosting.notice_texts import (
    COPY_TO,
    CREATED,
    EXPIRING,
    EXPIRY_DAYS,
    NOBODY,
    OVERUSED,
    PROVIDER,
    SUBSCRIBER,
    SUSPENDED,
    Event,
    consequence,
)
from hosting.services import base
from panel.core.access import Role
from panel.core.filters import flagged
from panel.core.mail import Message
from panel.core.operations import Step

_WHY = "a notice goes to whoever it is about"
# Who goes above its limits again soon after is not told again before this.
AGAIN = timedelta(days=7)
AT_ONCE = 500


def account_created(account: Account) -> None:
    """Tell somebody that there is an account of theirs now. Never a password."""
    _put(CREATED, [(account, account, {})])


def suspended(step: Step, rows: Sequence[Any], message: str) -> None:
    """Tell those whose account, or whose subscription, was shut by this step."""
    if SUSPENDED.to.get() == NOBODY or not rows:
        return
    accounts = _accounts(row.account_id for row in rows)
    values = [
        (accounts[row.account_id], row, {"message": message})
        for row in rows
        if row.account_id in accounts
    ]
    _put(SUSPENDED, values, but=step.actor.account_id)


def tell_overused() -> list[Any]:
    """Of what uses more than it may, those of whom nobody was told; returns them."""
    if OVERUSED.to.get() == NOBODY:
        return []
    subscriptions = flagged(
        Subscription.objects.unscoped(_WHY).filter(removing_at=None, overuse_notice=True),
        "is_overused",
    )
    # Over its limits a reseller gets refusals and notices; nothing of it is shut.
    resellers = flagged(
        Account.objects.unscoped(_WHY).filter(removing_at=None, role=Role.RESELLER), "is_overused"
    )
    return [*_tell_overused(subscriptions), *_tell_overused(resellers)]


def _tell_overused(rows: models.QuerySet) -> list[Any]:
    model = rows.model
    _forget(model)
    with transaction.atomic():
        new = list(rows.filter(overuse_told_at=None).order_by("pk")[:AT_ONCE])
        accounts = _accounts(row.account_id for row in new)
        declared = base.resources("reseller" if model is Account else "subscription")
        _put(
            OVERUSED,
            [
                (accounts[row.account_id], row, _overuse(row, declared))
                for row in new
                if row.account_id in accounts
            ],
        )
        _told(model, new, overuse_told_at=timezone.now())
    return new


def _forget(model: Any) -> None:
    """What was within its limits for a while may be told of once more."""
    model.objects.unscoped(_WHY).filter(
        overuse_told_at__lt=timezone.now() - AGAIN, is_overused=False
    ).update(overuse_told_at=None)


def _told(model: Any, rows: Sequence[Any], **values: Any) -> None:
    if rows:
        model.objects.unscoped(_WHY).filter(pk__in=[row.pk for row in rows]).update(**values)


def _overuse(row: Any, declared: dict[str, base.Resource]) -> dict[str, Any]:
    def lines() -> str:
        return "\n".join(
            f"{declared[name].label}: {limits.shown(declared[name], row.usage[name])}"
            f" / {limits.shown(declared[name], limits.limit_of(row.limits, name))}"
            for name in limits.overused(row.limits, row.usage)
            if name in declared
        )

    is_shut = bool(getattr(row, "is_overuse_only", False))
    return {"resources": lines, "consequence": lambda: consequence(is_shut=is_shut)}


def tell_expiring() -> list[Subscription]:
    """Of the subscriptions whose last day comes near, those of whom nobody was told of that day."""
    if EXPIRING.to.get() == NOBODY:
        return []
    today = conditions.today()
    rows = Subscription.objects.unscoped(_WHY).filter(
        removing_at=None,
        expires_on__gte=today,
        expires_on__lte=today + timedelta(days=EXPIRY_DAYS.get()),
    )
    with transaction.atomic():
        untold = rows.exclude(expiry_told=models.F("expires_on"))
        new = list(untold.order_by("pk")[:AT_ONCE])
        accounts = _accounts(row.account_id for row in new)
        _put(
            EXPIRING,
            [
                (accounts[row.account_id], row, _expiry(row, today))
                for row in new
                if row.account_id in accounts
            ],
        )
        _told(Subscription, new, expiry_told=models.F("expires_on"))
    return new


def _expiry(row: Subscription, today: Any) -> dict[str, Any]:
    return {
        "expires_on": lambda: date_format(row.expires_on, "j F Y"),
        "days": (row.expires_on - today).days,
    }


def _accounts(ids: Iterable[int]) -> dict[int, Account]:
    """Accounts by number, without those that wait to be purged."""
    rows = Account.objects.unscoped(_WHY).filter(pk__in=set(ids), removing_at=None)
    return rows.select_related("provider").in_bulk()


def _put(event: Event, about: Sequence[tuple[Account, Any, dict[str, Any]]], but: int = 0) -> None:
    """Queue a notice about each (whose it is, what it is about, values) for all it goes to; not
    for the account `but`, which has just done it."""
    found: list[tuple[str, str, str]] = []
    to_subscriber, to_provider = event.is_for(SUBSCRIBER), event.is_for(PROVIDER)
    copy_to = COPY_TO.get()
    for account, target, values in about:
        readers = [account] if to_subscriber else []
        if to_provider and account.provider is not None:
            readers.append(account.provider)
        readers = [reader for reader in readers if reader.pk != but]
        for reader in readers:
            found.append((reader.email, *_words(event, reader, account, target, values)))
        if copy_to and (to_subscriber or to_provider):
            first = readers[0] if readers else account
            found.append((copy_to, *_words(event, first, account, target, values)))
    Message.put_many(found)


def _words(
    event: Event, reader: Account, account: Account, target: Any, values: dict[str, Any]
) -> tuple[str, str]:
    """Subject and text in the reader's language."""
    with translation.override(reader.locale):
        known = {
            "contact_name": reader.contact_name,
            "company": account.company,
            "username": account.username,
            "account": account.contact_name,
            "panel": settings.PANEL_ORIGIN,
            "object": str(target),
            **{name: value() if callable(value) else value for name, value in values.items()},
        }
        return event.words(known)

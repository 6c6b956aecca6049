"""The tree of accounts, and the only place that writes owner columns."""

from collections.abc import Iterable

from django.apps import apps
from django.db import models

from accounts.models import Account
from panel.core.access import Owned, Role
from panel.core.rows import among


def owned_models() -> list[type[Owned]]:
    """All concrete models that carry owner columns; Account apart, whose own follow other rules."""
    return [
        model
        for model in apps.get_models()
        if issubclass(model, Owned) and not issubclass(model, Account) and not model._meta.proxy
    ]


def reseller_of(account: Account) -> int | None:
    """What the `reseller` column of a row of this account holds."""
    if account.role == Role.RESELLER:
        return account.pk
    return account.reseller_id


def adopt(account: Account) -> None:
    """The same for an account that was just added and has no rows yet: one statement, where
    `rehome` asks every table for what there cannot be."""
    above = account.provider
    account.account_id, account.reseller_id = account.pk, None
    if account.role == Role.RESELLER:
        account.reseller_id = account.pk
    elif above is not None and above.role == Role.RESELLER:
        account.reseller_id = above.pk
    rows = Account.objects.unscoped("owner columns").filter(pk=account.pk)
    rows.update(account_id=account.account_id, reseller_id=account.reseller_id)


def rehome(account_ids: Iterable[int]) -> None:
    """Write the owner columns of these accounts and of all their rows, set-based.

    Reads `provider` and `role` of the accounts; called after they were moved or converted.
    The provider is the administrator or a reseller, so a reseller above is one step away.
    """
    ids = list(account_ids)
    accounts = Account.objects.unscoped("owner columns").filter(pk__in=ids)
    accounts.filter(role=Role.RESELLER).update(
        account_id=models.F("pk"), reseller_id=models.F("pk")
    )
    accounts.filter(role=Role.ADMINISTRATOR).update(account_id=models.F("pk"), reseller_id=None)
    above = Account.objects.unscoped("owner columns").filter(pk=models.OuterRef("provider_id"))
    accounts.filter(role=Role.CUSTOMER).update(
        account_id=models.F("pk"),
        reseller_id=models.Subquery(above.filter(role=Role.RESELLER).values("pk")[:1]),
    )
    for model in owned_models():
        owner = Account.objects.unscoped("owner columns").filter(pk=models.OuterRef("account_id"))
        model.objects.unscoped("owner columns").filter(account_id__in=ids).update(
            reseller_id=models.Subquery(owner.values("reseller_id")[:1])
        )


def hand_over(subscription_ids: Iterable[int], account: Account) -> None:
    """Write the owner columns of subscriptions, and of all rows that say which one they belong to:
    they are this account's now."""
    ids = among(list(subscription_ids))
    owner = {"account_id": account.pk, "reseller_id": reseller_of(account)}
    for model in owned_models():
        if column := model.subscription_column:
            rows = model.objects.unscoped("owner columns").filter(**{f"{column}__in": ids})
            rows.update(**owner)


def wrong_owner_columns() -> list[str]:
    """Rows whose owner columns are not what the tree says; `doctor` and a property test read it."""
    found = []
    rows = Account.objects.unscoped("audit").select_related("provider")
    for account in rows.iterator():
        expected = account.pk if account.role == Role.RESELLER else None
        if account.role == Role.CUSTOMER and account.provider.role == Role.RESELLER:
            expected = account.provider_id
        if (account.account_id, account.reseller_id) != (account.pk, expected):
            found.append(f"account {account.pk}")
    for model in owned_models():
        mismatched = model.objects.unscoped("audit").exclude(
            models.Q(reseller_id=models.F("account__reseller_id"))
            | models.Q(reseller_id=None, account__reseller_id=None)
        )
        found += [
            f"{model._meta.label} {pk}" for pk in mismatched.values_list("pk", flat=True)[:20]
        ]
    return found

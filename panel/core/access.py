"""Who may see a row: two columns on it and one function. Fails closed."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Self

from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import BaseForm, ModelChoiceField
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The three kinds of account. Stored, so the values never change."""

    ADMINISTRATOR = "administrator", _("Administrator")
    RESELLER = "reseller", _("Reseller")
    CUSTOMER = "customer", _("Customer")


@dataclass(frozen=True)
class Actor:
    """On whose behalf something happens, as far as the foundation needs to know it.

    `real` is set while somebody is logged in as another account: the person behind. `areas`
    and `subscriptions` cut an additional user down; None means "not cut down".
    `scopes` is what an API token was given; None outside the API.
    """

    role: Role
    account_id: int
    username: str
    user_id: int | None = None
    areas: frozenset[str] | None = None
    subscriptions: frozenset[int] | None = None
    scopes: frozenset[str] | None = None
    door: str = "page"
    address: str = ""
    request_id: str = ""
    real: "Actor | None" = None

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def is_reseller(self) -> bool:
        return self.role == Role.RESELLER

    @property
    def is_customer(self) -> bool:
        return self.role == Role.CUSTOMER

    @property
    def is_provider(self) -> bool:
        return self.role in {Role.ADMINISTRATOR, Role.RESELLER}

    @property
    def is_cut_down(self) -> bool:
        """Whether it reaches a part of its account only: a role's areas, or some subscriptions."""
        return self.areas is not None or self.subscriptions is not None

    @property
    def person(self) -> "Actor":
        """Who really sits there."""
        return self.real or self

    def may_in(self, area: str) -> bool:
        """Whether the additional user's role and the token's scopes reach this area."""
        if self.areas is not None and area not in self.areas:
            return False
        return self.scopes is None or "write" in self.scopes or area in self.scopes

    def through(self, door: str, **changes: Any) -> "Actor":
        """The same actor at another door (page, api, cli, worker)."""
        return replace(self, door=door, **changes)


class Unscoped(RuntimeError):
    """A queryset was evaluated in a request although nobody said for whom. Always a bug."""


_guarded: ContextVar[bool] = ContextVar("guarded", default=False)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """While this lasts (a request), owned rows are read through visible_to() or unscoped() only."""
    token = _guarded.set(True)
    try:
        yield
    finally:
        _guarded.reset(token)


class OwnedQuerySet(models.QuerySet):
    """A queryset that answers nothing in a request until it knows for whom."""

    _scope: str | None = None

    def visible_to(self, actor: Actor | None) -> Self:
        """The rows that the actor may see; for nobody, none.

        SECURITY: one equality on a column of the row itself. A join with OR costs a hundred times
        as much at a million rows, and PostgreSQL does not recheck it on a row that was locked and
        meanwhile moved away.
        """
        if actor is None:
            scoped = self.none()
        elif actor.is_administrator:
            scoped = self._clone()
        elif actor.is_reseller:
            scoped = self.filter(reseller_id=actor.account_id)
        elif actor.is_customer:
            scoped = self.filter(account_id=actor.account_id)
        else:
            scoped = self.none()
        if actor is not None and actor.subscriptions is not None:
            column = getattr(self.model, "subscription_column", "")
            if column:
                scoped = scoped.filter(**{f"{column}__in": actor.subscriptions})
        scoped._scope = "actor"
        return scoped

    def unscoped(self, reason: str) -> Self:
        """All rows, in a request too. The reason is for whoever reads the call."""
        if not reason:
            raise ValueError("a reason is needed")
        clone = self._clone()
        clone._scope = reason
        return clone

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._scope = self._scope
        return clone

    def _guard(self) -> None:
        if self._scope is None and _guarded.get() and not self.query.is_empty():
            raise Unscoped(f"{self.model.__name__} is read in a request without visible_to()")

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._guard()
        super()._fetch_all()

    def iterator(self, chunk_size: int | None = None) -> Any:
        self._guard()
        return super().iterator(chunk_size)

    def count(self) -> int:
        self._guard()
        return super().count()

    def exists(self) -> bool:
        self._guard()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._guard()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._guard()
        return super().update(**kwargs)

    def delete(self) -> Any:
        self._guard()
        return super().delete()


class RemovableQuerySet(OwnedQuerySet):
    """Rows that are removed first and kept for some days: by themselves, or with others."""

    # The column that says since when; of the row, or of what it goes with.
    removed_at = "removing_at"

    def present(self) -> Self:
        """Without those that were removed and wait to be purged."""
        return self.filter(**{self.removed_at: None})

    def removed(self) -> Self:
        # Not exclude(): SQLite does not find the index of `IS NOT NULL` by `NOT (… IS NULL)`.
        return self.filter(**{f"{self.removed_at}__isnull": False})


class Owned(models.Model):
    """Mixin of every row that an account can see.

    `account` is whose row it is, `reseller` the reseller above (or the account itself, where that
    is a reseller); NULL directly under the administrator. Only `accounts.tree.rehome()` writes
    them after creation.
    """

    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, related_name="+", db_index=False, editable=False
    )
    reseller = models.ForeignKey(
        "accounts.Account",
        models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        editable=False,
    )

    # Name of the column that holds the subscription, for additional users who were given some
    # subscriptions only; "" where the row belongs to no subscription.
    subscription_column = "subscription_id"

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True


def require(actor: Actor | None, roles: frozenset[Role], area: str = "") -> Actor:
    """The actor, if its role is among `roles` and reaches `area`; else PermissionDenied."""
    if actor is None or actor.role not in roles:
        raise PermissionDenied
    if area and not actor.may_in(area):
        raise PermissionDenied
    return actor


def scope_form(form: BaseForm, actor: Actor) -> None:
    """Cut every choice of rows in a form (or filter) down to what the actor may see."""
    for field in form.fields.values():
        if isinstance(field, ModelChoiceField) and isinstance(field.queryset, OwnedQuerySet):
            field.queryset = field.queryset.visible_to(actor)

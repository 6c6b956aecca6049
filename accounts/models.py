"""Accounts (administrator, reseller, customer), the users who log in to them, and API tokens."""

import hashlib
import secrets
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.countries import COUNTRIES
from panel.core.access import Actor, Owned, OwnedQuerySet, RemovableQuerySet, Role
from panel.core.search import fold


class Account(Owned):
    """Administrator, reseller or customer: contact information and what follows from the tree.

    `account` is the row itself; `reseller` the reseller above, or itself for a reseller.
    `is_suspended` is the effective state, recomputed by `hosting.suspension` and by nothing else.
    `version` grows with each edit; a form that carries an older one is refused.
    """

    subscription_column = ""

    role = models.CharField(max_length=15, choices=Role.choices)
    provider = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", db_index=False
    )
    contact_name = models.CharField(_("Contact name"), max_length=100)
    company = models.CharField(_("Company"), max_length=100, blank=True)
    email = models.EmailField(_("Email address"))
    phone = models.CharField(_("Phone"), max_length=30, blank=True)
    address = models.CharField(_("Address"), max_length=255, blank=True)
    city = models.CharField(_("City"), max_length=60, blank=True)
    state = models.CharField(_("State or province"), max_length=60, blank=True)
    postal_code = models.CharField(_("Postal code"), max_length=12, blank=True)
    country = models.CharField(_("Country"), max_length=2, blank=True, choices=COUNTRIES)
    locale = models.CharField(_("Language"), max_length=10, default="en")
    time_zone = models.CharField(_("Time zone"), max_length=50, default="UTC")
    # NULL where there is none: it is unique within the provider.
    external_id = models.CharField(  # noqa: DJ001
        _("External id"), max_length=100, null=True, blank=True
    )
    description = models.CharField(_("Description"), max_length=500, blank=True)
    admin_note = models.TextField(_("Administrator's note"), max_length=5000, blank=True)
    # The account's own login, repeated here for lists and for the search.
    username = models.CharField(_("Username"), max_length=60, editable=False)
    limits = models.JSONField(default=dict, blank=True)
    permissions = models.JSONField(default=list, blank=True)
    # Names of applications that may be granted; None: all.
    applications = models.JSONField(null=True, default=None, blank=True)
    # Of a reseller: the number of its plan, which is a row of the app above this one; whether it
    # has values of its own instead; and whether more is used below it than they allow.
    plan_id = models.BigIntegerField(null=True, editable=False)
    is_locked = models.BooleanField(default=False, editable=False)
    is_overused = models.BooleanField(default=False, editable=False)
    usage = models.JSONField(default=dict, editable=False)
    # When a reseller was told that more is used than its limits allow.
    overuse_told_at = models.DateTimeField(null=True, editable=False)
    # Of a provider: where its subscribers buy more, named in refusals.
    buy_more_url = models.URLField(_("Link for buying more"), max_length=500, blank=True)

    name_key = models.CharField(max_length=200, editable=False)
    is_suspended = models.BooleanField(default=False, editable=False)
    # Raised when sessions and tokens of all users must end for good.
    epoch = models.PositiveIntegerField(default=0, editable=False)
    subscriptions_count = models.PositiveIntegerField(default=0, editable=False)
    domains_count = models.PositiveIntegerField(default=0, editable=False)
    customers_count = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removing_at = models.DateTimeField(null=True, editable=False)
    purge_at = models.DateTimeField(null=True, editable=False)

    objects = RemovableQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="accounts_account_external_id"
            ),
            models.CheckConstraint(
                condition=models.Q(role=Role.ADMINISTRATOR, provider__isnull=True)
                | models.Q(provider__isnull=False) & ~models.Q(role=Role.ADMINISTRATOR),
                name="accounts_account_provider",
            ),
            models.CheckConstraint(
                condition=~models.Q(role=Role.ADMINISTRATOR, is_suspended=True),
                name="accounts_account_administrator_runs",
            ),
            # One administrator, however many people at once open the first-run page.
            models.UniqueConstraint(
                fields=["role"],
                condition=models.Q(role=Role.ADMINISTRATOR),
                name="accounts_account_one_administrator",
            ),
        ]
        indexes = [
            # Each order of the lists, for everybody's and for one reseller's.
            *(
                models.Index(
                    *owner,
                    "role",
                    sort,
                    "id",
                    name=f"acc_{who}_{by}",
                    condition=models.Q(removing_at=None),
                )
                for who, owner in (("all", ()), ("of", ("reseller",)))
                for by, sort in (
                    ("name", "name_key"),
                    ("subs", "subscriptions_count"),
                    ("made", "created_at"),
                )
            ),
            # What is looked up in no order: see panel.core.filters.flagged. With all that the list
            # asks: up to ten thousand are counted, and none of their rows is read for that.
            models.Index(
                "is_suspended",
                "role",
                "removing_at",
                "id",
                name="acc_suspended",
                condition=models.Q(is_suspended=True),
            ),
            models.Index(
                "reseller",
                "is_suspended",
                "role",
                "removing_at",
                "id",
                name="acc_of_suspended",
                condition=models.Q(is_suspended=True),
            ),
            models.Index(
                "is_overused", "id", name="acc_overused", condition=models.Q(is_overused=True)
            ),
            models.Index(
                "overuse_told_at",
                name="acc_overuse_told",
                condition=models.Q(overuse_told_at__isnull=False),
            ),
            models.Index("is_locked", "id", name="acc_locked", condition=models.Q(is_locked=True)),
            models.Index("plan_id", name="acc_plan", condition=models.Q(plan_id__isnull=False)),
            # Who is meant by a name that somebody typed.
            models.Index("username", name="acc_username"),
            models.Index("account", name="accounts_account_account"),
            models.Index("reseller", name="accounts_account_reseller"),
            models.Index("provider", name="accounts_account_provider"),
            models.Index(
                "role",
                "name_key",
                "id",
                name="acc_removed",
                condition=models.Q(removing_at__isnull=False),
            ),
            # Whether an email address is somebody's contact, before it becomes a username.
            models.Index(models.functions.Lower("email"), name="accounts_account_email"),
        ]

    def __str__(self) -> str:
        return self.contact_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = sort_key(self.contact_name)
        super().save(*args, **kwargs)

    @property
    def is_removed(self) -> bool:
        return self.removing_at is not None

    @property
    def status(self) -> str:
        """One word for lists, filters and the API."""
        if self.removing_at is not None:
            return "removed"
        return "suspended" if self.is_suspended else "active"


def sort_key(text: str) -> str:
    """How names are ordered: folded, so that both databases agree whatever their locale."""
    return fold(text)[:200]


class CustomerManager(models.Manager.from_queryset(RemovableQuerySet)):
    def get_queryset(self) -> RemovableQuerySet:
        return super().get_queryset().filter(role=Role.CUSTOMER)


class ResellerManager(models.Manager.from_queryset(RemovableQuerySet)):
    def get_queryset(self) -> RemovableQuerySet:
        return super().get_queryset().filter(role=Role.RESELLER)


class Customer(Account):
    """Accounts that host their own sites. Role, words and URL noun; nothing else."""

    objects = CustomerManager()

    class Meta:
        proxy = True
        verbose_name = _("customer")
        verbose_name_plural = _("customers")


class Reseller(Account):
    """Accounts that have customers of their own. Role, words and URL noun; nothing else."""

    objects = ResellerManager()

    class Meta:
        proxy = True
        verbose_name = _("reseller")
        verbose_name_plural = _("resellers")


class UserQuerySet(OwnedQuerySet):
    def visible_to(self, actor: Actor | None) -> Self:
        """Users of the accounts that the actor may see; without the area "users", only oneself."""
        scoped = super().visible_to(actor)
        if actor is not None and actor.areas is not None and "users" not in actor.areas:
            scoped = scoped.filter(pk=actor.user_id)
        return scoped


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    def get_by_natural_key(self, username: str) -> "User":
        return self.get(username=username.lower())


class User(AbstractBaseUser, Owned):
    """Somebody who logs in: the account's own login, or an additional user of it with a role.

    The own login's name and email repeat the account's contact information.

    Suspension never writes `is_active`; that is the account's own switch. Whether a login is let
    in is asked of the account (`accounts.backends`).
    """

    username = models.CharField(
        _("Username"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"\A[a-z][a-z0-9._@+-]*\Z")],
    )
    email = models.EmailField(_("Email address"))
    name = models.CharField(_("Contact name"), max_length=100)
    account = models.ForeignKey(Account, models.PROTECT, related_name="users", editable=False)
    # The account's own login. Exactly one for each account.
    is_own = models.BooleanField(default=False, editable=False)
    user_role = models.CharField(_("User role"), max_length=20, default="owner")
    # None: all subscriptions of the account; a list: only these.
    subscription_ids = models.JSONField(null=True, blank=True)
    is_active = models.BooleanField(_("User is active"), default=True)
    epoch = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    subscription_column = ""

    objects = UserManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(is_own=True),
                name="accounts_user_one_own",
            ),
            models.CheckConstraint(
                condition=models.Q(username=models.functions.Lower("username")),
                name="accounts_user_lower_case",
            ),
        ]
        # Lists show additional users only; the own login stands on its account's page.
        indexes = [
            models.Index(
                *owner,
                *state,
                "username",
                "id",
                name=f"acc_user_{who}_{what}",
                condition=models.Q(is_own=False),
            )
            for who, owner in (("all", ()), ("of", ("reseller",)), ("own", ("account",)))
            for what, state in (("any", ()), ("active", ("is_active",)))
        ]

    def __str__(self) -> str:
        return self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Mixes both epochs in: raising either ends every session that rests on them."""
        value = f"{self.password}|{self.epoch}|{self.account.epoch}"
        return salted_hmac(
            "accounts.User.session", value, secret=secret, algorithm="sha256"
        ).hexdigest()


class ApiTokenQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor | None) -> Self:
        """One's own tokens; nobody sees anybody else's."""
        if actor is None or actor.user_id is None or actor.real is not None:
            return self.none()
        return self.filter(user_id=actor.user_id)


class ApiToken(models.Model):
    """A token of one user, for the API. Only its digest is stored; it is shown once.

    It has at most the sight of its user at the moment of use, cut down by its scopes.
    """

    PREFIX = "fh_"

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens", db_index=False)
    name = models.CharField(_("Name"), max_length=100)
    hint = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("Expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index("user", "created_at", "id", name="accounts_apitoken_user")]

    def __str__(self) -> str:
        return self.name

    @property
    def account_id(self) -> int:
        """Owner columns as the activity log reads them: those of the token's user."""
        return self.user.account_id

    @property
    def reseller_id(self) -> int | None:
        return self.user.reseller_id

    @classmethod
    def new_text(cls) -> str:
        """The text of a token to be: 256 random bits."""
        return cls.PREFIX + secrets.token_urlsafe(32)

    @classmethod
    def make(
        cls, user: User, name: str, scopes: list[str], expires_at: Any = None, text: str = ""
    ) -> tuple["ApiToken", str]:
        """A new token and its text, which is known only here and now."""
        text = text or cls.new_text()
        token = cls.objects.create(
            user=user,
            name=name,
            hint=text[: len(cls.PREFIX) + 4],
            digest=cls.digest_of(text),
            scopes=scopes,
            expires_at=expires_at,
        )
        return token, text

    @staticmethod
    def digest_of(text: str) -> str:
        """SHA-256 suffices: the token is 256 random bits, there is nothing to guess."""
        return hashlib.sha256(text.encode()).hexdigest()

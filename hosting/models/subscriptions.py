"""Subscriptions: the hosting space of a subscriber, with its resources, permissions and state."""

from datetime import timedelta

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import sort_key
from hosting.models.nodes import Node
from hosting.models.plans import OverusePolicy, Plan
from panel.core.access import Owned, RemovableQuerySet

SYSTEM_USER = RegexValidator(
    r"\A[a-z][a-z0-9_-]{1,30}\Z",
    _("2 to 31 characters from a-z, 0-9, dash and underscore; the first is a letter."),
)


class Subscription(Owned):
    """`account` is the subscriber. Named by its main domain.

    States stand beside each other: suspended, locked, synchronised, overused, failed. The effective
    suspension (`is_suspended`, `is_overuse_only`) is written by `hosting.suspension` alone.
    """

    subscription_column = "pk"

    name = models.CharField(_("Name"), max_length=255)
    name_key = models.CharField(max_length=255, editable=False)
    plan = models.ForeignKey(
        Plan, models.SET_NULL, null=True, blank=True, related_name="subscriptions", db_index=False
    )
    limits = models.JSONField(default=dict)
    permissions = models.JSONField(default=list)
    # Parameters of hosting, by the services' declarations; what is missing is the default.
    settings = models.JSONField(default=dict)
    # Names of applications that may be installed; None: all.
    applications = models.JSONField(null=True, default=None)
    overuse_policy = models.CharField(
        max_length=10, choices=OverusePolicy.choices, default=OverusePolicy.SPACE
    )
    overuse_notice = models.BooleanField(default=False)
    system_user = models.CharField(
        _("System user"), max_length=31, unique=True, validators=[SYSTEM_USER]
    )
    # Of its password, as crypt(3) knows it; empty: there is none, and keys alone let in.
    system_user_hash = models.CharField(max_length=72, default="", blank=True, editable=False)
    node = models.ForeignKey(Node, models.PROTECT, related_name="+")
    expires_on = models.DateField(_("Expires on"), null=True, blank=True)
    # Whoever had it for itself gave it away while it ran out: the administrator alone prolongs it.
    is_expiry_held = models.BooleanField(default=False, editable=False)
    description = models.CharField(_("Description"), max_length=500, blank=True)
    admin_note = models.TextField(_("Administrator's note"), max_length=5000, blank=True)
    usage = models.JSONField(default=dict, editable=False)

    is_suspended = models.BooleanField(default=False, editable=False)
    is_overuse_only = models.BooleanField(default=False, editable=False)
    is_locked = models.BooleanField(default=False, editable=False)
    is_overused = models.BooleanField(default=False, editable=False)
    is_expired = models.BooleanField(default=False, editable=False)
    # Something that its plan promises is not in force.
    is_unsynced = models.BooleanField(default=False, editable=False)
    is_failed = models.BooleanField(default=False, editable=False)
    # When somebody was told that too much is used, and of which last day.
    overuse_told_at = models.DateTimeField(null=True, editable=False)
    expiry_told = models.DateField(null=True, editable=False)
    domains_count = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removing_at = models.DateTimeField(null=True, editable=False)
    purge_at = models.DateTimeField(null=True, editable=False)

    objects = RemovableQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            *(
                models.Index(
                    *owner,
                    sort,
                    "id",
                    name=f"sub_{who}_{by}",
                    condition=models.Q(removing_at=None),
                )
                for who, owner in (("all", ()), ("of", ("reseller",)), ("own", ("account",)))
                for by, sort in (("name", "name_key"), ("made", "created_at"))
            ),
            *(
                # See panel.core.filters.flagged. With all that the list asks, so that no row is
                # read to count them; and by name, for a walk would meet few of them.
                models.Index(
                    f"is_{flag}",
                    "removing_at",
                    "name_key",
                    "id",
                    name=f"sub_{flag}",
                    condition=models.Q(**{f"is_{flag}": True}),
                )
                for flag in ("locked", "overused", "expired", "unsynced", "failed")
            ),
            # Ten thousand at once become so: by number, for fewer pages are written so.
            models.Index(
                "is_suspended",
                "removing_at",
                "id",
                name="sub_suspended",
                condition=models.Q(is_suspended=True),
            ),
            # A whole installation's may be many.
            models.Index(
                "reseller",
                "is_suspended",
                "removing_at",
                "id",
                name="sub_of_suspended",
                condition=models.Q(is_suspended=True),
            ),
            models.Index(
                "overuse_told_at",
                name="sub_overuse_told",
                condition=models.Q(overuse_told_at__isnull=False),
            ),
            models.Index("plan", "name_key", "id", name="sub_plan_name"),
            models.Index("plan", "created_at", "id", name="sub_plan_made"),
            # Counts of a plan, which would else read every subscription that follows it.
            models.Index("plan", name="sub_plan_present", condition=models.Q(removing_at=None)),
            models.Index("account", name="sub_account"),
            models.Index("reseller", name="sub_reseller"),
            models.Index("expires_on", name="sub_expires", condition=models.Q(removing_at=None)),
            models.Index(
                "name_key",
                "id",
                name="sub_removed",
                condition=models.Q(removing_at__isnull=False),
            ),
            models.Index(
                "purge_at", name="sub_purge", condition=models.Q(removing_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)

    @property
    def is_open(self) -> bool:
        """Whether its channels answer. Overuse alone leaves some open: each service knows."""
        return not self.is_suspended and self.removing_at is None

    @property
    def status(self) -> str:
        if self.removing_at is not None:
            return "removed"
        return "suspended" if self.is_suspended else "active"


class SubscriptionAddOn(models.Model):
    """An add-on plan on a subscription: each once, and only on top of a hosting plan."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="addons")
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="on_subscriptions")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "plan"], name="hosting_subscription_addon_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} on {self.subscription_id}"


# So long the name of a system user is not used again.
RETIRED_FOR = timedelta(days=90)


class RetiredSystemUser(models.Model):
    """A system user's name that was given back: not used again for 90 days."""

    name = models.CharField(max_length=31, unique=True)
    retired_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

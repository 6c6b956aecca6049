"""Suspension as entries: who shut what, at which level, of which kind. Never a flag."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting.models.subscriptions import Subscription


class Level(models.TextChoices):
    """Who stands behind an entry: a relation to the object, not a person."""

    ADMINISTRATOR = "administrator", _("Administrator")
    RESELLER = "reseller", _("Reseller")
    CUSTOMER = "customer", _("Customer")
    EXPIRED = "expired", _("Expired")
    OVERUSE = "overuse", _("Overuse")


# Highest first. `expired` and `overuse` are conditions: no person's level.
PERSONAL = [Level.ADMINISTRATOR, Level.RESELLER, Level.CUSTOMER]


class Kind(models.TextChoices):
    UNPAID = "unpaid", _("Unpaid")
    ABUSE = "abuse", _("Abuse")
    OTHER = "other", _("Other")


class Scope(models.TextChoices):
    EVERYTHING = "everything", _("Everything below")
    PANEL = "panel", _("Panel only")


class SuspensionEntry(models.Model):
    """One cause. An object is suspended while it, or any account above it, has one.

    Level and kind together are the key: the same once more adds nothing. `by_name` and `message`
    outlive the person. `run_id` is the run that set it, for Undo.
    """

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="suspensions")
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, null=True, related_name="suspensions"
    )
    level = models.CharField(max_length=15, choices=Level.choices)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.EVERYTHING)
    message = models.CharField(_("Message for the subscriber"), max_length=500, blank=True)
    note = models.CharField(_("Internal note"), max_length=500, blank=True)
    by_name = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField(default=timezone.now)
    run_id = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(account__isnull=True) ^ models.Q(subscription__isnull=True),
                name="hosting_suspension_one_object",
            ),
            models.CheckConstraint(
                condition=models.Q(account__isnull=True)
                | models.Q(level__in=[Level.ADMINISTRATOR, Level.RESELLER]),
                name="hosting_suspension_account_levels",
            ),
            models.UniqueConstraint(
                fields=["account", "level", "kind"],
                condition=models.Q(account__isnull=False),
                name="hosting_suspension_account_once",
            ),
            models.UniqueConstraint(
                fields=["subscription", "level", "kind"],
                condition=models.Q(subscription__isnull=False),
                name="hosting_suspension_subscription_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level}/{self.kind}"

"""What was measured of each subscription, day by day."""

from django.db import models

from hosting.models.subscriptions import Subscription


class UsageDay(models.Model):
    """One day of one subscription, in bytes: the disk space it took when it was last measured that
    day (None: it could not be), and what went in and out.

    Read by way of a subscription that was found for the actor; written by `hosting.measuring`.
    """

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    disk = models.BigIntegerField(null=True)
    traffic = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "day"], name="hosting_usage_day_once")
        ]
        indexes = [models.Index("day", name="hosting_usage_day")]

    def __str__(self) -> str:
        return f"{self.subscription_id}, {self.day}"

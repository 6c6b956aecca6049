"""One row a day of how much there is below each provider: what plots over time are made of."""

from django.db import models

from panel.core.access import Owned


class Sample(Owned):
    """Figures of one day by name: what is counted, and the resources that services declare.

    `account` is the provider whose everything it counts: the administrator, or a reseller.
    """

    subscription_column = ""

    day = models.DateField(editable=False)
    figures = models.JSONField(default=dict, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="hosting_sample_once_a_day")
        ]
        indexes = [models.Index("day", name="hosting_sample_day")]

    def __str__(self) -> str:
        return f"{self.account_id}, {self.day}"

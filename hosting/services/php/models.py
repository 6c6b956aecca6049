"""What a domain has of PHP that is not its plan's."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.services.php.driver_table import NEWEST
from panel.core.access import Owned


class DomainPhp(Owned):
    """One for each domain that differs; a domain without one has what its plan gives."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    domain = models.OneToOneField(Domain, models.CASCADE, related_name="php")
    is_on = models.BooleanField(default=True)
    php_version = models.CharField(_("PHP version"), max_length=6, default=NEWEST)
    # Own values by the table's names; what is missing is as in the plan.
    settings = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("PHP of a domain")
        verbose_name_plural = _("PHP of domains")
        indexes = [
            models.Index("account", name="php_account"),
            models.Index("reseller", name="php_reseller"),
        ]

    def __str__(self) -> str:
        return f"PHP of {self.domain_id}"

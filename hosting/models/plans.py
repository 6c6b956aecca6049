"""Service plans: templates of resources and permissions that subscriptions follow."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import sort_key
from panel.core.access import Owned, OwnedQuerySet


class OverusePolicy(models.TextChoices):
    FORBIDDEN = "forbidden", _("Overuse is not allowed")
    SPACE = "space", _("Overuse of disk space and traffic is allowed")
    ALLOWED = "allowed", _("Overuse is allowed")


class PlanKind(models.TextChoices):
    """What a plan is for. An add-on raises what a hosting plan gives; a reseller plan is the
    administrator's and holds over everything below a reseller."""

    HOSTING = "hosting", _("Hosting plan")
    ADDON = "addon", _("Add-on")
    RESELLER = "reseller", _("Reseller plan")


class Plan(Owned):
    """A plan of the administrator or of one reseller; `account` is whose plan it is.

    `limits` maps a resource to a number, or to None for unlimited; what is missing is 0. The names
    are the services' own declarations, checked by `hosting.limits`, never choices of a field.
    """

    subscription_column = ""

    kind = models.CharField(
        max_length=10, choices=PlanKind.choices, default=PlanKind.HOSTING, editable=False
    )
    name = models.CharField(_("Name"), max_length=100)
    name_key = models.CharField(max_length=200, editable=False)
    description = models.CharField(_("Description"), max_length=500, blank=True)
    limits = models.JSONField(default=dict)
    permissions = models.JSONField(default=list)
    # Parameters of hosting, by the services' declarations; what is missing is the default.
    settings = models.JSONField(default=dict)
    # Names of applications that may be installed; None: all.
    applications = models.JSONField(null=True, default=None)
    overuse_policy = models.CharField(
        _("Overuse policy"),
        max_length=10,
        choices=OverusePolicy.choices,
        default=OverusePolicy.SPACE,
    )
    # Whether subscriber and provider are told about overuse.
    overuse_notice = models.BooleanField(_("Tell about overuse"), default=False)
    validity_days = models.PositiveIntegerField(
        _("Validity period"), null=True, blank=True, help_text=_("Days; empty for unlimited.")
    )
    subscriptions_count = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("service plan")
        verbose_name_plural = _("service plans")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "name_key"], name="hosting_plan_name"
            )
        ]
        indexes = [
            # The list shows one account's own.
            models.Index("account", "kind", "name_key", "id", name="hosting_plan_name_order"),
            models.Index("account", "kind", "created_at", "id", name="hosting_plan_made"),
            models.Index("reseller", name="hosting_plan_reseller"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)


class _OfKind(models.Manager.from_queryset(OwnedQuerySet)):
    """Plans of one kind."""

    kind = PlanKind.HOSTING

    def get_queryset(self) -> OwnedQuerySet:
        return super().get_queryset().filter(kind=self.kind)


class HostingPlanManager(_OfKind):
    kind = PlanKind.HOSTING


class AddOnManager(_OfKind):
    kind = PlanKind.ADDON


class ResellerPlanManager(_OfKind):
    kind = PlanKind.RESELLER


class HostingPlan(Plan):
    """What subscriptions follow. Kind, words and URL noun; nothing else."""

    objects = HostingPlanManager()

    class Meta:
        proxy = True
        verbose_name = _("hosting plan")
        verbose_name_plural = _("hosting plans")


class AddOn(Plan):
    """What a subscription has on top of its plan. Kind, words and URL noun; nothing else."""

    objects = AddOnManager()

    class Meta:
        proxy = True
        verbose_name = _("add-on")
        verbose_name_plural = _("add-ons")


class ResellerPlan(Plan):
    """What resellers follow. Kind, words and URL noun; nothing else."""

    objects = ResellerPlanManager()

    class Meta:
        proxy = True
        verbose_name = _("reseller plan")
        verbose_name_plural = _("reseller plans")

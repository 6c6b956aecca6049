"""What lists can be narrowed by. The same sets drive pages, "select all", CSV and the API."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import django_filters
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from hosting import conditions
from hosting.models.domains import Domain, HostingType
from hosting.models.plans import AddOn, Plan
from hosting.models.subscriptions import Subscription, SubscriptionAddOn
from panel.core import search
from panel.core.access import Role
from panel.core.filters import REMOVED, DayFilter, PanelFilterSet, flagged, ranged

ACTIVE, SUSPENDED = "active", "suspended"
STATUS = [(ACTIVE, _("Active")), (SUSPENDED, _("Suspended"))]
# So many providers are looked up behind what was typed.
PROVIDERS = 50
# "Expires soon", on Home and in the filter.
SOON = timedelta(days=14)


class ProviderFilter(django_filters.CharFilter):
    """Rows below resellers whose name or username is typed; "admin" means directly below the
    administrator. Typed, not chosen: a select would hold every reseller."""

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        if not value:
            return rows
        if value.strip().lower() in {"admin", "administrator"}:
            return rows.filter(reseller_id=None)
        actor = self.parent.actor
        exactly = User.objects.visible_to(actor).filter(
            username=value.strip().lower(), is_own=True, account__role=Role.RESELLER
        )
        if (pk := exactly.values_list("account_id", flat=True).first()) is not None:
            return rows.filter(reseller_id=pk)
        hits = search.matching(actor, value, ["reseller"])
        ids = list(hits.values_list("object_id", flat=True)[:PROVIDERS])
        if len(ids) == 1:
            return rows.filter(reseller_id=ids[0])
        return rows.filter(reseller_id__in=ids)


class SwitchFilter(django_filters.ChoiceFilter):
    """What is on, and what somebody switched off by itself: a column has one of the values `on`, or
    one of `off`. Both are values and no conditions, which its index answers."""

    def __init__(
        self, column: str, *, on: Sequence[Any], off: Sequence[Any], words: Any = None
    ) -> None:
        self._values = {ACTIVE: list(on), SUSPENDED: list(off)}
        super().__init__(
            field_name=column,
            label=_("Status"),
            empty_label=_("All"),
            choices=[(ACTIVE, _("Active")), (SUSPENDED, words or _("Suspended"))],
        )

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        if value not in self._values:
            return rows
        column = str(self.field_name)
        if self.parent.walk:
            # On the walk hidden from its index, as `ranged` does it.
            rows, column = rows.alias(walked_status=Coalesce(column, column)), "walked_status"
        return rows.filter(**{f"{column}__in": self._values[value]})


class CreatedFilters(PanelFilterSet):
    """From and to, by day."""

    created_from = DayFilter(
        field_name="created_at",
        lookup_expr="gte",
        label=_("Created from"),
    )
    created_to = DayFilter(
        field_name="created_at",
        lookup_expr="lt",
        label=_("Created to"),
    )


class ProviderFilters(PanelFilterSet):
    """For the administrator, who sees what is below more than one provider."""

    provider = ProviderFilter(label=_("Provider"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.actor.is_administrator:
            self.form.fields.pop("provider", None)


class StatusFilter(django_filters.ChoiceFilter):
    """Status, which also says whether removed rows are meant; so it applies to no choice, too."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Status"))
        kwargs.setdefault("empty_label", _("All"))
        super().__init__(**kwargs)

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        return self.narrow(rows, value or "")

    def narrow(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        """Present rows, of one state if asked; or what was removed."""
        if value == REMOVED:
            return rows.removed()
        rows = rows.present()
        if value == SUSPENDED:
            return flagged(rows, "is_suspended", walk=self.parent.walk)
        return rows.filter(is_suspended=False) if value == ACTIVE else rows


class AccountFilter(CreatedFilters, ProviderFilters):
    status = StatusFilter(choices=[*STATUS, (REMOVED, _("Removed"))])

    class Meta:
        model = Account
        fields: list[str] = []


class ResellerStatus(StatusFilter):
    FLAGS = {"overused": "is_overused", "locked": "is_locked"}

    def narrow(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        rows = super().narrow(rows, value)
        flag = self.FLAGS.get(value)
        return flagged(rows, flag, walk=self.parent.walk) if flag else rows


class ResellerFilter(CreatedFilters):
    status = ResellerStatus(
        choices=[
            *STATUS,
            ("overused", _("Overused")),
            ("locked", _("Locked")),
            (REMOVED, _("Removed")),
        ]
    )
    plan = django_filters.NumberFilter(method="of_plan", label=_("Plan number"))

    class Meta:
        model = Account
        fields: list[str] = []

    def of_plan(self, rows: models.QuerySet, _name: str, value: Any) -> models.QuerySet:
        """Resellers on a plan; 0 is Custom."""
        number = int(value)
        if number == 0:
            return rows.filter(plan_id=None)
        return ranged(rows, "plan_id", self.walk, exact=min(max(number, 1), 2**63 - 1))


class SubscriptionStatus(StatusFilter):
    FLAGS = {
        "expired": "is_expired",
        "overused": "is_overused",
        "locked": "is_locked",
        "unsynchronised": "is_unsynced",
        "failed": "is_failed",
    }

    def narrow(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        rows = super().narrow(rows, value)
        walk = self.parent.walk
        if value == "expiring":
            today = conditions.today()
            return ranged(rows, "expires_on", walk, gte=today, lte=today + SOON)
        flag = self.FLAGS.get(value)
        return flagged(rows, flag, walk=walk, by="name_key") if flag else rows


class SubscriptionFilter(CreatedFilters, ProviderFilters):
    status = SubscriptionStatus(
        choices=[
            *STATUS,
            ("expired", _("Expired")),
            ("expiring", _("Expires within 14 days")),
            ("overused", _("Overused")),
            ("locked", _("Locked")),
            ("unsynchronised", _("Unsynchronised")),
            ("failed", _("Failed")),
            (REMOVED, _("Removed")),
        ]
    )
    plan = django_filters.NumberFilter(method="of_plan", label=_("Plan number"))

    class Meta:
        model = Subscription
        fields: list[str] = []

    def of_plan(self, rows: models.QuerySet, _name: str, value: Any) -> models.QuerySet:
        """Subscriptions on a plan, or with an add-on; 0 is Custom."""
        number = int(value)
        if number == 0:
            return rows.filter(plan=None)
        if not 0 < number < 2**63:
            return rows.none()
        if not AddOn.objects.visible_to(self.actor).filter(pk=number).exists():
            return rows.filter(plan_id=number)
        links = SubscriptionAddOn.objects.filter(plan_id=number)
        if self.walk:
            return rows.filter(models.Exists(links.filter(subscription_id=models.OuterRef("pk"))))
        return rows.filter(pk__in=links.values("subscription_id"))


class DomainStatus(StatusFilter):
    def narrow(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        rows = rows.present()
        if value == SUSPENDED:
            return flagged(rows, "is_shut", walk=self.parent.walk)
        if value == ACTIVE:
            return rows.filter(site_state=ACTIVE, is_suspended=False)
        if value == "disabled":
            return ranged(rows, "site_state", self.parent.walk, exact=value)
        return rows


class HostingTypeFilter(django_filters.ChoiceFilter):
    """Most domains have a website; those that have none stand in an index of their own."""

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        return ranged(rows, "hosting_type", self.parent.walk, exact=value) if value else rows


class DomainFilter(CreatedFilters, ProviderFilters):
    status = DomainStatus(choices=[*STATUS, ("disabled", _("Disabled"))])
    hosting_type = HostingTypeFilter(
        choices=HostingType.choices, label=_("Hosting type"), empty_label=_("All")
    )

    class Meta:
        model = Domain
        fields: list[str] = []


class PlanFilter(PanelFilterSet):
    class Meta:
        model = Plan
        fields: list[str] = []

"""Parameters of Move and Convert: to whom, and on which plan there."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting.forms import ItemPlanField
from hosting.forms_plans import LimitField
from hosting.forms_subscriptions import SubscriberField, find_subscriber
from hosting.models.plans import ResellerPlan
from hosting.services import base
from panel.core.access import Role
from panel.core.forms import OperationForm

# So many owners are listed to choose from; where there are more, one types.
LISTED = 300
OWNERS = (Role.ADMINISTRATOR, Role.RESELLER)


class OwnerField(SubscriberField):
    """The administrator or a reseller: chosen, or typed where there are many of them."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("New owner"))
        super().__init__(**kwargs)

    def offer(self, form: OperationForm) -> Account | None:
        """Look through the eyes of the form's actor; returns who is chosen, if that is somebody."""
        self.actor = form.actor
        if form.actor.door == "page":
            rows = Account.objects.visible_to(form.actor).present().filter(role__in=OWNERS)
            present = {row.provider_id for row in form.targets}
            if len(present) == 1:
                rows = rows.exclude(pk__in=present)
            found = list(rows.order_by("role", "name_key", "pk")[: LISTED + 1])
            if len(found) <= LISTED:
                listed = [(str(row.pk), _owner_label(row)) for row in found]
                self.widget = forms.Select(choices=[("", "—"), *listed])
        return self.chosen(form.data.get("owner"), form) if form.is_bound else None

    def chosen(self, text: Any, form: OperationForm) -> Account | None:
        """Who is meant by what was given."""
        found = find_subscriber(text, form.actor)
        return found if found is not None and found.role in OWNERS else None

    def clean(self, value: Any) -> Account | None:
        account = super().clean(value)
        if account is not None and account.role not in OWNERS:
            raise ValidationError(_("Only the administrator and resellers have customers."))
        return account


def _owner_label(row: Account) -> Any:
    if row.role == Role.ADMINISTRATOR:
        return Role.ADMINISTRATOR.label
    return f"{row.contact_name} ({row.username})"


class MoveForm(OperationForm):
    """Who shall be the provider, and what goes along."""

    owner = OwnerField()
    hand_over_description = forms.BooleanField(
        label=_("Hand over the description"),
        required=False,
        help_text=_("The new owner sees it. Otherwise it is left behind."),
    )
    below_suspended = forms.BooleanField(
        label=_("Move below a suspended owner: what moves is shut with it"), required=False
    )

    def prepare(self) -> None:
        owner = self.fields["owner"].offer(self)
        if self.actor.door != "page":
            # Programs may always say all of it.
            return
        if owner is None or not owner.is_suspended:
            del self.fields["below_suspended"]
        if owner is None:
            del self.fields["hand_over_description"]


def own_resources() -> dict[str, base.Resource]:
    """What only resellers have, so that no subscription says how much of it there shall be."""
    return {name: res for name, res in base.resources("reseller").items() if res.of == "reseller"}


class ConvertForm(OperationForm):
    """What a customer gets as a reseller: a reseller plan, or the sum of what it has."""

    plan = ItemPlanField(
        label=_("Reseller plan"),
        help_text=_(
            "Custom plan gives the sum of the resources of all its subscriptions, every permission"
            " that any of them has, and their applications."
        ),
    )

    def prepare(self) -> None:
        self.fields["plan"].queryset = ResellerPlan.objects.order_by("name_key", "pk")
        self.fields["plan"].share(self)
        most = max((row.subscriptions_count for row in self.targets), default=0)
        for name, resource in own_resources().items():
            start = resource.reseller_default
            if name == "subscriptions" and start is not None:
                # Those that it has become its own, and count.
                start = max(start, most)
            self.fields[f"limit_{name}"] = LimitField(
                label=resource.label,
                max_length=20,
                initial=_("unlimited") if start is None else start,
                help_text=_("With Custom plan; no subscription says how many."),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["limits"] = {
            name: cleaned[f"limit_{name}"] for name in own_resources() if f"limit_{name}" in cleaned
        }
        return cleaned


class ConvertBackForm(OperationForm):
    """What becomes of the subscriptions of a reseller that becomes a customer."""

    plan = ItemPlanField(
        help_text=_("For its own subscriptions. Custom plan keeps what they have."),
    )

    def prepare(self) -> None:
        self.fields["plan"].offer(self.actor.account_id)
        self.fields["plan"].share(self)


class MovePlanForm(OperationForm):
    """A plan of the new owner for the subscriptions of one customer."""

    plan = ItemPlanField(
        help_text=_("Custom plan keeps resources, permissions and applications as they are.")
    )

    def prepare(self) -> None:
        owner = self.once("owner", lambda: find_subscriber(self.given.get("owner"), self.actor))
        if owner is not None and owner.role in OWNERS:
            self.fields["plan"].offer(owner.pk)
            self.fields["plan"].share(self)
        elif self.actor.door == "page":
            # Asked for once it is known whose plans there are.
            del self.fields["plan"]

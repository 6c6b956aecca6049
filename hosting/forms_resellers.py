"""Forms of operations on resellers: what holds over everything below them."""

from typing import Any

from crispy_forms.layout import Fieldset, Layout
from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from hosting.forms import PlanField
from hosting.forms_accounts import NewAccountForm
from hosting.forms_plans import LimitsForm, limit_text
from hosting.models.plans import ResellerPlan
from panel.core.forms import OperationForm


class ResellerPlanField(PlanField):
    """A reseller plan, or Custom plan: values of its own. The plans are the administrator's."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Reseller plan"))
        super().__init__(**kwargs)
        self.queryset = ResellerPlan.objects.order_by("name_key", "pk")


class ResellerValuesForm(LimitsForm):
    """Totals over everything below a reseller, and what it and everybody below it may."""

    of = "reseller"
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def get_layout(self) -> Layout:
        return Layout(*self.sections(), "version")


class ChangeResellerPlanForm(OperationForm):
    plan = ResellerPlanField(
        help_text=_("Its limits hold over everything below. Custom plan keeps the values."),
    )


class AddResellerForm(LimitsForm, NewAccountForm):
    """Add a Reseller: on a reseller plan, or with limits of its own."""

    of = "reseller"

    plan = ResellerPlanField(
        help_text=_("With Custom plan the limits and permissions below are taken."),
    )

    def prepare(self) -> None:
        NewAccountForm.prepare(self)
        LimitsForm.prepare(self)
        for name, resource in self.resources().items():
            self.fields[f"limit_{name}"].initial = limit_text(
                resource.reseller_default, resource.unit
            )
        for name, permission in self.permissions().items():
            # A permission that the reseller does not have, nobody below it has.
            self.fields[f"may_{name}"].initial = permission.of == "subscription"

    def get_layout(self) -> Layout:
        contact = self.contact_layout()
        plan = Fieldset(str(_("Limits over everything below")), "plan")
        return Layout(*contact[:2], plan, *self.sections(), *contact[2:])


class BuyMoreForm(OperationForm):
    """Where subscribers of this provider buy more; refusals for a limit name it."""

    buy_more_url = forms.URLField(
        label=_("Link for buying more"),
        max_length=500,
        required=False,
        assume_scheme="https",
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("Shown to your customers where a limit refuses something. Empty: no link."),
    )

"""Forms of operations on resellers: what holds over everything below them."""

from typing import Any

from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.forms_accounts import NewAccountForm
from hosting.forms_plans import LimitField
from hosting.services import base
from panel.core.forms import OperationForm


def reseller_initial(limits: dict[str, Any], permissions: list[str]) -> dict[str, Any]:
    """Initial values of the fields below from stored ones."""
    initial: dict[str, Any] = {}
    for name in base.resources("reseller"):
        limit = limits.get(name, 0)
        initial[f"limit_{name}"] = _("unlimited") if limit is None else limit
    for name in base.permissions("reseller"):
        initial[f"may_{name}"] = name in permissions
    return initial


class ResellerFields(OperationForm):
    """Totals over everything below a reseller, and what it and everybody below it may."""

    def prepare(self) -> None:
        super().prepare()
        for name, resource in base.resources("reseller").items():
            start = resource.reseller_default
            self.fields[f"limit_{name}"] = LimitField(
                label=resource.label,
                max_length=20,
                initial=_("unlimited") if start is None else start,
            )
        for name, permission in base.permissions("reseller").items():
            # A permission that the reseller does not have, nobody below it has.
            self.fields[f"may_{name}"] = forms.BooleanField(
                label=permission.label, required=False, initial=permission.of == "subscription"
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["limits"] = {
            name: cleaned[f"limit_{name}"]
            for name in base.resources("reseller")
            if f"limit_{name}" in cleaned
        }
        granted = base.permissions("reseller")
        cleaned["permissions"] = [name for name in granted if cleaned.get(f"may_{name}")]
        return cleaned

    def value_rows(self) -> list[Any]:
        """Limits two by two, then permissions."""
        names = [f"limit_{name}" for name in base.resources("reseller")]
        pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
        return [
            Fieldset(
                str(_("Limits over everything below")),
                *(Row(*(Column(name) for name in pair)) for pair in pairs),
            ),
            Fieldset(
                str(_("Permissions of everything below")),
                *(f"may_{name}" for name in base.permissions("reseller")),
            ),
        ]


class AddResellerForm(ResellerFields, NewAccountForm):
    """Add a Reseller, with limits that hold over everything below it."""

    def get_layout(self) -> Layout:
        return Layout(
            *self.contact_layout()[:2],
            *self.value_rows(),
            *self.contact_layout()[2:],
        )

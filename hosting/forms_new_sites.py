"""What services want to be told of a site that is added: fields of every form that adds one."""

from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError

from hosting.services import base
from panel.core.forms import OperationForm


class SiteField(forms.Field):
    """A parameter that a service has beside those of a new site; never required.

    What was chosen reaches the service with the operation's parameters, when names change: see
    `ServiceConfig.names_source`.
    """

    def is_shown(self, form: OperationForm) -> bool:
        """Whether a page offers it. Programs may always give it, and are told what is against."""
        return True

    def refuse(self, form: OperationForm, value: Any) -> None:
        """Raise ValidationError where this cannot be had by the form's actor at its target."""


class NewSiteForm(OperationForm):
    """A form that adds a site, with the fields of services: see `with_site_fields`."""

    def site_fields(self) -> list[str]:
        """The names of those that a page offers."""
        return [name for name, field in self.all_site_fields().items() if field.is_shown(self)]

    def all_site_fields(self) -> dict[str, SiteField]:
        """All of them, by name."""
        return {name: one for name, one in self.fields.items() if isinstance(one, SiteField)}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  Django's own hook, not in its stubs
        for name, field in self.all_site_fields().items():
            try:
                field.refuse(self, self.cleaned_data.get(name))
            except ValidationError as error:
                self.add_error(name, error)


Form = TypeVar("Form", bound=type[NewSiteForm])


def with_site_fields(form_class: Form) -> Form:
    """Give a form what services declare (`ServiceConfig.site_fields`): as its own, so that it is
    a parameter of every door, a column of imports, and in the document of the API."""
    for name, field in base.site_fields().items():
        form_class.base_fields[name] = form_class.declared_fields[name] = field
    return form_class

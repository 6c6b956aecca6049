"""Forms that make accounts: contact information, login, and a first subscription."""

from typing import Any

from crispy_forms.layout import Column, Field, Fieldset, Layout, Row
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.forms import (
    PASSWORD_TEMPLATE,
    ContactFields,
    NewLoginFields,
    check_password_pair,
)
from hosting.forms import (
    AddOnsField,
    MainDomainField,
    PlanField,
    SystemUserField,
    refuse_addons_on_no_plan,
)
from hosting.forms_new_sites import NewSiteForm, with_site_fields


class NewAccountForm(NewLoginFields, ContactFields):
    """What every new account needs."""

    description = forms.CharField(
        label=_("Description"),
        max_length=500,
        required=False,
        help_text=_("Shown under the name, to providers only."),
    )

    def provider_id(self) -> int | None:
        return self.targets[0].pk if self.targets else self.actor.account_id

    def own_id(self) -> int | None:
        return None

    def clean_username(self) -> str:
        return credentials.clean_new_username(self.cleaned_data["username"])

    def clean(self) -> dict[str, Any]:
        check_password_pair(
            self,
            username=self.cleaned_data.get("username", ""),
            name=self.cleaned_data.get("contact_name", ""),
            email=self.cleaned_data.get("email", ""),
        )
        return self.cleaned_data

    def contact_layout(self) -> list[Any]:
        """Contact and login; then address and preferences, which may wait."""
        passwords: list[Any] = [Field("password", template=PASSWORD_TEMPLATE)]
        if "password_again" in self.fields:
            passwords = [pair(passwords[0], "password_again")]
        return [
            Fieldset(
                str(_("Contact information")),
                pair("contact_name", "company"),
                pair("email", "phone"),
                "description",
            ),
            Fieldset(str(_("Access to the panel")), "username", *passwords),
            Fieldset(
                str(_("Address")),
                "address",
                pair("postal_code", "city"),
                pair("state", "country"),
            ),
            Fieldset(str(_("Preferences")), pair("locale", "time_zone"), "external_id"),
        ]


def pair(left: Any, right: Any) -> Row:
    """Two fields beside each other, one below the other on a phone."""
    return Row(Column(left), Column(right))


@with_site_fields
class AddCustomerForm(NewSiteForm, NewAccountForm):
    """Add a Customer: with a subscription, or without one."""

    create_subscription = forms.BooleanField(
        label=_("Create a subscription for the customer"), required=False, initial=True
    )
    domain = MainDomainField(required=False)
    plan = PlanField()
    addons = AddOnsField()
    system_user = SystemUserField()

    def prepare(self) -> None:
        super().prepare()
        self.fields["plan"].offer(self.provider_id())
        AddOnsField.offer(self, self.provider_id() or 0)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        wanted = cleaned.get("create_subscription")
        if wanted and not cleaned.get("domain") and "domain" not in self.errors:
            self.add_error("domain", _("A subscription needs a domain name."))
        if wanted:
            refuse_addons_on_no_plan(self)
        return cleaned

    def get_layout(self) -> Layout:
        return Layout(
            *self.contact_layout()[:2],
            Fieldset(
                str(_("Subscription")),
                "create_subscription",
                "domain",
                pair("plan", "system_user"),
                *(["addons"] if "addons" in self.fields else []),
                *self.site_fields(),
            ),
            *self.contact_layout()[2:],
        )

"""Forms that make accounts: contact information, login, and a first subscription."""

from typing import Any

from crispy_forms.layout import Column, Field, Fieldset, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.forms import (
    PASSWORD_TEMPLATE,
    ContactFields,
    check_password_pair,
    new_password_fields,
)
from hosting.forms import HostNameField, PlanField, system_user_taken
from hosting.models.subscriptions import SYSTEM_USER


class NewAccountForm(ContactFields):
    """What every new account needs."""

    secret_fields = ("password", "password_again")

    username = forms.CharField(
        label=_("Username"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]
    description = forms.CharField(
        label=_("Description"),
        max_length=500,
        required=False,
        help_text=_("Shown under the name, to providers only."),
    )

    def prepare(self) -> None:
        if self.actor.door != "page":
            # A second field guards against slips of the hand; programs have none.
            del self.fields["password_again"]

    def provider_id(self) -> int | None:
        return self.targets[0].pk if self.targets else self.actor.account_id

    def own_id(self) -> int | None:
        return None

    def clean_username(self) -> str:
        return credentials.clean_new_username(self.cleaned_data["username"])

    def clean(self) -> dict[str, Any]:
        if "password_again" not in self.fields and "password" in self.cleaned_data:
            self.cleaned_data["password_again"] = self.cleaned_data["password"]
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


class AddCustomerForm(NewAccountForm):
    """Add a Customer: with a subscription, or without one."""

    create_subscription = forms.BooleanField(
        label=_("Create a subscription for the customer"), required=False, initial=True
    )
    domain = HostNameField(
        required=False,
        help_text=_("Without www; that comes by itself. One domain for one subscription is best."),
    )
    plan = PlanField()
    system_user = forms.CharField(
        label=_("System user"),
        max_length=31,
        required=False,
        validators=[SYSTEM_USER],
        help_text=_("Owns the files. Made from the domain if left empty."),
    )

    def prepare(self) -> None:
        super().prepare()
        self.fields["plan"].offer(self.provider_id())

    def clean_system_user(self) -> str:
        name = self.cleaned_data["system_user"]
        if name and system_user_taken(name):
            raise ValidationError(_("This system user exists, or did until recently."))
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        wanted = cleaned.get("create_subscription")
        if wanted and not cleaned.get("domain") and "domain" not in self.errors:
            self.add_error("domain", _("A subscription needs a domain name."))
        return cleaned

    def get_layout(self) -> Layout:
        return Layout(
            *self.contact_layout()[:2],
            Fieldset(
                str(_("Subscription")),
                "create_subscription",
                "domain",
                pair("plan", "system_user"),
            ),
            *self.contact_layout()[2:],
        )

"""Forms of additional users: who they are, their role, and which subscriptions they may enter."""

from typing import Any

from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import credentials, roles
from accounts import forms as account_forms
from accounts.forms import (
    PASSWORD_TEMPLATE,
    EmailAddressField,
    NewLoginFields,
    check_password_pair,
)
from panel.core.forms import OperationForm
from panel.core.versions import VersionField

ALL, SOME = "all", "some"


class UserFields(OperationForm):
    """What adding and editing a user have in common.

    Nobody gives what one does not have: roles and subscriptions are cut down to the actor's own.
    """

    name = forms.CharField(label=_("Contact name"), max_length=100)
    email = EmailAddressField(label=_("Email address"))
    user_role = forms.ChoiceField(
        label=_("User role"), choices=roles.CHOICES, initial="webmaster", widget=forms.RadioSelect
    )
    access = forms.ChoiceField(
        label=_("Access to subscriptions"),
        choices=[(ALL, _("All, also those to come")), (SOME, _("Only these:"))],
        initial=ALL,
        widget=forms.RadioSelect,
    )
    subscriptions = forms.MultipleChoiceField(
        label=_("Subscriptions"), required=False, widget=forms.CheckboxSelectMultiple
    )
    is_active = forms.BooleanField(
        label=_("User is active"),
        required=False,
        initial=True,
        help_text=_("Who is not active cannot log in."),
    )

    def prepare(self) -> None:
        choices = account_forms.subscription_choices(self.actor, self.actor.account_id)
        self.fields["subscriptions"].choices = [(str(pk), name) for pk, name in choices]
        self.fields["user_role"].choices = [
            (name, label) for name, label in roles.CHOICES if self.may_give(name)
        ]
        if self.actor.subscriptions is not None:
            self.fields["access"].choices = [(SOME, _("Only these:"))]
            self.fields["access"].initial = SOME
        elif not choices:
            del self.fields["subscriptions"]
            self.fields["access"].choices = [(ALL, _("All, also those to come"))]

    def may_give(self, role: str) -> bool:
        return self.actor.areas is None or roles.areas_of(role) <= self.actor.areas

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("access") == SOME and not cleaned.get("subscriptions"):
            self.add_error("subscriptions", ValidationError(_("Choose at least one.")))
        return cleaned


def subscription_ids(params: dict[str, Any]) -> list[int] | None:
    """The choice of subscriptions as a user's row stores it: None for all, also those to come."""
    if params.get("access") != SOME:
        return None
    return sorted(int(pk) for pk in params.get("subscriptions", []))


class AddUserForm(NewLoginFields, UserFields):
    """Add a User."""

    def clean_username(self) -> str:
        return credentials.clean_new_username(
            self.cleaned_data["username"],
            account_id=self.actor.account_id,
            of_administrator=self.actor.is_administrator,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        check_password_pair(
            self,
            username=cleaned.get("username", ""),
            name=cleaned.get("name", ""),
            email=cleaned.get("email", ""),
        )
        return cleaned

    def get_layout(self) -> Layout:
        names = ["name", "email", "username", "password", "password_again"]
        names += ["user_role", "access", "subscriptions", "is_active"]
        return Layout(
            *(
                Field(name, template=PASSWORD_TEMPLATE) if name == "password" else name
                for name in names
                if name in self.fields
            )
        )


class EditUserForm(UserFields):
    """Edit a user. Its username and password have a page of their own."""

    version = VersionField()

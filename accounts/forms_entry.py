"""Forms for somebody who is not logged in: forgotten password, new password, first run."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.forms import EmailAddressField, check_password_pair, new_password_fields
from accounts.models import User
from panel.core.forms import refuse_control_characters


class EntryForm(forms.Form):
    """Lays out like the forms of operations, without an actor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                field.validators.append(refuse_control_characters)

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper


class ForgottenForm(EntryForm):
    """Who forgot the password. Says nothing about whether the two belong together."""

    username = forms.CharField(
        label=_("Username"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    # Not checked for being an address: a mistake in it must be answered like any other.
    email = forms.CharField(
        label=_("Email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class LoginCodeForm(EntryForm):
    """The second step of logging in."""

    code = forms.CharField(
        label=_("Code"),
        max_length=30,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        ),
        help_text=_("The six digits that the app shows now, or one of your recovery codes."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.fields["code"].widget.attrs["autofocus"] = True


class NewPasswordForm(EntryForm):
    """A new password, by a link from an email."""

    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]
    revoke_tokens = forms.BooleanField(
        label=_("Also revoke the API tokens and passkeys of this login"),
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("New password")
        if not credentials.has_other_keys(user):
            del self.fields["revoke_tokens"]

    def clean(self) -> dict[str, Any]:
        check_password_pair(
            self, username=self.user.username, name=self.user.name, email=self.user.email
        )
        return self.cleaned_data


class FirstRunForm(EntryForm):
    """The administrator of a new installation."""

    contact_name = forms.CharField(
        label=_("Contact name"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = EmailAddressField(label=_("Email address"))
    username = forms.CharField(
        label=_("Username"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def clean_username(self) -> str:
        return credentials.clean_new_username(self.cleaned_data["username"], of_administrator=True)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        check_password_pair(
            self,
            username=cleaned.get("username", ""),
            name=cleaned.get("contact_name", ""),
            email=cleaned.get("email", ""),
        )
        return cleaned

"""Forms of the second factor of one's own login. All of them ask for the present password."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import credentials, second_factor
from accounts.forms import PasswordField
from panel.core.forms import OperationForm
from panel.core.secrets import SecretChanged, seal, unseal


def code_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Digits, which phones show a keypad for and put in by themselves."""
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, max_length=30, widget=widget, help_text=help_text)


def sealed_for(user_id: int, secret: str) -> str:
    """A secret that is not yet in use, as the page keeps it until the code is typed: looking at
    the page writes nothing. Nobody else's page takes it, nor one that somebody made up."""
    return seal(secret, f"second-factor:{user_id}")


class PresentPasswordForm(OperationForm):
    """Whoever took over a session does not know it."""

    secret_fields: tuple[str, ...] = ("current_password",)

    current_password = PasswordField(
        label=_("Your present password"), autocomplete="current-password"
    )

    def clean_current_password(self) -> str:
        value: str = self.cleaned_data["current_password"]
        credentials.check_present(self.targets[0] if self.targets else None, value)
        return value


class SetUpForm(PresentPasswordForm):
    """The code proves that the app has the secret. `codes` are made by the page that shows them."""

    secret_fields = ("current_password", "sealed", "code", "codes")

    sealed = forms.CharField(max_length=200, widget=forms.HiddenInput)
    code = code_field(_("Code"), _("The six digits that the app shows now."))
    codes = forms.CharField(required=False, max_length=400, widget=forms.HiddenInput)

    field_order = ("sealed", "code", "current_password", "codes")

    def secret(self) -> str:
        """What the page was made with; "" if it is of somebody else, or of nobody."""
        user_id = self.targets[0].pk if self.targets else 0
        kept = self.data.get("sealed") if self.is_bound else self.initial.get("sealed")
        try:
            return unseal(str(kept or ""), f"second-factor:{user_id}")
        except SecretChanged:
            return ""

    def clean(self) -> dict[str, Any]:
        secret, code = self.secret(), self.cleaned_data.get("code")
        if not secret:
            raise ValidationError(_("This page is out of date. Open it again."))
        self.cleaned_data["secret"] = secret
        if code is not None:
            counter = second_factor.counter_of(secret, code)
            if counter is None:
                text = _("This code is not correct. Is the clock of your phone right?")
                self.add_error("code", text)
            self.cleaned_data["counter"] = counter
        return self.cleaned_data


class NewCodesForm(PresentPasswordForm):
    """`codes` are made by the page that shows them."""

    secret_fields = ("current_password", "codes")

    codes = forms.CharField(required=False, max_length=400, widget=forms.HiddenInput)

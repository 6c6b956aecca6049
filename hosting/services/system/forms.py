"""Parameters of operations on system users."""

from typing import Any

from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import (
    PASSWORD_TEMPLATE,
    check_password_pair,
    drop_twin,
    new_password_fields,
)
from hosting.hashes import refuse_long
from hosting.services.system import driver_keys
from panel.core.forms import OperationForm

_WRONG = {
    "format": _("This is not an SSH public key: one line, as in the file that ends in .pub."),
    "type": _("Keys of this type are not taken. Good ones: ssh-ed25519, ecdsa-sha2-…, ssh-rsa."),
    "short": _("RSA keys have 2,048 bits or more."),
    "private": _("This is a private key, which is for nobody else. Give the file ending in .pub."),
}


class SystemPasswordForm(OperationForm):
    """A new password, or none at all."""

    secret_fields = ("password", "password_again")

    password = new_password_fields(False)["password"]
    password_again = new_password_fields(False)["password_again"]
    no_password = forms.BooleanField(
        label=_("No password: by SSH key only"),
        required=False,
        help_text=_("A password that was set stops working."),
    )

    def prepare(self) -> None:
        drop_twin(self)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"] or ""
        refuse_long(password)
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        name = self.targets[0].system_user if self.targets else ""
        check_password_pair(self, username=name)
        if cleaned.get("no_password"):
            if cleaned.get("password"):
                self.add_error("no_password", _("Either a password or none."))
        elif not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", _("Type a password, or tick the box."))
        return cleaned

    def get_layout(self) -> Layout:
        return Layout(
            Field("password", template=PASSWORD_TEMPLATE),
            *(["password_again"] if "password_again" in self.fields else []),
            "no_password",
        )


class SshKeyForm(OperationForm):
    """A public key, with a label by which people know it again."""

    key = forms.CharField(
        label=_("Public key"),
        max_length=driver_keys.LONGEST,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("One line, as in ~/.ssh/id_ed25519.pub."),
    )
    label = forms.CharField(
        label=_("Label"),
        max_length=100,
        required=False,
        help_text=_("Whose key it is, or where it lies. Empty: the comment of the key."),
    )

    def clean_key(self) -> driver_keys.PublicKey:
        # A long line that a mail program broke is no line any more, and is not put together here.
        try:
            key, self.comment = driver_keys.parse(self.cleaned_data["key"].strip())
        except driver_keys.BadKey as bad:
            raise ValidationError(_WRONG[str(bad)]) from None
        return key

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"] or getattr(self, "comment", "")
        return label[:100] or str(_("SSH key"))

"""Parameters of operations on FTP accounts."""

import re
from typing import Any

from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import PASSWORD_TEMPLATE, check_password_pair, drop_twin, new_password_fields
from hosting.hashes import refuse_long
from hosting.models.subscriptions import Subscription
from hosting.services.ftp import driver_desired
from hosting.services.ftp.models import FtpAccount
from hosting.services.system.forms import SshKeyForm
from panel.core.forms import OperationForm

_RESERVED = frozenset({"root", "ftp", "anonymous", "admin", "administrator", "nobody"})
_WHY = "a username is there once on all nodes, whoever has it"


class _HomeFields(OperationForm):
    home = forms.CharField(
        label=_("Home"),
        max_length=200,
        required=False,
        help_text=_("A directory of the subscription, as in httpdocs/shop. Empty: all of it."),
    )
    is_read_only = forms.BooleanField(
        label=_("Read only"),
        required=False,
        help_text=_("Nothing can be uploaded, changed or removed."),
    )
    description = forms.CharField(label=_("Description"), max_length=200, required=False)

    def clean_home(self) -> str:
        home: str = self.cleaned_data["home"].strip().strip("/")
        if not driver_desired.is_home(home):
            raise ValidationError(
                _(
                    "Names of directories, with / between them: letters, digits, dots, dashes and"
                    " underscores, none of them beginning with a dot."
                )
            )
        return home


class _PasswordFields(OperationForm):
    secret_fields = ("password", "password_again")

    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def prepare(self) -> None:
        drop_twin(self)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        refuse_long(password)
        return password

    def named(self) -> str:
        """The username that the password must not be like."""
        return str(self.targets[0]) if self.targets else ""

    def clean(self) -> dict[str, Any]:
        check_password_pair(self, username=self.named())
        return self.cleaned_data

    def password_layout(self) -> list[Any]:
        twin = ["password_again"] if "password_again" in self.fields else []
        return [Field("password", template=PASSWORD_TEMPLATE), *twin]


class FtpPasswordForm(_PasswordFields):
    """A new password. Sessions that run with the old one end."""

    def get_layout(self) -> Layout:
        return Layout(*self.password_layout())


class EditFtpAccountForm(_HomeFields):
    """Where it is at home, and what it may do there."""


class AddFtpAccountForm(_HomeFields, _PasswordFields):
    """A new account of a subscription."""

    name = forms.CharField(
        label=_("Username"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=_("Begins with a letter; 2 to 32 of a-z, 0-9, dot, dash, underscore."),
    )

    def named(self) -> str:
        return self.cleaned_data.get("name") or ""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if not re.fullmatch(driver_desired.NAME, name):
            raise ValidationError(
                _("Begins with a letter; 2 to 32 of a-z, 0-9, dot, dash, underscore.")
            )
        is_user = Subscription.objects.unscoped(_WHY).filter(system_user=name).exists()
        is_there = FtpAccount.objects.unscoped(_WHY).filter(name=name).exists()
        if name in _RESERVED or is_user or is_there:
            raise ValidationError(_("This username is taken."))
        return name

    def get_layout(self) -> Layout:
        return Layout("name", *self.password_layout(), "home", "is_read_only", "description")


class FtpKeyForm(SshKeyForm):
    """A public key, by which SFTP lets in without a password."""

    def clean_key(self) -> Any:
        key = super().clean_key()
        if not driver_desired.is_key_type(key.type):
            raise ValidationError(_("FTP accounts take no keys of security tokens (sk-…)."))
        return key


class RemoveFtpKeyForm(OperationForm):
    """Which key."""

    fingerprint = forms.ChoiceField(label=_("Key"))

    def prepare(self) -> None:
        keys = {key["fingerprint"]: key["label"] for row in self.targets for key in row.keys}
        choices = [(mark, f"{label} ({mark})") for mark, label in keys.items()]
        self.fields["fingerprint"].choices = choices  # type: ignore[attr-defined]

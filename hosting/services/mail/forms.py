"""Parameters of operations on mailboxes."""

import re
from typing import Any

from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import PASSWORD_TEMPLATE, check_password_pair, drop_twin, new_password_fields
from hosting.hashes import refuse_long
from hosting.services.mail import driver_desired
from hosting.validators import to_ascii
from panel.core.forms import OperationForm
from panel.core.setting import LinesField
from panel.core.versions import VersionField

_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,62}(?<!\.)", re.ASCII)
_FOREIGN = re.compile(r"[A-Za-z0-9_=+-](?:[A-Za-z0-9_=+-]|\.(?!\.)){0,63}(?<!\.)", re.ASCII)
MEGABYTE = 1024 * 1024
_LARGEST = 1024 * 1024


def clean_local(value: str) -> str:
    """The part before the @, in lower case."""
    name = value.strip().lower()
    if not _LOCAL.fullmatch(name):
        raise ValidationError(
            _("Letters from a to z, digits, dots, dashes and underscores; a letter or digit first.")
        )
    return name


def clean_target(value: str) -> str:
    """An address anywhere."""
    local, at, domain = value.strip().rpartition("@")
    if not at or not _FOREIGN.fullmatch(local):
        raise ValidationError(_("An address, as in anna@example.com."))
    return f"{local}@{to_ascii(domain)}"


class MailboxFields(OperationForm):
    """What a mailbox is for, beside its name and its password."""

    size = forms.IntegerField(
        label=_("Size (MB)"),
        min_value=1,
        max_value=_LARGEST,
        required=False,
        help_text=_("Empty: as much as the subscription allows."),
    )
    aliases = LinesField(
        clean=clean_local,
        label=_("Other addresses"),
        required=False,
        help_text=_("What stands before the @, one a line: mail for these arrives here, too."),
    )
    forwards = LinesField(
        clean=clean_target,
        label=_("Forward to"),
        required=False,
        help_text=_("Addresses, one a line, that get a copy of what arrives."),
    )
    keeps = forms.BooleanField(
        label=_("Keep mail here"),
        required=False,
        initial=True,
        help_text=_("Without it mail is only forwarded."),
    )
    is_catch_all = forms.BooleanField(
        label=_("Catch-all"),
        required=False,
        help_text=_("Mail for addresses of this domain that nobody has arrives here."),
    )
    reply_subject = forms.CharField(
        label=_("Subject of the automatic reply"),
        max_length=driver_desired.LONGEST_SUBJECT,
        required=False,
    )
    reply_text = forms.CharField(
        label=_("Automatic reply"),
        max_length=driver_desired.LONGEST_REPLY,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Each sender gets it once a day. Empty: nobody gets one."),
    )

    def clean_aliases(self) -> list[str]:
        return _few(self.cleaned_data["aliases"], driver_desired.MAX_ALIASES)

    def clean_forwards(self) -> list[str]:
        return _few(self.cleaned_data["forwards"], driver_desired.MAX_FORWARDS)

    def clean_reply_subject(self) -> str:
        return _printable(self.cleaned_data["reply_subject"], "")

    def clean_reply_text(self) -> str:
        text = self.cleaned_data["reply_text"].replace("\r\n", "\n").replace("\r", "\n")
        return _printable(text, "\n")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        goes_nowhere = not cleaned.get("keeps") and not cleaned.get("forwards")
        if goes_nowhere and "forwards" not in self.errors:
            self.add_error("forwards", _("Where does mail go that is not kept here?"))
        if cleaned.get("reply_text") and not cleaned.get("reply_subject"):
            self.add_error("reply_subject", _("An automatic reply needs a subject."))
        return cleaned


def _few(found: Any, most: int) -> list[str]:
    if len(found) > most:
        raise ValidationError(_("At most %(n)s."), params={"n": most})
    return list(found)


def _printable(text: str, besides: str) -> str:
    if not all(char.isprintable() or char in besides for char in text):
        raise ValidationError(_("There is a character in it that cannot be written."))
    return text


class MailboxPasswordForm(OperationForm):
    """What the mailbox is opened with."""

    secret_fields = ("password", "password_again")

    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def prepare(self) -> None:
        drop_twin(self)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        refuse_long(password)
        return password

    def clean(self) -> dict[str, Any]:
        check_password_pair(self, username=self.cleaned_data.get("local", ""))
        return super().clean() or self.cleaned_data

    def get_layout(self) -> Layout:
        return _layout(self)


class AddMailboxForm(MailboxPasswordForm, MailboxFields):
    """A new mailbox: its name, its password, and the rest."""

    local = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("What stands before the @.")
    )
    field_order = ("local", "password", "password_again")

    def clean_local(self) -> str:
        return clean_local(self.cleaned_data["local"])


class EditMailboxForm(MailboxFields):
    """All but the name and the password."""

    version = VersionField()


def _layout(form: forms.Form) -> Layout:
    return Layout(
        *(
            Field(name, template=PASSWORD_TEMPLATE) if name == "password" else name
            for name in form.fields
        )
    )

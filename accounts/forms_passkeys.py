"""Forms of one's own passkeys, and the answers of browsers in them."""

import json
import time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts import passkeys
from accounts.forms_second_factor import PresentPasswordForm
from panel.core.secrets import SecretChanged, seal, unseal

# Seconds that a page may stay open until the passkey is made.
_LASTS = 1_800


def sealed_for(user_id: int, challenge: str) -> str:
    """A challenge as the page keeps it until the browser answered: looking at the page writes
    nothing. Nobody else's page takes it, nor one that somebody made up."""
    return seal(json.dumps([challenge, time.time()]), f"passkey:{user_id}")


class AnswerField(forms.CharField):
    """What a browser answered, put in by the script of the page."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(max_length=passkeys.LONGEST, required=False)


class AddPasskeyForm(PresentPasswordForm):
    """A new passkey: a name to know it by, and what the browser made."""

    secret_fields = ("current_password", "sealed", "answer")

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("To know it by, for example “Phone” or “Key ring”."),
    )
    sealed = forms.CharField(max_length=400, widget=forms.HiddenInput)
    answer = AnswerField()

    field_order = ("name", "current_password", "sealed", "answer")

    def challenge(self) -> str:
        """What the page was made with; "" if it is of somebody else, of nobody, or too old."""
        user_id = self.targets[0].pk if self.targets else 0
        kept = self.data.get("sealed") if self.is_bound else self.initial.get("sealed")
        try:
            challenge, at = json.loads(unseal(str(kept or ""), f"passkey:{user_id}"))
        except (SecretChanged, ValueError):
            return ""
        return str(challenge) if time.time() - at <= _LASTS else ""

    def clean(self) -> dict[str, Any]:
        challenge = self.challenge()
        if not challenge:
            raise ValidationError(_("This page is out of date. Open it again."))
        if not self.cleaned_data.get("answer"):
            raise ValidationError(
                _("Your browser made no passkey. It takes a current browser with scripts on.")
            )
        try:
            kept = passkeys.read_new(self.cleaned_data["answer"], challenge)
        except passkeys.NotAccepted as error:
            text = _("What your browser made is not a passkey for this panel. Try again.")
            raise ValidationError(text) from error
        if self.targets and passkeys.is_known(self.targets[0].pk, kept):
            raise ValidationError(_("You have this passkey already."))
        self.cleaned_data["kept"] = kept
        return self.cleaned_data


class RemovePasskeyForm(PresentPasswordForm):
    """Which of one's passkeys goes."""

    passkey = forms.ChoiceField(label=_("Passkey"))

    field_order = ("passkey", "current_password")

    def prepare(self) -> None:
        rows = passkeys.of(self.targets[0].pk) if self.targets else []
        field = cast(forms.ChoiceField, self.fields["passkey"])
        field.choices = [(str(row.pk), row.data["name"]) for row in rows]
        if not field.choices:
            field.error_messages["required"] = _now("You have no passkey.")

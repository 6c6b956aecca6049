"""Operations on API tokens: one makes one's own, and revokes them."""

from datetime import datetime, time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.forms import PasswordField
from accounts.models import ApiToken
from accounts.operations_logins import OwnLoginOperation
from accounts.roles import SCOPES
from panel.core import reasons
from panel.core.access import Actor
from panel.core.forms import DayInput, OperationForm
from panel.core.operations import ANY_ROLE, Operation, Step, register

MOST = 50

reasons.declare(too_many_tokens=_("%(limit)s API tokens are the most. Revoke one first."))


class CreateTokenForm(OperationForm):
    """A new token. Its text is made by the page that shows it and arrives here as a secret."""

    secret_fields = ("text", "current_password")

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What it is for."))
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        widget=DayInput,
        help_text=_("Without a date it holds until it is revoked."),
    )
    current_password = PasswordField(
        label=_("Your present password"), autocomplete="current-password"
    )
    text = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def prepare(self) -> None:
        if self.actor.areas is not None:
            # Nothing that the role does not reach: it would never work.
            offered = {"read", "write", "billing", *self.actor.areas}
            scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
            scopes.choices = [(name, label) for name, label in SCOPES.items() if name in offered]

    def clean_expires_on(self) -> Any:
        day = self.cleaned_data["expires_on"]
        if day is not None and day <= timezone.localdate():
            raise ValidationError(_("A day to come is needed."))
        return day

    def clean_current_password(self) -> str:
        value = self.cleaned_data["current_password"]
        credentials.check_present(self.targets[0] if self.targets else None, value)
        return value


@register
class CreateToken(OwnLoginOperation):
    """A new API token of one's own login. Hidden: only a page can show the text, once."""

    verb = "create-token"
    label = _("Create an API token")
    form_class = CreateTokenForm
    hidden = True

    def check(self, step: Step) -> None:
        for user in step.open:
            if ApiToken.objects.filter(user=user).count() >= MOST:
                step.refuse(user.pk, "too_many_tokens", limit=MOST)

    def perform(self, step: Step) -> None:
        day = step.params.get("expires_on")
        expires_at = timezone.make_aware(datetime.combine(day, time.min)) if day else None
        for user in step.open:
            token, _ignored = ApiToken.make(
                user,
                step.params["name"],
                step.params["scopes"],
                expires_at,
                text=step.params.get("text", ""),
            )
            new = {"name": token.name, "scopes": token.scopes, "expires_on": day}
            step.changed(user.pk, {}, new)


@register
class RevokeToken(Operation):
    """Ends one of one's own tokens for good."""

    noun = "token"
    verb = "revoke"
    label = _("Revoke")
    roles = ANY_ROLE
    area = "profile"
    destructive = True
    impersonated = False

    def may(self, actor: Actor) -> bool:
        in_scope = actor.scopes is None or bool({"write", "profile"} & actor.scopes)
        return actor.user_id is not None and actor.real is None and in_scope

    def perform(self, step: Step) -> None:
        for token in step.open:
            step.changed(token.pk, {"scopes": token.scopes}, {})
        ApiToken.objects.filter(pk__in=step.open_ids).delete()

"""Parameters of hosting operations. Layout and validation; rules that need locks are in `check`."""

from typing import Any, ClassVar

from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from accounts.validators import SYSTEM_NAMES
from hosting import limits, suspension
from hosting.models.domains import AliasMode, HostingType
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import (
    RETIRED_FOR,
    RetiredSystemUser,
    Subscription,
)
from hosting.models.suspension import Kind, Scope
from hosting.services import base
from hosting.validators import clean_document_root, clean_host_name
from panel.core.access import Role
from panel.core.forms import OperationForm

CUSTOM = _("Custom plan")


class HostNameField(forms.CharField):
    """A name to host, as ASCII."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 253)
        kwargs.setdefault("label", _("Domain name"))
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return clean_host_name(text) if text else ""


class SuspendForm(OperationForm):
    """Kind, message and note; all of them may be left as they are."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=Kind.choices,
        required=False,
        initial=Kind.OTHER,
        help_text=_("What is suspended as unpaid is not lifted with what is suspended for abuse."),
    )
    message = forms.CharField(
        label=_("Message for the subscriber"),
        max_length=500,
        required=False,
        help_text=_(
            "Shown in the panel, after the right password. The site's 503 page tells no cause."
        ),
    )
    note = forms.CharField(label=_("Internal note"), max_length=500, required=False)
    scope = forms.ChoiceField(
        label=_("What is suspended"),
        choices=Scope.choices,
        required=False,
        initial=Scope.EVERYTHING,
    )

    def prepare(self) -> None:
        role = getattr(self.targets[0], "role", "") if self.targets else ""
        if role != Role.RESELLER:
            del self.fields["scope"]


class ActivateForm(OperationForm):
    """What goes along with activating; nothing by default."""

    own = forms.BooleanField(
        label=_("Also activate the subscriptions suspended by themselves"),
        required=False,
        help_text=_("Never those that the subscriber switched off, nor those that have expired."),
    )
    abuse = forms.BooleanField(label=_("Lift a suspension for abuse too"), required=False)

    # A page shows no more targets than this to a form.
    COUNTED = 20

    def prepare(self) -> None:
        if self.targets and isinstance(self.targets[0], Subscription):
            del self.fields["own"]
        elif not self.is_bound and 0 < len(self.targets) < self.COUNTED:
            ids = [row.pk for row in self.targets]
            own = suspension.liftable_below(self.actor, ids).values("subscription_id")
            if count := own.distinct().count():
                text = ngettext(
                    "Also activate the subscription suspended by itself",
                    "Also activate the %(n)s subscriptions suspended by themselves",
                    count,
                )
                self.fields["own"].label = text % {"n": count}


class LiftForm(OperationForm):
    """Which run is taken back."""

    run = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class PlanField(forms.ModelChoiceField):
    """A plan of one provider, or Custom plan."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Service plan"))
        kwargs.setdefault("required", False)
        kwargs.setdefault("empty_label", CUSTOM)
        super().__init__(Plan.objects.none(), **kwargs)

    def offer(self, provider_id: int) -> None:
        """Only this provider's plans: subscribers get plans of their provider."""
        self.queryset = Plan.objects.filter(account_id=provider_id).order_by("name_key", "pk")


def provider_of(account: Account) -> int:
    """Whose plans a subscriber gets: its provider's, or its own where it provides for itself."""
    return account.pk if account.role != Role.CUSTOMER else account.provider_id


def system_user_taken(name: str) -> bool:
    """Whether a system user's name is in use, or was within 90 days, or is the system's own."""
    rows = Subscription.objects.unscoped("system users are unique over all nodes")
    return (
        name in SYSTEM_NAMES
        or rows.filter(system_user=name).exists()
        or RetiredSystemUser.objects.filter(
            name=name, retired_at__gt=timezone.now() - RETIRED_FOR
        ).exists()
    )


class AddDomainForm(OperationForm):
    name = HostNameField()
    hosting_type = forms.ChoiceField(
        label=_("Hosting type"),
        choices=HostingType.choices,
        required=False,
        initial=HostingType.WEBSITE,
    )
    document_root = forms.CharField(
        label=_("Document root"),
        max_length=200,
        required=False,
        help_text=_("Below the subscription's home. Empty: a folder named after the domain."),
    )

    def clean_document_root(self) -> str:
        value = self.cleaned_data["document_root"]
        return clean_document_root(value) if value else ""


class AddAliasForm(OperationForm):
    name = HostNameField(label=_("Alias name"))
    mode = forms.ChoiceField(
        label=_("Web"),
        choices=AliasMode.choices,
        required=False,
        initial=AliasMode.REDIRECT,
        help_text=_("Visitors are sent to the main name, or see the same site under this one."),
    )


class EditAliasForm(OperationForm):
    mode = forms.ChoiceField(label=_("Web"), choices=AliasMode.choices)


class SiteForm(OperationForm):
    document_root = forms.CharField(label=_("Document root"), max_length=200)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_document_root(self) -> str:
        return clean_document_root(self.cleaned_data["document_root"])


class LimitField(forms.CharField):
    """A number, or unlimited (the word, an asterisk or -1). In JSON a number, or null."""

    json_schema: ClassVar[dict[str, Any]] = {
        "type": ["integer", "string", "null"],
        "minimum": 0,
        "maximum": limits.HIGHEST,
    }

    def from_json(self, value: Any) -> str:
        """What the form takes for a value of JSON; ValueError for what is no limit."""
        if value is None:
            return "unlimited"
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
        raise ValueError(_("A number from 0, or “unlimited”."))

    def clean(self, value: Any) -> int | None:
        text = str(super().clean(value)).strip().lower()
        if text in {str(_("unlimited")), "unlimited", "*", "-1"}:
            return None
        if not (text.isascii() and text.isdigit()) or int(text) > limits.HIGHEST:
            raise ValidationError(_("A number from 0, or “unlimited”."))
        return int(text)


class LimitsForm(OperationForm):
    """Resources and permissions as the services declare them; shared by plans and Customize."""

    def prepare(self) -> None:
        for name, resource in base.resources().items():
            self.fields[f"limit_{name}"] = LimitField(label=resource.label, max_length=20)
        for name, permission in base.permissions().items():
            self.fields[f"may_{name}"] = forms.BooleanField(label=permission.label, required=False)
        self.fields["overuse_policy"] = forms.ChoiceField(
            label=_("Overuse policy"), choices=OverusePolicy.choices, initial=OverusePolicy.SPACE
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["limits"] = {
            name: cleaned[f"limit_{name}"]
            for name in base.resources()
            if f"limit_{name}" in cleaned
        }
        cleaned["permissions"] = [name for name in base.permissions() if cleaned.get(f"may_{name}")]
        return cleaned

    def limit_rows(self) -> list[Any]:
        names = [f"limit_{name}" for name in base.resources()]
        pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
        return [Row(*(Column(name) for name in pair)) for pair in pairs]

    def permission_rows(self) -> list[str]:
        return [f"may_{name}" for name in base.permissions()]


def limits_initial(values: dict[str, Any], permissions: list[str], policy: str) -> dict[str, Any]:
    """Initial values of LimitsForm from stored ones."""
    initial: dict[str, Any] = {"overuse_policy": policy}
    for name in base.resources():
        limit = values.get(name, 0)
        initial[f"limit_{name}"] = _("unlimited") if limit is None else limit
    for name in base.permissions():
        initial[f"may_{name}"] = name in permissions
    return initial


class PlanForm(LimitsForm):
    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=500, required=False)
    validity_days = forms.IntegerField(
        label=_("Validity period"),
        min_value=1,
        max_value=36500,
        required=False,
        help_text=_("Days from creation; empty for unlimited."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def get_layout(self) -> Layout:
        return Layout(
            Row(Column("name"), Column("validity_days")),
            "description",
            *self.limit_rows(),
            "overuse_policy",
            *self.permission_rows(),
            "version",
        )


class CustomizeForm(LimitsForm):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def get_layout(self) -> Layout:
        return Layout(*self.limit_rows(), "overuse_policy", *self.permission_rows(), "version")

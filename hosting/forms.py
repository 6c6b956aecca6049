"""Parameters of hosting operations. Layout and validation; rules that need locks are in `check`."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import ModelChoiceIterator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from accounts.validators import SYSTEM_NAMES
from hosting import suspension
from hosting.models.plans import AddOn, HostingPlan
from hosting.models.subscriptions import (
    RETIRED_FOR,
    SYSTEM_USER,
    RetiredSystemUser,
    Subscription,
)
from hosting.models.suspension import Kind, Scope
from hosting.validators import clean_host_name
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


class MainDomainField(HostNameField):
    """The name that a new subscription is known by."""

    def __init__(self, **kwargs: Any) -> None:
        words = _("Without www; that comes by itself. One domain for one subscription is best.")
        kwargs.setdefault("help_text", words)
        super().__init__(**kwargs)


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
        super().__init__(HostingPlan.objects.none(), **kwargs)

    def offer(self, provider_id: int) -> None:
        """Only this provider's plans: subscribers get plans of their provider."""
        rows = HostingPlan.objects.filter(account_id=provider_id)
        self.queryset = rows.order_by("name_key", "pk")


class _SharedChoices(ModelChoiceIterator):
    """Plans that forms beside each other read once. Where empty means "as for all", Custom plan is
    a choice of its own."""

    def __iter__(self) -> Iterator[Any]:
        field = self.field
        is_exception = str(field.empty_label) != str(CUSTOM)
        if is_exception:
            yield ("", field.empty_label)
        if is_exception or field.is_of_many:
            yield from field.more
        yield (ItemPlanField.CUSTOM if is_exception else "", CUSTOM)
        for row in field.rows():
            yield self.choice(row)


class ItemPlanField(PlanField):
    """The plan of one target among many; the choices are fetched once for each provider."""

    CUSTOM = "custom"
    iterator = _SharedChoices
    # Choices besides, where there are several targets.
    more: ClassVar[list[tuple[str, Any]]] = []
    is_of_many = False
    _form: OperationForm | None = None
    _key: Any = None

    def share(self, form: OperationForm, key: Any = "plan") -> None:
        """Read the plans together with the forms beside this one that offer the same."""
        self._form, self._key = form, key
        self.is_of_many = len(form.targets) > 1

    def rows(self) -> list[Any]:
        """The plans that are offered, as far as the actor sees them."""
        if self._form is None:
            return list(self.queryset)
        found: list[Any] = self._form.once(self._key, lambda: list(self.queryset))
        return found

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or value == self.CUSTOM:
            return None
        for row in self.rows():
            if str(row.pk) == str(value):
                return row
        raise ValidationError(
            self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value}
        )


class ChangedPlanField(ItemPlanField):
    """The same where there is a plan already: of several, each may keep the one that it has."""

    KEEP = "keep"
    more: ClassVar[list[tuple[str, Any]]] = [(KEEP, _("The present plan of each"))]

    def to_python(self, value: Any) -> Any:
        return value if value == self.KEEP else super().to_python(value)


class SystemUserField(forms.CharField):
    """The name of a new system user; empty for one that is made from the domain."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("System user"))
        kwargs.setdefault("help_text", _("Owns the files. Made from the domain if left empty."))
        super().__init__(max_length=31, required=False, validators=[SYSTEM_USER], **kwargs)

    def clean(self, value: Any) -> str:
        name = super().clean(value)
        if name and system_user_taken(name):
            raise ValidationError(_("This system user exists, or did until recently."))
        return name


class AddOnsField(forms.ModelMultipleChoiceField):
    """Add-ons of one provider, on top of its plan."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Add-ons"))
        kwargs.setdefault("help_text", _("On top of the service plan, each once."))
        rows = AddOn.objects.none()
        super().__init__(rows, required=False, widget=forms.CheckboxSelectMultiple, **kwargs)

    @staticmethod
    def offer(form: OperationForm, provider_id: int) -> None:
        """Only this provider's. A page where there are none to tick does not ask."""
        rows = AddOn.objects.filter(account_id=provider_id).order_by("name_key", "pk")
        form.fields["addons"].queryset = rows
        if form.actor.door == "page" and not rows.unscoped("are there any").exists():
            del form.fields["addons"]


def refuse_addons_on_no_plan(form: OperationForm) -> None:
    """An error at the field where add-ons are ticked and no plan is chosen."""
    given = form.cleaned_data
    if given.get("addons") and not given.get("plan") and "plan" not in form.errors:
        text = _("A subscription on no plan has no add-ons. Choose a service plan.")
        form.add_error("addons", text)


def provider_of(account: Account) -> int:
    """Whose plans a subscriber gets: its provider's, or its own where it provides for itself."""
    return account.pk if account.role != Role.CUSTOMER else account.provider_id


# Users that Debian and images of it bring: one of these on a node is not a subscription's.
_OF_MACHINES = frozenset(["admin", "debian", "gnats", "ubuntu", "vagrant", "operator"])


def system_user_taken(name: str) -> bool:
    """Whether a system user's name is in use, or was within 90 days, or is the system's own."""
    rows = Subscription.objects.unscoped("system users are unique over all nodes")
    return (
        name in SYSTEM_NAMES
        or name in _OF_MACHINES
        or rows.filter(system_user=name).exists()
        or RetiredSystemUser.objects.filter(
            name=name, retired_at__gt=timezone.now() - RETIRED_FOR
        ).exists()
    )

"""Forms of what plans give: resources, permissions, parameters of hosting, applications."""

import re
from typing import Any, ClassVar

from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import limits, permissions
from hosting.models.plans import OverusePolicy, Plan
from hosting.models.subscriptions import Subscription
from hosting.services import base
from panel.core.forms import OperationForm
from panel.core.versions import VersionField

AS_IN_PLAN = _("As in the plan")
_NOT_OWN = _("You do not have this permission yourself: it is not in force for your subscribers.")


class LimitField(forms.CharField):
    """A number, or unlimited (the word, an asterisk or -1). In JSON a number, or null."""

    default_error: ClassVar[Any] = _("A number from 0, or “unlimited”.")
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
        if not text:
            return 0
        if text in {str(_("unlimited")), "unlimited", "*", "-1"}:
            return None
        number = self.number(text)
        if number is None or number > limits.HIGHEST:
            raise ValidationError(self.default_error)
        return number

    def number(self, text: str) -> int | None:
        """The number that a text is, None if it is none."""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


# What a size may be written in; without the "i" it means the same here: units are binary.
_UNITS = {"": 0, "b": 0} | {
    f"{letter}{rest}": power
    for power, letter in enumerate("kmgtp", start=1)
    for rest in ("", "b", "ib")
}
_SIZE = re.compile(r"(\d{1,16})(?:[.,](\d{1,6}))?\s*([kmgtp]?i?b?)", re.ASCII)


class SizeField(LimitField):
    """A limit in bytes, typed with its unit: "10 GiB" or "512 MB". In JSON a number of bytes, text
    as it is typed, or null."""

    default_error: ClassVar[Any] = _(
        "A size with its unit, such as “10 GiB” or “512 MiB”, or “unlimited”."
    )
    json_schema: ClassVar[dict[str, Any]] = LimitField.json_schema | {
        "description": "Bytes as a number, or text with a unit: 10737418240 or “10 GiB”."
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"help_text": _("With its unit, such as 10 GiB; or “unlimited”."), **kwargs}
        )

    def from_json(self, value: Any) -> str:
        text = super().from_json(value)
        return f"{text} B" if isinstance(value, int) else text

    def number(self, text: str) -> int | None:
        found = _SIZE.fullmatch(text)
        if not found or found[3] not in _UNITS:
            return None
        if not found[3] and int(found[1]):
            # Ten of what? Nobody means ten bytes, and much would be shut for them.
            return None
        whole, part, power = found[1], found[2] or "", _UNITS[found[3]]
        # In whole numbers: a fraction of a float would not come back as it was typed.
        return int(whole + part) * 1024**power // 10 ** len(part)


class LimitsForm(OperationForm):
    """What the services declare; shared by plans, add-ons and Customize.

    `of`: whose resources and permissions ("reseller" for what only resellers have). `adds`: what
    is left empty adds nothing.
    """

    of: ClassVar[str] = "subscription"
    adds: ClassVar[bool] = False

    def prepare(self) -> None:
        for name, resource in self.resources().items():
            self.fields[f"limit_{name}"] = limit_field(resource)(
                label=resource.label, max_length=20, required=self._is_needed(resource)
            )
        own = permissions.of_actor(self.actor)
        for name, permission in self.permissions().items():
            told = "" if own is None or name in own else _NOT_OWN
            self.fields[f"may_{name}"] = forms.BooleanField(
                label=permission.label, required=False, help_text=told
            )
        if self.has_settings:
            for name, setting in base.plan_settings().items():
                self.fields[f"set_{name}"] = setting_field(setting, adds=self.adds)
        if base.applications():
            self._offer_applications()
        if self.has_policy:
            self.fields["overuse_policy"] = forms.ChoiceField(
                label=_("Overuse policy"),
                choices=OverusePolicy.choices,
                initial=OverusePolicy.SPACE,
            )
            self.fields["overuse_notice"] = forms.BooleanField(
                label=_("Tell subscriber and provider about overuse"), required=False
            )

    def _is_needed(self, resource: base.Resource) -> bool:
        """Whether a limit has to be stated. Where a call says nothing of one (it was written before
        there was such a service), it stays as it is, or is what a new plan starts with."""
        if self.adds:
            return False
        # The document of the API asks for none that came later: it only grows.
        is_asked = not self.is_bound and not resource.is_each
        is_said = is_asked or self.add_prefix(f"limit_{resource.name}") in self.data
        return is_said or len(self._unsaid(resource)) != 1

    def _unsaid(self, resource: base.Resource) -> set[int | None]:
        """The limits that stand when nothing is said of a resource; several, where the targets
        differ."""
        is_reseller = self.of == "reseller"
        kinds = (Plan, Account) if is_reseller else (Plan, Subscription)
        start = resource.reseller_default if is_reseller else resource.default
        rows = [row for row in self.targets if isinstance(row, kinds)]
        return {limits.limit_of(row.limits, resource.name) for row in rows if row.limits} or {start}

    @property
    def has_settings(self) -> bool:
        return self.of == "subscription"

    @property
    def has_policy(self) -> bool:
        return self.of == "subscription" and not self.adds

    def resources(self) -> dict[str, base.Resource]:
        return base.resources(self.of)

    def permissions(self) -> dict[str, base.Permission]:
        return base.permissions(self.of)

    def _offer_applications(self) -> None:
        self.fields["all_applications"] = forms.BooleanField(
            label=_("All applications"), required=False, initial=not self.adds
        )
        self.fields["applications"] = forms.MultipleChoiceField(
            label=_("Or only these"),
            choices=[(name, found.label) for name, found in base.applications().items()],
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, resource in self.resources().items():
            is_said = self.add_prefix(f"limit_{name}") in self.data
            if not is_said and not self.adds and not self.fields[f"limit_{name}"].required:
                cleaned[f"limit_{name}"] = next(iter(self._unsaid(resource)))
        cleaned["limits"] = {
            name: cleaned[f"limit_{name}"]
            for name in self.resources()
            if f"limit_{name}" in cleaned
        }
        cleaned["permissions"] = sorted(n for n in self.permissions() if cleaned.get(f"may_{n}"))
        cleaned["settings"] = {
            name: cleaned[f"set_{name}"]
            for name in (base.plan_settings() if self.has_settings else ())
            if cleaned.get(f"set_{name}", AS_IN_PLAN) is not AS_IN_PLAN
        }
        if not base.applications():
            cleaned["applications"] = [] if self.adds else None
        elif cleaned.get("all_applications"):
            cleaned["applications"] = None
        else:
            cleaned["applications"] = sorted(cleaned.get("applications", []))
        return cleaned

    def sections(self) -> list[Fieldset]:
        """Resources, permissions, parameters and applications, each under its heading."""
        names = [f"limit_{name}" for name in self.resources()]
        found = [Fieldset(str(_("Resources")), *in_pairs(names), *self._policy())]
        may = [f"may_{name}" for name in self.permissions()]
        found.append(Fieldset(str(_("Permissions")), *in_pairs(may)))
        by_section: dict[str, list[str]] = {}
        for name, setting in base.plan_settings().items() if self.has_settings else ():
            by_section.setdefault(str(setting.section), []).append(f"set_{name}")
        found += [Fieldset(title, *in_pairs(names)) for title, names in by_section.items()]
        if base.applications():
            found.append(Fieldset(str(_("Applications")), "all_applications", "applications"))
        return found

    def _policy(self) -> list[str]:
        return ["overuse_policy", "overuse_notice"] if self.has_policy else []


def in_pairs(names: list[str]) -> list[Any]:
    """Fields two by two beside each other."""
    pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
    return [Row(*(Column(name) for name in pair)) if pair[1:] else pair[0] for pair in pairs]


class _Number(LimitField):
    """A parameter that is a number; empty is what it is when nothing is said."""

    def __init__(self, setting: base.PlanSetting, unsaid: Any, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=20, **kwargs)
        self.unsaid = unsaid
        self.validators.append(_Within(setting))

    def clean(self, value: Any) -> Any:
        return super().clean(value) if str(value or "").strip() else self.unsaid


class _Raised(forms.TypedChoiceField):
    """A parameter that an add-on states, or leaves to the plan."""

    def __init__(self, choices: list[Any], **kwargs: Any) -> None:
        choices = [("", AS_IN_PLAN), *choices]
        super().__init__(choices=choices, required=False, empty_value=AS_IN_PLAN, **kwargs)


def setting_field(setting: base.PlanSetting, *, adds: bool = False) -> forms.Field:
    """The form field of a parameter of hosting."""
    given: dict[str, Any] = {"label": setting.label, "help_text": setting.help_text}
    if setting.kind == "choice":
        if adds:
            return _Raised(list(setting.choices), **given)
        given |= {"required": False, "empty_value": setting.default}
        return forms.TypedChoiceField(choices=setting.choices, initial=setting.default, **given)
    if setting.kind == "switch":
        if adds:
            return _Raised([("on", _("yes"))], coerce=bool, **given)
        return forms.BooleanField(required=False, initial=setting.default, **given)
    if adds:
        return _Number(setting, AS_IN_PLAN, **given)
    return _Number(setting, setting.default, initial=limit_text(setting.default), **given)


class _Within:
    """Refuses a number that a parameter cannot have."""

    def __init__(self, setting: base.PlanSetting) -> None:
        self.setting = setting

    def __call__(self, text: Any) -> None:
        plain = str(text).strip()
        if plain.isascii() and plain.isdigit():
            if self.setting.accepts(int(plain)):
                return
        elif self.setting.or_unlimited:
            return
        least, most = self.setting.minimum, self.setting.maximum
        raise ValidationError(_("From %(least)s to %(most)s.") % {"least": least, "most": most})


def limit_field(resource: base.Resource) -> type[LimitField]:
    """The field for limits on a resource."""
    return SizeField if resource.unit == "bytes" else LimitField


def limit_text(limit: int | None, unit: str = "count") -> Any:
    """A limit as a field shows it; of bytes in the largest unit that says it exactly."""
    if limit is None:
        return _("unlimited")
    if unit != "bytes" or not limit:
        return limit
    power = 0
    while power < 5 and limit % 1024 == 0:
        limit, power = limit // 1024, power + 1
    return f"{limit} {('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')[power]}"


def initial_of(row: Any, form: type[LimitsForm]) -> dict[str, Any]:
    """Initial values of a LimitsForm from a plan, a subscription or an account."""
    initial: dict[str, Any] = {}
    given = limits.of_addon(row.limits) if form.adds else row.limits
    for name, resource in base.resources(form.of).items():
        limit = limits.limit_of(given, name)
        text = limit_text(limit, resource.unit)
        initial[f"limit_{name}"] = "" if form.adds and limit == 0 else text
    for name in base.permissions(form.of):
        initial[f"may_{name}"] = name in row.permissions
    if form.of == "subscription":
        initial |= settings_initial(row.settings, adds=form.adds)
    initial["all_applications"] = row.applications is None
    initial["applications"] = row.applications or []
    for name in ("overuse_policy", "overuse_notice"):
        if hasattr(row, name):
            initial[name] = getattr(row, name)
    return initial


def settings_initial(stored: dict[str, Any], *, adds: bool = False) -> dict[str, Any]:
    """Initial values of parameters; of an add-on only what it states."""
    initial = {}
    for name, setting in base.plan_settings().items():
        value = stored.get(name, "" if adds else setting.default)
        if adds and value is True:
            value = "on"
        is_number = setting.kind == "number" and value != ""
        initial[f"set_{name}"] = limit_text(value) if is_number else value
    return initial


class ParametersForm(OperationForm):
    """Parameters that the subscriber sets itself, of those for which it has the permission."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def prepare(self) -> None:
        granted = permissions.in_force(self.targets[:1]) if self.targets else None
        for name, setting in base.plan_settings().items():
            own = bool(setting.permission)
            if own and (granted is None or setting.permission in granted[self.targets[0].pk]):
                self.fields[f"set_{name}"] = setting_field(setting)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = {name: f"set_{name}" for name in base.plan_settings()}
        cleaned["settings"] = {name: cleaned[key] for name, key in given.items() if key in cleaned}
        return cleaned


class PlanForm(LimitsForm):
    """A hosting plan."""

    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=500, required=False)
    validity_days = forms.IntegerField(
        label=_("Validity period"),
        min_value=1,
        max_value=36500,
        required=False,
        help_text=_("Days from creation; empty for unlimited."),
    )
    version = VersionField()

    def get_layout(self) -> Layout:
        return Layout(Fieldset("", *self.general()), *self.sections(), "version")

    def general(self) -> list[Any]:
        return [Row(Column("name"), Column("validity_days")), "description"]


class AddOnForm(PlanForm):
    """What a subscription gets on top of its plan."""

    adds = True
    validity_days = None  # type: ignore[assignment]

    def general(self) -> list[Any]:
        return ["name", "description"]


class ResellerPlanForm(PlanForm):
    """Limits that hold over everything below a reseller, and what it may grant."""

    of = "reseller"
    validity_days = None  # type: ignore[assignment]

    def general(self) -> list[Any]:
        return ["name", "description"]


class CustomizeForm(LimitsForm):
    version = VersionField()

    def get_layout(self) -> Layout:
        return Layout(*self.sections(), "version")

"""The form of a domain's PHP settings."""

from typing import Any, ClassVar

from crispy_forms.layout import Fieldset, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import time_zones
from hosting.forms_plans import in_pairs
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from hosting.services.php import parameters, rules
from hosting.services.php.driver_table import BY_NAME, NEWEST, TABLE, VERSION, Directive
from panel.core.forms import OperationForm
from panel.core.versions import VersionField

# What follows the plan, as it is typed and as the API has it.
PLAN = "plan"
_LEFT = ("", _("Leave as it is"))


class VersionChoice(forms.ChoiceField):
    """The newest version, or a definite one. Whether a server has it is asked of each target."""

    def valid_value(self, value: Any) -> bool:
        return value == NEWEST or VERSION.fullmatch(str(value)) is not None


class OwnNumber(forms.CharField):
    """A number of one's own, or the plan's (the word, in JSON null); empty leaves it as it is."""

    def __init__(self, directive: Directive, **kwargs: Any) -> None:
        super().__init__(max_length=10, required=False, **kwargs)
        self.directive = directive
        self.json_schema: dict[str, Any] = {
            "type": ["integer", "string", "null"],
            "minimum": directive.low,
            "maximum": directive.high,
        }

    def from_json(self, value: Any) -> str:
        """What the form takes for a value of JSON; ValueError for what is none."""
        if value is None:
            return PLAN
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
        raise ValueError(_("A number, or “plan”."))

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value)).strip().lower()
        if text in {"", PLAN, str(_("plan"))}:
            return PLAN if text else ""
        if text.isascii() and text.isdigit() and self.directive.accepts(int(text)):
            return int(text)
        raise ValidationError(
            _("From %(least)s to %(most)s, or “plan”.")
            % {"least": self.directive.low, "most": self.directive.high}
        )


class PhpSettingsForm(OperationForm):
    """On or off, the version, and each setting: of one's own, or as in the plan.

    What is left empty stays as it is. What the reader may not change in any target is not there.
    """

    version = VersionField()

    groups: ClassVar[tuple[tuple[str, Any], ...]] = (
        ("settings", parameters.SECTION),
        ("insecure", _("Potentially insecure")),
    )

    def prepare(self) -> None:
        rows = [row for row in self.targets if isinstance(row, Domain)]
        self.subscriptions = rules.subscriptions_of(rows)
        may = rules.reach(self.subscriptions.values(), self.actor) if rows else None
        self.plan = self._plan_values(rows)
        if may is None or parameters.MAY_CHOOSE in may:
            self.fields["php"] = forms.ChoiceField(
                label=_("PHP"), choices=[_LEFT, ("on", _("on")), ("off", _("off"))], required=False
            )
            self.fields["php_version"] = VersionChoice(
                label=_("PHP version"), choices=self._versions(rows), required=False
            )
        for directive in TABLE:
            if may is None or parameters.PERMISSION_OF[directive.group] in may:
                self.fields[directive.name] = self._own(directive)

    def _plan_values(self, rows: list[Domain]) -> dict[str, Any]:
        """What the plan gives to the one target; {} where there are several, or none."""
        if len(rows) != 1:
            return {}
        found: Subscription = self.subscriptions[rows[0].subscription_id]
        return parameters.given_by_plan(found.settings)

    def _versions(self, rows: list[Domain]) -> list[tuple[str, Any]]:
        installed = rules.installed(self.subscriptions.values())
        choices = [_LEFT, (NEWEST, _("The newest"))]
        if installed:
            choices[1] = (NEWEST, _("The newest (now %(version)s)") % {"version": installed[-1]})
        choices += [(version, version) for version in reversed(installed)]
        gone = {own.php_version for own in rules.own_of(rows).values()} - {NEWEST, *installed}
        choices += [
            (version, _("%(version)s (not installed any more)") % {"version": version})
            for version in sorted(gone)
        ]
        return choices

    def _own(self, directive: Directive) -> forms.Field:
        as_plan = _("As in the plan")
        if directive.kind == "zone":
            # No plan gives one.
            as_plan = _("As it is by itself (%(value)s)") % {"value": directive.default}
        elif directive.name in self.plan:
            value = parameters.words(directive, self.plan[directive.name])
            as_plan = _("As in the plan (%(value)s)") % {"value": value}
        given: dict[str, Any] = {
            "label": parameters.label(directive),
            "help_text": parameters.HELP.get(directive.name, ""),
        }
        if directive.kind == "number":
            told = _("“plan”: %(value)s.") % {"value": self._plain(directive)}
            given["help_text"] = f"{given['help_text']} {told}".strip()
            return OwnNumber(directive, **given)
        choices: list[tuple[str, Any]] = [_LEFT, (PLAN, as_plan)]
        if directive.kind == "switch":
            choices += [("on", _("on")), ("off", _("off"))]
        elif directive.kind == "choice":
            choices += list(parameters.REPORTING)
        else:
            choices += [zone for zone in time_zones() if directive.accepts(zone[0])]
        return forms.ChoiceField(choices=choices, required=False, **given)

    def _plain(self, directive: Directive) -> Any:
        if directive.name in self.plan:
            return parameters.words(directive, self.plan[directive.name])
        return _("as in the plan")

    def clean(self) -> dict[str, Any]:
        """`own`: what was said of settings; None for what is to follow the plan."""
        cleaned = super().clean() or self.cleaned_data
        own: dict[str, Any] = {}
        for name, directive in BY_NAME.items():
            value = cleaned.get(name, "")
            if value == "":
                continue
            if directive.kind == "switch" and value != PLAN:
                value = value == "on"
            own[name] = None if value == PLAN else value
        cleaned["own"] = own
        return cleaned

    def get_layout(self) -> Layout:
        shown = [name for name in ("php", "php_version") if name in self.fields]
        found: list[Any] = list(in_pairs(shown))
        for group, title in self.groups:
            names = [one.name for one in TABLE if one.group == group and one.name in self.fields]
            if names:
                found.append(Fieldset(str(title), *in_pairs(names)))
        return Layout(*found, "version")

"""Edit Settings: one operation for all that apps declare, a page for each section of them."""

from collections.abc import Sequence
from typing import Any

from crispy_forms.layout import Fieldset, Layout
from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from panel.core import setting
from panel.core.access import Actor
from panel.core.forms import OperationForm
from panel.core.log import Activity
from panel.core.operations import ADMINISTRATOR, Noun, Operation, Step, register, register_noun
from panel.core.setting import Settings
from panel.core.versions import VersionField

# Entries that are looked through for what happened since a form was opened.
_BACK = 50

SETTINGS = register_noun(
    Noun(
        "settings",
        "settings",
        Settings,
        _("Settings"),
        _("Settings"),
        "settings",
        area="settings",
        api_fields=["id", "values", "version"],
    )
)


class SettingsForm(OperationForm):
    """All settings; on a page, those of the section that its hidden field names."""

    version = VersionField()

    def prepare(self) -> None:
        given = self.data if self.is_bound else self.initial
        if not (name := given.get("section")):
            return
        wanted = {"version", *(one.name for one in setting.of_section(str(name)))}
        self.fields = {key: field for key, field in self.fields.items() if key in wanted}
        self.fields["section"] = forms.CharField(widget=forms.HiddenInput, required=False)

    def get_layout(self) -> Layout:
        """One below the other; those of a group under its heading."""
        rows: list[Any] = []
        groups: dict[str, Fieldset] = {}
        for name in self.fields:
            one = setting.declared.get(name)
            if one is None or not one.group:
                rows.append(name)
                continue
            heading = str(one.group)
            if heading not in groups:
                groups[heading] = Fieldset(heading)
                rows.append(groups[heading])
            groups[heading].fields.append(name)
        return Layout(*rows)


# Live: what is declared after this module was imported is in it, too.
setting.fields["version"] = SettingsForm.base_fields["version"]
SettingsForm.base_fields = setting.fields


@register
class EditSettings(Operation):
    """Changes what holds for the whole installation. What is not given stays as it is."""

    noun, verb = "settings", "edit"
    label = _("Edit Settings")
    roles = ADMINISTRATOR
    area = "settings"
    form_class = SettingsForm
    bulk = False

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        return {**targets[0].values, "version": targets[0].version}

    def check(self, step: Step) -> None:
        for row in step.open:
            given = step.params.get("version")
            if given and row.version > given:
                self._refuse_stale(step, row, given)

    def _refuse_stale(self, step: Step, row: Settings, given: int) -> None:
        """Refuse what would put back a value that somebody else has changed meanwhile."""
        who, theirs = _changed_since(given)
        crossed = [
            _now("%(field)s (now “%(value)s”)") % {"field": one.label, "value": _short(old)}
            for one, old, _new in changes(row, step.params)
            if one.name in theirs
        ]
        if crossed:
            step.refuse(row.pk, "changed_meanwhile", who=who, fields=", ".join(crossed))

    def perform(self, step: Step) -> None:
        for row in step.open:
            found = changes(row, step.params)
            if not found:
                step.leave(row.pk)
                continue
            setting.store(**{one.name: new for one, _old, new in found})
            step.changed(
                row.pk,
                {**{one.name: old for one, old, _new in found}, "version": row.version},
                {**{one.name: new for one, _old, new in found}, "version": row.version + 1},
            )


def changes(row: Settings, params: dict[str, Any]) -> list[tuple[setting.Setting[Any], Any, Any]]:
    """The settings that these parameters change, with the old and the new value."""
    found = []
    for name, value in params.items():
        one = setting.declared.get(name)
        if one is None:
            continue
        old, new = one.of(row.stored), one.typed(one.plain(value))
        if old != new:
            found.append((one, one.plain(old), one.plain(new)))
    return found


def _changed_since(given: int) -> tuple[str, set[str]]:
    """Who edited settings after this version was made, and which."""
    entries = Activity.objects.filter(target_kind="settings", target_id=setting.PK)
    people: dict[str, None] = {}
    names: set[str] = set()
    for entry in entries.order_by("-pk")[:_BACK]:
        if entry.new.get("version", 0) > given:
            people[entry.actor_name] = None
            names |= set(entry.new)
    return ", ".join(people), names


def _short(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"

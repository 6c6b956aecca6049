"""Forms of operations: one base class lays them out, scopes choices, and cleans for all doors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Fieldset
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from panel.core.access import Actor, scope_form

# From so many headings on, a form has a way to each of them on top.
LONG = 4


def refuse_control_characters(value: str) -> None:
    """No NUL (PostgreSQL refuses it), no line breaks or other controls in one-line texts."""
    if any(ord(c) < 32 or ord(c) == 127 or c in "\u2028\u2029\x85" for c in value):
        raise ValidationError(_("Line breaks and control characters are not allowed here."))


def refuse_nul(value: str) -> None:
    """Texts of many lines may hold line breaks and tabs, but no other controls."""
    if any((ord(c) < 32 and c not in "\n\r\t") or ord(c) == 127 for c in value):
        raise ValidationError(_("Control characters are not allowed here."))


class DayInput(forms.DateInput):
    """A day, as browsers let one choose it: what they send and take is ISO 8601."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _parts(layout: Any) -> list[Fieldset]:
    """The parts of a layout that have a heading."""
    fields = getattr(layout, "fields", ())
    return [one for one in fields if isinstance(one, Fieldset) and one.legend]


class OperationForm(forms.Form):
    """Parameters of an operation, the same for all its targets.

    `actor` and `targets` are what the choices may depend on; those of a form for each target also
    on what was `given`, as it was typed, for all of them. What such forms of one page or chunk
    find out once is `common` to them (`once`). Validation only, never side effects.
    """

    # Fields that are never written down (passwords); they go with the request that has them.
    secret_fields: tuple[str, ...] = ()

    def __init__(
        self,
        *args: Any,
        actor: Actor,
        targets: Sequence[Any] = (),
        given: Mapping[str, Any] | None = None,
        common: dict[Any, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.actor, self.targets, self.given = actor, targets, given or {}
        self._common = common if common is not None else {}
        super().__init__(*args, **kwargs)
        self.prepare()
        scope_form(self, actor)
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                is_text = isinstance(field.widget, forms.Textarea)
                field.validators.append(refuse_nul if is_text else refuse_control_characters)

    def prepare(self) -> None:
        """Adjust fields to the actor and the targets, before choices are scoped."""

    def once(self, key: Any, find: Callable[[], Any]) -> Any:
        """What `find` gives, asked for once by all forms that stand beside this one."""
        if key not in self._common:
            self._common[key] = find()
        return self._common[key]

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.layout = self.get_layout() or helper.layout
        for number, part in enumerate(_parts(helper.layout)):
            part.css_id = f"part-{number}"
        return helper

    @property
    def chapters(self) -> list[dict[str, str]]:
        """The headings of a form that is too long to be seen at once, with their anchors."""
        found = [
            {"label": str(part.legend), "url": f"#{part.css_id}"}
            for part in _parts(self.helper.layout)
        ]
        return found if len(found) >= LONG else []

    def get_layout(self) -> Any:
        """A crispy Layout, or None for the fields one below the other."""
        return None

    def raw_params(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What was given, as this form takes it again: what may be written down, and secrets."""
        plain: dict[str, Any] = {}
        secret: dict[str, Any] = {}
        for name, field in self.fields.items():
            key = self.add_prefix(name)
            value = field.widget.value_from_datadict(self.data, self.files, key)
            if value in (None, "", False):
                continue
            (secret if name in self.secret_fields else plain)[name] = value
        return plain, secret


def clean_params(
    form_class: type[OperationForm] | None,
    raw: dict[str, Any],
    actor: Actor,
    targets: Sequence[Any],
    given: Mapping[str, Any] | None = None,
    common: dict[Any, Any] | None = None,
) -> tuple[dict[str, Any], str]:
    """Cleaned parameters, and what is wrong with them in one line ("" if nothing is)."""
    if form_class is None:
        return {}, ""
    form = form_class(data=raw, actor=actor, targets=targets, given=given, common=common)
    if form.is_valid():
        return form.cleaned_data, ""
    lines = [
        f"{form.fields[name].label or name}: {error}" if name in form.fields else str(error)
        for name, errors in form.errors.items()
        for error in errors
    ]
    return {}, "; ".join(lines)

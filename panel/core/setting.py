"""What an administrator sets for the whole installation: declared by apps, typed, stored as a row.

An app declares a setting once, in a module that is imported when the apps are ready, and asks it:

    KEEP_DAYS = setting.declare(setting.Number("keep_days", "removal", _("Keep"), 14, least=0))
    ...
    KEEP_DAYS.get()

The page, the API, the command line and the activity log follow from the declaration.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from panel.core.access import Actor

T = TypeVar("T")
Text = str | Promise
MAX_LINES = 10_000


class SettingsQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor | None) -> Self:
        """The administrator's, and of its users those that were not given some subscriptions."""
        if actor is None or not actor.is_administrator or actor.subscriptions is not None:
            return self.none()
        return self.all()


class Settings(models.Model):
    """The one row of values, by the name of the setting. What has its default is not in it: so a
    later release's better default reaches whoever never chose another."""

    stored = models.JSONField(default=dict, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = SettingsQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="core_settings_one_row")
        ]

    def __str__(self) -> str:
        return str(_("Settings"))

    @property
    def values(self) -> dict[str, Any]:
        """All settings that are declared, with the values that hold: what the API shows."""
        found = ((name, one.of(self.stored)) for name, one in sorted(declared.items()))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found}


PK = 1


@dataclass(frozen=True)
class Section:
    """Settings that stand together on a page of their own."""

    name: str
    label: Text
    text: Text = ""
    order: int = 100


class Setting(Generic[T]):
    """One value that an administrator sets. Subclasses know its type and the field that asks.

    `get()` costs a look-up by key once in a request or a chunk of a run, and one each elsewhere:
    no process ever goes on with a value that another one has changed.
    """

    def __init__(
        self,
        name: str,
        section: str,
        label: Text,
        default: T,
        help_text: Text = "",
        *,
        group: Text = "",
    ) -> None:
        self.name, self.section, self.label = name, section, label
        self._default, self.help_text = default, help_text
        # Those of a section that belong closer together, under a heading of their own.
        self.group = group
        self.after: Callable[[], None] | None = None

    def get(self) -> T:
        """The value that holds now."""
        return self.of(current())

    def of(self, stored: Mapping[str, Any]) -> T:
        """The value among stored ones."""
        if self.name in stored:
            return self.typed(stored[self.name])
        return self.default

    @property
    def default(self) -> T:
        return self._default

    def typed(self, value: Any) -> T:
        """A value as JSON has it, in its own type."""
        return value

    def plain(self, value: Any) -> Any:
        """A value that the field has cleaned, as JSON has it."""
        return value

    def is_default(self, value: Any) -> bool:
        return bool(self.typed(self.plain(value)) == self.default)

    def field(self) -> forms.Field:
        """The form field that asks for it."""
        raise NotImplementedError

    def _common(self) -> dict[str, Any]:
        return {"label": self.label, "help_text": self.help_text}


class Number(Setting[int]):
    """A whole number between two bounds."""

    def __init__(self, *args: Any, least: int = 0, most: int = 1_000_000, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._least, self._most = least, most

    def field(self) -> forms.Field:
        return forms.IntegerField(
            min_value=self._least, max_value=self._most, initial=self.default, **self._common()
        )


class Flag(Setting[bool]):
    """Yes or no."""

    def field(self) -> forms.Field:
        return forms.BooleanField(required=False, initial=self.default, **self._common())


class Choice(Setting[str]):
    """One of a few words."""

    def __init__(self, *args: Any, choices: Sequence[tuple[str, Text]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices = choices

    def field(self) -> forms.Field:
        return forms.ChoiceField(
            choices=list(self._choices), initial=self.default, **self._common()
        )


class Words(Setting[str]):
    """A text. Left empty it is the default, in the language of whoever reads it."""

    def __init__(
        self,
        *args: Any,
        most: int = 255,
        is_long: bool = False,
        check: Callable[[str], None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._most, self._is_long, self._check = most, is_long, check

    @property
    def default(self) -> str:
        return str(self._default).strip()

    def plain(self, value: Any) -> str:
        # Browsers end lines as RFC 5322 does; what is stored does not depend on who typed it.
        return str(value).replace("\r\n", "\n").strip() or self.default

    def field(self) -> forms.Field:
        widget = forms.Textarea(attrs={"rows": 10}) if self._is_long else forms.TextInput()
        checks = [self._check] if self._check else []
        return forms.CharField(
            required=False,
            max_length=self._most,
            widget=widget,
            validators=checks,
            **self._common(),
        )


class Lines(Setting[tuple[str, ...]]):
    """Several words, one a line, each cleaned by `clean` (ValidationError says what is wrong)."""

    def __init__(self, *args: Any, clean: Callable[[str], str] = str.strip, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clean = clean

    def typed(self, value: Any) -> tuple[str, ...]:
        return tuple(value)

    def plain(self, value: Any) -> list[str]:
        return list(value)

    def field(self) -> forms.Field:
        return LinesField(clean=self._clean, required=False, **self._common())


class LinesField(forms.CharField):
    """Words, one a line; each once, in order. Programs give and get a list."""

    json_schema = {
        "type": "array",
        "items": {"type": "string", "maxLength": 255},
        "maxItems": MAX_LINES,
    }

    def __init__(self, *, clean: Callable[[str], str], **kwargs: Any) -> None:
        self._clean_line = clean
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), max_length=500_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, (list, tuple)) else value

    def from_json(self, value: Any) -> str:
        # A text is what the command line has: words apart from each other by commas or spaces;
        # none of them is nothing at all.
        value = "" if value is None else value
        if isinstance(value, str):
            value = value.replace(",", " ").split()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise TypeError(str(_("A list of texts is needed here.")))
        return "\n".join(value)

    def clean(self, value: Any) -> tuple[str, ...]:
        text = super().clean(value)
        found: dict[str, None] = {}
        wrong = []
        for line in text.splitlines():
            if not line.strip():
                continue
            try:
                found[self._clean_line(line.strip())] = None
            except ValidationError as error:
                wrong.append(f"{line.strip()[:60]}: {' '.join(error.messages)}")
        if wrong or len(found) > MAX_LINES:
            raise ValidationError(wrong[:20] or _("At most %(n)s lines.") % {"n": MAX_LINES})
        return tuple(found)


declared: dict[str, Setting[Any]] = {}
sections: dict[str, Section] = {}
# The fields of all settings, by name: those of the form that edits them.
fields: dict[str, forms.Field] = {}

S = TypeVar("S", bound=Setting[Any])


def section(name: str, label: Text, text: Text = "", order: int = 100) -> Section:
    """Declare a page of settings."""
    if name in sections:
        raise ValueError(f"section {name!r} is declared twice")
    sections[name] = Section(name, label, text, order)
    return sections[name]


def declare(one: S, after: Callable[[], None] | None = None) -> S:
    """Make a setting known to all doors; `after` follows each change, in its transaction."""
    if one.name in declared:
        raise ValueError(f"setting {one.name!r} is declared twice")
    declared[one.name], one.after = one, after
    fields[one.name] = one.field()
    return one


def of_section(name: str) -> list[Setting[Any]]:
    """The settings of a page, in the order in which they were declared."""
    return [one for one in declared.values() if one.section == name]


# What was read in this request or chunk; None outside of one.
_read: ContextVar[dict[str, dict[str, Any]] | None] = ContextVar("settings_read", default=None)


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """While this lasts (a request, a chunk of a run), the row is read at most once."""
    if _read.get() is not None:
        yield
        return
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def current() -> dict[str, Any]:
    """The stored values."""
    read = _read.get()
    if read is not None and "stored" in read:
        return read["stored"]
    stored = Settings.objects.filter(pk=PK).values_list("stored", flat=True).first() or {}
    if read is not None:
        read["stored"] = stored
    return stored


def store(**values: Any) -> None:
    """Write values, as their fields have cleaned them, and raise the version."""
    row = Settings.objects.select_for_update().get_or_create(pk=PK)[0]
    stored = {name: value for name, value in row.stored.items() if name in declared}
    for name, value in values.items():
        if declared[name].is_default(value):
            stored.pop(name, None)
        else:
            stored[name] = declared[name].plain(value)
    Settings.objects.filter(pk=PK).update(stored=stored, version=models.F("version") + 1)
    if (read := _read.get()) is not None:
        read.clear()
    for follow in dict.fromkeys(declared[name].after for name in values):
        if follow is not None:
            follow()


def make_row(**_kwargs: Any) -> None:
    """After a migration: the row that operations lock and change."""
    Settings.objects.get_or_create(pk=PK)

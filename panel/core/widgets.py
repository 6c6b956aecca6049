"""Form controls that are made without a template."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.safestring import SafeString

from panel.core.markup import attribute, safe


class QuickSelect(forms.Select):
    """A select of some hundred options. Django renders two templates for each of them: with all
    operations or all time zones to choose from, that was half of a page's time."""

    def render(
        self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """The same markup as Django's, for choices with or without groups."""
        chosen = set(self.format_value(value))
        own = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        body = _body(_hashable(self.choices), frozenset(chosen))
        # Each part was escaped by safe(), attribute() or flatatt().
        return SafeString(f"<select{flatatt(own)}>{body}</select>")


def _hashable(choices: Iterable[Any]) -> tuple[Any, ...]:
    """Choices, and those of groups among them, as tuples."""
    return tuple(
        (value, _hashable(label)) if isinstance(label, list | tuple) else (value, label)
        for value, label in choices
    )


@lru_cache(maxsize=64)
def _body(choices: tuple[Any, ...], chosen: frozenset[str]) -> str:
    """Remembered: the same choices are offered on every page of a list. Labels that are translated
    late are equal only where they read the same."""
    return "".join(_options(choices, chosen))


def _options(choices: Iterable[Any], chosen: frozenset[str]) -> Iterable[str]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            inside = "".join(_options(label, chosen))
            yield f'<optgroup label="{safe(value)}">{inside}</optgroup>'
            continue
        text = "" if value is None else str(value)
        selected = " selected" if text in chosen else ""
        yield f"<option value={attribute(text)}{selected}>{safe(label)}</option>"

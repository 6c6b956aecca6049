"""What is typed on a command line, as the plain values that `door` takes."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _

from panel.core import door
from panel.core.access import Actor
from panel.core.operations import Operation

_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0", ""}


def from_text(form_field: forms.Field, text: str) -> Any:
    """The plain value that a text means for this field. What it cannot mean stays a text: `door`
    then says what is wrong with it."""
    if isinstance(form_field, (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)):
        parts = [part for part in text.split(",") if part]
        is_rows = isinstance(form_field, forms.ModelMultipleChoiceField)
        return [_number(part) for part in parts] if is_rows else parts
    if isinstance(form_field, forms.BooleanField):
        word = text.strip().lower()
        return word in _YES if word in _YES | _NO else text
    if text == "":
        return None
    if isinstance(form_field, (forms.FloatField, forms.DecimalField)):
        try:
            return float(text)
        except ValueError:
            return text
    if isinstance(form_field, (forms.IntegerField, forms.ModelChoiceField)):
        return _number(text)
    return text


def _number(text: str) -> Any:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else text


def fields_of(operation: Operation, actor: Actor, targets: Sequence[Any]) -> dict[str, forms.Field]:
    """All parameters of an operation for these targets: those for all, and those for each."""
    shown = list(targets[: door.FORM_TARGETS])
    found: dict[str, forms.Field] = {}
    if operation.item_form_class is not None:
        found |= door.blank_form(operation.item_form_class, actor, shown[:1]).fields
    if operation.form_class is not None:
        found |= door.blank_form(operation.form_class, actor, shown).fields
    return found


def values_of(fields: dict[str, forms.Field], typed: dict[str, str]) -> dict[str, Any]:
    """Typed texts as plain values; unknown names stay, for `door` to name them."""
    return {
        name: from_text(fields[name], text) if name in fields else text
        for name, text in typed.items()
    }


def target_of(rows: models.QuerySet, actor: Actor, text: str) -> int | str:
    """The row that somebody means by a number, a username or an external id; the text if none."""
    if (pk := door.parse_id(text)) is not None:
        return pk
    pk = None
    if door.has_field(rows.model, "username") and "\x00" not in text:
        pk = rows.filter(username=text.lower()).values_list("pk", flat=True).first()
    if pk is None:
        pk = door.by_external_id(rows, actor, text.removeprefix(door.EXTERNAL))
    return text if pk is None else pk


def pair(text: str) -> tuple[str, str]:
    """NAME=VALUE, taken apart."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise door.BadInput({text: [_("NAME=VALUE is needed here.")]})
    return name, value


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Each NAME=VALUE; a name twice is a mistake."""
    found: dict[str, str] = {}
    for text in texts:
        name, value = pair(text)
        if name in found:
            raise door.BadInput({name: [_("This is given twice.")]})
        found[name] = value
    return found


def items_of(texts: Sequence[str]) -> dict[int, dict[str, str]]:
    """Each ID:NAME=VALUE, by id."""
    found: dict[int, dict[str, str]] = {}
    for text in texts:
        target, _colon, rest = text.partition(":")
        pk = door.parse_id(target)
        if pk is None:
            raise door.BadInput({text: [_("ID:NAME=VALUE is needed here.")]})
        name, value = pair(rest)
        if name in found.setdefault(pk, {}):
            raise door.BadInput({text: [_("This is given twice.")]})
        found[pk][name] = value
    return found

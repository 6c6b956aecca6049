"""What the API and the command line share: plain values to an operation's own forms, and back."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext as _

from panel.core import chunks
from panel.core.access import Actor
from panel.core.operations import Noun, Operation, nouns, operations

MAX_ID = 2**63 - 1
# A form's choices may depend on its targets; it is shown this many of them, as on the pages.
FORM_TARGETS = 20
EXTERNAL = "external:"
_AGAIN = "_again"


class BadInput(Exception):
    """What was given cannot be taken: words for each parameter; "*" stands for all of them."""

    def __init__(
        self, fields: Mapping[str, Sequence[str]] | None = None, message: str = ""
    ) -> None:
        self.fields = {name: list(words) for name, words in (fields or {}).items()}
        self.message = message or _("Some values are not valid.")
        super().__init__(self.message)


class _Wrong(Exception):
    """A value is not of the kind that its field takes."""


@dataclass
class Given:
    """Parameters as forms take them again: to be written down, secrets, those of each target."""

    params: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    # The same, cleaned: what a rehearsal hands to `check`.
    cleaned: dict[str, Any] = field(default_factory=dict)
    cleaned_items: dict[int, dict[str, Any]] = field(default_factory=dict)


def read(
    operation: Operation,
    actor: Actor,
    targets: Sequence[Any],
    values: Mapping[str, Any],
    items: Mapping[int, Mapping[str, Any]] | None = None,
    *,
    alike: bool = False,
) -> Given:
    """Parameters from plain values (as JSON has them), through the operation's own forms.

    A parameter of the form for each target may be given for all of them, among `values`; `items`
    then holds the exceptions. What is not given keeps the value that the page would show.
    `alike`: they are too many for forms of their own; the same is asked of all, as on their page.
    """
    form_class, item_class = operation.form_class, operation.item_form_class
    shown = list(targets[:FORM_TARGETS])
    blank = blank_form(form_class, actor, shown) if form_class else None
    blank_item = blank_form(item_class, actor, shown[:1], values) if item_class else None
    own = set(blank.fields) if blank else set()
    each = set(blank_item.fields) if blank_item else set()
    errors = {
        name: [_("There is no such parameter here.")] for name in values if name not in own | each
    }
    given = Given()
    if blank is not None:
        # What is for one target proposes that one's values; where there is none, it is missing.
        one = shown if len(targets) == 1 else []
        initial = operation.initial(actor, one) if one or operation.bulk else {}
        form, wrong = _fill(blank, {k: v for k, v in values.items() if k in own}, initial)
        errors.update(wrong)
        given.params, given.secrets = form.raw_params()
        given.cleaned = getattr(form, "cleaned_data", {})
    if item_class is not None:
        shared = {k: v for k, v in values.items() if k in each}
        if alike:
            errors.update(_read_alike(operation, actor, shown, shared, given))
        else:
            errors.update(_read_items(operation, actor, targets, shared, items or {}, given))
    elif items:
        errors["items"] = [_("This takes no parameters for single objects.")]
    if errors:
        raise BadInput(errors)
    return given


def blank_form(
    form_class: Any,
    actor: Actor,
    targets: Sequence[Any],
    given: Mapping[str, Any] | None = None,
    common: dict[Any, Any] | None = None,
) -> Any:
    """An operation's form, to look at its fields. (An OperationForm, whatever the declaration.)"""
    return form_class(actor=actor, targets=targets, given=given, common=common)


def _read_items(
    operation: Operation,
    actor: Actor,
    targets: Sequence[Any],
    shared: Mapping[str, Any],
    items: Mapping[int, Mapping[str, Any]],
    given: Given,
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    common: dict[Any, Any] = {}
    for target in targets:
        blank = blank_form(operation.item_form_class, actor, [target], given.params, common)
        values = {**shared, **items.get(target.pk, {})}
        prefix = f"items.{target.pk}." if target.pk in items else ""
        for name in set(values) - set(blank.fields):
            errors[f"{prefix}{name}"] = [_("There is no such parameter here.")]
        known = {name: value for name, value in values.items() if name in blank.fields}
        form, wrong = _fill(blank, known, operation.item_initial(actor, target), common)
        errors.update({f"{prefix}{name}": words for name, words in wrong.items()})
        given.items[target.pk] = form.raw_params()[0]
        given.cleaned_items[target.pk] = getattr(form, "cleaned_data", {})
    return errors


def _read_alike(
    operation: Operation,
    actor: Actor,
    targets: Sequence[Any],
    shared: Mapping[str, Any],
    given: Given,
) -> dict[str, list[str]]:
    """One answer for all of many: what is not given is as a page of several shows it. What fits
    one of them and not another is found when its turn comes, and refused there."""
    blank = blank_form(operation.item_form_class, actor, targets, given.params)
    form, wrong = _fill(blank, shared, operation.items_initial(actor, targets))
    given.params[chunks.FOR_ALL] = form.raw_params()[0]
    return wrong


def _fill(
    blank: Any,
    values: Mapping[str, Any],
    initial: Mapping[str, Any],
    common: dict[Any, Any] | None = None,
) -> tuple[Any, dict[str, list[str]]]:
    """The form filled in, and what is wrong with it by field."""
    raw: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, form_field in blank.fields.items():
        if name in values and form_field.disabled:
            errors[name] = [_("This cannot be set here.")]
            continue
        try:
            if name in values:
                value = as_raw(form_field, values[name])
            elif is_repetition(blank, name):
                # Typing a password twice is against slips of the hand; a program has none.
                value = raw.get(name.removesuffix(_AGAIN))
            else:
                value = _left_as_is(blank, name, initial)
        except _Wrong as wrong:
            errors[name] = [str(wrong)]
            continue
        if value not in (None, "", False, []):
            raw[name] = value
    about = {"actor": blank.actor, "targets": blank.targets, "given": blank.given}
    form = type(blank)(data=raw, **about, common=common)
    for name, words in form.errors.items():
        key = "*" if name == "__all__" else name
        errors.setdefault(key, [str(error) for error in words])
    return form, errors


def is_repetition(form: Any, name: str) -> bool:
    """Whether a field only asks for the same once more; on `form`, an instance or a class."""
    return name.endswith(_AGAIN) and name.removesuffix(_AGAIN) in getattr(form, "secret_fields", ())


def _left_as_is(blank: Any, name: str, initial: Mapping[str, Any]) -> Any:
    """The value of a parameter that was not given.

    What the operation proposes (on an edit: the values as they are), so that leaving a field out
    never clears it. A field's own default counts where "nothing" would mean something else: an
    unticked box, or an answer that is required.
    """
    form_field = blank.fields[name]
    if name in getattr(blank, "secret_fields", ()):
        return None
    value = initial.get(name)
    if value is None and (form_field.required or isinstance(form_field, forms.BooleanField)):
        value = form_field.initial
    if callable(value):
        value = value()
    return _stored(form_field.prepare_value(value))


def _stored(value: Any) -> Any:
    """A Python value as a form would have been sent it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, models.QuerySet)):
        return [_stored(one) for one in value]
    return str(value)


def as_raw(form_field: forms.Field, value: Any) -> Any:
    """A JSON value as the field would have been sent it by a page; _Wrong if it is of another kind.

    Strict on purpose: "false", 1.0 or "12" for a number are mistakes of whoever sent them, and a
    guess would be wrong for one of them. A field with `from_json` says itself what it takes.
    """
    if hasattr(form_field, "from_json"):
        try:
            return form_field.from_json(value)
        except (TypeError, ValueError) as error:
            raise _Wrong(str(error)) from None
    if value is None:
        return None
    if isinstance(form_field, (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)):
        if not isinstance(value, list) or len(value) > 1000:
            raise _Wrong(_("A list is needed here."))
        is_rows = isinstance(form_field, forms.ModelMultipleChoiceField)
        return [_number(one) if is_rows else _text(one) for one in value]
    if isinstance(form_field, forms.BooleanField):
        if not isinstance(value, bool):
            raise _Wrong(_("true or false is needed here."))
        return value
    if isinstance(form_field, (forms.FloatField, forms.DecimalField)):
        return _decimal(value)
    if isinstance(form_field, forms.IntegerField):
        return _number(value)
    if isinstance(form_field, forms.ModelChoiceField):
        return _number(value)
    if isinstance(form_field, (forms.DateField, forms.DateTimeField)):
        return _moment(form_field, value)
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(_("A text is needed here."))
    return value


def _number(value: Any) -> str:
    # bool is a kind of int in Python.
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong(_("A whole number is needed here."))
    if abs(value) > MAX_ID:
        raise _Wrong(_("This number is out of range."))
    return str(value)


def _decimal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Wrong(_("A number is needed here."))
    # In this order: a whole number of 400 digits is no float at all.
    if abs(value) > MAX_ID or not math.isfinite(value):
        raise _Wrong(_("This number is out of range."))
    return str(value)


def _moment(form_field: forms.Field, value: Any) -> str:
    is_day = isinstance(form_field, forms.DateField)
    try:
        # Of the forms that ISO 8601 has, the one that nobody mistakes.
        if is_day and re.fullmatch(r"\d{4}-\d\d-\d\d", _text(value), re.ASCII):
            return date.fromisoformat(value).isoformat()
        if not is_day:
            return datetime.fromisoformat(_text(value)).isoformat()
    except ValueError:
        pass
    if is_day:
        raise _Wrong(_("A date like 2030-12-31 is needed here."))
    raise _Wrong(_("A moment like 2030-12-31T23:59:00+00:00 is needed here."))


def parse_id(text: str) -> int | None:
    """A row's number, or None. ASCII only: '²'.isdigit() is true, and int('٣') is 3."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if 0 < number <= MAX_ID else None


def has_field(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def by_external_id(rows: models.QuerySet, actor: Actor, text: str) -> int | None:
    """The row that billing knows by this id; the actor's own first, being unique per provider."""
    if not text or len(text) > 100 or "\x00" in text or not has_field(rows.model, "external_id"):
        return None
    found = list(rows.filter(external_id=text).order_by("pk")[:2])
    if len(found) == 2 and has_field(rows.model, "provider"):
        found = list(rows.filter(external_id=text, provider_id=actor.account_id)[:2])
    return found[0].pk if len(found) == 1 else None


def maker_of(noun: str) -> Operation | None:
    """The operation that makes objects of a noun: the one on an account, if there is one."""
    makers = [op for op in operations.values() if op.creates == noun and not op.hidden]
    on_account = [op for op in makers if op.noun == "account"]
    return next(iter(on_account or makers), None)


def existing(
    operation: Operation, actor: Actor, parent: int, params: Mapping[str, Any]
) -> int | None:
    """What a create with this external id has made before, below the same parent.

    Billing sends a create again when it does not know what became of the first one.
    """
    external_id = params.get("external_id")
    if not operation.creates or not isinstance(external_id, str) or not external_id.strip():
        return None
    if len(external_id) > 100 or "\x00" in external_id:
        return None
    made: Noun = nouns[operation.creates]
    if not (has_field(made.model, "external_id") and has_field(made.model, "provider")):
        return None
    rows = made.visible_to(actor).filter(provider_id=parent, external_id=external_id.strip())
    if has_field(made.model, "removing_at"):
        # One that was removed is no answer: the operation refuses, and offers to restore it.
        rows = rows.filter(removing_at=None)
    return rows.values_list("pk", flat=True).first()


def resolve(
    rows: models.QuerySet, actor: Actor, named: Iterable[int | str]
) -> tuple[list[int], list[str]]:
    """Numbers of rows from numbers and `external:` ids, and the names that belong to none.

    A number that belongs to no row stays: the operation answers "missing" for it.
    """
    found: list[int] = []
    unknown: list[str] = []
    for one in named:
        if isinstance(one, int):
            pk = one if 0 < one <= MAX_ID else None
        else:
            pk = by_external_id(rows, actor, one.removeprefix(EXTERNAL))
        if pk is None:
            unknown.append(str(one))
        else:
            found.append(pk)
    return list(dict.fromkeys(found)), unknown

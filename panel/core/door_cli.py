"""What `manage.py operate` does between its arguments and its output."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.utils.translation import gettext as _

from panel.core import door, door_answers, door_lists, door_text, runs
from panel.core.access import Actor, Role
from panel.core.operations import Operation, operations
from panel.core.work import State

DOOR = "cli"


def actor_named(username: str | None) -> Actor:
    """The actor that this user is now. Required: nothing is done on nobody's behalf.

    A suspended, removed or inactive one is refused as at every door, and an additional user is cut
    down to its role.
    """
    if not username:
        raise door.BadInput({"--as": [_("Say on whose behalf: --as USERNAME.")]})
    rows = get_user_model()._base_manager.filter(username=username.lower())
    pk = rows.values_list("pk", flat=True).first()
    # The least of all roles: what this user really may is read anew by `revalidate`.
    nobody = Actor(
        role=Role.CUSTOMER,
        account_id=0,
        username=username,
        user_id=pk,
        door=DOOR,
        request_id=secrets.token_hex(8),
    )
    actor = runs.revalidate(nobody) if pk is not None else None
    if actor is None:
        words = _("There is no such user, or it may not act: it is suspended, removed or inactive.")
        raise door.BadInput({"--as": [words]})
    return actor


def operation_of(noun: str | None, verb: str | None) -> Operation:
    """The operation of these two words; `customer add` is short for what makes customers."""
    found = operations.get(f"{noun}.{verb}")
    if found is None and verb == "add":
        found = door.maker_of(noun or "")
    if found is None or found.hidden:
        words = _("There is no such operation. See operate --list.")
        raise door.BadInput({f"{noun or ''} {verb or ''}".strip() or "operate": [words]})
    return found


@dataclass
class Selection:
    """On what it is done: rows by number, or all that a filter matches."""

    ids: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    # Of a filter; None where the targets were named.
    rows: Any = None
    # What forms are shown of it.
    shown: list[Any] = field(default_factory=list)
    is_own_account: bool = False


def select(
    operation: Operation,
    actor: Actor,
    named: Sequence[str],
    filters: dict[str, str],
    *,
    is_all: bool,
) -> Selection:
    """What was meant. Nothing named and nothing filtered is a mistake, never everything."""
    if is_all != bool(filters) or (is_all and named):
        words = _("Name the targets, or give --all together with --filter NAME=VALUE.")
        raise door.BadInput({"targets": [words]})
    visible = operation.visible(actor)
    if is_all:
        if operation.creates or not operation.bulk:
            raise door.BadInput({"--all": [_("This is done to one object at a time.")]})
        # The lists become known as the addresses of their pages are read.
        import_module(settings.ROOT_URLCONF)
        rows = door_lists.matching(operation, actor, dict(filters))
        if operation.item_form_class is None:
            return Selection(rows=rows, shown=list(rows.order_by("pk")[: door.FORM_TARGETS]))
        found = list(rows.order_by("pk"))
        return Selection(ids=[row.pk for row in found], shown=found)
    is_own = not named and operation.noun == "account"
    targets = (
        [actor.account_id] if is_own else [door_text.target_of(visible, actor, t) for t in named]
    )
    if not targets:
        raise door.BadInput({"targets": [_("Say to which: numbers, usernames or external ids.")]})
    if len(targets) > 1 and (operation.creates or not operation.bulk):
        raise door.BadInput({"targets": [_("This is done to one object at a time.")]})
    ids = list(dict.fromkeys(t for t in targets if isinstance(t, int)))
    found_rows = visible.in_bulk(ids)
    shown = [found_rows[pk] for pk in ids if pk in found_rows]
    return Selection(ids, [t for t in targets if isinstance(t, str)], None, shown, is_own)


def made_before(
    operation: Operation, actor: Actor, selection: Selection, values: dict[str, Any]
) -> dict[str, Any] | None:
    """The answer where a create with this external id has made something already."""
    if not (operation.creates and selection.shown):
        return None
    found = door.existing(operation, actor, selection.shown[0].pk, values)
    return None if found is None else door_answers.of_existing(found)


def carry_out(
    operation: Operation, actor: Actor, selection: Selection, given: door.Given, *, is_dry: bool
) -> dict[str, Any]:
    """Do it here and now, however many there are; the answer is the API's."""
    if selection.is_own_account and operation.creates:
        selection.ids = [operation.parent_of(actor, given.cleaned)]
    if is_dry:
        return _rehearsed(operation, actor, selection, given)
    if selection.rows is not None:
        return _on_matching(operation, actor, selection, given)
    ids = selection.ids
    if not ids:
        told = door_answers.empty()
        door_answers.add_unknown(told, selection.unknown)
        return told
    outcome = runs.perform(
        operation, actor, ids, params=given.params, items=given.items, secrets=given.secrets
    )
    return door_answers.of_outcome(outcome, selection.unknown)


def _on_matching(
    operation: Operation, actor: Actor, selection: Selection, given: door.Given
) -> dict[str, Any]:
    try:
        run = runs.start_matching(
            operation, actor, selection.rows, params=given.params, state=State.RUNNING
        )
    except EmptyResultSet:
        return door_answers.empty()
    return door_answers.of_outcome(runs.carry_out(run, actor, secrets=given.secrets))


def _rehearsed(
    operation: Operation, actor: Actor, selection: Selection, given: door.Given
) -> dict[str, Any]:
    ids = selection.ids
    if selection.rows is not None:
        ids = list(selection.rows.order_by("pk").values_list("pk", flat=True))
    told = door_answers.rehearse(operation, actor, ids, given, len(ids))
    door_answers.add_unknown(told, selection.unknown)
    return told


def described(noun: str | None, actor: Actor | None) -> list[dict[str, Any]]:
    """Operations with their parameters; with an actor those that it may do."""
    found = [
        op
        for op in operations.values()
        if not op.hidden
        and noun in {None, op.noun, op.creates}
        and (actor is None or op.may(actor))
    ]
    reader = actor or Actor(role=Role.ADMINISTRATOR, account_id=0, username="")
    return [
        {
            "noun": op.noun,
            "verb": op.verb,
            "label": str(op.label),
            "creates": op.creates,
            "parameters": _parameters(op, reader),
        }
        for op in sorted(found, key=lambda op: op.name)
    ]


def _parameters(operation: Operation, reader: Actor) -> list[dict[str, Any]]:
    secret = getattr(operation.form_class, "secret_fields", ())
    return [
        {
            "name": name,
            "label": str(form_field.label or ""),
            "required": form_field.required,
            "secret": name in secret,
            "choices": _choices(form_field),
        }
        for name, form_field in door_text.fields_of(operation, reader, []).items()
        if not (operation.form_class and door.is_repetition(operation.form_class, name))
    ]


def _choices(form_field: forms.Field) -> list[str]:
    if isinstance(form_field, forms.ModelChoiceField):
        return []
    values = [str(value) for value, _label in getattr(form_field, "choices", ()) if value != ""]
    return values if len(values) <= 12 else []

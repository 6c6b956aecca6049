"""Edits that cross: a form carries the version it was made of; a stale one is refused."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from accounts.models import User
from panel.core.access import Actor
from panel.core.log import Activity
from panel.core.operations import Step

# Entries that are looked through for what happened since a form was opened.
_BACK = 50


def refuse_stale(step: Step, kinds: Iterable[str], fields: Mapping[str, Any]) -> None:
    """Refuse targets of which somebody else changed one of these fields (name -> label) meanwhile.

    Who and what is read from the activity log: each edit writes the version that it made. Edits of
    other fields do not stand against this one.
    """
    given = step.params.get("version")
    if not given:
        return
    for target in step.open:
        if target.version > given:
            who, changed = _since(step.actor, list(kinds), target.pk, given, fields)
            if changed:
                step.refuse(target.pk, "changed_meanwhile", who=who, fields=", ".join(changed))


def _since(
    actor: Actor, kinds: list[str], pk: int, given: int, fields: Mapping[str, Any]
) -> tuple[str, list[str]]:
    entries = Activity.objects.filter(target_kind__in=kinds, target_id=pk).order_by("-pk")[:_BACK]
    people: dict[str, None] = {}
    now: dict[str, str] = {}
    for entry in entries:
        if entry.new.get("version", 0) <= given:
            continue
        for name, value in entry.new.items():
            if name in fields:
                people[_name(actor, entry.real_name or entry.actor_name)] = None
                now.setdefault(name, _value(value))
    changed = [_change(fields[name], name, now[name]) for name in fields if name in now]
    return ", ".join(people), changed


def _change(label: Any, name: str, value: str) -> str:
    """A field with its present value, so that both stand on the page; never a password's."""
    if name == "password":
        return str(label)
    return _("%(field)s (now “%(value)s”)") % {"field": label, "value": value}


def _value(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _name(actor: Actor, username: str) -> str:
    """A person's name as far as the reader may know it: nobody learns the logins above."""
    whole = replace(actor, areas=None)
    if User.objects.visible_to(whole).filter(username=username).exists():
        return username
    return _("The administrator") if actor.is_reseller else _("Your provider")


def edit(rows: models.QuerySet, target: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Write the values that differ and raise the version; returns the old ones, {} if none do."""
    old = {name: getattr(target, name) for name in values if getattr(target, name) != values[name]}
    if old:
        new = {name: values[name] for name in old}
        rows.filter(pk=target.pk).update(**new, version=models.F("version") + 1)
    return old

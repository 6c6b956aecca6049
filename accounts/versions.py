"""Edits that cross: a form carries the version it was made of; a stale one is refused."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from panel.core import reasons
from panel.core.access import Actor
from panel.core.log import Activity
from panel.core.operations import Step

reasons.declare(
    edited=gettext_lazy("Somebody changed this meanwhile. Check the values and save again."),
)
# Entries that are looked through for what happened since a form was opened.
_BACK = 50


@dataclass(frozen=True)
class Told:
    """How a field is told of whose values do not read well as they are stored."""

    label: Any
    words: Callable[[Any], Any]


def refuse_stale(
    step: Step, kinds: Iterable[str], fields: Mapping[str, Any], *, is_whole: bool = False
) -> None:
    """Refuse targets of which somebody else changed one of these fields (name -> label, or Told)
    meanwhile. A value inside a column reads "limits.domains".

    Who and what is read from the activity log: each edit writes the version that it made. Edits of
    other fields do not stand against this one. `is_whole`: a version that no entry tells of does,
    too, because not everything that changes such a row has an entry about it.
    """
    given = step.params.get("version")
    if not given:
        return
    for target in step.open:
        if target.version <= given:
            continue
        who, changed, versions = _since(step.actor, list(kinds), target.pk, given, fields)
        if changed:
            step.refuse(target.pk, "changed_meanwhile", who=who, fields=", ".join(changed))
        elif is_whole and not versions.issuperset(range(given + 1, target.version + 1)):
            step.refuse(target.pk, "edited")


def _since(
    actor: Actor, kinds: list[str], pk: int, given: int, fields: Mapping[str, Any]
) -> tuple[str, list[str], set[int]]:
    entries = Activity.objects.filter(target_kind__in=kinds, target_id=pk).order_by("-pk")[:_BACK]
    people: dict[str, None] = {}
    now: dict[str, Any] = {}
    versions: set[int] = set()
    for entry in entries:
        if entry.new.get("version", 0) <= given:
            continue
        versions.add(entry.new["version"])
        old, new = _flat(entry.old), _flat(entry.new)
        for name, value in new.items():
            if name in fields and (name not in old or old[name] != value):
                people[_name(actor, entry.real_name or entry.actor_name)] = None
                now.setdefault(name, value)
    changed = [_change(fields[name], name, now[name]) for name in fields if name in now]
    return ", ".join(people), changed, versions


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with those inside a column beside the others."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = value.items() if isinstance(value, dict) else ()
        found |= {f"{name}.{key}": one for key, one in inside} or {name: value}
    return found


def _change(told: Any, name: str, value: Any) -> str:
    """A field with its present value, so that both stand on the page; never a password's."""
    label = told.label if isinstance(told, Told) else told
    if name == "password":
        return str(label)
    words = told.words(value) if isinstance(told, Told) else value
    return _("%(field)s (now “%(value)s”)") % {"field": label, "value": _value(words)}


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

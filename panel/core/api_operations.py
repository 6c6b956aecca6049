"""Doing through the API: one object, many, a new one. The same operations as every other door."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet, PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _

from panel.core import door, door_answers, runs
from panel.core.access import Actor
from panel.core.api_idempotency import once
from panel.core.api_json import ApiError, answer, body_of, error_answer, invalid, not_found
from panel.core.api_lists import require_writing, row_id
from panel.core.bulk import BulkRun
from panel.core.door_lists import matching
from panel.core.http import PanelRequest
from panel.core.operations import Operation, Result, nouns
from panel.core.work import State

API_ROOT = "/api/v1"
MAX_IDS = 10_000
# Parameters of their own for each target: every one of them is a form.
MAX_ITEMS = 1000
# Of what is rehearsed, or has forms of its own.
LOOKED_AT = max(MAX_ITEMS, door_answers.CHECKED)


@dataclass
class Asked:
    """A request for an operation, taken apart."""

    request: PanelRequest
    actor: Actor
    values: dict[str, Any]
    dry_run: bool

    @classmethod
    def of(cls, request: PanelRequest) -> "Asked":
        actor = request.actor
        require_writing(actor)
        values = body_of(request)
        return cls(request, actor, values, _dry_run(request, values))


def _dry_run(request: PanelRequest, values: dict[str, Any]) -> bool:
    given = values.pop("dry_run", False)
    if not isinstance(given, bool):
        raise invalid({"dry_run": [_("true or false is needed here.")]})
    unknown = {key: [_("There is no such parameter.")] for key in request.GET if key != "dry_run"}
    if unknown:
        raise invalid(unknown)
    text = request.GET.get("dry_run", "false")
    if text not in {"true", "false"} or len(request.GET.getlist("dry_run")) > 1:
        raise invalid({"dry_run": [_("true or false is needed here.")]})
    return given or text == "true"


def on_one(operation: Operation, request: PanelRequest, text: str) -> HttpResponse:
    """POST of an operation on one object."""
    asked = Asked.of(request)

    def act() -> HttpResponse:
        actor = asked.actor
        rows = operation.visible(actor)
        target = rows.filter(pk=row_id(rows, actor, text)).first()
        # What one may not see is not found, before the role is asked: 403 would tell it exists.
        if target is None:
            raise not_found()
        if not operation.may(actor):
            raise PermissionDenied
        version = _expected_version(request, target)
        _check_version(version, target)
        values = asked.values
        if version is not None and _takes_version(operation) and "version" not in values:
            values = {**values, "version": version}
        if found := door.existing(operation, actor, target.pk, values):
            return answer(door_answers.of_existing(found))
        given = door.read(operation, actor, [target], values)
        if asked.dry_run:
            return answer(door_answers.rehearse(operation, actor, [target.pk], given, 1))
        with transaction.atomic() if version is not None else nullcontext():
            if version is not None:
                # Locked as the operation itself does it: nobody gets in between check and change.
                operation.lock(actor, [target.pk])
                _check_version(version, rows.filter(pk=target.pk).first())
            outcome = _perform(operation, actor, [target.pk], given)
        return single_answer(operation, request, door_answers.of_outcome(outcome))

    if asked.dry_run:
        return act()
    return once(request, asked.actor, act, _from_run(operation, request, is_single=True))


def _takes_version(operation: Operation) -> bool:
    return operation.form_class is not None and "version" in operation.form_class.base_fields


def _expected_version(request: PanelRequest, target: Any) -> int | None:
    """The version in If-Match; None without one, -1 for a tag that no version can have."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    if not hasattr(target, "version"):
        raise invalid({"If-Match": [_("This object has no version.")]})
    found = re.fullmatch(r'"(\d{1,18})"', header.strip(), re.ASCII)
    return int(found[1]) if found else -1


def _check_version(version: int | None, target: Any) -> None:
    if target is None:
        raise not_found()
    if version is not None and target.version != version:
        raise ApiError(412, "changed_meanwhile", _("It was changed meanwhile. Read it again."))


def _perform(operation: Operation, actor: Actor, ids: list[int], given: door.Given) -> runs.Outcome:
    return runs.perform(
        operation, actor, ids, params=given.params, items=given.items, secrets=given.secrets
    )


def single_answer(
    operation: Operation, request: PanelRequest, told: dict[str, Any]
) -> HttpResponse:
    """The answer about one target: its result is the status."""
    if told[Result.MISSING]:
        return error_answer(request, not_found())
    for result, status in ((Result.REFUSED, 409), (Result.FAILED, 500)):
        if told[result]:
            first = told[result][0]
            request_id = getattr(request, "request_id", "-")
            error = {"code": first["code"], "message": first["reason"], "request_id": request_id}
            return answer({**told, "error": error}, status)
    if operation.creates and told["created"] is not None and told[Result.DONE]:
        place = f"{API_ROOT}/{nouns[operation.creates].plural}/{told['created']}"
        return answer(told, 201, {"Location": place})
    return answer(told)


def _from_run(
    operation: Operation, request: PanelRequest, *, is_single: bool
) -> Callable[[BulkRun], HttpResponse]:
    """The answer to a request whose first answer never got out, from the rows of its run."""

    def answer_run(run: BulkRun) -> HttpResponse:
        if run.state not in door_answers.OVER:
            return accepted(run, request.actor)
        told = door_answers.of_targets(run)
        return single_answer(operation, request, told) if is_single else answer(told)

    return answer_run


def accepted(run: BulkRun, actor: Actor) -> HttpResponse:
    """The worker carries it out; ask the run how far it is."""
    place = f"{API_ROOT}/runs/{run.pk}"
    return answer(door_answers.of_run(run, actor), 202, {"Location": place})


def on_many(operation: Operation, request: PanelRequest) -> HttpResponse:
    """POST of an operation on a selection: ids, items, or what a filter matches."""
    asked = Asked.of(request)
    if not operation.may(asked.actor):
        raise PermissionDenied
    if request.headers.get("If-Match") is not None:
        raise invalid({"If-Match": [_("This is for one object only.")]})
    values = dict(asked.values)
    filters, items = values.pop("filter", None), _items(values.pop("items", None))
    chosen = _ids(values.pop("ids", None), items)
    if (chosen is None) == (filters is None):
        words = _("Say which: either `ids` or `filter`.")
        raise invalid({"ids": [words]})

    def act() -> HttpResponse:
        if filters is not None:
            if items:
                raise invalid({"items": [_("Single objects are named by ids, not by a filter.")]})
            return _on_matching(operation, asked, values, filters)
        return _on_ids(operation, asked, values, chosen or [], items)

    if asked.dry_run:
        return act()
    return once(request, asked.actor, act, _from_run(operation, request, is_single=False))


def _ids(given: Any, items: dict[str, Any]) -> list[int | str] | None:
    """The named targets: numbers, and `external:` ids; None if none are named."""
    if given is None:
        return [int(key) for key in items] or None
    if not isinstance(given, list) or not 0 < len(given) <= MAX_IDS:
        raise invalid({"ids": [_("A list of 1 to 10,000 ids is needed here.")]})
    for one in given:
        is_number = isinstance(one, int) and not isinstance(one, bool) and 0 < one <= door.MAX_ID
        if not is_number and not (isinstance(one, str) and one.startswith(door.EXTERNAL)):
            words = _("An id is a whole number, or “external:” and an external id.")
            raise invalid({"ids": [words]})
    strays = [key for key in items if int(key) not in given]
    if strays:
        raise invalid({f"items.{key}": [_("This is not among the ids.")] for key in strays[:20]})
    return list(dict.fromkeys(given))


def _items(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not 0 < len(given) <= MAX_ITEMS:
        raise invalid({"items": [_("An object with 1 to 1,000 ids is needed here.")]})
    for key, one in given.items():
        if door.parse_id(key) is None or str(int(key)) != key or not isinstance(one, dict):
            raise invalid({"items": [_("Each item is an id with an object of parameters.")]})
    return given


def _on_ids(
    operation: Operation, asked: Asked, values: dict[str, Any], chosen: list[int | str], items: Any
) -> HttpResponse:
    actor = asked.actor
    found, unknown = door.resolve(operation.visible(actor), actor, chosen)
    has_forms, is_long = operation.item_form_class is not None, len(found) > MAX_ITEMS
    if items and is_long:
        raise invalid({"ids": [_("With parameters for each, 1,000 ids at most.")]})
    # A rehearsal looks at the first of them only.
    alike = has_forms and is_long and not asked.dry_run
    has_forms = has_forms and not alike
    rows = operation.visible(actor).in_bulk(found[:LOOKED_AT]) if has_forms else {}
    targets = list(rows.values()) or _first(operation, actor, found)
    by_id = {int(key): one for key, one in items.items()}
    if has_forms:
        # Parameters for what is not there are no mistake of theirs: it is told as missing.
        by_id = {pk: one for pk, one in by_id.items() if pk in rows}
    given = door.read(operation, actor, targets, values, by_id, alike=alike)
    if asked.dry_run:
        told = door_answers.rehearse(operation, actor, found, given, len(found))
        door_answers.add_unknown(told, unknown)
        return answer(told)
    if not found:
        told = door_answers.empty()
        door_answers.add_unknown(told, unknown)
        return answer(told)
    if len(found) > runs.IN_REQUEST:
        _require_worker(given, len(found))
        run = runs.start(operation, actor, found, params=given.params, items=given.items)
        return accepted(run, actor)
    return answer(door_answers.of_outcome(_perform(operation, actor, found, given), unknown))


def _first(operation: Operation, actor: Actor, ids: list[int]) -> list[Any]:
    rows = operation.visible(actor).filter(pk__in=ids[: door.FORM_TARGETS])
    return list(rows.order_by("pk"))


def _require_worker(given: door.Given, count: int) -> None:
    """Refuse what must not wait: the worker has no secrets."""
    if given.secrets:
        words = _("%(n)s are too many for this at once: %(most)s at most.")
        raise invalid({"ids": [words % {"n": count, "most": runs.IN_REQUEST}]})


def _on_matching(
    operation: Operation, asked: Asked, values: dict[str, Any], filters: Any
) -> HttpResponse:
    actor = asked.actor
    rows = matching(operation, actor, filters)
    has_forms = operation.item_form_class is not None
    if has_forms or asked.dry_run:
        # Each has a form of its own, or is looked at only: the numbers are needed here.
        most = MAX_IDS if asked.dry_run else MAX_ITEMS
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[: most + 1])
        if len(ids) <= most:
            return _on_ids(operation, asked, values, list(ids), {}) if ids else _nothing(asked)
        if asked.dry_run:
            raise invalid({"filter": [_("More than %(n)s match.") % {"n": most}]})
    some = list(rows.order_by("pk")[: door.FORM_TARGETS])
    given = door.read(operation, actor, some, values, alike=has_forms)
    try:
        run = runs.start_matching(operation, actor, rows, params=given.params)
    except EmptyResultSet:
        return _nothing(asked)
    if not run.total:
        run.delete()
        return _nothing(asked)
    if run.total > runs.IN_REQUEST:
        try:
            _require_worker(given, run.total)
        except ApiError:
            run.delete()
            raise
    is_short = run.total <= runs.IN_REQUEST
    if not is_short:
        run.state = State.QUEUED
        run.save(update_fields=["state"])
        return accepted(run, actor)
    runs.begin(run)
    return answer(door_answers.of_outcome(runs.carry_out(run, actor, secrets=given.secrets)))


def _nothing(asked: Asked) -> HttpResponse:
    told = door_answers.empty()
    if asked.dry_run:
        told |= {"dry_run": True, "consequences": [], "checked": 0, "total": 0}
    return answer(told)


def on_new(operation: Operation, request: PanelRequest) -> HttpResponse:
    """POST to a collection: the operation that makes such objects, on their parent."""
    asked = Asked.of(request)
    actor = asked.actor
    if not operation.may(actor):
        raise PermissionDenied
    values = dict(asked.values)
    named = values.pop("parent", None)

    def act() -> HttpResponse:
        parent = _parent(operation, actor, named)
        if found := door.existing(operation, actor, parent.pk, values):
            return answer(door_answers.of_existing(found))
        given = door.read(operation, actor, [parent], values)
        pk = parent.pk if named is not None else operation.parent_of(actor, given.cleaned)
        if asked.dry_run:
            return answer(door_answers.rehearse(operation, actor, [pk], given, 1))
        outcome = _perform(operation, actor, [pk], given)
        # Two with the same external id at the same moment: the other one was quicker.
        is_failed = bool(outcome.of(Result.FAILED))
        if is_failed and (found := door.existing(operation, actor, pk, values)):
            return answer(door_answers.of_existing(found))
        return single_answer(operation, request, door_answers.of_outcome(outcome))

    if asked.dry_run:
        return act()
    return once(request, actor, act, _from_run(operation, request, is_single=True))


def _parent(operation: Operation, actor: Actor, named: Any) -> Any:
    rows = operation.visible(actor)
    if named is None and operation.noun == "account":
        found = [actor.account_id]
    elif named is None:
        raise invalid({"parent": [_("Say below which %(what)s.") % {"what": operation.noun}]})
    else:
        is_name = isinstance(named, (int, str)) and not isinstance(named, bool)
        found, _unknown = door.resolve(rows, actor, [named] if is_name else [])
    parent = rows.filter(pk__in=found).first()
    if parent is None:
        raise invalid({"parent": [_("There is no such object.")]})
    return parent

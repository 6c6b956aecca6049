"""Reading through the API: lists by the filters that the pages have, rows by an allow-list."""

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _

from panel.core import lists
from panel.core.access import Actor
from panel.core.api_json import ApiError, answer, invalid, not_found
from panel.core.door import EXTERNAL, by_external_id, parse_id
from panel.core.door_lists import listing_of
from panel.core.http import PanelRequest
from panel.core.operations import Noun
from panel.core.views import may_list


def require_reading(actor: Actor) -> None:
    """A token looks around with the scope `read` or `write`; one for a single purpose does not."""
    if actor.scopes is not None and not actor.scopes & {"read", "write"}:
        raise ApiError(403, "scope", _("This needs a token with the scope “read”."))


def require_writing(actor: Actor) -> None:
    """A token that only reads changes nothing. What else it may is asked of the operation."""
    if actor.scopes is not None and not actor.scopes - {"read"}:
        raise ApiError(403, "scope", _("This needs a token that may do more than read."))


def row_data(noun: Noun, row: Any, actor: Actor) -> dict[str, Any]:
    """What the API shows of a row to this actor. Never more than the noun allows."""
    is_above = actor.is_administrator or (
        actor.is_reseller and getattr(row, "account_id", None) != actor.account_id
    )
    return {
        name: _plain(getattr(row, name))
        for name in noun.api_fields
        if is_above or name not in noun.api_provider_fields
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, list, dict)):
        return value
    return str(value)


def rows_of(noun: Noun, request: PanelRequest) -> HttpResponse:
    """GET of a list."""
    actor = request.actor
    require_reading(actor)
    page = lists.list_pages[noun.name]()
    if not may_list(page, actor):
        raise PermissionDenied
    listing = listing_of(page, actor, query_of(request))
    try:
        rows, _before, after = listing.window
    except (ValueError, TypeError, ValidationError):
        # A token of a list in another order: its value is not of this column's kind.
        raise invalid({"after": [_("This token is of another list.")]}) from None
    return answer({"items": [row_data(noun, row, actor) for row in rows], "next": after or None})


def query_of(request: PanelRequest) -> dict[str, str]:
    """The query, each key once."""
    twice = {key: [_("This is given twice.")] for key, v in request.GET.lists() if len(v) > 1}
    if twice:
        raise invalid(twice)
    return request.GET.dict()


def row_id(rows: Any, actor: Actor, text: str) -> int:
    """The row that a piece of an address names: a number, or `external:` and billing's id."""
    if text.startswith(EXTERNAL):
        pk = by_external_id(rows, actor, text.removeprefix(EXTERNAL))
    else:
        pk = parse_id(text)
    if pk is None:
        raise not_found()
    return pk


def row_of(noun: Noun, request: PanelRequest, text: str) -> HttpResponse:
    """GET of one row, with its version as ETag."""
    actor = request.actor
    require_reading(actor)
    rows = noun.visible_to(actor)
    row = rows.filter(pk=row_id(rows, actor, text)).first()
    if row is None:
        raise not_found()
    headers = {"ETag": f'"{row.version}"'} if hasattr(row, "version") else {}
    return answer(row_data(noun, row, actor), headers=headers)


def me(request: PanelRequest) -> HttpResponse:
    """Whose token this is, and what it reaches."""
    actor = request.actor
    return answer(
        {
            "username": actor.username,
            "role": str(actor.role),
            "account_id": actor.account_id,
            "scopes": sorted(actor.scopes or ()),
            "areas": None if actor.areas is None else sorted(actor.areas),
            "subscriptions": None if actor.subscriptions is None else sorted(actor.subscriptions),
        }
    )

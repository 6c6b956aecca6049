"""Lists for programs: the pages' own filters and orders, but what is not valid is an error."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from panel.core import lists, paging
from panel.core.access import Actor
from panel.core.door import BadInput, parse_id
from panel.core.lists import Listing
from panel.core.operations import Operation
from panel.core.views import may_list

_OWN_KEYS = ("q", "sort", "after")
DEFAULT_LIMIT = 25
MAX_LIMIT = 100
_ONE_CONDITION = gettext_lazy("A filter needs at least one condition.")


def widget_keys(name: str, widget: forms.Widget) -> list[str]:
    """The keys under which a form field is sent: a range has two."""
    suffixes = getattr(widget, "suffixes", None)
    return [f"{name}_{suffix}" if suffix else name for suffix in suffixes] if suffixes else [name]


def listing_of(page: lists.ListPage, actor: Actor, query: dict[str, str]) -> Listing:
    """A listing, after everything in the query was found valid.

    Pages forgive (an unknown order is the default, a made-up token the first page); a program
    would go on with the wrong rows.
    """
    size = _limit(query.get("limit"))
    values = {key: value for key, value in query.items() if key != "limit"}
    listing = Listing(page, actor, values, size)
    known = {
        key
        for name, form_field in listing.filterset.form.fields.items()
        for key in widget_keys(name, form_field.widget)
    }
    errors = {
        key: [_("There is no such filter.")] for key in values if key not in {*known, *_OWN_KEYS}
    }
    if not listing.filterset.is_valid():
        for name, words in listing.filterset.errors.items():
            errors["*" if name == "__all__" else name] = [str(word) for word in words]
    if not _is_sort(page, query.get("sort")):
        errors["sort"] = [_("This list has no such order.")]
    if query.get("after") and paging.read_token(query["after"]) is None:
        errors["after"] = [_("This is not a token of this list.")]
    if len(query.get("q", "")) > 200 or "\x00" in query.get("q", ""):
        errors["q"] = [_("200 characters at most, and no NUL.")]
    if errors:
        raise BadInput(errors)
    return listing


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    number = parse_id(text)
    if number is None or number > MAX_LIMIT:
        raise BadInput({"limit": [_("A number from 1 to 100.")]})
    return number


def _is_sort(page: lists.ListPage, text: str | None) -> bool:
    return text is None or text.removeprefix("-") in {sort.name for sort in page.sorts}


def matching(operation: Operation, actor: Actor, filters: Any) -> Any:
    """The rows that a filter means. One that says nothing is refused: it would mean everything."""
    if not isinstance(filters, dict) or not filters:
        raise BadInput({"filter": [str(_ONE_CONDITION)]})
    page_class = lists.list_pages.get(operation.noun)
    if page_class is None or not may_list(page_class(), actor):
        raise BadInput({"filter": [_("There is no list of these to filter.")]})
    values: dict[str, str] = {}
    for key, value in filters.items():
        if key in {"sort", "limit", "after"} or not isinstance(value, (str, bool, int)):
            raise BadInput({f"filter.{key}": [_("This cannot be filtered by.")]})
        values[key] = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        listing = listing_of(page_class(), actor, values)
    except BadInput as error:
        raise BadInput({f"filter.{name}": words for name, words in error.fields.items()}) from None
    if not listing.is_filtered:
        raise BadInput({"filter": [str(_ONE_CONDITION)]})
    return listing.matching

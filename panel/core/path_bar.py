"""The path bar on top of a page."""

from typing import Any

from panel.core.access import Actor
from panel.core.lists import list_pages
from panel.core.operations import Noun


def crumbs(*steps: tuple[Any, str | None]) -> list[dict[str, Any]]:
    """The path bar: where one is, not where one came from."""
    return [{"label": label, "url": url} for label, url in steps]


def step_to_list(noun: Noun, actor: Actor) -> tuple[Any, str | None]:
    """The list that an object stands in, as a step of the path; a link for whoever may open it."""
    page = list_pages.get(noun.name)
    is_open = page is None or actor.role in page.roles
    return noun.labels, noun.list_url() if is_open else None

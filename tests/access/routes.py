"""The addresses of the panel, walked; and how one of them is filled in for somebody's objects."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access.world import Tenant


def patterns(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, pattern) of every address; the API's have the name "api"."""
    for entry in (resolver or get_resolver()).url_patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, text)
        elif isinstance(entry, URLPattern):
            yield ("api" if text.startswith("api/") else str(entry.name)), text


def address(route: str, word: str, tenant: Tenant) -> str:
    """The address of a line of the table: `route` or `route:verb`, and the object's word or "-"."""
    name, _colon, verb = route.partition(":")
    if name == "password_new":
        return reverse(name, args=["MQ", "set-password"])
    args = [] if word == "-" else [tenant.pk(word)]
    return reverse(name, args=[*args, verb] if verb else args)


def without_noise(body: bytes) -> str:
    """An answer without what differs each time: request ids and CSRF tokens."""
    text = body.decode()
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
    return re.sub(r"\b[0-9a-f]{16}\b", "", text)

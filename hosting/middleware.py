"""What hosting wraps around each request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from hosting import permissions

_READING = ("GET", "HEAD")


class RememberPermissions:
    """Read the permissions of a reseller once for a page, however many tabs and tools ask."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in _READING:
            return self._get_response(request)
        with permissions.remembered():
            return self._get_response(request)

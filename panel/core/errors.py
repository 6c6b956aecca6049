"""Error pages: the same frame for all, a request id on each."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from panel.core import full_disk


def _page(request: HttpRequest, status: int, template: str) -> HttpResponse:
    context = {"request_id": getattr(request, "request_id", "-")}
    return render(request, template, context, status=status)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, "400.html")


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, "403.html")


@requires_csrf_token
def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404, "404.html")


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """A bug, unless there was no room to write: Django calls this while it handles the error."""
    if full_disk.is_cause(sys.exc_info()[1]):
        response = _page(request, 503, "503.html")
        response["Retry-After"] = str(full_disk.RETRY_AFTER)
        return response
    return _page(request, 500, "500.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or did not come from the panel."""
    return _page(request, 403, "403_csrf.html")

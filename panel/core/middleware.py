"""Request ids, the content security policy, and log lines that carry the id."""

import logging
import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


def current_request_id() -> str:
    """The id of the request being answered, or "-"."""
    return _request_id.get()


class RequestId:
    """Gives each request an id that the page, the log and the activity entry share."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Never taken from the client: an id that somebody else chose could be made to collide.
        identifier = secrets.token_hex(8)
        request.request_id = identifier  # type: ignore[attr-defined]
        token = _request_id.set(identifier)
        try:
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response["X-Request-Id"] = identifier
        return response


class ContentSecurity:
    """The strict policy on every answer; no page of ours needs an exception."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
        )
        # Pages hold tenants' data: neither a proxy nor the back button after logout may show them.
        # Static files never pass here with a session and set their own header.
        if not response.headers.get("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response


class AddRequestId(logging.Filter):
    """Puts the request's id into every log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        return True

"""JSON in and out of the API: strict about what comes, one shape for everything that is wrong."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

MAX_BODY = 1024 * 1024
MAX_DEPTH = 12
CONTENT_TYPE = "application/json; charset=utf-8"


class ApiError(Exception):
    """An answer that is not a success: status, code, words, and the words for each parameter."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: dict[str, list[str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, str(message)
        self.fields, self.headers = fields, headers or {}


def not_found() -> ApiError:
    """The same for what does not exist and for what one may not see."""
    return ApiError(404, "not_found", _("There is no such object."))


def invalid(fields: dict[str, list[str]], message: str = "") -> ApiError:
    return ApiError(422, "invalid", message or _("Some values are not valid."), fields)


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """A JSON answer. Keys keep their order, text stays readable."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def error_answer(request: HttpRequest, error: ApiError) -> HttpResponse:
    """The one shape of all errors; accounts.middleware answers 401 in the same one."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.fields is not None:
        told["fields"] = error.fields
    told["request_id"] = getattr(request, "request_id", "-")
    return answer({"error": told}, error.status, error.headers)


def check_body(request: HttpRequest) -> None:
    """Refuse a body that is too big or of another kind, before it is read."""
    text = request.META.get("CONTENT_LENGTH") or "0"
    length = int(text) if text.isascii() and text.isdigit() else 0
    if length > MAX_BODY:
        raise ApiError(413, "too_large", _("The body may have 1 MiB at most."))
    if length and request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", _("The body has to be application/json."))


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The body as an object. No body is an empty one."""
    if not request.body:
        return {}
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "malformed", _("The body is not UTF-8.")) from None
    if text.startswith("\ufeff"):
        raise ApiError(400, "malformed", _("The body begins with a byte order mark."))
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise ApiError(400, "malformed", _("The body is not JSON.")) from None
    if not isinstance(found, dict):
        raise ApiError(400, "malformed", _("The body has to be a JSON object."))
    _check_texts(found, 0)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = {name for name in names if names.count(name) > 1} if len(names) < 1000 else {"*"}
        # Which of the two counts depends on the reader; that is how checks are got round.
        raise invalid({name: [_("This is given twice.")] for name in sorted(twice)})
    return found


def _constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("out of range")
    return value


def _check_texts(value: Any, depth: int) -> None:
    """Refuse nesting beyond any use, and halves of surrogate pairs, which no database stores."""
    if depth > MAX_DEPTH:
        raise ApiError(400, "malformed", _("The body is nested too deeply."))
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key, depth + 1)
            _check_texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner, depth + 1)
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise ApiError(400, "malformed", _("A text holds half of a surrogate pair."))

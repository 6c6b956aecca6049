"""The API: routes made from the registries of operations and nouns, in one frame of errors."""

import logging
import time
from functools import cached_property
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import re_path
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import ValidationError

from panel.core import api_schema, full_disk
from panel.core.api_json import ApiError, check_body, error_answer, not_found
from panel.core.api_routes import Routes, View
from panel.core.door import BadInput

logger = logging.getLogger(__name__)

OPENAPI = "openapi.json"
REQUESTS_A_MINUTE = 600


class PanelAPI(NinjaAPI):
    """Ninja with routes from the registries, made when they are first asked for: by then every app
    is ready and every list is declared."""

    _routes: Routes | None = None
    _document: dict[str, Any] | None = None

    @property
    def urls(self) -> Any:
        # Django asks for `urlpatterns` with the first request, when all lists have been declared,
        # wherever in the addresses of the panel the API stands.
        return self, "ninja", self.urls_namespace

    @cached_property
    def urlpatterns(self) -> list[Any]:
        return self._get_urls()

    def _get_urls(self) -> list[Any]:
        self._routes = self._routes or Routes(self)
        patterns: list[Any] = [
            pattern for pattern in super()._get_urls() if getattr(pattern, "name", "") != "api-root"
        ]
        for pattern in patterns:
            pattern.callback = framed(pattern.callback, is_public=pattern.name == "openapi-json")
        return [*patterns, re_path(r"^.*$", framed(_no_such_address), name="api-root")]

    def get_openapi_schema(self, **_options: Any) -> Any:
        """The document. It depends on no request, so it is made once."""
        self._routes = self._routes or Routes(self)
        if self._document is None:
            for router in self._get_bound_routers():
                for view in router.path_operations.values():
                    for route in view.operations:
                        route.openapi_extra = self._routes.extras[route.operation_id or ""]()
            document = super().get_openapi_schema(path_prefix="api/v1")
            api_schema.complete(document)
            self._document = document
        return self._document

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Nothing is answered here; `framed` knows the one shape of errors."""
        raise exc


def _no_such_address(request: HttpRequest) -> HttpResponse:
    raise not_found()


def framed(view: View, *, is_public: bool = False) -> View:
    """The frame of every address: who asks, how often, how much, and one shape of errors."""

    @login_not_required
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            is_head = request.method == "HEAD"
            if is_head:
                request.method = "GET"
            if not is_public:
                _admit(request)
            response = view(request, *args, **kwargs)
            if response.status_code == 405:
                words = _("This address does not take %(method)s.") % {"method": request.method}
                raise ApiError(
                    405, "method_not_allowed", words, headers={"Allow": response["Allow"]}
                )
            if is_head:
                response.content = b""
            return response
        except ApiError as error:
            return error_answer(request, error)
        except BadInput as error:
            return error_answer(request, ApiError(422, "invalid", error.message, error.fields))
        except (Http404, ValidationError):
            # Ninja itself checks nothing but that an address has its pieces.
            return error_answer(request, not_found())
        except PermissionDenied:
            words = _("Your role, or this token, does not allow this.")
            return error_answer(request, ApiError(403, "forbidden", words))
        except RequestDataTooBig:
            words = _("The body may have 1 MiB at most.")
            return error_answer(request, ApiError(413, "too_large", words))
        except UnreadablePostError:
            return error_answer(request, ApiError(400, "malformed", _("The body broke off.")))
        except Exception as error:
            if full_disk.is_cause(error):
                logger.exception("%s %s", request.method, request.path)
                later = {"Retry-After": str(full_disk.RETRY_AFTER)}
                words = str(full_disk.WORDS)
                return error_answer(request, ApiError(503, "disk_full", words, headers=later))
            # A program cannot read an error page: a bug is told in JSON too, with its request id.
            logger.exception("%s %s", request.method, request.path)
            words = _("Something went wrong on our side.")
            return error_answer(request, ApiError(500, "failed", words))

    # Django reads it off the function; functions have no such attribute for a type checker.
    inner.csrf_exempt = True  # type: ignore[attr-defined]
    return inner


def _admit(request: HttpRequest) -> None:
    if getattr(request, "actor", None) is None:
        # The middleware let the token in; its account was suspended in this very moment.
        headers = {"WWW-Authenticate": 'Bearer realm="Freehold"'}
        raise ApiError(401, "unauthorized", _("A valid token is needed."), headers=headers)
    _throttle(request)
    if request.method == "POST":
        check_body(request)


def _throttle(request: HttpRequest) -> None:
    """So many requests a minute for each token, counted by the clock's minute."""
    now = time.time()
    # Set with the actor by the middleware of accounts, of which the foundation knows nothing.
    key = f"api:{request.token.pk}:{int(now // 60)}"  # type: ignore[attr-defined]
    count = cache.get(key, 0) + 1
    try:
        cache.set(key, count, 120)
    except OSError as error:
        # Counting needs room, reading does not.
        if not full_disk.is_cause(error):
            raise
    if count > REQUESTS_A_MINUTE:
        headers = {"Retry-After": str(60 - int(now % 60))}
        raise ApiError(429, "too_many_requests", _("Too many requests."), headers=headers)


def new_api(namespace: str) -> PanelAPI:
    """An API of its own over the registries as they are; tests make some beside the real one."""
    return PanelAPI(
        title="Freehold",
        version="1",
        description="Operations, lists and runs of the hosting control panel.",
        docs_url=None,
        openapi_url=OPENAPI,
        urls_namespace=namespace,
        openapi_extra={"security": [{"token": []}]},
    )


api = new_api("api")

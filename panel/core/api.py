"""The API: routes made from the registries of operations and nouns, in one frame of errors."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import URLPattern, re_path
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import ValidationError

from panel.core import api_lists, api_operations, api_runs, api_schema, lists
from panel.core.api_json import ApiError, check_body, error_answer, not_found
from panel.core.door import BadInput, maker_of
from panel.core.operations import Noun, Operation, nouns, operations

logger = logging.getLogger(__name__)

OPENAPI = "openapi.json"
REQUESTS_A_MINUTE = 600
View = Callable[..., HttpResponse]


class PanelAPI(NinjaAPI):
    """Ninja with routes from the registries, made when they are first asked for: by then every app
    is ready and every list is declared."""

    _is_built = False
    _document: dict[str, Any] | None = None

    def _get_urls(self) -> list[Any]:
        self._build()
        patterns = [p for p in super()._get_urls() if getattr(p, "name", "") != "api-root"]
        for pattern in patterns:
            pattern.callback = framed(pattern.callback, is_public=pattern.name == "openapi-json")
        return [*patterns, re_path(r"^.*$", framed(_no_such_address), name="api-root")]

    def get_openapi_schema(self, **_options: Any) -> Any:
        """The document. It depends on no request, so it is made once."""
        self._build()
        if self._document is None:
            self._document = super().get_openapi_schema(path_prefix="api/v1")
            scheme = {"token": {"type": "http", "scheme": "bearer"}}
            self._document["components"]["securitySchemes"] = scheme
            api_schema.share_responses(self._document)
        return self._document

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Nothing is answered here; `framed` knows the one shape of errors."""
        raise exc

    def _build(self) -> None:
        if self._is_built:
            return
        self._is_built = True
        _add_fixed(self)
        # What has a fixed word in its address comes before what takes an id in its place.
        for noun in nouns.values():
            _add_collection(self, noun)
        for operation in operations.values():
            _add_operation(self, operation)


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
        except Exception:
            # A program cannot read an error page: a bug is told in JSON too, with its request id.
            logger.exception("%s %s", request.method, request.path)
            words = _("Something went wrong on our side.")
            return error_answer(request, ApiError(500, "failed", words))

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
    key = f"api:{request.token.pk}:{int(now // 60)}"  # type: ignore[attr-defined]
    count = cache.get(key, 0) + 1
    cache.set(key, count, 120)
    if count > REQUESTS_A_MINUTE:
        headers = {"Retry-After": str(60 - int(now % 60))}
        raise ApiError(429, "too_many_requests", _("Too many requests."), headers=headers)


def _add_fixed(api: NinjaAPI) -> None:
    """What belongs to no noun: who I am, and runs."""

    def me(request: HttpRequest) -> HttpResponse:
        return api_lists.me(request)

    def run(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_runs.run_state(request, id)

    def run_targets(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_runs.run_targets(request, id)

    def run_cancel(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_runs.run_cancel(request, id)

    def run_undo(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_runs.run_undo(request, id)

    read = {**api_schema.READ, 422: api_schema.Error}
    _route(api, "GET", "/me", me, "Whose token this is", {200: api_schema.Me, **api_schema.ERRORS})
    run_answer = {200: api_schema.Run, **api_schema.READ}
    _route(api, "GET", "/runs/{id}", run, "How far a run is", run_answer)
    targets = {200: api_schema.RunTargets, **read}
    extra = {"parameters": api_schema.run_target_parameters()}
    _route(
        api, "GET", "/runs/{id}/targets", run_targets, "What became of its targets", targets, extra
    )
    cancelled = {200: api_schema.Run, **api_schema.WRITE}
    _route(api, "POST", "/runs/{id}/cancel", run_cancel, "Stop a run", cancelled)
    undone = api_schema.MANY
    _route(api, "POST", "/runs/{id}/undo", run_undo, "Take back what a run did", undone)


def _route(
    api: NinjaAPI,
    method: str,
    path: str,
    view: View,
    summary: Any,
    response: dict[int, Any],
    extra: dict[str, Any] | None = None,
    tag: str = "runs",
) -> None:
    pieces = [piece for piece in path.strip("/").replace("{id}", "one").split("/")]
    api.api_operation(
        [method],
        path,
        response=response,
        summary=str(summary),
        operation_id="_".join([method.lower(), *pieces]).replace("-", "_"),
        openapi_extra=extra or {},
        tags=[tag],
    )(view)


def _add_collection(api: NinjaAPI, noun: Noun) -> None:
    """GET of the list, POST of a new one, GET of one."""
    if maker := maker_of(noun.name):
        _add_maker(api, noun, maker)
    if not noun.api_fields:
        return

    def rows(request: HttpRequest) -> HttpResponse:
        return api_lists.rows_of(noun, request)

    def row(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_lists.row_of(noun, request, id)

    path = f"/{noun.plural}"
    if page := lists.list_pages.get(noun.name):
        listed = {200: api_schema.list_model(noun), **api_schema.ERRORS, 422: api_schema.Error}
        extra = {"parameters": api_schema.list_parameters(page)}
        _route(api, "GET", path, rows, noun.labels, listed, extra, noun.plural)
    shown = {200: api_schema.row_model(noun), **api_schema.READ}
    # "{id}" comes after all fixed words of this noun: see _add_operation.
    for operation in operations.values():
        if operation.noun == noun.name:
            _add_many(api, noun, operation)
    _route(api, "GET", f"{path}/{{id}}", row, noun.label, shown, None, noun.plural)


def _add_maker(api: NinjaAPI, noun: Noun, operation: Operation) -> None:
    def new(request: HttpRequest) -> HttpResponse:
        return api_operations.on_new(operation, request)

    schema = api_schema.form_schema(operation)
    parent = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}
    schema["properties"]["parent"] = parent | {"description": f"Below which {operation.noun}."}
    if operation.noun != "account":
        schema["required"] = sorted([*schema.get("required", []), "parent"])
    extra = api_schema.body(schema, operation)
    answers = api_schema.CREATE
    _route(api, "POST", f"/{noun.plural}", new, operation.label, answers, extra, noun.plural)


def _add_operation(api: NinjaAPI, operation: Operation) -> None:
    """POST on one object; what is made on an account is a POST to its collection."""
    noun = nouns[operation.noun]
    if operation.hidden or (operation.creates and operation.noun == "account"):
        return

    def one(request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002
        return api_operations.on_one(operation, request, id)

    if not noun.api_fields:
        _add_many(api, noun, operation)
    extra = api_schema.body(api_schema.form_schema(operation), operation)
    answers = api_schema.CREATE if operation.creates else api_schema.SINGLE
    path = f"/{noun.plural}/{{id}}/{operation.verb}"
    _route(api, "POST", path, one, operation.label, answers, extra, noun.plural)


def _add_many(api: NinjaAPI, noun: Noun, operation: Operation) -> None:
    if operation.hidden or operation.creates or not operation.bulk:
        return

    def many(request: HttpRequest) -> HttpResponse:
        return api_operations.on_many(operation, request)

    schema = api_schema.selection_schema(operation)
    extra = api_schema.body(schema, operation, is_single=False)
    path = f"/{noun.plural}/{operation.verb}"
    summary = _("%(operation)s: many") % {"operation": operation.label}
    _route(api, "POST", path, many, summary, api_schema.MANY, extra, noun.plural)


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

"""Addresses of the API from the registries: lists, rows, operations on one and many, runs."""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI

from panel.core import api_lists, api_models, api_operations, api_runs, api_schema, lists
from panel.core.door import maker_of
from panel.core.http import PanelRequest
from panel.core.operations import Noun, Operation, nouns, operations

View = Callable[..., HttpResponse]
Extra = Callable[[], dict[str, Any]]


class Routes:
    """Adds the addresses to an API, and knows what its document says of each besides.

    Forms are described when the document is asked for, not when the addresses are made: an
    address list that reads rows could not be loaded before the first migration.
    """

    def __init__(self, api: NinjaAPI) -> None:
        self.api = api
        # By the id that the document gives each of them.
        self.extras: dict[str, Extra] = {}
        self._add_fixed()
        for noun in nouns.values():
            self._add_collection(noun)
            # What has a fixed word in its place comes before what takes an id there.
            for operation in operations.values():
                if operation.noun == noun.name and not operation.hidden:
                    self._add_many(noun, operation)
            self._add_row(noun)
        for operation in operations.values():
            self._add_one(operation)

    def _add(
        self,
        method: str,
        path: str,
        view: View,
        summary: Any,
        response: dict[int, Any],
        statuses: Sequence[int],
        extra: Extra = dict,
        tag: str = "runs",
    ) -> None:
        # With one target, its refusal is the status of the answer, which holds the outcome too.
        is_single = response in (api_models.SINGLE, api_models.CREATE)

        def documented() -> dict[str, Any]:
            errors = api_schema.errors(statuses, is_single=is_single)
            return {**extra(), "responses": errors}

        pieces = path.strip("/").replace("{id}", "one").split("/")
        name = "_".join([method.lower(), *pieces]).replace("-", "_")
        self.extras[name] = documented
        self.api.api_operation(
            [method],
            path,
            response=response,
            summary=str(summary),
            operation_id=name,
            tags=[tag],
        )(view)

    def _add_fixed(self) -> None:
        """What belongs to no noun: who I am, and runs."""

        def with_id(view: View) -> View:
            def inner(request: PanelRequest, id: str) -> HttpResponse:  # noqa: A002
                return view(request, id)

            return inner

        def me(request: PanelRequest) -> HttpResponse:
            return api_lists.me(request)

        def query() -> dict[str, Any]:
            return {"parameters": api_schema.run_target_parameters()}

        reading, writing = api_schema.READING, api_schema.WRITING
        self._add("GET", "/me", me, "Whose token this is", {200: api_models.Me}, api_schema.ERRORS)
        run, view = {200: api_models.Run}, with_id(api_runs.run_state)
        self._add("GET", "/runs/{id}", view, "How far a run is", run, reading)
        targets, view = {200: api_models.RunTargets}, with_id(api_runs.run_targets)
        path, words = "/runs/{id}/targets", "What became of its targets"
        self._add("GET", path, view, words, targets, (*reading, 422), query)
        view = with_id(api_runs.run_cancel)
        self._add("POST", "/runs/{id}/cancel", view, "Stop a run", run, writing)
        view, words = with_id(api_runs.run_undo), "Take back what it did"
        self._add("POST", "/runs/{id}/undo", view, words, api_models.MANY, writing)

    def _add_collection(self, noun: Noun) -> None:
        """GET of the list, POST of a new one."""
        if maker := maker_of(noun.name):
            self._add_maker(noun, maker)
        page = lists.list_pages.get(noun.name)
        if page is None or not noun.api_fields:
            return

        def rows(request: PanelRequest) -> HttpResponse:
            return api_lists.rows_of(noun, request)

        def query() -> dict[str, Any]:
            return {"parameters": api_schema.list_parameters(page)}

        answers, errors = {200: api_models.list_model(noun)}, api_schema.LISTING
        self._add("GET", f"/{noun.plural}", rows, noun.labels, answers, errors, query, noun.plural)

    def _add_maker(self, noun: Noun, operation: Operation) -> None:
        def new(request: PanelRequest) -> HttpResponse:
            return api_operations.on_new(operation, request)

        def body() -> dict[str, Any]:
            return api_schema.body(api_schema.making_schema(operation), operation)

        path, answers, errors = f"/{noun.plural}", api_models.CREATE, api_schema.WRITING
        self._add("POST", path, new, operation.label, answers, errors, body, noun.plural)

    def _add_row(self, noun: Noun) -> None:
        if not noun.api_fields:
            return

        def row(request: PanelRequest, id: str) -> HttpResponse:  # noqa: A002
            return api_lists.row_of(noun, request, id)

        path, answers = f"/{noun.plural}/{{id}}", {200: api_models.row_model(noun)}
        self._add("GET", path, row, noun.label, answers, api_schema.READING, tag=noun.plural)

    def _add_one(self, operation: Operation) -> None:
        """POST on one object; what is made on an account is a POST to its collection."""
        if operation.hidden or (operation.creates and operation.noun == "account"):
            return

        def one(request: PanelRequest, id: str) -> HttpResponse:  # noqa: A002
            return api_operations.on_one(operation, request, id)

        def body() -> dict[str, Any]:
            return api_schema.body(api_schema.form_schema(operation), operation)

        plural = nouns[operation.noun].plural
        answers = api_models.CREATE if operation.creates else api_models.SINGLE
        path = f"/{plural}/{{id}}/{operation.verb}"
        self._add("POST", path, one, operation.label, answers, api_schema.WRITING, body, plural)

    def _add_many(self, noun: Noun, operation: Operation) -> None:
        """POST on a selection, where the operation takes many."""
        if operation.creates or not operation.bulk:
            return

        def many(request: PanelRequest) -> HttpResponse:
            return api_operations.on_many(operation, request)

        def body() -> dict[str, Any]:
            schema = api_schema.selection_schema(operation)
            return api_schema.body(schema, operation, is_single=False)

        path = f"/{noun.plural}/{operation.verb}"
        summary = _("%(operation)s: many") % {"operation": operation.label}
        answers, errors = api_models.MANY, api_schema.WRITING
        self._add("POST", path, many, summary, answers, errors, body, noun.plural)

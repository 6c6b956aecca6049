"""The page that makes a new object."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse

from panel.core import runs
from panel.core.http import PanelRequest
from panel.core.operation_views import OperationView, parse_ids, refusal
from panel.core.operations import Operation, Result, nouns, operations
from panel.core.path_bar import crumbs
from panel.core.views import go


class AddView(OperationView):
    """A new object: an operation on its parent, by default the actor's own account."""

    def operation(self) -> Operation:
        found = [
            op for op in operations.values() if op.creates == self.noun and op.noun == "account"
        ]
        if not found:
            raise Http404
        if not found[0].may(self.request.actor):
            raise PermissionDenied
        return found[0]

    def parent(self, operation: Operation, given: QueryDict) -> int:
        ids = parse_ids([given.get("parent", "")])
        return ids[0] if ids else self.request.actor.account_id

    def get(self, request: PanelRequest) -> HttpResponse:
        operation = self.operation()
        queryset = operation.visible(request.actor).filter(pk=self.parent(operation, request.GET))
        rows = list(queryset)
        if not rows:
            raise Http404
        form = self.form(operation, rows, None, operation.initial(request.actor, rows))
        return self.page(operation, queryset, form, **self.surroundings(operation, rows[0]))

    def post(self, request: PanelRequest) -> HttpResponse:
        operation = self.operation()
        queryset = operation.visible(request.actor).filter(pk=self.parent(operation, request.POST))
        rows = list(queryset)
        if not rows:
            raise Http404
        around = self.surroundings(operation, rows[0])
        form = self.form(operation, rows, request.POST, {})
        if form is not None and not form.is_valid():
            return self.page(operation, queryset, form, **around)
        parent = operation.parent_of(request.actor, form.cleaned_data) if form else rows[0].pk
        if "parent" in request.POST:
            parent = rows[0].pk
        plain, secret = form.raw_params() if form is not None else ({}, {})
        outcome = runs.perform(operation, request.actor, [parent], params=plain, secrets=secret)
        finding = outcome.findings[0]
        if finding.result != Result.DONE:
            told = [refusal("", None, finding.code, finding.params)]
            return self.page(operation, queryset, form, refusals=told, status=409, **around)
        landing = operation.landing(request.actor, parent, finding.created_id)
        url = landing or nouns[operation.creates].url(finding.created_id or 0)
        return go(f"{url}?run={outcome.run_id}")

    def surroundings(self, operation: Operation, parent: Any) -> dict[str, Any]:
        noun = nouns[self.noun]
        list_url = reverse(f"{noun.url_name}_list")
        is_other = parent.pk != self.request.actor.account_id
        return {
            "count": 1,
            "cancel_url": list_url,
            "hidden": [("parent", str(parent.pk))] if is_other else [],
            "path": crumbs((noun.labels, list_url), (operation.label, None)),
        }

"""The addresses that every noun has, and those of runs."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from panel.core.add_views import AddView
from panel.core.lists import ListPage, register_list
from panel.core.operation_views import BulkOperationView, SingleOperationView
from panel.core.operations import nouns
from panel.core.run_views import RunView, run_cancel, run_state, run_undo
from panel.core.views import DetailPage, DetailView, ExportView, ListView


def noun_urls(
    noun: str, list_page: type[ListPage], detail_page: type[DetailPage]
) -> list[URLPattern]:
    """list, export, add, bulk operations, object, tabs and operations of an object."""
    register_list(list_page)
    words = nouns[noun]
    name, base = words.url_name, words.plural
    detail = DetailView.as_view(detail_page=detail_page)
    single = SingleOperationView.as_view(noun=noun)
    return [
        path(f"{base}/", ListView.as_view(list_page=list_page), name=f"{name}_list"),
        path(f"{base}/export.csv", ExportView.as_view(list_page=list_page), name=f"{name}_export"),
        path(f"{base}/add/", AddView.as_view(noun=noun), name=f"{name}_add"),
        # Before the verbs: a number is a slug, too.
        path(f"{base}/<int:pk>/", detail, name=f"{name}_detail"),
        path(
            f"{base}/<slug:verb>/",
            BulkOperationView.as_view(noun=noun, list_page=list_page),
            name=f"{name}_bulk",
        ),
        path(
            f"{base}/<int:pk>/<slug:verb>/",
            tab_or_operation(detail_page, detail, single),
            name=f"{name}_operation",
        ),
    ]


def tab_or_operation(
    detail_page: type[DetailPage],
    detail: Callable[..., HttpResponseBase],
    single: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Tabs and operations share a place in addresses; no operation is named like a tab."""
    tabs = {name for name, _label in detail_page.tabs}

    def view(request: HttpRequest, pk: int, verb: str, **kwargs: Any) -> HttpResponseBase:
        if verb in tabs:
            return detail(request, pk=pk, tab=verb)
        return single(request, pk=pk, verb=verb)

    return view


urlpatterns = [
    path("runs/<int:pk>/", RunView.as_view(), name="run_detail"),
    path("runs/<int:pk>/state.json", run_state, name="run_state"),
    path("runs/<int:pk>/cancel/", run_cancel, name="run_cancel"),
    path("runs/<int:pk>/undo/", run_undo, name="run_undo"),
]

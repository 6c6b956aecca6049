"""Dumps of a database: what there is, getting one out, taking one in."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting.services.database import spool
from hosting.services.database.models import Database, DatabaseDump, Task
from hosting.services.database.operations_dumps import dumps_page
from panel.core.http import PanelRequest
from panel.core.markup import day, tag
from panel.core.operation_views import SingleOperationView
from panel.core.operations import operations
from panel.core.views import go
from panel.core.work import State

_SILENT = _("The node did not answer.")
_NONE = _("No dumps yet. An export stays here for a while, to be downloaded or imported.")
_UNDER_WAY = {
    Task.EXPORT: _("%(name)s is being exported: %(far)s so far."),
    Task.IMPORT: _("%(name)s is being imported: %(far)s of %(size)s."),
}


def sections(request: Any, database: Database) -> list[dict[str, Any]]:
    """The tab Dumps of a database: what is under way, and what there is."""
    rows = list(
        DatabaseDump.objects.visible_to(request.actor)
        .filter(database=database)
        .order_by("-created_at", "-pk")
    )
    found = [{"title": "", "text": _under_way(row), "waiting": True} for row in rows if row.is_busy]
    if not rows:
        return [{"title": _("Dumps"), "text": _NONE}]
    return [*found, {"title": _("Dumps"), "table": _table(request, rows)}]


def _under_way(row: DatabaseDump) -> str:
    if row.state == State.QUEUED:
        return _t("%(name)s waits for its turn.") % {"name": row.name}
    sizes = {"far": filesizeformat(row.progress), "size": filesizeformat(row.size)}
    return str(_UNDER_WAY[Task(row.task)]) % {"name": row.name, **sizes}


def _state(row: DatabaseDump) -> SafeString:
    if row.is_busy:
        return tag(State(row.state).label, "info")
    if row.state == State.CANCELLED:
        return tag(_("Stopped"), "mute")
    if row.state == State.FAILED:
        words = _("Export failed") if row.task == Task.EXPORT else _("Import failed")
        why = row.error or str(_SILENT)
        return format_html('{}<div class="muted" dir="auto">{}</div>', tag(words, "bad"), why)
    return tag(_("Exported") if row.task == Task.EXPORT else _("Imported"), "ok")


def _table(request: Any, rows: list[DatabaseDump]) -> SafeString:
    labels = [_t("File"), _t("Size"), _t("Status"), _t("Created")]
    heads = format_html_join("", '<th scope="col">{}</th>', ((label,) for label in labels))
    lines = (
        (
            format_html_join(
                "",
                '<td class="{}" data-th="{}">{}</td>',
                zip(("main", "num", "", "date"), labels, _cells(row), strict=True),
            ),
            _actions(request, row),
        )
        for row in rows
    )
    return format_html(
        '<table class="list"><thead><tr>{}<th scope="col">'
        '<span class="visually-hidden">{}</span></th></tr></thead><tbody>{}</tbody></table>',
        heads,
        _t("Actions"),
        format_html_join("", "<tr>{}<td>{}</td></tr>", lines),
    )


def _cells(row: DatabaseDump) -> tuple[Any, ...]:
    size = filesizeformat(row.size) if row.is_whole else "–"
    return (format_html("<bdi>{}</bdi>", row.name), size, _state(row), day(row.created_at))


def _actions(request: Any, row: DatabaseDump) -> SafeString:
    links = []
    importing = operations["database.import-dump"]
    if row.is_whole and not row.is_busy:
        links.append((reverse("database_dump_file", args=[row.pk]), _("Download")))
        if importing.may(request.actor):
            url = reverse("database_import_dump", args=[row.database_id])
            links.append((f"{url}?dump={row.pk}", _("Import")))
    for verb in ("stop", "remove"):
        operation = operations[f"database-dump.{verb}"]
        if operation.may(request.actor) and row.is_busy == (verb == "stop"):
            url = reverse("database_dump_operation", args=[row.pk, verb])
            links.append((url, operation.label))
    shown = ((url, label, row.name, label) for url, label in links)
    return format_html_join(" ", '<a href="{}" aria-label="{} {}">{}</a>', shown)


@require_safe
def dump_page(request: PanelRequest, pk: int) -> HttpResponse:
    """A dump has no page of its own: its database's tab shows it."""
    row = DatabaseDump.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if row is None:
        raise Http404
    query = request.META.get("QUERY_STRING", "")
    return go(dumps_page(row.database_id), query)


@require_safe
def download(request: PanelRequest, pk: int) -> FileResponse:
    """The file of a dump, for whoever may manage databases."""
    rows = DatabaseDump.objects.visible_to(request.actor).present()
    row = get_object_or_404(rows, pk=pk, is_whole=True)
    if not operations["database.export-dump"].may(request.actor):
        raise PermissionDenied
    try:
        stream = spool.path(row.token).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    kind = "application/gzip" if row.name.endswith(".gz") else "application/sql"
    return FileResponse(stream, as_attachment=True, filename=row.name, content_type=kind)


class ImportDumpView(SingleOperationView):
    """Import Dump, with the dump chosen whose link led here; its file may be large."""

    noun = "database"

    @staticmethod
    def upload_handlers(request: Any, pk: int, **_about: Any) -> list[Any] | None:
        """SECURITY: only for who may do it here at all is a byte of the file kept."""
        operation = operations["database.import-dump"]
        actor = getattr(request, "actor", None)
        if actor is None or not operation.may(actor):
            return None
        if not operation.visible(actor).filter(pk=pk).exists():
            return None
        return [spool.DumpFiles(request)]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            for handler in request.upload_handlers:
                _forget_unused(getattr(handler, "token", None))

    def form(self, operation: Any, rows: Any, data: Any, initial: dict[str, Any]) -> Any:
        chosen = self.request.GET.get("dump", "")
        return super().form(operation, rows, data, {**initial, "dump": chosen})


def _forget_unused(token: str | None) -> None:
    rows = DatabaseDump.objects.unscoped("whether a file was taken")
    if token and not rows.filter(token=token).exists():
        spool.forget([token])

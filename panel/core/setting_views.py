"""The page Settings: a tab for each section, each with its form."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from panel.core import outcomes, setting
from panel.core.http import PanelRequest
from panel.core.operation_views import SingleOperationView
from panel.core.operations import Operation
from panel.core.path_bar import crumbs
from panel.core.setting import PK, Section
from panel.core.views import shown_run


def shown_sections() -> list[Section]:
    """Those that hold something, in order."""
    found = [one for one in setting.sections.values() if setting.of_section(one.name)]
    return sorted(found, key=lambda one: (one.order, one.name))


class SettingsView(SingleOperationView):
    """One section: GET shows its values to edit, POST saves them."""

    noun = "settings"
    section: Section

    def dispatch(self, request: PanelRequest, section: str = "") -> HttpResponse:  # type: ignore[override]
        known = {one.name: one for one in shown_sections()}
        if section and section not in known:
            raise Http404
        self.section = known[section] if section else next(iter(known.values()))
        return super().dispatch(request, pk=PK, verb="edit")  # type: ignore[return-value]

    def form(
        self, operation: Operation, rows: list[Any], data: Any, initial: dict[str, Any]
    ) -> Any:
        if data is not None:
            # The page's own section, whatever was posted.
            data = data.copy()
            data["section"] = self.section.name
        return super().form(operation, rows, data, {**initial, "section": self.section.name})

    def url(self, section: Section) -> str:
        return reverse("settings_section", args=[section.name])

    def surroundings(self, operation: Operation, target: Any) -> dict[str, Any]:
        return {
            "count": 1,
            "single": True,
            "title": _("Settings"),
            "cancel_url": self.url(self.section),
            "hidden": [("confirmed", "1")],
            "path": crumbs((_("Settings"), reverse("settings")), (self.section.label, None)),
        }

    def render(self, shown: dict[str, Any], path: Any, status: int) -> HttpResponse:
        """The operation's page, with the tabs of the sections above it."""
        run = shown_run(self.request)
        shown |= {
            "lead": self.section.text,
            "submit_label": _("Save"),
            "outcome": outcomes.describe(run, self.request.actor) if run else None,
            "tabs": [
                {"label": one.label, "url": self.url(one), "active": one is self.section}
                for one in shown_sections()
            ],
        }
        context = {"page": shown, "path": path}
        return render(self.request, "core/settings.html", context, status=status)

    def after(self, operation: Operation, pk: int, finding: Any, outcome: Any) -> str:
        return f"{self.url(self.section)}?run={outcome.run_id}"

"""The page that names what the daily run held back, and has it suspended."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from hosting import daily
from panel.core.http import PanelRequest
from panel.core.operation_views import SingleOperationView
from panel.core.operations import Operation
from panel.core.path_bar import crumbs
from panel.core.setting import PK


class HeldBack(SingleOperationView):
    """Home leads there, and it leads back to Home."""

    noun = "settings"

    def dispatch(self, request: PanelRequest) -> HttpResponse:  # type: ignore[override]
        return super().dispatch(request, pk=PK, verb="suspend-held")  # type: ignore[return-value]

    def surroundings(self, operation: Operation, target: Any) -> dict[str, Any]:
        return {
            "count": 1,
            "single": True,
            "title": operation.label,
            "cancel_url": reverse("home"),
            "hidden": [("confirmed", "1")],
            "path": crumbs((operation.label, None)),
        }

    def submit_label(self, operation: Operation, *, is_last: bool) -> Any:
        """Where nothing waits any more, one only says that one has seen it."""
        return operation.submit_label if any(daily.due().values()) else _("OK")

    def after(self, operation: Operation, pk: int, finding: Any, outcome: Any) -> str:
        return f"{reverse('home')}?run={outcome.run_id}"

"""The page of a record of the template."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import TemplateScope
from hosting.views.hosted import fact
from panel.core.path_bar import crumbs
from panel.core.views import DetailPage


class TemplateRecordDetail(DetailPage):
    noun = "template-record"

    def path(self, request: HttpRequest, target: Any) -> list[dict[str, Any]]:
        url = reverse("template_record_list")
        return crumbs((_("DNS Template"), url), (str(target), None))

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        return {
            "title": str(target),
            "subtitle": TemplateScope(target.scope).label,
            "description": "",
            "tags": [],
            "notices": [],
            "facts": [
                fact(_("Host"), target.host),
                fact(_("Type"), target.type),
                fact(_("TTL"), target.ttl or _("of the zone")),
                fact(_("Value"), target.value),
            ],
        }

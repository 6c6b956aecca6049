"""Nodes: the machines, for the administrator."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.filters import PanelFilterSet
from panel.core.lists import Column, ListPage, Sort
from panel.core.markup import day, main_cell, moment, number, tag
from panel.core.operations import ADMINISTRATOR
from panel.core.views import DetailPage


class NodeFilter(PanelFilterSet):
    class Meta:
        model = Node
        fields: list[str] = []


def state(row: Any) -> tuple[Any, str]:
    """Whether its agent answers, as far as the worker knows."""
    if row.away_since is not None:
        return _("Away since %(when)s") % {"when": moment(row.away_since)}, "bad"
    return (_("Answers"), "ok") if row.seen_at else (_("Not seen yet"), "mute")


class NodeList(ListPage):
    noun = "node"
    title = _("Nodes")
    url_name = "node"
    roles = ADMINISTRATOR
    filterset_class = NodeFilter
    empty_title = _("No nodes yet")
    empty_text = _("This machine becomes one with the first subscription.")
    sorts = (Sort("name", "name"),)
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, row.platform),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(
            _("State"),
            lambda row, ls: tag(*state(row)),
            csv=lambda row, ls: state(row)[0],
            is_plain=True,
        ),
        Column(_("IPv4 address"), lambda row, ls: row.ipv4 or ""),
        Column(_("IPv6 address"), lambda row, ls: row.ipv6 or ""),
        Column(_("Created"), lambda row, ls: day(row.created_at), css="date"),
    )

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(name=text)


class NodeDetail(DetailPage):
    noun = "node"

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        text, tone = state(target)
        rows = Subscription.objects.visible_to(request.actor).filter(node=target)
        return {
            "title": target.name,
            "subtitle": target.platform,
            "description": "",
            "tags": [{"text": text, "tone": tone, "title": ""}],
            "notices": [{"tone": "bad", "text": target.last_error, "action": None}]
            if target.last_error
            else [],
            "facts": [
                fact(_("IPv4 address"), target.ipv4 or _("none")),
                fact(_("IPv6 address"), target.ipv6 or _("none")),
                fact(_("Subscriptions"), number(rows.count())),
                fact(_("Last answer"), moment(target.seen_at) or _("never")),
            ],
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
        }

"""Lists of databases, and of their users for programs."""

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.database.filters import DatabaseDumpFilter, DatabaseFilter, DatabaseUserFilter
from hosting.services.database.operations import SERVICE, may_manage
from hosting.services.database.words import MAY_MANAGE, Server
from hosting.views.columns import SUBSCRIPTION
from panel.core.access import Actor
from panel.core.lists import Column, ListPage, Sort, register_list
from panel.core.markup import day, main_cell
from panel.core.operations import operations

NOWHERE = _("The servers here have neither MariaDB nor PostgreSQL, so there is none to be added.")
_LABELS = dict(Server.choices)


class DatabaseList(ListPage):
    """Found by name, and by the name of the subscription."""

    noun = "database"
    title = _("Databases")
    url_name = "database"
    filterset_class = DatabaseFilter
    fields = "name server account_id reseller_id subscription_id created_at"
    empty_title = _("No databases yet")
    empty_text = _("A database is added on the page of its subscription, under Databases.")
    sorts = (Sort("name", "name"),)
    columns = (
        Column(
            _("Name"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, ""),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(_("Server"), lambda row, ls: _LABELS.get(row.server, row.server), is_plain=True),
        SUBSCRIPTION,
        Column(_("Created"), lambda row, ls: day(row.created_at), css="date"),
    )

    def why_empty(self, actor: Actor) -> Any:
        # Of each node whether there is one: not which nodes all subscriptions are on.
        on_it = Subscription.objects.visible_to(actor).present().filter(node_id=OuterRef("pk"))
        nodes = Node.objects.filter(Exists(on_it))
        return self.empty_text if any(node.has(SERVICE) for node in nodes) else NOWHERE

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, MAY_MANAGE)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        above = Subscription.objects.visible_to(actor).filter(name=text)
        return queryset.filter(
            Q(name=text) | Q(subscription_id__in=above.order_by().values("pk")[:100])
        )

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        """Where there is one subscription only, nobody has to choose it first."""
        operation = operations["subscription.add-database"]
        if not actor.is_customer or not operation.may(actor):
            return []
        rows = list(Subscription.objects.visible_to(actor).present()[:2])
        if len(rows) != 1 or not may_manage(rows[0], actor):
            return []
        return [{"label": operation.label, "url": f"/subscriptions/{rows[0].pk}/add-database/"}]

    def extra(self, rows: list[Any], listing: Any) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        return {"subscriptions": dict(above.values_list("pk", "name"))}


@register_list
class DatabaseUserList(ListPage):
    """For programs: on pages users stand with their subscription."""

    noun = "database-user"
    title = _("Database users")
    url_name = "database_user"
    filterset_class = DatabaseUserFilter
    sorts = (Sort("created", "created_at"),)
    default_sort = "created"
    columns = (
        Column(_("Name"), lambda row, ls: row.name, css="main"),
        Column(_("Server"), lambda row, ls: _LABELS.get(row.server, row.server)),
        Column(_("Access"), lambda row, ls: row.access),
    )

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, MAY_MANAGE)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(name=text)


@register_list
class DatabaseDumpList(ListPage):
    """For programs: on pages dumps stand with their database."""

    noun = "database-dump"
    title = _("Database dumps")
    url_name = "database_dump"
    filterset_class = DatabaseDumpFilter
    sorts = (Sort("created", "created_at"),)
    default_sort = "created"
    columns = (
        Column(_("File"), lambda row, ls: row.name, css="main"),
        Column(_("Server"), lambda row, ls: _LABELS.get(row.server, row.server)),
        Column(_("Status"), lambda row, ls: row.state),
    )

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(name=text)

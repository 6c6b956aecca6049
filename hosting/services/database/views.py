"""Pages of databases, and the tab Databases on the page of a subscription."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from hosting import questions
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.database import views_dumps
from hosting.services.database.models import Database, DatabaseUser
from hosting.services.database.operations import SERVICE, may_manage
from hosting.services.database.words import Access, Server
from hosting.views.hosted import fact, state_markup
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.markup import link, moment, tag
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage, go

NOT_HERE = _(
    "The node of this subscription keeps no servers of databases. What is set here takes effect on"
    " a node that has MariaDB or PostgreSQL."
)
# What websites on the node connect to. By name ("localhost") PHP would look for a socket.
HERE = "127.0.0.1"


class DatabaseDetail(DetailPage):
    noun = "database"
    tabs = (("users", _("Users")), ("dumps", _("Dumps")), ("activity", _("Activity")))

    def queryset(self, actor: Actor) -> Any:
        return super().queryset(actor).present().select_related("subscription")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        row = target.subscription
        url = nouns["subscription"].url(row.pk)
        node = Node.objects.get(pk=row.node_id)
        section: dict[str, Any]
        if tab == "activity":
            logged = {"target_kind": "database", "target_id": target.pk}
            sections: list[dict[str, Any]] = [
                {"title": "", "table": entries_table(request, **logged)}
            ]
        elif tab == "dumps":
            sections = views_dumps.sections(request, target)
        else:
            rows = _users(request, row).filter(server=target.server)
            mine = [user for user in rows if user.database_id in {None, target.pk}]
            section = users_section(request, row, mine)
            sections = [*connecting(row, node, target.server), section]
        return {
            "title": target.name,
            "subtitle": Server(target.server).label,
            "description": "",
            "tags": [],
            "notices": [] if node.has(SERVICE) else [_notice()],
            "facts": [
                fact(_("State on the node"), state_markup(row)),
                fact(_("Subscription"), link(url, row.name)),
                *([] if tab != "users" else [size_fact(request, row, target)]),
            ],
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": sections,
            "waiting": _is_asked(request, row) or any(each.get("waiting") for each in sections),
        }


def _notice() -> dict[str, Any]:
    return {"tone": "info", "text": NOT_HERE, "action": None}


def size_fact(request: HttpRequest, row: Subscription, target: Database) -> dict[str, Any]:
    """How large it was when somebody last asked, with the way to ask again."""
    found = questions.last(request.actor, row, SERVICE, "sizes", 0)
    url = reverse("database_sizes", args=[target.pk])
    action = {"label": _("Measure"), "url": url, "post": True}
    if found is None:
        return fact(_("Size"), _t("not measured yet"), action)
    if found.answered_at is None:
        return fact(_("Size"), _t("being measured"))
    answer = found.answer or {}
    if not answer.get("ok"):
        why = answer.get("message", "")
        return fact(_("Size"), _t("The node did not answer: %(why)s") % {"why": why}, action)
    sizes = (answer.get("answer") or {}).get(target.server, {})
    if target.name not in sizes:
        return fact(_("Size"), _t("not measured yet"), action)
    words = {"size": filesizeformat(sizes[target.name]), "when": moment(found.answered_at)}
    return fact(_("Size"), _t("%(size)s, %(when)s") % words, action)


def _is_asked(request: HttpRequest, row: Subscription) -> bool:
    found = questions.last(request.actor, row, SERVICE, "sizes", 0)
    return found is not None and found.answered_at is None


@require_POST
def ask_sizes(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the node how large the databases of a subscription are."""
    rows = Database.objects.visible_to(request.actor).present().select_related("subscription")
    found = get_object_or_404(rows, pk=pk)
    questions.ask(found.subscription, SERVICE, "sizes", 0, {})
    return go(nouns["database"].url(found.pk))


def shows_tab(actor: Actor, row: Subscription) -> bool:
    """Where the tool shows, and to whom there is something to see."""
    return row.removing_at is None and may_manage(row, actor)


def sections(request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
    """Databases and users of a subscription, and how to connect."""
    node = Node.objects.get(pk=row.node_id)
    found: list[dict[str, Any]] = [] if node.has(SERVICE) else [{"title": "", "text": NOT_HERE}]
    rows = list(
        Database.objects.visible_to(request.actor).filter(subscription=row).order_by("name")
    )
    found.append(_databases(request, row, rows))
    found.append(users_section(request, row, list(_users(request, row)), is_whole=True))
    for server in Server.values:
        if any(each.server == server for each in rows):
            found += connecting(row, node, server)
    return found


def connecting(row: Subscription, node: Node, server: str) -> list[dict[str, Any]]:
    """Where programs find the server."""
    offer = node.offers(SERVICE).get(server)
    if offer is None:
        return []
    is_shut = row.is_suspended and not row.is_overuse_only
    state = tag(_("Refused while suspended"), "bad") if is_shut else tag(_("Open"), "ok")
    facts = [
        fact(_("State"), state),
        fact(_("Host"), format_html("<code>{}</code>", HERE)),
        fact(_("Port"), str(offer.get("port", ""))),
    ]
    if offer.get("remote"):
        facts.append(fact(_("From other hosts, over TLS"), node.ipv4 or row.name))
    title = _t("How to connect to %(server)s") % {"server": Server(server).label}
    return [{"title": title, "facts": facts}]


def _add(request: HttpRequest, row: Subscription, verb: str) -> dict[str, Any] | None:
    operation = operations[f"subscription.{verb}"]
    if not operation.may(request.actor) or not may_manage(row, request.actor):
        return None
    url = reverse("subscription_operation", args=[row.pk, verb])
    return {"label": operation.label, "url": url}


def _databases(request: HttpRequest, row: Subscription, rows: list[Database]) -> dict[str, Any]:
    section: dict[str, Any] = {"title": _("Databases"), "add": _add(request, row, "add-database")}
    if not rows:
        return section | {"text": _("No databases yet.")}
    labels = (_t("Name"), _t("Server"))
    lines = [
        ((link(nouns["database"].url(each.pk), each.name), each.get_server_display()), "")
        for each in rows
    ]
    return section | {"table": _table(labels, lines)}


def _users(request: HttpRequest, row: Subscription) -> Any:
    rows = DatabaseUser.objects.visible_to(request.actor).select_related("database")
    return rows.filter(subscription=row).order_by("name")


def users_section(
    request: HttpRequest, row: Subscription, rows: list[DatabaseUser], *, is_whole: bool = False
) -> dict[str, Any]:
    """Users, what each may do where, and what may be done to them."""
    section: dict[str, Any] = {
        "title": _("Database users"),
        "add": _add(request, row, "add-database-user") if is_whole else None,
    }
    if not rows:
        return section | {"text": _("No users yet.")}
    labels = (_t("Name"), _t("Database"), _t("Access"), _t("Other hosts"))
    lines = [
        (
            (
                each.name,
                each.database.name
                if each.database
                else _t("all on %(server)s") % {"server": each.get_server_display()},
                Access(each.access).label,
                ", ".join(each.hosts),
            ),
            _actions(request, each),
        )
        for each in rows
    ]
    return section | {"table": _table(labels, lines)}


def _actions(request: HttpRequest, row: DatabaseUser) -> SafeString:
    found = (operations[f"database-user.{verb}"] for verb in ("password", "access", "remove"))
    parts = [
        (
            reverse("database_user_operation", args=[row.pk, operation.verb]),
            operation.label,
            row.name,
            operation.label,
        )
        for operation in found
        if operation.may(request.actor)
    ]
    return format_html_join(" ", '<a href="{}" aria-label="{} {}">{}</a>', parts)


def _table(labels: tuple[str, ...], lines: list[tuple[tuple[Any, ...], Any]]) -> SafeString:
    heads = format_html_join("", '<th scope="col">{}</th>', ((label,) for label in labels))
    body = format_html_join(
        "",
        "<tr>{}<td>{}</td></tr>",
        (
            (
                format_html_join(
                    "",
                    '<td class="{}" data-th="{}">{}</td>',
                    (
                        ("" if at else "main", label, value)
                        for at, (label, value) in enumerate(zip(labels, cells, strict=True))
                    ),
                ),
                actions,
            )
            for cells, actions in lines
        ),
    )
    return format_html(
        '<table class="list"><thead><tr>{}<th scope="col">'
        '<span class="visually-hidden">{}</span></th></tr></thead><tbody>{}</tbody></table>',
        heads,
        _t("Actions"),
        body,
    )


@require_safe
def user_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A user has no page of its own: its subscription's tab shows it."""
    row = DatabaseUser.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if row is None:
        raise Http404
    url = reverse("subscription_operation", args=[row.subscription_id, "databases"])
    return go(url, request.META.get("QUERY_STRING", ""))

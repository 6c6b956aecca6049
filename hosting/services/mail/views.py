"""The tab Mail on the page of a domain, and the list of mailboxes for programs."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting import tools
from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.services.mail.filters import MailboxFilter
from hosting.services.mail.models import Mailbox
from hosting.services.mail.operations import PERMISSION, may_manage
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.lists import Column, ListPage, Sort, register_list
from panel.core.markup import tag
from panel.core.operations import operations
from panel.core.views import go

NOT_HERE = _(
    "The node of this subscription has no mail service: what is set here takes effect on a node"
    " that has one, and reading mail by IMAP is not available on this one."
)


@register_list
class MailboxList(ListPage):
    """For programs: on pages mailboxes stand with their domain."""

    noun = "mailbox"
    title = _("Mailboxes")
    url_name = "mailbox"
    filterset_class = MailboxFilter
    sorts = (Sort("address", "address"),)
    default_sort = "address"
    columns = (
        Column(_("Address"), lambda row, ls: row.address, css="main"),
        Column(_("Size"), lambda row, ls: row.size or ""),
    )

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(address=text)


def shows_tab(actor: Actor, row: Domain) -> bool:
    """Where the subscription may have mailboxes, to whoever may manage them."""
    return row.removing_at is None and tools.shows(row.subscription, actor, "mailboxes", PERMISSION)


def sections(request: HttpRequest, row: Domain) -> list[dict[str, Any]]:
    """How to connect, and the mailboxes."""
    node = Node.objects.get(pk=row.subscription.node_id)
    if not node.has("mail"):
        return [{"title": "", "text": NOT_HERE}, _mailboxes(request, row)]
    return [_mailboxes(request, row), {"title": _("Mail programs"), "facts": _facts(row, node)}]


def _facts(row: Domain, node: Node) -> list[dict[str, Any]]:
    ports = node.offers("mail")["ports"]
    is_shut = row.subscription.is_suspended and not row.subscription.is_overuse_only
    state = tag(_("Refused while suspended"), "bad") if is_shut else tag(_("Open"), "ok")
    return [
        fact(_("State"), state),
        fact(_("Host"), node.ipv4 or row.name),
        fact(_("Username"), _t("the whole address")),
        fact(_("IMAP"), _t("port %(n)s, SSL/TLS") % {"n": ports["imaps"]}),
        fact(_("POP3"), _t("port %(n)s, SSL/TLS") % {"n": ports["pop3s"]}),
        fact(_("SMTP"), _t("port %(n)s, STARTTLS") % {"n": ports["submission"]}),
    ]


def _mailboxes(request: HttpRequest, row: Domain) -> dict[str, Any]:
    add, operation = None, operations["domain.add-mailbox"]
    edits = operation.may(request.actor) and may_manage(row.subscription, request.actor)
    if edits:
        url = reverse("domain_operation", args=[row.pk, "add-mailbox"])
        add = {"label": operation.label, "url": url}
    rows = Mailbox.objects.visible_to(request.actor).filter(domain=row).order_by("local")[:1000]
    section: dict[str, Any] = {"title": _("Mailboxes"), "add": add}
    if not rows:
        return section | {"text": _("No mailboxes yet: this domain takes no mail.")}
    return section | {"table": _table([_cells(box, request.actor, edits) for box in rows])}


def _cells(box: Mailbox, actor: Actor, edits: bool) -> tuple[Any, ...]:
    labels = (_t("Address"), _t("State"), _t("Size"), _t("Mail goes to"))
    size = filesizeformat(box.size) if box.size else _t("unlimited")
    state = tag(_("Active"), "ok") if box.is_on else tag(_("Suspended"), "bad")
    goes = [_t("this mailbox")] if box.keeps else []
    also = [_t("everything for nobody")] if box.is_catch_all else []
    also += [_t("automatic reply")] if box.reply_text else []
    shown = format_html_join(SafeString("<br>"), "{}", ((one,) for one in (*goes, *box.forwards)))
    names = format_html(
        '{}<br><span class="muted">{}</span>', box.address, ", ".join([*box.aliases, *also])
    )
    values = (names if box.aliases or also else box.address, state, size, shown)
    actions = _actions(box, actor) if edits else ""
    return (*(part for pair in zip(labels, values, strict=True) for part in pair), actions)


def _actions(box: Mailbox, actor: Actor) -> SafeString:
    found = []
    for verb in ("edit", "password", "suspend", "activate", "remove"):
        operation = operations[f"mailbox.{verb}"]
        if operation.may(actor) and operation.applies_to(box, actor):
            url = reverse("mailbox_operation", args=[box.pk, verb])
            found.append((url, operation.label, box.address, operation.label))
    return format_html_join(" · ", '<a href="{}" aria-label="{} {}">{}</a>', found)


def _table(rows: list[tuple[Any, ...]]) -> SafeString:
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td><td class="date">{}</td></tr>',
        rows,
    )
    return format_html(
        '<table class="list"><thead><tr><th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col"><span class="visually-hidden">{}</span></th></tr></thead>'
        "<tbody>{}</tbody></table>",
        _t("Address"),
        _t("State"),
        _t("Size"),
        _t("Mail goes to"),
        _t("Actions"),
        body,
    )


@require_safe
def mailbox_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A mailbox has no page of its own: its domain's tab shows it."""
    row = Mailbox.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if row is None:
        raise Http404
    url = reverse("domain_operation", args=[row.domain_id, "mail"])
    return go(url, request.META.get("QUERY_STRING", ""))

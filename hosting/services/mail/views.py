"""The tab Mail on the page of a domain."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import limits, permissions, tools
from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail import localnames, sizes, views_records
from hosting.services.mail.models import DkimKey, Mailbox
from hosting.services.mail.operations import PERMISSION, may_manage
from hosting.services.mail.views_mailboxes import besides, fullness, goes_to, lines, state
from hosting.services.mail.views_programs import programs
from panel.core.access import Actor
from panel.core.markup import main_cell
from panel.core.operations import nouns, operations

_NOT_SIGNED = _(
    "Letters are not signed: receivers cannot tell them from forgeries, and some take them for"
    " spam."
)
_SIGNED = _(
    "Letters are signed with the key %(selector)s. Receivers check them by a record of the zone,"
    " which stands below."
)
_KEY_IS_MADE = _("The key is being made.")


def shows_tab(actor: Actor, row: Domain) -> bool:
    """Where the subscription may have mailboxes, to whoever may manage them."""
    return row.removing_at is None and tools.shows(row.subscription, actor, "mailboxes", PERMISSION)


def cards(actor: Actor, domains: Sequence[Domain]) -> dict[int, Any]:
    """How many mailboxes there are, where the node has mail and the tab is there."""
    above = {row.subscription for row in domains}
    lacking = permissions.lacking(above, actor, PERMISSION)
    open_to = {
        row.pk
        for row in above
        if row.pk not in lacking
        and limits.limit_of(row.limits, "mailboxes") != 0
        and row.node.has("mail")
    }
    here = [r.pk for r in domains if r.removing_at is None and r.subscription_id in open_to]
    rows = Mailbox.objects.visible_to(actor).filter(domain_id__in=here)
    counted = dict(rows.values_list("domain_id").annotate(n=Count("pk")).order_by())
    return {pk: _mailboxes_words(counted.get(pk, 0)) for pk in here}


def _mailboxes_words(number: int) -> str:
    return ngettext("%(n)s mailbox", "%(n)s mailboxes", number) % {"n": f"{number:,}"}


def sections(request: HttpRequest, row: Domain) -> list[dict[str, Any]]:
    """How to connect, and the mailboxes."""
    node = Node.objects.get(pk=row.subscription.node_id)
    how = programs(row, node)
    boxes = _mailboxes(request, row)
    # First what there is; where there is no mail at all, first that.
    if not node.has("mail"):
        return [*how, boxes]
    records = views_records.section(request, row)
    return [boxes, *_names(request, row), *how, *_signing(request, row, node), *records]


def _names(request: HttpRequest, row: Domain) -> list[dict[str, Any]]:
    """Names that nothing arrives for yet, once there is a mailbox that it could arrive in."""
    boxes = Mailbox.objects.visible_to(request.actor).filter(domain=row)
    waiting = localnames.waiting(row) if boxes.exists() else []
    if not waiting:
        return []
    text = _t(
        "Nothing arrives here for %(names)s, and nobody sends as it, until its MX record points to"
        " this node (that is looked at every ten minutes) or somebody above the subscriber takes"
        " its mail in."
    ) % {"names": ", ".join(waiting)}
    add, operation = None, operations["domain.take-mail-in"]
    may = operation.may(request.actor) and may_manage(row.subscription, request.actor)
    if may and operation.offered(row, request.actor):
        url = reverse("domain_operation", args=[row.pk, operation.verb])
        add = {"label": operation.label, "url": url}
    return [{"title": _("Names that wait for mail"), "text": text, "add": add}]


def _signing(request: HttpRequest, row: Domain, node: Node) -> list[dict[str, Any]]:
    """Whether letters of the domain are signed, where they could be."""
    if not node.offers("mail").get("signs"):
        return []
    key = DkimKey.objects.filter(domain=row).first()
    text, verb, is_waiting = _NOT_SIGNED, "sign-mail", False
    if key is not None:
        is_waiting = not key.sealed
        text = _KEY_IS_MADE if is_waiting else _SIGNED % {"selector": key.selector}
        verb = "stop-signing"
    section: dict[str, Any] = {"title": _("Signatures (DKIM)"), "text": text, "waiting": is_waiting}
    operation = operations[f"domain.{verb}"]
    if operation.may(request.actor) and may_manage(row.subscription, request.actor):
        url = reverse("domain_operation", args=[row.pk, operation.verb])
        section["add"] = {"label": operation.label, "url": url, "plain": True}
    return [section]


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
    return section | {"table": _table(rows, row.subscription)}


def _table(rows: Iterable[Mailbox], subscription: Subscription) -> SafeString:
    heads = (_t("Address"), _t("Status"), _t("Size"), _t("Mail goes to"))
    found = []
    for box in rows:
        name = main_cell(nouns["mailbox"].url(box.pk), box.address, besides(box))
        most = sizes.in_force(box.size, subscription.limits)
        cells = (name, state(box), fullness(box, most), lines(goes_to(box)))
        found.append(tuple(part for pair in zip(heads, cells, strict=True) for part in pair))
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td></tr>',
        found,
    )
    head = format_html_join("", '<th scope="col">{}</th>', ((word,) for word in heads))
    return format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )

"""The tab SSH Access on the page of a subscription, and the list of keys for programs."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.system import access
from hosting.services.system.filters import SshKeyFilter
from hosting.services.system.models import SshKey
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.lists import Column, ListPage, Sort, register_list
from panel.core.markup import day, tag
from panel.core.operations import operations
from panel.core.views import go

NOT_HERE = _(
    "The node of this subscription has no system users: all its files are of one user, and there"
    " is no access over SSH. What is set here takes effect on a node that has them."
)

NO_SERVER = _("The node of this subscription runs no SSH server, so nobody gets in that way.")


@register_list
class SshKeyList(ListPage):
    """For programs: on pages keys stand with their subscription."""

    noun = "ssh-key"
    title = _("SSH keys")
    url_name = "ssh_key"
    filterset_class = SshKeyFilter
    sorts = (Sort("created", "created_at"),)
    default_sort = "created"
    columns = (
        Column(_("Label"), lambda row, ls: row.label, css="main"),
        Column(_("Type"), lambda row, ls: row.type),
        Column(_("Fingerprint"), lambda row, ls: row.fingerprint),
    )

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(Q(label=text) | Q(fingerprint=text))


def shows_tab(actor: Actor, row: Subscription) -> bool:
    """To everybody who sees the subscription, while it is there."""
    return row.removing_at is None


def sections(request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
    """How to connect, with what, and the keys."""
    node = Node.objects.get(pk=row.node_id)
    notice = [] if _port_of(node) else [{"title": "", "text": _why_not(node)}]
    granted = access.of(row.settings)
    facts = [
        fact(_("System user"), row.system_user),
        fact(_("Access"), dict(access.CHOICES)[granted]),
    ]
    if granted == access.NONE:
        return [*notice, {"title": _("System user"), "facts": facts}]
    has_password = _t("set") if row.system_user_hash else _t("none")
    facts.append(fact(_("Password"), has_password, _action(request, row, "system-user-password")))
    found = [{"title": _("System user"), "facts": facts}]
    if _port_of(node):
        found.insert(0, {"title": _("How to connect"), "facts": _connecting(row, node, granted)})
    return [*notice, *found, _keys(request, row)]


def _port_of(node: Node) -> int | None:
    found: int | None = node.offers("system").get("port")
    return found


def _why_not(node: Node) -> Any:
    return NO_SERVER if node.has("system") else NOT_HERE


def _action(request: HttpRequest, row: Subscription, verb: str) -> dict[str, Any] | None:
    operation = operations[f"subscription.{verb}"]
    if not operation.may(request.actor) or not operation.offered(row, request.actor):
        return None
    url = reverse("subscription_operation", args=[row.pk, verb])
    return {"label": _("Change"), "url": url, "post": False}


def _connecting(row: Subscription, node: Node, granted: str) -> list[dict[str, Any]]:
    port = _port_of(node)
    host = row.name
    is_shut = row.is_suspended and not row.is_overuse_only
    state = tag(_("Refused while suspended"), "bad") if is_shut else tag(_("Open"), "ok")
    option = "" if port == 22 else f" -P {port}"
    facts = [
        fact(_("State"), state),
        fact(_("Host"), node.ipv4 or host),
        fact(_("Port"), str(port)),
        fact(_("SFTP"), _code(f"sftp{option} {row.system_user}@{node.ipv4 or host}")),
    ]
    if granted == access.SHELL:
        option = option.lower()
        facts.append(fact(_("SSH"), _code(f"ssh{option} {row.system_user}@{node.ipv4 or host}")))
    return facts


def _code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text)


def _keys(request: HttpRequest, row: Subscription) -> dict[str, Any]:
    add, operation = None, operations["subscription.add-ssh-key"]
    if operation.may(request.actor):
        url = reverse("subscription_operation", args=[row.pk, "add-ssh-key"])
        add = {"label": operation.label, "url": url}
    removes = operations["ssh-key.remove"].may(request.actor)
    rows = SshKey.objects.visible_to(request.actor).filter(subscription=row).order_by("pk")
    section: dict[str, Any] = {"title": _("SSH keys"), "add": add}
    if not rows:
        return section | {"text": _("No SSH keys yet.")}
    return section | {"table": _table([_cells(key, removes=removes) for key in rows])}


def _cells(key: SshKey, *, removes: bool) -> tuple[Any, ...]:
    words = _t("Remove")
    url = reverse("ssh_key_operation", args=[key.pk, "remove"])
    action: Any = ""
    if removes:
        action = format_html('<a href="{}" aria-label="{} {}">{}</a>', url, words, key.label, words)
    labels = (_t("Label"), _t("Type"), _t("Fingerprint"), _t("Added"))
    # It has no blank at which a line could end.
    parts = ((key.fingerprint[at : at + 12],) for at in range(0, len(key.fingerprint), 12))
    fingerprint = format_html_join(SafeString("<wbr>"), "{}", parts)
    values = (key.label, key.type, fingerprint, day(key.created_at))
    return (*(part for pair in zip(labels, values, strict=True) for part in pair), action)


def _table(rows: list[tuple[Any, ...]]) -> SafeString:
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td class="record-value" data-th="{}">{}</td><td class="date" data-th="{}">{}</td>'
        '<td class="date">{}</td></tr>',
        rows,
    )
    return format_html(
        '<table class="list"><thead><tr><th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col"><span class="visually-hidden">{}</span></th></tr></thead>'
        "<tbody>{}</tbody></table>",
        _t("Label"),
        _t("Type"),
        _t("Fingerprint"),
        _t("Added"),
        _t("Actions"),
        body,
    )


@require_safe
def ssh_key_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A key has no page of its own: its subscription's tab shows it."""
    key = SshKey.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if key is None:
        raise Http404
    url = reverse("subscription_operation", args=[key.subscription_id, "ssh"])
    return go(url, request.META.get("QUERY_STRING", ""))

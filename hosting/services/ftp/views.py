"""FTP Access: the list, the page of an account, and the tab on the page of a subscription."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.ftp.desired import may_have_keys
from hosting.services.ftp.filters import FtpAccountFilter
from hosting.services.ftp.models import FtpAccount
from hosting.services.ftp.operations import PERMISSION
from hosting.views.columns import SUBSCRIPTION
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.lists import Column, Listing, ListPage, Sort
from panel.core.markup import day, link, main_cell, moment, tag
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage

NOT_HERE = _(
    "The node of this subscription serves no FTP. What is set here takes effect on a node that"
    " does."
)


def _state(row: FtpAccount) -> Any:
    return tag(_("Active"), "ok") if row.is_on else tag(_("Suspended"), "bad")


def _home(row: FtpAccount) -> str:
    return f"/{row.home}"


class FtpAccountList(ListPage):
    """All accounts that one sees."""

    noun = "ftp-account"
    title = _("FTP Access")
    url_name = "ftp_account"
    tab_label = _("FTP Access")
    filterset_class = FtpAccountFilter
    fields = (
        "name home is_read_only is_on description account_id reseller_id subscription_id created_at"
    )
    empty_title = _("No FTP accounts yet")
    empty_text = _("They are added on the page of a subscription, under FTP Access.")
    sorts = (Sort("name", "name"),)
    columns = (
        Column(
            _("Username"),
            lambda row, ls: main_cell(ls.url(row.pk), row.name, row.description),
            csv=lambda row, ls: row.name,
            sort="name",
            css="main",
        ),
        Column(_("Status"), lambda row, ls: _state(row), csv=lambda row, ls: row.is_on),
        SUBSCRIPTION,
        Column(_("Home"), lambda row, ls: _home(row)),
        Column(_("Created"), lambda row, ls: day(row.created_at), css="date"),
    )

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, PERMISSION)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(name=text.strip().lower())

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        """Where there is one subscription only, nobody has to choose it first."""
        operation = operations["subscription.add-ftp-account"]
        if not actor.is_customer or not operation.may(actor):
            return []
        rows = list(Subscription.objects.visible_to(actor).present()[:2])
        if len(rows) != 1 or not operation.offered(rows[0], actor):
            return []
        url = reverse("subscription_operation", args=[rows[0].pk, "add-ftp-account"])
        return [{"label": operation.label, "url": url}]

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        return {"subscriptions": dict(above.values_list("pk", "name"))}


class FtpAccountDetail(DetailPage):
    noun = "ftp-account"
    tabs = (("connection", _("Connection")), ("activity", _("Activity")))

    def queryset(self, actor: Actor) -> Any:
        return super().queryset(actor).present().select_related("subscription")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        words = (_("Active"), "ok") if target.is_on else (_("Suspended"), "bad")
        return {
            "title": target.name,
            "subtitle": _("FTP account"),
            "description": target.description,
            "tags": [{"text": words[0], "tone": words[1], "title": ""}],
            "notices": [],
            "facts": self.facts(target),
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": self.panel(request, target, tab),
        }

    def facts(self, row: FtpAccount) -> list[dict[str, Any]]:
        url = nouns["subscription"].url(row.subscription_id)
        may = _("read only") if row.is_read_only else _("read and write")
        return [
            fact(_("Subscription"), link(url, row.subscription.name)),
            fact(_("Home"), _home(row)),
            fact(_("Access"), may),
            fact(_("Password"), _("set") if row.password_hash else _("none")),
        ]

    def panel(self, request: HttpRequest, row: FtpAccount, tab: str) -> list[dict[str, Any]]:
        if tab == "activity":
            table = entries_table(request, target_kind="ftp-account", target_id=row.pk)
            return [{"title": "", "table": table}]
        found = [_connecting(row.subscription, row.name)]
        if not may_have_keys(row.subscription.settings):
            return found
        lines = format_html_join(
            "", "<li>{} <code>{}</code></li>", ((k["label"], k["fingerprint"]) for k in row.keys)
        )
        keys: dict[str, Any] = {"title": _("SSH keys"), "text": _("No SSH keys yet.")}
        if row.keys:
            keys = {"title": _("SSH keys"), "table": format_html("<ul>{}</ul>", lines)}
        return [*found, keys]


def _connecting(row: Subscription, name: str) -> dict[str, Any]:
    """How to connect, or why nobody can."""
    node = Node.objects.get(pk=row.node_id)
    offered = node.offers("ftp")
    title = _("How to connect")
    if not offered.get("port"):
        return {"title": title, "text": NOT_HERE}
    is_shut = row.is_suspended and not row.is_overuse_only
    host, port = node.ipv4 or row.name, offered["sftp_port"]
    command = format_html("<code>sftp -P {} {}@{}</code>", port, name, host)
    facts = [
        fact(_("State"), tag(_("Refused while suspended"), "bad") if is_shut else _("Open")),
        fact(_("Host"), host),
        fact(_("FTP"), _t("port %(n)s, with TLS (explicit, FTPES)") % {"n": offered["port"]}),
        fact(_("SFTP"), command),
        fact(_("Certificate"), _("the node's own, self-signed: programs ask whether to trust it")),
    ]
    return {"title": title, "facts": facts}


def shows_tab(actor: Actor, row: Subscription) -> bool:
    """To everybody who sees the subscription, while it is there."""
    return row.removing_at is None


def sections(request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
    """How to connect, and the accounts."""
    add, operation = None, operations["subscription.add-ftp-account"]
    if operation.may(request.actor) and operation.offered(row, request.actor):
        url = reverse("subscription_operation", args=[row.pk, "add-ftp-account"])
        add = {"label": operation.label, "url": url}
    section: dict[str, Any] = {"title": _("FTP accounts"), "add": add}
    rows = FtpAccount.objects.visible_to(request.actor).filter(subscription=row).order_by("name")
    facts = [
        fact(
            link(nouns["ftp-account"].url(one.pk), one.name),
            format_html("{} {}", _home(one), "" if one.is_on else _state(one)),
        )
        for one in rows
    ]
    section |= {"facts": facts} if facts else {"text": _("No FTP accounts yet.")}
    return [_connecting(row, _t("username")), section]

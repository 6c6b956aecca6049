"""Mail: the list of mailboxes, and the page of one."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting import permissions
from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail import sizes
from hosting.services.mail.filters import MailboxFilter
from hosting.services.mail.models import Mailbox
from hosting.services.mail.operations import PERMISSION, may_manage
from hosting.services.mail.views_programs import programs
from hosting.views.columns import SUBSCRIPTION
from hosting.views.hosted import fact
from panel.core.access import Actor
from panel.core.activity_views import entries_table
from panel.core.lists import Column, Listing, ListPage, Sort
from panel.core.markup import day, link, main_cell, moment, safe, size, tag, usage
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage

# So many domains get a button of their own; who has more goes by the page of the domain.
_BUTTONS = 5
# From this share of its size on a mailbox is said to be nearly full.
_NEARLY = 0.95


def state(row: Mailbox) -> SafeString:
    """Whether one may log in."""
    return tag(_("Active"), "ok") if row.is_on else tag(_("Suspended"), "bad")


def fullness(row: Mailbox, most: int | None) -> SafeString:
    """How big it is (None: without limit), and what of that its letters take, where the node said
    so. What is full takes no more."""
    if row.used is None:
        # It was escaped by safe().
        return SafeString(safe(size(most)))
    taken = usage(row.used, most, size)
    if most is None or row.used < most * _NEARLY:
        return taken
    words = tag(_("Full"), "bad") if row.used >= most else tag(_("Nearly full"), "warn")
    return format_html("{} {}", taken, words)


def other_addresses(row: Mailbox) -> list[str]:
    """What else arrives there."""
    return [*row.aliases, *([_t("catch-all")] if row.is_catch_all else [])]


def besides(row: Mailbox) -> str:
    """What else arrives there, and what is answered, in a line."""
    said = [_t("automatic reply")] if row.reply_text else []
    return ", ".join([*other_addresses(row), *said])


def goes_to(row: Mailbox) -> list[str]:
    """Where letters go."""
    return [*([_t("this mailbox")] if row.keeps else []), *row.forwards]


def lines(texts: list[str]) -> SafeString:
    """One below the other."""
    return format_html_join("", "<div>{}</div>", ((text,) for text in texts))


class MailboxList(ListPage):
    """All mailboxes that one sees."""

    noun = "mailbox"
    title = tab_label = _("Mail")
    url_name = "mailbox"
    filterset_class = MailboxFilter
    empty_title = _("No mailboxes yet")
    empty_text = _("They are added on the page of a domain, under Mail.")
    sorts = (Sort("address", "address"),)
    default_sort = "address"
    columns = (
        Column(
            _("Address"),
            lambda row, ls: main_cell(ls.url(row.pk), row.address, besides(row)),
            csv=lambda row, ls: row.address,
            sort="address",
            css="main",
        ),
        Column(_("Status"), lambda row, ls: state(row), csv=lambda row, ls: row.is_on),
        SUBSCRIPTION,
        Column(
            _("Size"),
            lambda row, ls: fullness(row, _size(row, ls)),
            csv=lambda row, ls: _size(row, ls) or "",
            css="num",
        ),
        Column(
            _("Mail goes to"),
            lambda row, ls: lines(goes_to(row)[:3]),
            csv=lambda row, ls: " ".join(goes_to(row)),
        ),
        Column(_("Created"), lambda row, ls: day(row.created_at), css="date"),
    )

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, PERMISSION)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        return queryset.filter(address=text.strip().lower())

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        """For a customer with few domains, straight to the form."""
        if not actor.is_customer or not operations["domain.add-mailbox"].may(actor):
            return []
        rows = Domain.objects.visible_to(actor).present().select_related("subscription")
        return [
            {
                "label": _t("Add Mailbox: %(name)s") % {"name": row.name},
                "url": reverse("domain_operation", args=[row.pk, "add-mailbox"]),
            }
            for row in rows.filter(parent=None).order_by("pk")[:_BUTTONS]
            if may_manage(row.subscription, actor)
        ]

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor).filter(
            pk__in={row.subscription_id for row in rows}
        )
        found = list(above.values_list("pk", "name", "limits"))
        return {
            "subscriptions": {pk: name for pk, name, _limits in found},
            "limits": {pk: given for pk, _name, given in found},
        }


def _size(row: Mailbox, listing: Listing) -> int | None:
    return sizes.in_force(row.size, listing.extra["limits"].get(row.subscription_id, {}))


class MailboxDetail(DetailPage):
    noun = "mailbox"
    tabs = (("programs", _("Mail programs")), ("activity", _("Activity")))

    def queryset(self, actor: Actor) -> Any:
        return super().queryset(actor).present().select_related("domain", "subscription")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        words = (_("Active"), "ok") if target.is_on else (_("Suspended"), "bad")
        return {
            "title": target.address,
            "subtitle": _("Mailbox"),
            "description": "",
            "tags": [{"text": words[0], "tone": words[1], "title": ""}],
            "notices": [],
            "facts": self.facts(target),
            "sidebar_facts": [fact(_("Created"), moment(target.created_at))],
            "panel_sections": self.panel(request, target, tab),
        }

    def facts(self, row: Mailbox) -> list[dict[str, Any]]:
        tab = reverse("domain_operation", args=[row.domain_id, "mail"])
        found = [
            fact(_("Domain"), link(tab, row.domain.name)),
            fact(
                _("Subscription"),
                link(nouns["subscription"].url(row.subscription_id), row.subscription.name),
            ),
            fact(_("Size"), fullness(row, sizes.in_force(row.size, row.subscription.limits))),
            fact(_("Mail goes to"), lines(goes_to(row))),
        ]
        if others := other_addresses(row):
            found.append(fact(_("Other addresses"), ", ".join(others)))
        if row.reply_text:
            found.append(fact(_("Automatic reply"), row.reply_subject))
        return found

    def panel(self, request: HttpRequest, row: Mailbox, tab: str) -> list[dict[str, Any]]:
        if tab == "activity":
            of_box = {"target_kind": "mailbox", "target_id": row.pk}
            return [{"title": "", "table": entries_table(request, **of_box)}]
        row.domain.subscription = row.subscription
        return programs(row.domain, Node.objects.get(pk=row.subscription.node_id), row)

"""The tab SSL/TLS Certificates on the page of a domain, and the list of all."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_safe

from hosting import permissions
from hosting.models.domains import Domain, HostingType
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.tls.filters import (
    EXPIRING,
    FAILED,
    SOON,
    CertificateFilter,
    expiring,
    failed,
)
from hosting.services.tls.models import Certificate, CertificateState, Kind
from hosting.services.tls.rules import PERMISSION, is_reached
from hosting.views.columns import SUBSCRIPTION
from hosting.views.hosted import fact
from panel.core import search
from panel.core.access import Actor
from panel.core.lists import Column, Listing, ListPage, Sort
from panel.core.markup import day, main_cell, moment, tag
from panel.core.operations import operations
from panel.core.views import go

NO_HTTPS = _("The server of this site does not answer by HTTPS, so certificates have no effect.")
SELF_SIGNED = _(
    "The site answers by HTTPS with the server’s own certificate, which is self-signed: browsers"
    " warn of it."
)
NOT_REACHED = _(
    "This server is reached from here alone, so no authority issues a certificate; one can be"
    " uploaded."
)


_IN_USE = (_("In use"), "ok")


def _state_words(row: Any) -> tuple[Any, str]:
    """What is to be known first, and its tone; of a certificate, or of a row of the list."""
    is_there = row.not_before is not None
    if is_there and row.not_after <= timezone.now():
        return _("Run out"), "bad"
    if row.state == CertificateState.FAILED:
        return _("Renewal failed") if is_there else _("Failed"), "bad"
    if row.state == CertificateState.ORDERED:
        return _("Being renewed") if is_there else _("Being issued"), "info"
    return (_("Runs out soon"), "warn") if row.not_after <= timezone.now() + SOON else _IN_USE


def _state(row: Any) -> SafeString:
    return tag(*_state_words(row))


class CertificateList(ListPage):
    """Found by the names that their domains are found by; what runs out first, first."""

    noun = "certificate"
    title = tab_label = _("SSL/TLS Certificates")
    url_name = "certificate"
    filterset_class = CertificateFilter
    fields = (
        "domain_id account_id reseller_id subscription_id kind state names issuer not_before"
        " not_after failures"
    )
    empty_title = _("No certificates yet")
    empty_text = _("Sites without one answer with the server’s own. Issue one on a domain’s page.")
    sorts = (Sort("not_after", "not_after"),)
    default_sort = "not_after"
    columns = (
        Column(
            _("Domain"),
            lambda row, ls: main_cell(
                ls.url(row.pk),
                ls.extra["domains"].get(row.domain_id, ""),
                row.issuer or Kind(row.kind).label,
            ),
            csv=lambda row, ls: ls.extra["domains"].get(row.domain_id, ""),
            css="main",
        ),
        Column(_("State"), lambda row, ls: _state(row), csv=lambda row, ls: row.state),
        SUBSCRIPTION,
        Column(_("Kind"), lambda row, ls: Kind(row.kind).label, is_plain=True),
        Column(
            _("Runs out"),
            lambda row, ls: day(row.not_after) if row.not_before else "",
            csv=lambda row, ls: row.not_after if row.not_before else "",
            sort="not_after",
            css="date",
        ),
    )

    def acts(self, actor: Actor) -> bool:
        return permissions.anywhere(actor, PERMISSION)

    def rows(self, actor: Actor) -> Any:
        return super().rows(actor).present()

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        hits = search.matching(actor, text, ["domain"]).values("object_id")
        return queryset.filter(Q(domain_id__in=hits))

    def extra(self, rows: list[Any], listing: Listing) -> dict[str, Any]:
        above = Subscription.objects.visible_to(listing.actor)
        domains = Domain.objects.visible_to(listing.actor)
        return {
            "subscriptions": dict(
                above.filter(pk__in={row.subscription_id for row in rows}).values_list("pk", "name")
            ),
            "domains": dict(
                domains.filter(pk__in={row.domain_id for row in rows}).values_list("pk", "name")
            ),
        }


def attention(actor: Actor) -> list[tuple[Any, str, Any, str]]:
    """For Home: certificates that could not be had, and those that run out."""
    rows, url = Certificate.objects.visible_to(actor).present(), reverse("certificate_list")
    not_had = ngettext_lazy("certificate could not be issued", "certificates could not be issued")
    runs_out = ngettext_lazy(
        "certificate runs out within 14 days", "certificates run out within 14 days"
    )
    return [
        (failed(rows), "bad", not_had, f"{url}?state={FAILED}"),
        (expiring(rows), "warn", runs_out, f"{url}?state={EXPIRING}"),
    ]


def shows_tab(actor: Actor, domain: Domain) -> bool:
    """Where there is something on the web."""
    return domain.hosting_type != HostingType.NONE and domain.removing_at is None


def cards(actor: Actor, domains: Sequence[Domain]) -> dict[int, Any]:
    """Until when the certificate is good, or what is the matter with it."""
    shown = {row.pk: row for row in domains if shows_tab(actor, row)}
    rows = Certificate.objects.visible_to(actor).filter(
        domain_id__in={*shown, *(row.parent_id for row in shown.values() if row.parent_id)}
    )
    by_domain = {row.domain_id: row for row in rows.defer("chain", "key")}
    found: dict[int, Any] = {}
    for pk, domain in shown.items():
        row = by_domain.get(pk) or _covering(by_domain.get(domain.parent_id), domain)
        if row is None:
            found[pk] = _("self-signed")
        elif _state_words(row) == _IN_USE:
            found[pk] = _("until %(day)s") % {"day": day(row.not_after)}
        else:
            found[pk] = _state_words(row)[0]
    return found


def sections(request: HttpRequest, domain: Domain) -> list[dict[str, Any]]:
    """What the site answers with, and what is done about it."""
    node = Node.objects.get(pk=domain.subscription.node_id)
    row = Certificate.objects.visible_to(request.actor).filter(domain=domain).first()
    found: list[dict[str, Any]] = []
    if node.has("web") and not node.offers("web").get("https_port"):
        found.append({"title": "", "text": NO_HTTPS})
    found.append(_section(request, domain, row))
    if row is not None and row.error:
        when = moment(row.renew_at) if row.renew_at else ""
        note = _t("It is tried again on %(when)s.") % {"when": when} if when else ""
        title = _("What the authority said")
        found.append({"title": title, "note": note, "facts": [fact(_("In its words"), row.error)]})
    elif row is not None and hasattr(row, "order") and row.order.error:
        words = row.order.error
        found.append({"title": _("On its way"), "facts": [fact(_("Not yet"), words)]})
    if not is_reached(node):
        found.append({"title": "", "text": NOT_REACHED})
    return found


def _section(request: HttpRequest, domain: Domain, row: Certificate | None) -> dict[str, Any]:
    section: dict[str, Any] = {"title": _("Certificate")}
    if row is None:
        own = _own_wildcard(request, domain)
        if own is None:
            return section | {"text": SELF_SIGNED}
        section["note"] = _("Of the domain above, which has a wildcard.")
        return section | {"facts": _facts(request, own, with_actions=False)}
    if not row.is_there and row.state == CertificateState.ORDERED:
        text = _(
            "A certificate is on its way. Until it is here, browsers warn of the server’s own."
        )
        return section | {"text": text, "waiting": True}
    if not row.is_there:
        section["note"] = SELF_SIGNED
    return section | {"facts": _facts(request, row, with_actions=True)}


def _own_wildcard(request: HttpRequest, domain: Domain) -> Certificate | None:
    """The certificate of the domain above, where it is good for this one, too."""
    rows = Certificate.objects.visible_to(request.actor).filter(domain_id=domain.parent_id or 0)
    return _covering(rows.first(), domain)


def _covering(row: Certificate | None, domain: Domain) -> Certificate | None:
    """The certificate of the domain above, if it is good for everything one level below."""
    wild = f"*.{domain.ascii.partition('.')[2]}"
    return row if row is not None and wild in row.names else None


def _facts(request: HttpRequest, row: Certificate, *, with_actions: bool) -> list[dict[str, Any]]:
    may = with_actions and _may(request.actor, row)
    found = [
        fact(_("State"), _state(row), _action(request, row, "renew") if may else None),
        fact(_("Kind"), row.get_kind_display(), _action(request, row, "remove") if may else None),
    ]
    if not row.is_there:
        return found
    names = format_html_join(", ", "{}", ((name,) for name in row.names))
    found += [
        fact(_("Names"), names),
        fact(_("Issuer"), row.issuer),
        fact(_("Runs out"), moment(row.not_after)),
    ]
    if row.kind == Kind.ACME and row.renew_at and not row.error:
        found.append(fact(_("Renewed by itself"), moment(row.renew_at)))
    parts = ((row.fingerprint[at : at + 16],) for at in range(0, 64, 16))
    return [
        *found,
        fact(_("Key"), row.key_type),
        fact(_("Fingerprint (SHA-256)"), format_html_join(SafeString("<wbr>"), "{}", parts)),
    ]


def _may(actor: Actor, row: Certificate) -> bool:
    above = Subscription.objects.visible_to(actor).filter(pk=row.subscription_id)
    return not permissions.lacking(above, actor, PERMISSION)


def _action(request: HttpRequest, row: Certificate, verb: str) -> dict[str, Any] | None:
    operation = operations[f"certificate.{verb}"]
    if not operation.may(request.actor) or not operation.offered(row, request.actor):
        return None
    url = reverse("certificate_operation", args=[row.pk, verb])
    return {"label": operation.label, "url": url, "post": operation.confirm == "never"}


@require_safe
def certificate_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A certificate has no page of its own: its domain's tab shows it."""
    row = Certificate.objects.visible_to(request.actor).present().filter(pk=pk).first()
    if row is None:
        raise Http404
    url = reverse("domain_operation", args=[row.domain_id, "certificate"])
    return go(url, request.META.get("QUERY_STRING", ""))

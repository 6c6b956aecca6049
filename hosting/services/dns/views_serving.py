"""What pages say of how a zone is served: by whom, how far its node is, what its daemon said."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.dns import signing
from hosting.services.dns.models import Zone
from hosting.views.hosted import fact, state_markup

SERVICE = "dns"
_DNS_PORT = 53
NOT_SERVED = _(
    "The node of this subscription does not serve DNS: what stands here has no effect outside,"
    " synchronised or not."
)


def node_of(subscription: Subscription) -> Node:
    return Node.objects.get(pk=subscription.node_id)


def notices(subscription: Subscription, node: Node) -> list[dict[str, Any]]:
    """That nobody serves it, or why the last change was not taken."""
    if not node.has(SERVICE):
        return [{"tone": "info", "text": NOT_SERVED, "action": None}]
    if not subscription.is_failed:
        return []
    action = {
        "label": _("Try again"),
        "url": reverse("subscription_operation", args=[subscription.pk, "try-again"]),
        "post": True,
    }
    rows = Deployment.objects.filter(subscription_id=subscription.pk)
    return [
        {
            "tone": "bad",
            "text": _t("The last change is not served: %(why)s")
            % {"why": errors[SERVICE].get("message", "")},
            "action": action,
        }
        for errors in rows.values_list("errors", flat=True)
        if SERVICE in errors
    ]


def signing_section(zone: Zone) -> list[dict[str, Any]]:
    """What the registrar is given, for a zone that is signed."""
    if not zone.is_signed:
        return []
    text = _(
        "Give this DS record to the registrar of the domain (or to whoever keeps the zone above)."
        " Until it stands there, answers are signed and nobody checks them."
    )
    words = signing.ds_record(zone.ascii, zone.dnskey)
    labels = (_("Key tag"), _("Algorithm"), _("Digest type"), _("Digest"))
    facts = [fact(label, word) for label, word in zip(labels, words.split(), strict=True)]
    whole = format_html("<code>{}. IN DS {}</code>", zone.ascii, words)
    return [{"title": _("DNSSEC"), "note": text, "facts": [*facts, fact(_("As a whole"), whole)]}]


def facts(zone: Zone, node: Node) -> list[dict[str, Any]]:
    """How far it is, and how to ask for it where that is not at the usual place."""
    if not node.has(SERVICE):
        return []
    found = [fact(_("State on the node"), state_markup(zone.subscription))]
    said = node.offers(SERVICE)
    signed = _("yes") if zone.is_signed else _("no")
    if not said.get("is_powerdns"):
        signed = _("no: PowerDNS is not installed on the node")
    found.append(fact(_("Signed (DNSSEC)"), signed))
    port, address = said.get("port"), said.get("address")
    if port and address and port != _DNS_PORT:
        line = f"dig @{address} -p {port} {zone.ascii}"
        found.append(fact(_("Try it on the node"), format_html("<code>{}</code>", line)))
    return found

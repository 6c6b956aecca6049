"""Answers to what an authority asks: files below every name, and records in zones of ours."""

from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
from django.db import transaction
from django.utils.translation import gettext as _

from hosting import provisioning
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.services.dns.models import Zone
from hosting.services.tls import records
from hosting.services.tls.authority import Authority, Refusal, dns_answer
from hosting.services.tls.models import DNS, HTTP, CertificateOrder

_WHY = "answers for orders, whoever placed them"
_PATIENCE = 3.0


def publish(
    order: CertificateOrder, authority: Authority, asked: list[dict[str, Any]]
) -> dict[str, Any]:
    """Put the answers where the node takes them from; what of it the order has to remember.

    SECURITY: tokens come from the authority. The agent takes none but of the form that RFC 8555
    gives them, and a file is never named otherwise.
    """
    found = []
    wild = {str(each["identifier"]["value"]) for each in asked if each.get("wildcard") is True}
    with transaction.atomic():
        for each in asked:
            if each.get("status") == "pending":
                found.append(_answer(order, authority, each, wild))
        if zones := {each["zone"] for each in found if each.get("zone")}:
            Zone.objects.unscoped(_WHY).filter(pk__in=zones).bump()
        subscription = order.certificate.subscription_id
        provisioning.touch([subscription])
        rows = Deployment.objects.filter(subscription_id=subscription)
        generation = max(rows.values_list("generation", flat=True), default=0)
    return {"challenges": found, "generation": generation}


def _answer(
    order: CertificateOrder, authority: Authority, each: dict[str, Any], wild: set[str]
) -> dict[str, Any]:
    """One answer, written where it belongs."""
    name = str(each["identifier"]["value"])
    kind = DNS if name in wild else HTTP
    offered = [one for one in each.get("challenges", []) if one.get("type") == kind]
    if not offered:
        raise Refusal(
            _("The authority does not offer %(kind)s for %(name)s.") % {"kind": kind, "name": name}
        )
    challenge = offered[0]
    token = str(challenge["token"])
    answer = authority.answer_to(token)
    made = {
        "type": kind,
        "name": name,
        "url": str(challenge["url"]),
        "authorization": str(each["url"]),
        "token": token,
        "answer": answer,
    }
    if kind == HTTP:
        return made
    value = dns_answer(answer)
    try:
        zone, record = records.add(order, name, value)
    except records.NoPlace as error:
        raise Refusal(str(error)) from None
    return made | {"zone": zone.pk, "record": record.pk, "value": value, "host": record.host}


def not_served(order: CertificateOrder) -> str:
    """Why our name server does not have the records yet; "" if it has, or if there are none."""
    asked = [each for each in order.challenges if each.get("record")]
    if not asked:
        return ""
    node = Node.objects.get(pk=order.certificate.subscription.node_id)
    said = node.offers("dns")
    port, address = said.get("port"), said.get("address")
    if not port or not address:
        return ""
    zones = dict(
        Zone.objects.unscoped(_WHY)
        .filter(pk__in={each["zone"] for each in asked})
        .values_list("pk", "ascii")
    )
    for each in asked:
        name = f"{each['host']}.{zones.get(each['zone'], '')}"
        if each["value"] not in _texts(name, address, port):
            return _("The name server does not have the record at %(name)s.") % {"name": name}
    return ""


def _texts(name: str, address: str, port: int) -> set[str]:
    """The TXT records that our own name server has at a name."""
    try:
        said = dns.query.udp(
            dns.message.make_query(name, dns.rdatatype.TXT), address, _PATIENCE, port
        )
    except (OSError, dns.exception.DNSException):
        return set()
    rows = [row for answer in said.answer for row in answer if row.rdtype == dns.rdatatype.TXT]
    return {b"".join(row.strings).decode("ascii", "replace") for row in rows}

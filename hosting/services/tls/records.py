"""Answers for authorities as records in zones of ours: added for an order, and gone with it."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from hosting.services.dns.models import Record, RecordType, Zone
from hosting.services.dns.rules import conflict
from hosting.services.tls import naming
from hosting.services.tls.models import CertificateOrder
from panel.core import reasons

_WHY = "answers for orders, whoever placed them"
_TTL = 30


class NoPlace(Exception):
    """There is no zone for it, or something else stands in its place."""


def add(order: CertificateOrder, name: str, value: str) -> tuple[Zone, Record]:
    """A TXT record in the zone of ours that a name is in. The template has no part in it."""
    domain = order.certificate.domain
    zone = naming.zones_of([domain]).get(domain.pk)
    if zone is None:
        raise NoPlace(
            _("The zone of %(name)s is not here, so there is no wildcard.") % {"name": name}
        )
    host, quoted = naming.host_in(zone, name), f'"{value}"'
    others = list(Record.objects.unscoped(_WHY).live().filter(zone=zone))
    against = conflict(zone, (host, RecordType.TXT, quoted), others, ())
    if against is not None and against.code != "record_there":
        raise NoPlace(reasons.render(against.code, against.params))
    made = Record.objects.create(
        account_id=zone.account_id,
        reseller_id=zone.reseller_id,
        subscription_id=zone.subscription_id,
        zone=zone,
        host=host,
        type=RecordType.TXT,
        ttl=_TTL,
        value=quoted,
    )
    return zone, made


def withdraw(orders: Iterable[CertificateOrder]) -> None:
    """Take the answers of these away; in a transaction, together with what they are for."""
    records = [
        (each["record"], each["zone"])
        for order in orders
        for each in order.challenges
        if each.get("record")
    ]
    if not records:
        return
    # Only what is still as it was written: numbers are not used again, texts may be edited.
    rows = Record.objects.unscoped(_WHY).filter(
        pk__in=[pk for pk, _zone in records], host__startswith="_acme-challenge"
    )
    rows.delete()
    Zone.objects.unscoped(_WHY).filter(pk__in={zone for _pk, zone in records}).bump()

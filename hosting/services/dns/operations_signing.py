"""Operations that have zones signed (DNSSEC), or no longer."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.models.nodes import Node
from hosting.services.dns import signing
from hosting.services.dns.models import Zone
from hosting.services.dns.operations_zones import WHY, OnZones, rose
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Consequence, Step, register

reasons.declare(
    node_does_not_sign=_("The node of %(name)s signs no zones: PowerDNS is not installed there."),
)
_COLUMNS = ("key_seed", "key_mark", "dnskey")


@register
class SignZone(OnZones):
    """A key for the zone: from now on its answers are signed. The registrar is told by hand."""

    verb = "sign"
    label = _("Sign the Zone (DNSSEC)")
    confirm = "always"
    order = 80

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return not target.is_signed

    def is_done(self, target: Any) -> bool:
        return target.is_signed

    def check(self, step: Step) -> None:
        super().check(step)
        nodes = {row.subscription.node_id for row in step.open}
        offered = {node.pk: node.offers("dns") for node in Node.objects.filter(pk__in=nodes)}
        for row in step.open:
            if not offered.get(row.subscription.node_id, {}).get("is_powerdns"):
                step.refuse(row.pk, "node_does_not_sign", name=row.name)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(_("Answers are signed from now on; nobody has to check them yet.")),
            Consequence(
                _(
                    "The page of the zone then shows a DS record for the registrar. Only when it"
                    " stands in the zone above are answers checked."
                )
            ),
        ]

    def perform(self, step: Step) -> None:
        rows = list(step.open)
        for row in rows:
            row.key_seed = signing.new_seed()
            private = signing.private_key(row.key_seed)
            row.key_mark, row.dnskey = signing.mark_of(private), signing.public_key(private)
            step.changed(row.pk, {"signed": False}, {"signed": True})
        Zone.objects.unscoped(WHY).bulk_update(rows, _COLUMNS, batch_size=500)
        rose(step.open_ids)


@register
class UnsignZone(OnZones):
    """Takes the key away for good."""

    verb = "unsign"
    label = _("Stop Signing")
    confirm = "always"
    destructive = True
    order = 80

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_signed

    def is_done(self, target: Any) -> bool:
        return not target.is_signed

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(
                _(
                    "Have the registrar remove the DS record first, and wait until it is forgotten"
                    " everywhere (a day or two): with it in place, and answers without signatures,"
                    " the domain is gone for all who check."
                ),
                "warn",
            ),
            Consequence(_("The key is gone for good. Signing again makes another one.")),
        ]

    def perform(self, step: Step) -> None:
        rows = Zone.objects.unscoped(WHY).filter(pk__in=step.open_ids)
        rows.update(**dict.fromkeys(_COLUMNS, ""))
        for row in step.open:
            step.changed(row.pk, {"signed": True}, {"signed": False})
        rose(step.open_ids)

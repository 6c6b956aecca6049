"""Adding to zones the records by which mail programs find settings."""

from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import Record, Zone
from hosting.services.dns.operations_zones import MOST_LISTED, WHY, OnZones, rose
from hosting.services.dns.rules import MOST_RECORDS, whole_host
from hosting.services.dns.zones import COPIED
from hosting.services.mail import zone_records
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Consequence, Step, register
from panel.core.rows import insert

reasons.declare(
    zone_without_mail=_("No domain in %(name)s has a mailbox on a node with mail."),
)


@register
class AddMailRecords(OnZones):
    """What is missing of them. What somebody put at their names stays."""

    verb = "add-mail-records"
    label = _("Add Mail Records")
    confirm = "always"
    order = 45

    def offered(self, target: Any, actor: Actor) -> bool:
        """A zone that follows lacks the record of a key at most."""
        if not target.is_following:
            return True
        return any(one.is_missing for one in zone_records.of_zones([target])[target.pk])

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        zones = list(rows[:MOST_LISTED])
        found = zone_records.of_zones(zones)
        added = [
            f"{whole_host(one.host, zone.name)} {one.type} {one.value}"
            for zone in zones
            for one in found[zone.pk]
            if one.is_missing
        ]
        if not added:
            return [Consequence(_("Nothing is missing of what mail programs look for."))]
        text = _("These are added, for mail programs and for those who receive mail:")
        return [Consequence(text, "info", added[:MOST_LISTED])]

    def check(self, step: Step) -> None:
        super().check(step)
        found = zone_records.of_zones(step.open)
        records = Record.objects.unscoped(WHY).live().filter(zone_id__in=step.open_ids)
        counts = dict(records.values_list("zone_id").annotate(n=Count("pk")).order_by())
        for row in step.open:
            missing = [one for one in found[row.pk] if one.is_missing]
            if not found[row.pk] and not row.is_following:
                step.refuse(row.pk, "zone_without_mail", name=row.name)
            elif not missing:
                step.leave(row.pk)
            elif counts.get(row.pk, 0) + len(missing) > MOST_RECORDS:
                step.refuse(row.pk, "zone_full", name=row.name, limit=MOST_RECORDS)

    def perform(self, step: Step) -> None:
        found = zone_records.of_zones(step.open)
        rows = []
        for zone in step.open:
            missing = [one for one in found[zone.pk] if one.is_missing]
            whose = zone.account_id, zone.reseller_id, zone.subscription_id, zone.pk
            rows += [(*whose, one.host, one.type, None, one.value) for one in missing]
            told = [f"{one.host} {one.type} {one.value}" for one in missing]
            step.changed(zone.pk, {}, {"records": told})
        insert(Record, COPIED, rows)
        Zone.objects.unscoped(WHY).filter(pk__in=step.open_ids).update(is_altered=True)
        rose(step.open_ids)

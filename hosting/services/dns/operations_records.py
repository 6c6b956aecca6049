"""Operations on single records."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import locks
from hosting.models.subscriptions import Subscription
from hosting.operations.domains import refuse_without
from hosting.operations.removing import refuse_held
from hosting.operations.subscriptions import refuse_stale
from hosting.services.dns.forms import RecordForm
from hosting.services.dns.models import Record, Zone
from hosting.services.dns.operations_zones import PERMISSION, WHY, OnZones, may_edit, rose
from hosting.services.dns.records import whole_value
from hosting.services.dns.rules import conflict
from hosting.services.dns.settings import NAME_SERVERS
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Operation, Step, register


def told(row: Record) -> dict[str, Any]:
    """A record, for the log."""
    return {"host": row.host, "type": row.type, "ttl": row.ttl, "value": row.value}


def of_zone(zone: Zone) -> list[Record]:
    return list(Record.objects.unscoped(WHY).live().filter(zone=zone))


def same_ttl(zone: Zone, host: str, type_: str, ttl: int | None) -> None:
    """Records of one name and type have one TTL (RFC 2181, section 5.2)."""
    rows = Record.objects.unscoped(WHY).live().filter(zone=zone, host=host, type=type_)
    rows.exclude(ttl=ttl).update(ttl=ttl)


def touch(zone_id: int, names: set[str]) -> None:
    """Somebody changed records by hand: from now on the template leaves these alone."""
    zone = Zone.objects.unscoped(WHY).get(pk=zone_id)
    zone.touched = sorted({*zone.touched, *names})
    zone.is_altered = True
    zone.save(update_fields=["touched", "is_altered"])


@register
class AddRecord(OnZones):
    """One more record. What stands in the way is said."""

    verb = "add-record"
    creates = "record"
    label = _("Add Record")
    form_class = RecordForm
    bulk = False
    order = 10

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_conflicts(step, {row.pk: (row, None) for row in step.open})

    def perform(self, step: Step) -> None:
        given = {name: step.params[name] for name in ("host", "type", "ttl", "value")}
        for row in step.open:
            made = Record.objects.create(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription_id=row.subscription_id,
                zone=row,
                **given,
            )
            same_ttl(row, made.host, made.type, made.ttl)
            touch(row.pk, set())
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"record": told(made)})
        rose(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/zones/{target_id}/"


def refuse_conflicts(step: Step, targets: dict[int, tuple[Zone, int | None]]) -> None:
    """Refuse what cannot stand beside the other records; the same again changes nothing."""
    params = step.params
    record = params["host"], params["type"], params["value"]
    for pk, (zone, own) in targets.items():
        others = [row for row in of_zone(zone) if row.pk != own]
        found = conflict(zone, record, others, NAME_SERVERS.get())
        if found is None:
            continue
        if found.code == "record_there" and own is None:
            step.leave(pk, found.code, **found.params)
        else:
            step.refuse(pk, found.code, **found.params)


class _OnRecords(Operation):
    noun = "record"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Record.objects.unscoped(WHY).filter(pk__in=ids)
        locks.subscriptions(list(rows.values_list("subscription_id", flat=True)))
        zones = Zone.objects.unscoped(WHY).filter(pk__in=rows.values("zone_id")).order_by("pk")
        list(zones.select_for_update(of=("self",)).values_list("pk", flat=True))
        super().lock(actor, ids)

    def offered(self, target: Any, actor: Actor) -> bool:
        return may_edit(target.subscription, actor)

    def check(self, step: Step) -> None:
        rows = step.open
        found = Subscription.objects.unscoped(WHY).in_bulk({row.subscription_id for row in rows})
        zones = Zone.objects.unscoped(WHY).in_bulk({row.zone_id for row in rows})
        for row in rows:
            row.subscription, row.zone = found[row.subscription_id], zones[row.zone_id]
        refuse_without(step, PERMISSION, {row.pk: row.subscription for row in rows})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        row = Record.objects.visible_to(actor).filter(pk=target_id).first()
        return f"/zones/{row.zone_id}/" if row else ""


def name_of(row: Record) -> str:
    return f"{row.host} {row.type}"


@register
class EditRecord(_OnRecords):
    verb = "edit"
    label = _("Edit")
    form_class = RecordForm
    bulk = False
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if not targets:
            return {}
        row = targets[0]
        value = whole_value(row.type, row.value, row.zone.ascii)
        return {**told(row), "value": value, "version": row.version}

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step)
        for row in step.open:
            if told(row) == {name: step.params[name] for name in told(row)}:
                step.leave(row.pk)
        refuse_conflicts(step, {row.pk: (row.zone, row.pk) for row in step.open})

    def perform(self, step: Step) -> None:
        params = step.params
        for row in step.open:
            old, was, from_template = told(row), name_of(row), row.template_number
            for name in old:
                setattr(row, name, params[name])
            row.template_number = None
            row.version += 1
            row.save()
            same_ttl(row.zone, row.host, row.type, row.ttl)
            touch(row.zone_id, {was} if from_template else set())
            step.changed(row.pk, old, told(row))
        rose([row.zone_id for row in step.open])


@register
class RemoveRecord(_OnRecords):
    """Records, from one zone or from many."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step)

    def perform(self, step: Step) -> None:
        zones: dict[int, set[str]] = {}
        for row in step.open:
            names = zones.setdefault(row.zone_id, set())
            if row.template_number:
                names.add(name_of(row))
            step.changed(row.pk, told(row), {})
        Record.objects.unscoped(WHY).filter(pk__in=step.open_ids).delete()
        for zone_id, names in zones.items():
            touch(zone_id, names)
        rose(list(zones))

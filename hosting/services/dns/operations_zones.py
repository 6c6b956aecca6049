"""Operations on whole zones: SOA values, the template, synchronising with the domain."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import locks, permissions
from hosting.models.domains import Alias
from hosting.models.subscriptions import Subscription
from hosting.operations.domains import refuse_without
from hosting.services.dns import template as templates
from hosting.services.dns import zones
from hosting.services.dns.forms import SoaForm
from hosting.services.dns.models import SOA_FIELDS, Record, Zone
from hosting.services.dns.settings import soa_values
from hosting.services.dns.template import Template
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Step, register

reasons.declare(
    zone_copies=_("%(name)s follows another zone: this is done there."),
)
WHY = "rows of the targets, which the actor sees"
PERMISSION = "manage_dns"
# So many records a page lists by name.
MOST_LISTED = 1000


def may_edit(subscription: Subscription, actor: Actor) -> bool:
    """Whether the buttons show: to who has the permission, and to the administrator."""
    return not permissions.lacking([subscription], actor, PERMISSION)


class OnZones(Operation):
    """Zones are locked behind their subscriptions, as names that come and go lock them."""

    noun = "zone"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Zone.objects.unscoped(WHY).filter(pk__in=ids)
        locks.subscriptions(rows.values_list("subscription_id", flat=True))
        super().lock(actor, ids)

    def offered(self, target: Any, actor: Actor) -> bool:
        return self.applies_to(target, actor) and may_edit(target.subscription, actor)

    def check(self, step: Step) -> None:
        ids = {row.subscription_id for row in step.open}
        found = Subscription.objects.unscoped(WHY).in_bulk(ids)
        for row in step.open:
            row.subscription = found[row.subscription_id]
        refuse_without(step, PERMISSION, {row.pk: row.subscription for row in step.open})


def rose(ids: Sequence[int]) -> None:
    """These zones were changed: a higher serial, for those that follow them, too."""
    rows = Zone.objects.unscoped(WHY).filter(pk__in=ids)
    rows.update(version=F("version") + 1)
    rows.bump()


@register
class SoaValuesOf(OnZones):
    """The default TTL and what secondaries go by. Serial and names are made by the panel."""

    verb = "soa-values"
    label = _("SOA Values")
    form_class = SoaForm
    order = 30

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return soa_values()
        return {name: getattr(targets[0], name) for name in SOA_FIELDS}

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if all(getattr(row, name) == step.params[name] for name in SOA_FIELDS):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        new = {name: step.params[name] for name in SOA_FIELDS}
        Zone.objects.unscoped(WHY).filter(pk__in=step.open_ids).update(**new)
        rose(step.open_ids)
        for row in step.open:
            step.changed(row.pk, {name: getattr(row, name) for name in SOA_FIELDS}, new)


@register
class ApplyTemplate(OnZones):
    """Brings zones to the template as it is now; what somebody edited stays as it is."""

    verb = "apply-template"
    label = _("Apply DNS Template")
    confirm = "always"
    order = 40

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return not target.is_following

    def is_done(self, target: Any) -> bool:
        return target.is_following

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        edited = rows.filter(is_altered=True).count()
        found = [
            Consequence(
                _(
                    "Records that came from the template and that nobody edited become what it"
                    " says now."
                )
            )
        ]
        if edited:
            text = ngettext(
                "%(n)s zone was edited: what was edited in it stays as it is.",
                "%(n)s zones were edited: what was edited in them stays as it is.",
                edited,
            )
            found.append(Consequence(text % {"n": f"{edited:,}"}))
        return found

    def perform(self, step: Step) -> None:
        template, changed = Template.now(), []
        for row in step.open:
            counts = templates.apply(template, row, row.subscription.node_id)
            if not any(counts):
                step.leave(row.pk)
                continue
            changed.append(row.pk)
            names = ("added", "changed", "removed")
            step.changed(row.pk, {}, dict(zip(names, counts, strict=True)))
        rose(changed)


@register
class RestoreDefaults(OnZones):
    """A zone as a new one starts: records, SOA values. What was edited is gone."""

    verb = "restore-defaults"
    label = _("Restore Defaults")
    confirm = "always"
    destructive = True
    order = 80

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return not target.is_following

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        own = Record.objects.visible_to(actor).live().filter(zone_id__in=rows.values("pk"))
        count = own.filter(template_number=None).count()
        text = ngettext(
            "%(n)s record that somebody added or edited is removed for good.",
            "%(n)s records that somebody added or edited are removed for good.",
            count,
        )
        return [
            Consequence(text % {"n": f"{count:,}"}, "warn" if count else "info"),
            Consequence(_("The zone is made anew from the template.")),
        ]

    def perform(self, step: Step) -> None:
        template = Template.now()
        records = Record.objects.unscoped(WHY).live().filter(zone_id__in=step.open_ids)
        old: dict[int, list[str]] = {pk: [] for pk in step.open_ids}
        for row in records.filter(template_number=None).order_by("pk"):
            old[row.zone_id].append(f"{row.host} {row.type} {row.value}")
        records.delete()
        again = {"touched": [], "is_altered": False, **soa_values()}
        Zone.objects.unscoped(WHY).filter(pk__in=step.open_ids).update(**again)
        for row in step.open:
            row.touched = []
            templates.apply(template, row, row.subscription.node_id)
            step.changed(row.pk, {"records": old[row.pk][:100]}, {})
        rose(step.open_ids)


class _OnAliasZones(OnZones):
    """What changes whether the zone of an alias follows its domain's."""

    bulk = False

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Zone.objects.unscoped(WHY).filter(pk__in=ids).exclude(alias=None)
        aliases = Alias.objects.unscoped(WHY).filter(pk__in=rows.values("alias_id"))
        locks.domains(list(aliases.values_list("domain_id", flat=True)))
        super().lock(actor, ids)

    def set(self, row: Zone, *, syncs: bool) -> Alias:
        aliases = Alias.objects.unscoped(WHY).filter(pk=row.alias_id)
        aliases.update(syncs_dns=syncs, version=F("version") + 1)
        return aliases.select_related("domain").get()


@register
class Synchronise(_OnAliasZones):
    """From now on the zone shows what its domain's has. The old one is kept."""

    verb = "synchronise"
    label = _("Synchronise with the Domain")
    confirm = "always"
    order = 50

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.alias_id is not None and not target.is_following

    def is_done(self, target: Any) -> bool:
        return target.is_following

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        records = Record.objects.visible_to(actor).filter(zone_id__in=rows.values("pk"))
        live = [row for row in records.live() if not zones.is_own_host(row.host)]
        own = sum(row.template_number is None for row in live)
        text = ngettext(
            "%(n)s record is replaced by those of the domain's zone, %(own)s of them edited.",
            "%(n)s records are replaced by those of the domain's zone, %(own)s of them edited.",
            len(live),
        )
        found = [
            Consequence(text % {"n": len(live), "own": own}, "warn" if own else "info"),
            Consequence(_("They are kept, and can be restored.")),
        ]
        if records.filter(is_kept=True).exists():
            text = _("What is kept from before is replaced by them.")
            found.append(Consequence(text, "warn"))
        return found

    def perform(self, step: Step) -> None:
        for row in step.open:
            alias = self.set(row, syncs=True)
            of = alias.domain.parent_id or alias.domain_id
            source = Zone.objects.unscoped(WHY).get(domain_id=of)
            zones.start_following(row, source)
            step.changed(row.pk, {"follows": ""}, {"follows": source.name})
        rose(step.open_ids)


@register
class StopSynchronising(_OnAliasZones):
    """A zone of its own, which starts as the copy that it was."""

    verb = "stop-synchronising"
    label = _("Stop Synchronising")
    order = 50

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.is_following

    def is_done(self, target: Any) -> bool:
        return not target.is_following

    def perform(self, step: Step) -> None:
        for row in step.open:
            alias = self.set(row, syncs=False)
            source = zones.zone_of(row.source_id)
            zones.stop_following(row, alias.domain)
            step.changed(row.pk, {"follows": source.name}, {"follows": ""})
        rose(step.open_ids)


@register
class RestoreKept(_OnAliasZones):
    """The zone as it was before it followed its domain's."""

    verb = "restore-kept"
    label = _("Restore the Zone From Before")
    confirm = "always"
    destructive = True
    order = 70

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.kept_at is not None

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        records = Record.objects.visible_to(actor).filter(zone_id__in=rows.values("pk"))
        kept = records.filter(is_kept=True).order_by("host", "type", "value")[:MOST_LISTED]
        lines = [f"{row.host} {row.type} {row.value}" for row in kept]
        return [
            Consequence(_("The zone has these records again:"), "info", lines),
            Consequence(
                _("It does not follow another zone, and what it says now is gone."), "warn"
            ),
        ]

    def perform(self, step: Step) -> None:
        for row in step.open:
            if row.is_following:
                self.set(row, syncs=False)
            zones.restore_kept(row)
            step.changed(row.pk, {}, {"restored": True})
        rose(step.open_ids)


def alias_consequences(actor: Actor, aliases: Any) -> list[Consequence]:
    """What it means for edited zones of aliases if they begin to follow their domain's."""
    edited = Zone.objects.visible_to(actor).filter(
        alias_id__in=aliases.values("pk"), alias__syncs_dns=False, is_altered=True
    )
    records = Record.objects.visible_to(actor).live().filter(zone_id__in=edited.values("pk"))
    count = sum(not zones.is_own_host(row.host) for row in records)
    if not count:
        return []
    text = ngettext(
        "If the DNS zone is synchronised, its %(n)s record is replaced by the domain's zone. It is"
        " kept, and can be restored on the page of the zone.",
        "If the DNS zone is synchronised, its %(n)s records are replaced by the domain's zone. They"
        " are kept, and can be restored on the page of the zone.",
        count,
    )
    return [Consequence(text % {"n": f"{count:,}"}, "warn")]

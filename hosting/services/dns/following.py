"""Zones follow names: a zone for each domain and alias, records for each subdomain.

Called inside hosting's transaction, after its rows were written: what there is is compared with
what should be, for many subscriptions at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.models import sort_key
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.services.dns import template as templates
from hosting.services.dns import zones
from hosting.services.dns.models import Record, RecordType, Zone
from hosting.services.dns.records import renamed_text
from hosting.services.dns.settings import soa_values
from hosting.services.dns.template import Template

_WHY = "zones follow everybody's names"


def names_changed(_step: Any, subscription_ids: Sequence[int]) -> None:
    """See `ServiceConfig.names_source`."""
    Following(subscription_ids).follow()


def purge(subscription_ids: Sequence[int]) -> None:
    """Zones and records go with their subscriptions."""
    Record.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids).delete()
    Zone.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids).delete()


@dataclass
class Following:
    """One pass over the names of some subscriptions."""

    ids: Sequence[int]
    nodes: dict[int, int] = field(default_factory=dict)
    by_domain: dict[int, Zone] = field(default_factory=dict)
    by_alias: dict[int, Zone] = field(default_factory=dict)
    domains: list[Domain] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    _domains: dict[int, Domain] = field(default_factory=dict)
    _template: Template | None = None

    @property
    def template(self) -> Template:
        """Read when it is needed: most changes need none of it."""
        if self._template is None:
            self._template = Template.now()
        return self._template

    def follow(self) -> None:
        """Names that changed, then new ones, then what synchronises, then subdomains."""
        self._read()
        self._rename()
        self._add()
        self._synchronise()
        self._subdomains()
        if self.changed:
            Zone.objects.unscoped(_WHY).filter(pk__in=self.changed).bump()

    def _read(self) -> None:
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=self.ids)
        self.nodes = dict(rows.values_list("pk", "node_id"))
        of_these = {"subscription_id__in": self.ids}
        self.domains = list(Domain.objects.unscoped(_WHY).filter(**of_these).order_by("pk"))
        self._domains = {domain.pk: domain for domain in self.domains}
        self.aliases = list(Alias.objects.unscoped(_WHY).filter(**of_these).order_by("pk"))
        for zone in Zone.objects.unscoped(_WHY).filter(**of_these):
            if zone.domain_id:
                self.by_domain[zone.domain_id] = zone
            else:
                self.by_alias[zone.alias_id] = zone

    def _named(self) -> Iterable[tuple[Domain | Alias, Zone | None]]:
        """All that has a zone of its own, with the zone as it is."""
        for domain in self.domains:
            if domain.parent_id is None:
                yield domain, self.by_domain.get(domain.pk)
        for alias in self.aliases:
            yield alias, self.by_alias.get(alias.pk)

    def _rename(self) -> None:
        """Records are relative, so they come along; texts that hold the old name are rewritten."""
        renamed = [(row, zone) for row, zone in self._named() if zone and zone.ascii != row.ascii]
        if not renamed:
            return
        every = Zone.objects.unscoped(_WHY)
        # Out of each other's way first: two may have changed their names with each other.
        for _row, zone in renamed:
            every.filter(pk=zone.pk).update(ascii=f"{zone.pk}.renamed.invalid")
        for row, zone in renamed:
            old, zone.ascii, zone.name = zone.ascii, row.ascii, row.name
            zone.save(update_fields=["ascii", "name", "name_key"])
            self.changed.add(zone.pk)
            texts = Record.objects.unscoped(_WHY).filter(zone=zone, type=RecordType.TXT)
            for record in texts:
                value = renamed_text(record.value, old, row.ascii)
                if value != record.value:
                    texts.filter(pk=record.pk).update(value=value)

    def _add(self) -> None:
        missing = [row for row, zone in self._named() if zone is None]
        if not missing:
            return
        # Asked once: outside of a request each question is a query.
        soa = soa_values()
        own = self._make([row for row in missing if isinstance(row, Domain)], soa)
        of_aliases = self._make([row for row in missing if isinstance(row, Alias)], soa)
        own += [zone for zone in of_aliases if not zone.is_following]
        templates.fill(self.template, [(zone, self.nodes[zone.subscription_id]) for zone in own])

    def _make(self, rows: Sequence[Domain | Alias], soa: dict[str, int]) -> list[Zone]:
        """Zones for these; those of aliases that synchronise follow from their first day."""
        made = [
            Zone(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription_id=row.subscription_id,
                domain=row if isinstance(row, Domain) else None,
                alias=row if isinstance(row, Alias) else None,
                source=self._source(row) if isinstance(row, Alias) and row.syncs_dns else None,
                ascii=row.ascii,
                name=row.name,
                name_key=sort_key(row.name),
                **soa,
            )
            for row in rows
        ]
        for zone in Zone.objects.bulk_create(made, batch_size=1000):
            if zone.domain_id is not None:
                self.by_domain[zone.domain_id] = zone
            elif zone.alias_id is not None:
                self.by_alias[zone.alias_id] = zone
            self.changed.add(zone.pk)
        return made

    def _source(self, alias: Alias) -> Zone | None:
        """The zone in which the alias's domain is."""
        domain = self._domains[alias.domain_id]
        return self.by_domain.get(domain.parent_id or domain.pk)

    def _synchronise(self) -> None:
        """Zones of aliases begin to follow their domain's, or stop."""
        for alias in self.aliases:
            zone, domain = self.by_alias[alias.pk], self._domains[alias.domain_id]
            source = self._source(alias)
            if alias.syncs_dns and source is not None and zone.source_id != source.pk:
                zones.start_following(zone, source)
            elif not alias.syncs_dns and zone.source_id is not None:
                zones.stop_following(zone, domain)
            else:
                continue
            self.changed.add(zone.pk)

    def _subdomains(self) -> None:
        """Records of the template for each subdomain, in the zone of its domain."""
        below: dict[int, dict[str, str]] = defaultdict(dict)
        for domain in self.domains:
            parent = self.by_domain.get(domain.parent_id or 0)
            if parent is not None:
                host = domain.ascii.removesuffix(f".{parent.ascii}")
                below[parent.pk][str(domain.pk)] = host
        for zone in self.by_domain.values():
            if zone.subdomains != below[zone.pk]:
                self._bring(zone, below[zone.pk])
                self.changed.add(zone.pk)

    def _bring(self, zone: Zone, subdomains: dict[str, str]) -> None:
        live = Record.objects.unscoped(_WHY).live().filter(zone=zone)
        for number, host in zone.subdomains.items():
            of_it = live.filter(subdomain_number=int(number))
            if number not in subdomains:
                # What somebody edited stays; it is no longer anybody's subdomain.
                of_it.exclude(template_number=None).delete()
                of_it.update(subdomain_number=None)
            elif subdomains[number] != host:
                for record in of_it:
                    moved = record.host.removesuffix(host) + subdomains[number]
                    of_it.filter(pk=record.pk).update(host=moved)
        new = {number: host for number, host in subdomains.items() if number not in zone.subdomains}
        rows = list(live)
        wanted = [
            one
            for number, host in new.items()
            for one in self.template.of_subdomain(
                int(number), host, zone.ascii, self.nodes[zone.subscription_id]
            )
            if one.name not in zone.touched
            and not templates.stands_against(one.host, one.type, one.value, rows)
        ]
        templates.insert_all(zone, wanted)
        zone.subdomains = subdomains
        zone.save(update_fields=["subdomains"])

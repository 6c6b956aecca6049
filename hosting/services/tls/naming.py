"""Which names a certificate is for, and where the answers for them go."""

from collections import defaultdict
from collections.abc import Iterable

from hosting.models.domains import Alias, Domain
from hosting.services.dns.models import Zone

_WHY = "certificates follow everybody's names"
WWW, ALIASES, MAIL, WILDCARD = EXTENT = ("www", "aliases", "mail", "wildcard")
# As many as Let's Encrypt takes.
MOST_NAMES = 100
_LONGEST_NAME = 253


def wanted(domains: Iterable[Domain], extents: dict[int, list[str]]) -> dict[int, list[str]]:
    """The names for each of these domains, by its number; the domain's own first."""
    rows = list(domains)
    aliases: dict[int, list[str]] = defaultdict(list)
    asking = [row.pk for row in rows if ALIASES in extents[row.pk]]
    if asking:
        found = Alias.objects.unscoped(_WHY).filter(domain_id__in=asking).order_by("pk")
        for domain_id, name in found.values_list("domain_id", "ascii"):
            aliases[domain_id].append(name)
    return {row.pk: _names(row.ascii, aliases[row.pk], extents[row.pk]) for row in rows}


def _names(domain: str, aliases: list[str], extent: list[str]) -> list[str]:
    is_wild = WILDCARD in extent
    found = [domain]
    if is_wild:
        found.append(f"*.{domain}")
    # What the wildcard stands for is not named besides.
    labels = [label for label in (WWW, MAIL) if label in extent]
    found += [f"{label}.{domain}" for label in labels if not is_wild]
    for alias in aliases:
        found.append(alias)
        if WWW in extent:
            found.append(f"www.{alias}")
    return [name for name in dict.fromkeys(found) if len(name) <= _LONGEST_NAME][:MOST_NAMES]


def zones_of(domains: Iterable[Domain]) -> dict[int, Zone]:
    """The zone of each of these domains, where it is ours. A subdomain has none: it is records in
    another's."""
    ids = [row.pk for row in domains]
    return {row.domain_id: row for row in Zone.objects.unscoped(_WHY).filter(domain_id__in=ids)}


def host_in(zone: Zone, name: str) -> str:
    """Where an authority looks for the answer for a name, relative to the zone."""
    below = name.removesuffix(zone.ascii).removesuffix(".")
    return f"_acme-challenge.{below}" if below else "_acme-challenge"

"""What a subscription should have of PHP, as checked values."""

from dataclasses import dataclass

from hosting.agent.protocol import MAX_ID, invalid, listed, record, whole
from hosting.services.php.driver_table import (
    BY_NAME,
    MAX_CHILDREN,
    MIN_CHILDREN,
    NEWEST,
    TABLE,
    VERSION,
)

MAX_SITES = 2000
Values = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Site:
    """One website with PHP: which version, and every setting of the table."""

    id: int
    version: str
    values: Values


@dataclass(frozen=True)
class Php:
    """All websites with PHP of one subscription, and how many processes a pool of it may have."""

    children: int = 1
    sites: tuple[Site, ...] = ()


def _values(value: object) -> Values:
    """Return all settings; what is not given is as by itself."""
    given = record(value, "values", (), BY_NAME)
    for name, one in given.items():
        if not BY_NAME[name].accepts(one):
            raise invalid(f"{name} cannot be {str(one)[:60]!r}")
    return tuple((one.name, given.get(one.name, one.default)) for one in TABLE)


def _site(value: object) -> Site:
    fields = record(value, "site", ("id", "version", "values"))
    version = fields["version"]
    if type(version) is not str or not (version == NEWEST or VERSION.fullmatch(version)):
        raise invalid(f"not a version of PHP: {str(version)[:40]!r}")
    return Site(whole(fields["id"], "site id", 1, MAX_ID), version, _values(fields["values"]))


def parse(value: object) -> Php:
    """Return the PHP part of a subscription."""
    fields = record(value, "php", ("children", "sites"))
    children = whole(fields["children"], "children", MIN_CHILDREN, MAX_CHILDREN)
    sites = tuple(_site(each) for each in listed(fields["sites"], "sites", MAX_SITES))
    if len({site.id for site in sites}) != len(sites):
        raise invalid("a site is given twice")
    return Php(children, sites)

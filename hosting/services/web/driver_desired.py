"""What a subscription should have on the web server, as checked values."""

import re
from dataclasses import dataclass

from hosting.agent.protocol import MAX_ID, host_name, invalid, listed, one_of, record, text, whole

MAX_SITES = 2000
MAX_NAMES = 1000
STATES = ("active", "suspended", "disabled")

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Site:
    """One website: its names, the names that lead to it, and where its files are."""

    id: int
    name: str
    names: tuple[str, ...]
    redirects: tuple[str, ...]
    document_root: tuple[str, ...]
    state: str
    title: str

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name that the web server answers for on behalf of this site."""
        return () if self.state == "disabled" else self.names + self.redirects


@dataclass(frozen=True)
class Web:
    """All sites of one subscription."""

    sites: tuple[Site, ...] = ()

    @property
    def all_names(self) -> list[str]:
        """Every name of every site."""
        return [name for site in self.sites for name in site.all_names]


def document_root(value: object) -> tuple[str, ...]:
    """Return the parts of a path below the home: no "..", no hidden directory, not the home."""
    path = text(value, "document_root", 255)
    parts = tuple(path.split("/"))
    if len(parts) > 16 or not all(_PART.fullmatch(part) for part in parts):
        raise invalid(f"document_root is not a plain path below the home: {path[:80]!r}")
    return parts


def _site(value: object) -> Site:
    fields = record(
        value,
        "site",
        ("id", "name", "names", "redirects", "document_root", "state"),
        ("title",),
    )
    name = host_name(fields["name"], "name")
    names = listed(fields["names"], "names", MAX_NAMES)
    if not names:
        raise invalid(f"{name} has no names")
    # The first one is where the others lead to: it cannot be a wildcard.
    checked = [host_name(names[0], "names")]
    checked += [host_name(each, "names", wildcard=True) for each in names[1:]]
    redirects = listed(fields["redirects"], "redirects", MAX_NAMES)
    return Site(
        id=whole(fields["id"], "site id", 1, MAX_ID),
        name=name,
        names=tuple(checked),
        redirects=tuple(host_name(each, "redirects", wildcard=True) for each in redirects),
        document_root=document_root(fields["document_root"]),
        state=one_of(fields["state"], "state", STATES),
        title=text(fields.get("title", name), "title", 255),
    )


def parse(value: object) -> Web:
    """Return the web part of a subscription."""
    sites = listed(record(value, "web", ("sites",))["sites"], "sites", MAX_SITES)
    web = Web(tuple(_site(each) for each in sites))
    if len({site.id for site in web.sites}) != len(web.sites):
        raise invalid("a site is given twice")
    seen: set[str] = set()
    for name in (name for site in web.sites for name in site.names + site.redirects):
        if name in seen:
            raise invalid(f"{name} is given twice")
        seen.add(name)
    return web

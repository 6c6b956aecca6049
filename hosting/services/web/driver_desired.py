"""What a subscription should have on the web server, as checked values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hosting.agent.protocol import (
    MAX_ID,
    AgentError,
    host_name,
    invalid,
    listed,
    one_of,
    record,
    text,
    truth,
    whole,
)
from hosting.services.web import driver_mail
from hosting.services.web import driver_pairs as pairs
from hosting.services.web.driver_directives import checked
from hosting.services.web.driver_grammar import BadText, Directive
from hosting.services.web.driver_mail import MailDomain

MAX_SITES = 2000
MAX_NAMES = 1000
MAX_RATE = 10_000_000
STATES = ("active", "suspended", "disabled")
CODES = (301, 302)

# The characters that RFC 3986 lets stand in a path, a query and a fragment, but for the apostrophe
# and the dollar sign, which have to come percent-encoded.
_ADDRESS = re.compile(
    r"(https?://)([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?([/?#][A-Za-z0-9._~!&()*+,;=:@%/?#-]*)?",
    re.ASCII,
)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Forward:
    """Where all names of a site lead, and whether for good (301) or for now (302)."""

    to: str
    code: int


@dataclass(frozen=True)
class Site:
    """One website: its names, the names that lead to it, and where its files are.

    `redirects` lead to the first name, `moves` each to a name of its own. A site that forwards has
    no files, and all its names lead elsewhere.
    """

    id: int
    name: str
    names: tuple[str, ...]
    redirects: tuple[str, ...]
    document_root: tuple[str, ...]
    state: str
    title: str
    moves: tuple[tuple[str, str], ...] = ()
    forward: Forward | None = None
    # Whether plain http leads to https, and whether browsers are told to keep to it.
    https: bool = False
    hsts: bool = False
    # What the web server is told besides: the site then has a server block of its own.
    directives: tuple[Directive, ...] = ()
    # Which of the subscription's certificates it is shown with; 0: the node's own.
    certificate: int = 0

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name that the web server answers for on behalf of this site."""
        if self.state == "disabled":
            return ()
        return self.names + self.redirects + tuple(name for name, _to in self.moves)


@dataclass(frozen=True)
class Web:
    """All sites of one subscription, and how much a connection to them gets: KiB a second."""

    sites: tuple[Site, ...] = ()
    rate: int | None = None
    certificates: tuple[pairs.Certificate, ...] = ()
    challenges: tuple[tuple[str, str], ...] = ()
    # What mail programs are told about, by names of its own.
    mail: tuple[MailDomain, ...] = ()

    def with_all_of(self, other: "Web") -> "Web":
        """Return what there may be on disk of this one and another."""
        return replace(
            self,
            sites=self.sites + other.sites,
            certificates=self.certificates + other.certificates,
            challenges=self.challenges + other.challenges,
        )

    @property
    def all_names(self) -> list[str]:
        """Every name of every site, and of services."""
        found = [name for site in self.sites for name in site.all_names]
        return found + [name for domain in self.mail for name in domain.hosts]


def document_root(value: object) -> tuple[str, ...]:
    """Return the parts of a path below the home: no "..", no hidden directory, not the home."""
    path = text(value, "document_root", 255)
    parts = tuple(path.split("/"))
    if len(parts) > 16 or not all(_PART.fullmatch(part) for part in parts):
        raise invalid(f"document_root is not a plain path below the home: {path[:80]!r}")
    return parts


def address(value: object) -> tuple[str, str]:
    """Return the address of a site and what follows behind it, which may be nothing.

    Characters are checked, and no more: whether anybody answers there is not the node's business.
    """
    found = _ADDRESS.fullmatch(value) if type(value) is str and len(value) <= 1000 else None
    if not found or int(found[3] or 1) > 65535:
        raise invalid(f"not an address to lead to: {str(value)[:80]!r}")
    rest = found[4] or ""
    return found[0].removesuffix(rest), rest


def _forward(value: object) -> Forward:
    fields = record(value, "forward", ("to", "code"))
    code = whole(fields["code"], "code", CODES[0], CODES[-1])
    return Forward("".join(address(fields["to"])), code)


def _moves(value: object, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for pair in listed(value, "moves", MAX_NAMES):
        if type(pair) is not list or len(pair) != 2 or pair[1] not in names:
            raise invalid("a move is not [name, one of the names]")
        found.append((host_name(pair[0], "moves"), host_name(pair[1], "moves")))
    return tuple(found)


def _directives(value: object) -> tuple[Directive, ...]:
    if type(value) is not str:
        raise invalid("directives are no text")
    try:
        return checked(value)
    except BadText as error:
        raise AgentError("check", f"Additional nginx directives, {error}") from None


def _site(value: object, certificates: Sequence[pairs.Certificate]) -> Site:
    fields = record(
        value,
        "site",
        ("id", "name", "names", "redirects", "state"),
        (
            *("title", "moves", "document_root", "forward", "https", "hsts", "directives"),
            "certificate",
        ),
    )
    if ("forward" in fields) == ("document_root" in fields):
        raise invalid("a site has either a document_root or a forward")
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
        document_root=document_root(fields["document_root"]) if "document_root" in fields else (),
        state=one_of(fields["state"], "state", STATES),
        title=text(fields.get("title", name), "title", 255),
        moves=_moves(fields.get("moves", []), tuple(checked)),
        forward=_forward(fields["forward"]) if "forward" in fields else None,
        https=truth(fields.get("https", False), "https"),
        hsts=truth(fields.get("hsts", False), "hsts"),
        directives=_directives(fields["directives"]) if "directives" in fields else (),
        certificate=pairs.chosen(fields["certificate"], certificates)
        if "certificate" in fields
        else 0,
    )


def parse(value: object) -> Web:
    """Return the web part of a subscription."""
    fields = record(value, "web", ("sites",), ("rate", "certificates", "challenges", "mail"))
    sites = listed(fields["sites"], "sites", MAX_SITES)
    rate = whole(fields["rate"], "rate", 1, MAX_RATE) if "rate" in fields else None
    certificates = pairs.certificates(fields.get("certificates", []))
    web = Web(
        tuple(_site(each, certificates) for each in sites),
        rate,
        certificates,
        pairs.challenges(fields.get("challenges", [])),
        driver_mail.domains(fields.get("mail", [])),
    )
    if len({site.id for site in web.sites}) != len(web.sites):
        raise invalid("a site is given twice")
    seen: set[str] = set()
    given = [
        *(name for each in web.sites for name in (*each.names, *each.redirects)),
        *(name for each in web.sites for name, _to in each.moves),
        *(name for each in web.mail for name in each.hosts),
    ]
    for name in given:
        if name in seen:
            raise invalid(f"{name} is given twice")
        seen.add(name)
    return web

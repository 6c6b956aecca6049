"""The maps of the web plane as text: from names to sites, and to where they lead.

Whatever does not fit nginx's grammar is refused, here and in driver_nginx.py, and written nowhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hosting.agent import trees
from hosting.agent.platform import Platform
from hosting.agent.protocol import AgentError, is_host_name
from hosting.services.web.driver_desired import Site, Web, address
from hosting.services.web.driver_mail import MailDomain

_SITE = re.compile(r"s[1-9][0-9]{0,18}-[1-9][0-9]{0,18}(?:-mail)?", re.ASCII)
_HARMLESS = re.compile(r"[^\x00-\x1f\x7f\"'\\$]+")

# Half a year: what browsers' makers ask for at least.
_HSTS_SECONDS = 15_768_000


def refused(what: object) -> AgentError:
    """Return the error for text that has no place in a configuration."""
    return AgentError("invalid", f"not fit for the web server's configuration: {str(what)[:80]!r}")


def quoted(value: object) -> str:
    """Return a quoted string. nginx has no way to write a dollar sign: it is refused."""
    if not _HARMLESS.fullmatch(str(value)):
        raise refused(value)
    return f'"{value}"'


def _plain(name: str) -> str:
    if not is_host_name(name):
        raise refused(name)
    return name


def site_name(name: str) -> str:
    """Return a name of a site, or a wildcard, as nginx takes it."""
    _plain(name[2:] if isinstance(name, str) and name.startswith("*.") else name)
    if len(name) > 253:
        raise refused(name)
    return name


def host_line(name: str, key: str) -> str:
    """Return the line of hosts.map that gives a name to a site."""
    if not isinstance(key, str) or not _SITE.fullmatch(key):
        raise refused(key)
    return f"{site_name(name)} {key};\n"


def redirect_line(name: str, target: str) -> str:
    """Return the line of a map that leads a name to an address elsewhere.

    The address of a site alone keeps the path and the query that were asked for; one with a path
    is where everything leads. The variable is put in here, and nowhere else: `quoted` refuses any.
    """
    site, rest = address(target)
    if rest:
        return f"{site_name(name)} {quoted(site + rest)};\n"
    return f'{site_name(name)} {quoted(site)[:-1]}$request_uri";\n'


def own_line(name: str, to: str, is_secure: bool) -> str:
    """Return the line that leads a name to another one of this node: by https only, or as asked."""
    where = "https://{}$secure_port" if is_secure else "$scheme://{}$public_port"
    return f'{site_name(name)} "{where.format(_plain(to))}$request_uri";\n'


def mail_line(subscription: int, domain: MailDomain) -> str:
    """Return the line by which mail programs are told what logins end with, and the server."""
    told = f"{_plain(domain.name)} {domain.server}"
    return f"{trees.site_key(subscription, domain.id)} {quoted(told)};\n"


# The maps by file, and what each gives: the address to lead to, for good and for now; how much a
# connection gets; whether plain http leads to https; how long browsers shall keep to https; what
# mail programs are told.
BY_NAME = ("hosts.map", "redirects.map", "temporary.map")
MAIL = "mail.map"
BY_KEY = ("rates.map", "secure.map", "strict.map", MAIL)
# Which certificate is for a name: names of services are among them, which no site has.
CERTIFICATES = "certificates.map"
MAPS = (*BY_NAME, *BY_KEY, CERTIFICATES)


@dataclass(frozen=True)
class Lines:
    """One subscription's part of the maps."""

    maps: Mapping[str, str] = field(default_factory=dict)
    names: int = 0
    longest: int = 0
    # Sites with directives of their own, and whether their domain has mail.
    own: tuple[tuple[str, Site, bool], ...] = ()


def lines(subscription: int, web: Web, platform: Platform) -> Lines:
    """Return the lines that a subscription's sites have in the maps; only those that have any."""
    found: dict[str, list[str]] = {name: [] for name in MAPS}
    for site in web.sites:
        key = trees.site_key(subscription, site.id)
        # Names that lead elsewhere stand here too: so they are shut with their site.
        found["hosts.map"] += [host_line(name, key) for name in site.all_names]
        if site.state == "disabled":
            continue
        # A node without https leads nobody there.
        is_secure = site.https and platform.https_port is not None
        for name, to in _leads(site):
            found["redirects.map"].append(own_line(name, to, is_secure))
        if site.forward:
            to, code = site.forward.to, site.forward.code
            file = {301: "redirects.map", 302: "temporary.map"}[code]
            found[file] += [redirect_line(name, to) for name in site.names]
        if is_secure:
            found["secure.map"].append(f"{key} 1;\n")
        if is_secure and site.hsts:
            found["strict.map"].append(f'{key} "max-age={_HSTS_SECONDS}";\n')
        found[CERTIFICATES] += _certificate_lines(subscription, web, site)
    for domain in web.mail:
        found["hosts.map"] += [host_line(name, domain.key(subscription)) for name in domain.hosts]
        found[MAIL].append(mail_line(subscription, domain))
    if web.rate:
        found["rates.map"].append(f"s{subscription:d} {web.rate:d}k;\n")
    hosts, secured = found["hosts.map"], found[CERTIFICATES]
    return Lines(
        maps={name: "".join(some) for name, some in found.items() if some},
        names=max(len(hosts), len(secured)),
        longest=max(map(len, (*hosts, *secured)), default=0),
        own=tuple(
            (trees.site_key(subscription, site.id), site, site.id in {one.id for one in web.mail})
            for site in web.sites
            if site.directives and site.state != "disabled"
        ),
    )


def _certificate_lines(subscription: int, web: Web, site: Site) -> list[str]:
    """Return the lines of a site's certificate: for the site's own names that it is good for.

    SECURITY: whatever a certificate says, it is shown under no name that is not its tenant's.
    """
    found = [each for each in web.certificates if each.id == site.certificate]
    return [
        host_line(name, trees.site_key(subscription, each.id))
        for each in found
        for name in each.covered(site.all_names)
    ]


def _leads(site: Site) -> list[tuple[str, str]]:
    """Return which names of a site lead to which other ones of it."""
    return [*((name, site.names[0]) for name in site.redirects), *site.moves]


def sizes(names: int, longest: int, own: int = 0) -> str:
    """Return the sizes of nginx's hash tables, which have to grow with what they hold."""
    table = 2048
    while table < 2 * names:
        table *= 2
    # One element: a pointer, a length, the name; and a bucket ends with a pointer.
    bucket = 128
    while bucket < longest + 32:
        bucket += 64
    servers = 512
    while servers < 2 * own:
        servers *= 2
    return (
        f"map_hash_max_size {table};\nmap_hash_bucket_size {bucket};\n"
        f"server_names_hash_max_size {servers};\nserver_names_hash_bucket_size {bucket};\n"
    )


def serial(number: int) -> str:
    """Return the line by which the workers tell which configuration they have read."""
    return f'map "" $serial {{ default "{number:d}"; }}\n'

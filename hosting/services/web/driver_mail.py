"""Domains with mail, as checked values: their names of services are the web server's to answer.

The names belong to a site "s42-7-mail", which has no files: it is shut with its subscription, and
goes on where website 7 alone is suspended, as its mail does.
"""

import ipaddress
from dataclasses import dataclass

from hosting.agent import trees
from hosting.agent.protocol import MAX_ID, host_name, invalid, listed, record, text, whole

MAX_DOMAINS = 2000
_MAX_ALIASES = 1000
_LABELS = ("autoconfig", "autodiscover")
_LONGEST_NAME = 253


@dataclass(frozen=True)
class MailDomain:
    """A domain with mailboxes, whether it has a website or none, and where its mail is."""

    id: int
    name: str
    aliases: tuple[str, ...]
    server: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of services below it and its aliases that mail programs ask."""
        found = (f"{label}.{name}" for name in (self.name, *self.aliases) for label in _LABELS)
        return tuple(name for name in found if len(name) <= _LONGEST_NAME)

    def key(self, subscription: int) -> str:
        """Return the site that these names belong to."""
        return f"{trees.site_key(subscription, self.id)}-mail"


def _server(value: object) -> str:
    """Return a host name or an IPv4 address."""
    words = text(value, "server", _LONGEST_NAME)
    try:
        return str(ipaddress.IPv4Address(words))
    except ValueError:
        return host_name(words, "server")


def domains(value: object) -> tuple[MailDomain, ...]:
    """Return the domains with mail of a subscription."""
    found = tuple(map(_domain, listed(value, "mail", MAX_DOMAINS)))
    if len({each.id for each in found}) != len(found):
        raise invalid("a domain with mail is given twice")
    return found


def _domain(value: object) -> MailDomain:
    fields = record(value, "mail", ("id", "name", "server"), ("aliases",))
    aliases = listed(fields.get("aliases", []), "aliases", _MAX_ALIASES)
    return MailDomain(
        id=whole(fields["id"], "domain id", 1, MAX_ID),
        name=host_name(fields["name"], "name"),
        aliases=tuple(host_name(each, "aliases") for each in aliases),
        server=_server(fields["server"]),
    )

"""What a subscription should have of mail, as checked values, and where each address leads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hosting.agent.protocol import (
    MAX_ID,
    host_name,
    invalid,
    is_host_name,
    listed,
    one_of,
    record,
    text,
    truth,
    whole,
)

MAX_DOMAINS = 5000
MAX_MAILBOXES = 20_000
MAX_ALIASES = 100
MAX_FORWARDS = 50
LONGEST_SUBJECT = 200
_MOST_SENT = 1_000_000
# What a sender is told of a letter to a domain that is switched off.
DISABLED = "This domain is disabled"
LONGEST_REPLY = 4000
# What becomes of mail that comes in for a suspended subscription.
KEEP, DEFER, REFUSE = INCOMING = ("keep", "defer", "refuse")
# Nothing of it means anything to a query, to a list of addresses, or to a path.
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,62}(?<!\.)", re.ASCII)
_FOREIGN = re.compile(r"[A-Za-z0-9_=+-](?:[A-Za-z0-9_=+-]|\.(?!\.)){0,63}(?<!\.)", re.ASCII)
_SELECTOR = re.compile(r"[a-z0-9]{1,40}", re.ASCII)
_PEM = re.compile(
    r"-----BEGIN PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{1,64}\n){4,80}-----END PRIVATE KEY-----\n"
)
# bcrypt as crypt(3) knows it.
_HASH = re.compile(r"\$2b\$[0-3][0-9]\$[./A-Za-z0-9]{53}", re.ASCII)


class Route(NamedTuple):
    """Where mail for an address goes. `login`: whose mailbox may send as that address."""

    address: str
    target: str
    login: str | None


@dataclass(frozen=True)
class Domain:
    """A domain with mail: its other names, and who gets what is for nobody ("" refuses it).

    Not `is_here`: the name may be a stranger's, so mail for it goes where its MX record says.
    """

    name: str
    aliases: tuple[str, ...] = ()
    catch_all: str = ""
    is_here: bool = True
    # Its website is disabled, and letters to it are refused.
    is_disabled: bool = False


@dataclass(frozen=True)
class Reply:
    """What an autoresponder answers."""

    subject: str
    text: str


@dataclass(frozen=True)
class Mailbox:
    """One mailbox. `password` is a hash, never shown and never logged."""

    number: int
    local: str
    domain: str
    password: str
    is_on: bool
    # Bytes; 0 is without limit.
    size: int = 0
    # Whether mail is kept here; else it goes to `forwards` only.
    keeps: bool = True
    aliases: tuple[str, ...] = ()
    forwards: tuple[str, ...] = ()
    reply: Reply | None = None

    def __repr__(self) -> str:
        return f"Mailbox({self.number}, {self.address!r})"

    @property
    def address(self) -> str:
        """The address that it logs in with."""
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True)
class Key:
    """What letters of a domain are signed with: the private key, in PEM, is never shown."""

    name: str
    selector: str
    pem: str = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """All of one subscription's mail."""

    domains: tuple[Domain, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    incoming: str = KEEP
    # Recipients within an hour, of a mailbox and of all of them; 0 is without limit, -1 is none.
    per_mailbox: int = 0
    per_subscription: int = 0
    # Of each name that mail is sent as and signed for, aliases too.
    keys: tuple[Key, ...] = ()
    # Suspended for abuse: what it sent and still waits is held.
    is_held: bool = False

    def names_here(self) -> set[str]:
        """Every name that mail is taken in for."""
        here = [domain for domain in self.domains if domain.is_here]
        return {name for domain in here for name in (domain.name, *domain.aliases)}

    def names_refused(self) -> set[str]:
        """Those of them whose website is disabled, and the domain's mail with it."""
        off = [domain for domain in self.domains if domain.is_here and domain.is_disabled]
        return {name for domain in off for name in (domain.name, *domain.aliases)}

    def routes(self) -> Iterator[Route]:
        """Every address that takes mail, those of alias domains too."""
        by_name = {domain.name: domain for domain in self.domains}
        for box in self.mailboxes:
            targets = [box.address] if box.keeps else []
            yield Route(box.address, ", ".join([*targets, *box.forwards]), box.address)
            names = (box.domain, *by_name[box.domain].aliases)
            for local in (box.local, *box.aliases):
                for name in names:
                    if (local, name) != (box.local, box.domain):
                        yield Route(f"{local}@{name}", box.address, box.address)
        for domain in self.domains:
            for name in (domain.name, *domain.aliases) if domain.catch_all else ():
                yield Route(f"@{name}", domain.catch_all, None)


def _local(value: object) -> str:
    name = text(value, "address", 64)
    if not _LOCAL.fullmatch(name):
        raise invalid(f"not a name of a mailbox: {name!r}")
    return name


def _address(value: object) -> str:
    address = text(value, "address", 320)
    local, _at, domain = address.rpartition("@")
    if not _FOREIGN.fullmatch(local) or not is_host_name(domain):
        raise invalid(f"not an address: {address[:80]!r}")
    return address


def _reply(value: object) -> Reply:
    fields = record(value, "reply", ("subject", "text"))
    subject = text(fields["subject"], "subject", LONGEST_SUBJECT)
    said = fields["text"]
    if type(said) is not str or not 0 < len(said) <= LONGEST_REPLY:
        raise invalid(f"text is not a text of at most {LONGEST_REPLY} characters")
    if not all(char.isprintable() or char == "\n" for char in said):
        raise invalid("text has control characters")
    return Reply(subject, said)


def _mailbox(value: object, domains: set[str]) -> Mailbox:
    fields = record(
        value,
        "mailbox",
        ("id", "local", "domain", "password", "on"),
        ("size", "keeps", "aliases", "forwards", "reply"),
    )
    domain = host_name(fields["domain"], "domain")
    if domain not in domains:
        raise invalid(f"{domain} is no domain of this subscription's mail")
    password = text(fields["password"], "password", 72)
    if not _HASH.fullmatch(password):
        raise invalid("the password is not a hash of the kind that is taken")
    reply = fields.get("reply")
    box = Mailbox(
        number=whole(fields["id"], "id", 1, MAX_ID),
        local=_local(fields["local"]),
        domain=domain,
        password=password,
        is_on=truth(fields["on"], "on"),
        size=whole(fields.get("size", 0), "size", 0, 2**53),
        keeps=truth(fields.get("keeps", True), "keeps"),
        aliases=tuple(map(_local, listed(fields.get("aliases", []), "aliases", MAX_ALIASES))),
        forwards=tuple(map(_address, listed(fields.get("forwards", []), "forwards", MAX_FORWARDS))),
        reply=None if reply is None else _reply(reply),
    )
    if not box.keeps and not box.forwards:
        raise invalid(f"{box.address} neither keeps mail nor passes it on")
    return box


def _domain(value: object) -> Domain:
    fields = record(value, "domain", ("name", "here"), ("aliases", "catch_all", "disabled"))
    catch_all = fields.get("catch_all", "")
    return Domain(
        host_name(fields["name"], "name"),
        tuple(
            host_name(each, "aliases")
            for each in listed(fields.get("aliases", []), "aliases", MAX_DOMAINS)
        ),
        _address(catch_all) if catch_all else "",
        truth(fields["here"], "here"),
        truth(fields.get("disabled", False), "disabled"),
    )


def _outgoing(value: object) -> tuple[int, int]:
    if value is None:
        return 0, 0
    fields = record(value, "outgoing", ("mailbox", "subscription"))
    each, whole_ = (whole(fields[name], name, -1, _MOST_SENT) for name in fields)
    return each, whole_


def _key(value: object, names: set[str]) -> Key:
    fields = record(value, "key", ("name", "selector", "pem"))
    name = host_name(fields["name"], "name")
    if name not in names:
        raise invalid(f"{name} is no name of this subscription's mail")
    selector = text(fields["selector"], "selector", 60)
    pem = fields["pem"]
    if not _SELECTOR.fullmatch(selector) or type(pem) is not str or not _PEM.fullmatch(pem):
        raise invalid("not a selector and a private key")
    return Key(name, selector, pem)


def parse(value: object) -> Mail:
    """Return the mail of a subscription. No address and no name is in it twice."""
    fields = record(
        value, "mail", ("domains", "mailboxes", "incoming"), ("outgoing", "keys", "held")
    )
    domains = tuple(_domain(each) for each in listed(fields["domains"], "domains", MAX_DOMAINS))
    names = [name for domain in domains for name in (domain.name, *domain.aliases)]
    own = {domain.name for domain in domains}
    rows = listed(fields["mailboxes"], "mailboxes", MAX_MAILBOXES)
    boxes = tuple(_mailbox(each, own) for each in rows)
    mail = Mail(
        domains,
        boxes,
        one_of(fields["incoming"], "incoming", INCOMING),
        *_outgoing(fields.get("outgoing")),
    )
    given = listed(fields.get("keys", []), "keys", MAX_DOMAINS)
    mail = replace(
        mail,
        keys=tuple(_key(each, mail.names_here()) for each in given),
        is_held=truth(fields.get("held", False), "held"),
    )
    addresses = [route.address for route in mail.routes()]
    numbers = [box.number for box in boxes]
    for what in (names, addresses, numbers, [key.name for key in mail.keys]):
        if len(set(what)) != len(what):
            raise invalid("a name, an address or a number is given twice")
    return mail

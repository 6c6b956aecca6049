"""Whose mail is taken in here: names whose MX record points to the node, or that somebody above
the subscriber confirmed."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence

import dns.exception
import dns.resolver
from django.db import transaction
from django.db.models import Exists, OuterRef

from hosting import daily, provisioning
from hosting.models.domains import Alias, Domain
from hosting.models.nodes import Node
from hosting.services.mail.models import LocalName, Mailbox

_EVERY = 600.0
# One round asks for no longer than this, and asks others the next time.
_PATIENCE, _AT_ONCE = 60.0, 100
_LIFETIME = 3.0
_WHY = "names of everybody's mail"

# Asked for a name and a type, it returns what the record says, as text.
Ask = Callable[[str, str], list[str]]


def known(subscription_ids: Sequence[int]) -> set[tuple[int, str]]:
    """The names that mail is taken in for, each with its subscription."""
    rows = LocalName.objects.filter(subscription_id__in=subscription_ids)
    return set(rows.values_list("subscription_id", "name"))


def names_of(domain: Domain) -> list[str]:
    """The domain's own name and those of its aliases with mail."""
    aliases = Alias.objects.unscoped(_WHY).filter(domain=domain, has_mail=True).order_by("pk")
    return [domain.ascii, *aliases.values_list("ascii", flat=True)]


def waiting(domain: Domain) -> list[str]:
    """Those of its names that mail is not taken in for."""
    here = known([domain.subscription_id])
    return [name for name in names_of(domain) if (domain.subscription_id, name) not in here]


def take(subscription_id: int, names: Iterable[str]) -> None:
    """From now on mail for these is taken in."""
    rows = [LocalName(subscription_id=subscription_id, name=name) for name in names]
    LocalName.objects.bulk_create(rows, ignore_conflicts=True)


def forget_gone(subscription_ids: Sequence[int]) -> None:
    """A name that went may come back as somebody else's: it has to be shown again."""
    domains, aliases = (
        model.objects.unscoped(_WHY).filter(
            subscription_id=OuterRef("subscription_id"), ascii=OuterRef("name")
        )
        for model in (Domain, Alias)
    )
    rows = LocalName.objects.filter(subscription_id__in=subscription_ids)
    rows.filter(~Exists(domains), ~Exists(aliases)).delete()


def _asked(name: str, kind: str) -> list[str]:
    """Ask as a mail server of this machine would."""
    try:
        found = dns.resolver.resolve(f"{name}.", kind, lifetime=_LIFETIME)
    except dns.exception.DNSException:
        return []
    if kind != "MX":
        return [record.to_text() for record in found]
    best = min(record.preference for record in found)
    hosts = [record.exchange for record in found if record.preference == best]
    return [host.to_text(omit_final_dot=True) for host in hosts]


def points_to(name: str, addresses: Collection[str], ask: Ask) -> bool:
    """Say whether senders bring mail for a name to one of these addresses first."""
    return any(
        address in addresses
        for host in ask(name, "MX")
        for kind in ("A", "AAAA")
        for address in (ask(host, kind) if host else [])
    )


def look(ask: Ask = _asked) -> None:
    """Look where mail for names that wait goes; what goes to their node is taken in."""
    nodes = {
        node.pk: {str(each) for each in (node.ipv4, node.ipv6) if each}
        for node in Node.objects.all()
        if node.has("mail")
    }
    end = time.monotonic() + _PATIENCE
    for subscription, node, name in _waiting(set(nodes)):
        if time.monotonic() > end:
            return
        if points_to(name, nodes[node], ask):
            with transaction.atomic():
                take(subscription, [name])
                provisioning.touch({subscription})


def _waiting(nodes: set[int]) -> list[tuple[int, int, str]]:
    """Some names with mailboxes that mail is not taken in for, in no order."""
    here = LocalName.objects.filter(
        subscription_id=OuterRef("subscription_id"), name=OuterRef("ascii")
    )
    domains = Domain.objects.unscoped(_WHY).filter(
        Exists(Mailbox.objects.unscoped(_WHY).filter(domain_id=OuterRef("pk"))), removing_at=None
    )
    aliases = Alias.objects.unscoped(_WHY).filter(
        Exists(Mailbox.objects.unscoped(_WHY).filter(domain_id=OuterRef("domain_id"))),
        has_mail=True,
    )
    found: list[tuple[int, int, str]] = []
    for rows in (domains, aliases):
        open_ = rows.filter(
            ~Exists(here), subscription__removing_at=None, subscription__node_id__in=nodes
        )
        columns = ("subscription_id", "subscription__node_id", "ascii")
        found += open_.order_by("?").values_list(*columns)[:_AT_ONCE]
    return found


daily.JOBS.append(daily.Job("mail-names", _EVERY, look))

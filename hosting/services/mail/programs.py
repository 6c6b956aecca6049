"""Where mail programs find a domain's mail: one answer for pages, profiles and the web plane."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from hosting import provisioning
from hosting.models.domains import Alias, Domain, HostingType
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.mail.models import Mailbox
from hosting.services.tls.models import Certificate
from hosting.services.tls.reading import covers

_WHY = "the worker provisions everybody's subscriptions"
_COLUMNS = ("pk", "subscription_id", "ascii", "subscription__node_id")


def server_of(row: Domain, node: Node) -> str:
    """The host that programs connect to for the mail of a domain."""
    return _server(row.ascii, node, row.pk in _named({row.pk: row.ascii}))


def _server(name: str, node: Node, is_named: bool) -> str:
    """By a name only where there is a certificate to be shown for it: programs check that."""
    return f"mail.{name}" if is_named else node.ipv4 or name


def _named(domains: Mapping[int, str]) -> set[int]:
    """Which of these domains (number -> name) have a certificate that is good for their mail, and
    a site that the node has it for."""
    rows = Certificate.objects.unscoped(_WHY).filter(
        domain_id__in=list(domains),
        domain__hosting_type__in=[HostingType.WEBSITE, HostingType.FORWARDING],
        not_before__isnull=False,
        not_after__gt=timezone.now(),
    )
    pairs = rows.values_list("domain_id", "names")
    return {pk for pk, names in pairs if covers(names, f"mail.{domains[pk]}")}


def told(subscription_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The domains with mailboxes of these subscriptions, where the node has mail."""
    boxes = Mailbox.objects.unscoped(_WHY).filter(domain_id=OuterRef("pk"))
    rows = Domain.objects.unscoped(_WHY).filter(
        Exists(boxes), subscription_id__in=subscription_ids, removing_at=None
    )
    domains = list(rows.order_by("pk").values_list(*_COLUMNS))
    if not domains:
        return {}
    nodes = {node.pk: node for node in Node.objects.all() if node.has("mail")}
    aliases: dict[int, list[str]] = defaultdict(list)
    of_these = Alias.objects.unscoped(_WHY).filter(
        subscription_id__in={subscription for _pk, subscription, *_rest in domains}, has_mail=True
    )
    for domain, name in of_these.order_by("pk").values_list("domain_id", "ascii"):
        aliases[domain].append(name)
    named = _named({pk: name for pk, _subscription, name, _node in domains})
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pk, subscription, name, node in domains:
        if node in nodes:
            server = _server(name, nodes[node], pk in named)
            about = {"id": pk, "name": name, "server": server}
            found[subscription].append(about | {"aliases": aliases[pk]})
    return found


def tell_again(node_ids: Collection[int]) -> None:
    """The address of these nodes is another one: so is what programs are told."""
    boxes = Mailbox.objects.unscoped(_WHY).filter(subscription_id=OuterRef("pk"))
    rows = Subscription.objects.unscoped(_WHY).filter(Exists(boxes), node_id__in=node_ids)
    provisioning.touch(set(rows.values_list("pk", flat=True)))

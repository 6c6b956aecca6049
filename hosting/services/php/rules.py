"""Who may change what of PHP, and what servers have of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from hosting import permissions
from hosting.models.domains import Domain
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.php import parameters
from hosting.services.php.driver_table import VERSION, version_key
from hosting.services.php.models import DomainPhp
from panel.core.access import Actor

_WHY = "what belongs to domains that the actor sees"
EVERY = (parameters.MAY_SET, parameters.MAY_CHOOSE, parameters.MAY_OPEN)


def subscriptions_of(rows: Iterable[Domain]) -> dict[int, Subscription]:
    """The subscriptions of these domains, with their nodes."""
    wanted = {row.subscription_id for row in rows}
    found = Subscription.objects.unscoped(_WHY).select_related("node")
    return found.in_bulk(wanted) if wanted else {}


def reach(subscriptions: Iterable[Subscription], actor: Actor) -> set[str]:
    """The permissions that the actor has in any of these."""
    rows = list(subscriptions)
    found = set()
    for permission in EVERY:
        if len(permissions.lacking(rows, actor, permission)) < len(rows):
            found.add(permission)
    return found


def own_of(rows: Sequence[Domain]) -> dict[int, DomainPhp]:
    """What these domains have of their own, by domain; those that have nothing are left out."""
    if not rows:
        return {}
    found = DomainPhp.objects.unscoped(_WHY).filter(domain_id__in=[row.pk for row in rows])
    return {row.domain_id: row for row in found}


def versions(node: Node) -> list[str]:
    """The PHP versions that a node has, oldest first: what its agent said last."""
    said = node.offers("php").get("versions", [])
    found = [text for text in said if isinstance(text, str) and VERSION.fullmatch(text)]
    return sorted(set(found), key=version_key)


def installed(subscriptions: Iterable[Subscription]) -> list[str]:
    """The versions that the node of any of these has, oldest first."""
    found = {version for row in subscriptions for version in versions(row.node)}
    return sorted(found, key=version_key)


def changes(own: DomainPhp | None, params: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What parameters would change of a domain: name -> (before, after), None for the plan's."""
    row = own or DomainPhp()
    found: dict[str, tuple[Any, Any]] = {}
    if params.get("php"):
        found["php"] = (row.is_on, params["php"] == "on")
    if params.get("php_version"):
        found["php_version"] = (row.php_version, params["php_version"])
    for name, value in params["own"].items():
        found[name] = (row.settings.get(name), value)
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}

"""Where a new subscription goes."""

import ipaddress

from django.conf import settings

from hosting.models.nodes import Node

_LOOPBACK = "127.0.0.1"


def choose(address: str | None = None) -> Node:
    """The node for a new subscription. A machine by itself is a node: the first is made here.

    Daemons of the embedded platform bind loopback only. Elsewhere somebody says the address; one
    that no visitor can reach is none.
    """
    node = Node.objects.order_by("pk").first()
    if node is None:
        is_embedded = settings.NODE_PLATFORM == "embedded"
        is_reachable = address is not None and not ipaddress.IPv4Address(address).is_loopback
        node, _created = Node.objects.get_or_create(
            name="local",
            defaults={
                "platform": settings.NODE_PLATFORM,
                "public_port": settings.SITES_PORT,
                "ipv4": _LOOPBACK if is_embedded else address if is_reachable else None,
            },
        )
    return node

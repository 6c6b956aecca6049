"""Where a new subscription goes."""

from django.conf import settings

from hosting.models.nodes import Node


def choose() -> Node:
    """The node for a new subscription. A machine by itself is a node: the first is made here."""
    node = Node.objects.order_by("pk").first()
    if node is None:
        node, _created = Node.objects.get_or_create(
            name="local",
            defaults={
                "platform": "embedded",
                "public_port": settings.SITES_PORT,
                # All daemons of this platform bind loopback only.
                "ipv4": "127.0.0.1",
            },
        )
    return node

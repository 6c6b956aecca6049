"""Nodes: machines that host subscriptions."""

from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from panel.core.access import Actor


class NodeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor | None) -> Self:
        """The administrator's; nobody else knows of machines."""
        return self if actor is not None and actor.is_administrator else self.none()


class Node(models.Model):
    """A machine with an agent. `seen_at` is when its agent last answered the worker."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    platform = models.CharField(max_length=20, default="embedded")
    # The port under which its sites are reached; 80 except on the embedded platform.
    public_port = models.PositiveIntegerField(default=80)
    # Where its sites are reached; None until somebody says.
    ipv4 = models.GenericIPAddressField(_("IPv4 address"), protocol="IPv4", null=True)
    ipv6 = models.GenericIPAddressField(_("IPv6 address"), protocol="IPv6", null=True)
    # What its agent provides: {service: what the node offers of it}, as `hello` said last.
    services = models.JSONField(default=dict, editable=False)
    # Whether each subscription has a uid of its own there: nobody reads a neighbour's files.
    isolates = models.BooleanField(default=False, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False)
    away_since = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = NodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")

    def __str__(self) -> str:
        return self.name

    def has(self, service: str) -> bool:
        """Whether this service is provided there."""
        return service in self.services

    def offers(self, service: str) -> dict[str, Any]:
        """What the node offers of a service (versions, ports); {} where it has none of it."""
        found: dict[str, Any] = self.services.get(service, {})
        return found

"""Nodes: machines that host subscriptions."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Node(models.Model):
    """A machine with an agent. `seen_at` is when its agent last answered the worker."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    platform = models.CharField(max_length=20, default="embedded")
    # The port under which its sites are reached; 80 except on the embedded platform.
    public_port = models.PositiveIntegerField(default=80)
    # Where its sites are reached; None until somebody says.
    ipv4 = models.GenericIPAddressField(_("IPv4 address"), protocol="IPv4", null=True)
    ipv6 = models.GenericIPAddressField(_("IPv6 address"), protocol="IPv6", null=True)
    seen_at = models.DateTimeField(null=True, editable=False)
    away_since = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

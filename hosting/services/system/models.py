"""SSH keys of system users. Name and password of a system user are its subscription's."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.subscriptions import Subscription
from panel.core.access import Owned, OwnedQuerySet


class SshKeyQuerySet(OwnedQuerySet):
    def present(self) -> "SshKeyQuerySet":
        """Without those whose subscription was removed and waits to be purged."""
        return self.filter(subscription__removing_at=None)

    def removed(self) -> "SshKeyQuerySet":
        return self.filter(subscription__removing_at__isnull=False)


class SshKey(Owned):
    """A public key that lets its holder in as the system user of a subscription."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    label = models.CharField(_("Label"), max_length=100)
    type = models.CharField(_("Type"), max_length=40, editable=False)
    # The key as authorized_keys has it, without its type: base64.
    key = models.TextField(_("Key"), max_length=4096, editable=False)
    fingerprint = models.CharField(_("Fingerprint"), max_length=50, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SshKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("SSH key")
        verbose_name_plural = _("SSH keys")
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "fingerprint"], name="system_ssh_key_once"
            )
        ]
        indexes = [
            models.Index("created_at", "id", name="system_ssh_key_made"),
            models.Index("subscription", "created_at", "id", name="system_ssh_key_of"),
            models.Index("account", "created_at", "id", name="system_ssh_key_account"),
            models.Index("reseller", "created_at", "id", name="system_ssh_key_reseller"),
        ]

    def __str__(self) -> str:
        return self.label

"""Mailboxes, and the names that mail is taken in for.

What else takes mail (other addresses, forwards, a catch-all) belongs to a mailbox.
"""

from collections.abc import Callable

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from panel.core.access import Owned, RemovableQuerySet
from panel.core.work import Work, register_queue


class MailboxQuerySet(RemovableQuerySet):
    # They go with their subscription, and with their domain at once.
    removed_at = "subscription__removing_at"


class Mailbox(Owned):
    """An address of a domain: somebody logs in and reads, or it is only passed on."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    domain = models.ForeignKey(Domain, models.CASCADE, related_name="+", db_index=False)
    local = models.CharField(_("Name"), max_length=64)
    # "local@domain", to look it up by; follows the domain's name.
    address = models.CharField(_("Address"), max_length=320, editable=False)
    # bcrypt, as Dovecot checks it.
    password_hash = models.CharField(max_length=72, editable=False)
    # Bytes; None is without limit of its own.
    size = models.BigIntegerField(_("Size"), null=True)
    # Bytes, as the node said last; None: it has not yet.
    used = models.BigIntegerField(_("Used"), null=True, editable=False)
    keeps = models.BooleanField(_("Keep mail here"), default=True)
    is_catch_all = models.BooleanField(_("Catch-all"), default=False)
    aliases = models.JSONField(_("Other addresses"), default=list)
    forwards = models.JSONField(_("Forward to"), default=list)
    reply_subject = models.CharField(_("Subject"), max_length=200, blank=True, default="")
    # "" answers nobody.
    reply_text = models.TextField(_("Automatic reply"), max_length=4000, blank=True, default="")
    # At which level it was switched off ("" while it is on): nobody lifts what a level above set.
    off_level = models.CharField(max_length=13, default="", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MailboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")
        constraints = [
            models.UniqueConstraint(fields=["domain", "local"], name="mail_mailbox_once"),
            models.UniqueConstraint(
                fields=["domain"],
                condition=models.Q(is_catch_all=True),
                name="mail_mailbox_catch_all",
            ),
        ]
        indexes = [
            models.Index("address", "id", name="mail_mailbox_address"),
            models.Index("subscription", "address", "id", name="mail_mailbox_of"),
            models.Index("account", "address", "id", name="mail_mailbox_account"),
            models.Index("reseller", "address", "id", name="mail_mailbox_reseller"),
            models.Index("off_level", "id", name="mail_mailbox_off"),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def is_on(self) -> bool:
        """Whether one may log in."""
        return not self.off_level


class LocalName(models.Model):
    """A name of a domain or an alias whose mail is this subscription's to take.

    SECURITY: anybody can add a name that is a stranger's. Without such a row mail for it leaves the
    node by its MX record, mail of other subscriptions too, and nobody sends as it.
    """

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "name"], name="mail_local_name_once")
        ]

    def __str__(self) -> str:
        return self.name


@register_queue
class DkimKey(Work):
    """What letters of a domain and of its aliases are signed with (RFC 6376).

    Made by the worker: it takes too long for a transaction.
    """

    domain = models.OneToOneField(Domain, models.CASCADE, related_name="dkim")
    # The private key, sealed; "" while it is being made.
    sealed = models.TextField(default="", editable=False)
    # What the zone tells of it: the public key.
    record = models.TextField(default="", editable=False)

    class Meta:
        verbose_name = _("DKIM key")
        verbose_name_plural = _("DKIM keys")
        indexes = [
            models.Index(
                "run_after",
                name="mail_dkim_due",
                condition=models.Q(state__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return self.selector

    @property
    def selector(self) -> str:
        """Another one for each key: what is remembered of an old one says nothing of this."""
        return f"fh{self.pk}"

    @property
    def belongs_to(self) -> str:
        """What the private key is sealed for."""
        return f"mail.DkimKey.sealed:{self.pk}"

    def carry_out(self) -> None:
        """Make the key, in the worker."""
        maker(self)


# Set by `signing`, which tells the nodes.
maker: Callable[[DkimKey], None] = lambda row: None  # noqa: E731

"""FTP accounts. The system user, who gets in by SSH, is its subscription's and not among them."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.subscriptions import Subscription
from panel.core.access import Owned, RemovableQuerySet


class FtpAccountQuerySet(RemovableQuerySet):
    # Nobody edits those whose subscription was removed and waits to be purged.
    removed_at = "subscription__removing_at"


class FtpAccount(Owned):
    """What somebody logs in with over FTP and SFTP. Files are its subscription's system user's."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(_("Username"), max_length=32, unique=True)
    # Below the home of the subscription; "" is all of it.
    home = models.CharField(_("Home"), max_length=200, blank=True)
    password_hash = models.CharField(max_length=72, default="", editable=False)
    # Each {"label", "line", "fingerprint"}.
    keys = models.JSONField(default=list, editable=False)
    is_read_only = models.BooleanField(_("Read only"), default=False)
    is_on = models.BooleanField(default=True, editable=False)
    # Who switched it off, as entries of suspension say it.
    off_level = models.CharField(max_length=20, default="", editable=False)
    description = models.CharField(_("Description"), max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FtpAccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("FTP account")
        verbose_name_plural = _("FTP accounts")
        indexes = [
            models.Index("name", "id", name="ftp_account_name"),
            models.Index("subscription", "name", "id", name="ftp_account_of"),
            models.Index("account", "name", "id", name="ftp_account_account"),
            models.Index("reseller", "name", "id", name="ftp_account_reseller"),
            models.Index("is_on", "id", name="ftp_account_on"),
        ]

    def __str__(self) -> str:
        return self.name

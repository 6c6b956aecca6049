"""FTP accounts as a noun of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.ftp.models import FtpAccount
from panel.core.operations import Noun, register_noun

FTP_ACCOUNT = register_noun(
    Noun(
        "ftp-account",
        "ftp-accounts",
        FtpAccount,
        _("FTP account"),
        _("FTP accounts"),
        "ftp",
        "ftp_account",
        area="sites",
        api_fields=[
            "id",
            "name",
            "subscription_id",
            "home",
            "is_read_only",
            "is_on",
            "keys",
            "description",
            "created_at",
        ],
    )
)

"""The FTP service: accounts with homes inside a subscription, over FTP with TLS and over SFTP."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class FtpConfig(base.ServiceConfig):
    """Accounts on the uid of their subscription, shut in to their homes, served by ProFTPD."""

    name = "hosting.services.ftp"
    label = "ftp"
    verbose_name = _("FTP")
    service = "ftp"
    resources = (
        base.Resource(
            "ftp_accounts",
            _("FTP accounts"),
            default=5,
            count="hosting.services.ftp.desired.usage",
        ),
    )
    permissions = (base.Permission("manage_ftp", _("FTP account management"), default=True),)
    tabs = (
        base.Tab(
            "subscription",
            "ftp",
            _("FTP Access"),
            "hosting.services.ftp.views.shows_tab",
            "hosting.services.ftp.views.sections",
        ),
    )
    urls = "hosting.services.ftp.urls"
    desired_source = "hosting.services.ftp.desired.desired"
    purge_source = "hosting.services.ftp.desired.purge"
    handed_over_source = "hosting.services.ftp.desired.handed_over"

    def ready(self) -> None:
        for room in ("nouns", "operations"):
            import_module(f"hosting.services.ftp.{room}")

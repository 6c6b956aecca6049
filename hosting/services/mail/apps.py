"""The mail service: mailboxes of domains, with Postfix and Dovecot on the nodes."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class MailConfig(base.ServiceConfig):
    """Mailboxes, and where mail for other addresses goes."""

    name = "hosting.services.mail"
    label = "mail"
    verbose_name = _("Mail")
    service = "mail"
    resources = (
        base.Resource(
            "mailboxes",
            _("Mailboxes"),
            default=10,
            count="hosting.services.mail.usage.mailboxes",
            total="hosting.services.mail.usage.mailboxes_of_resellers",
        ),
        base.Resource("mailbox_size", _("Mailbox size"), unit="bytes", default=None, is_each=True),
        base.Resource(
            "mailbox_hourly", _("Recipients per hour, each mailbox"), default=None, is_each=True
        ),
        base.Resource(
            "mail_hourly", _("Recipients per hour, all mailboxes"), default=None, is_each=True
        ),
    )
    permissions = (base.Permission("manage_mail", _("Mail management"), default=True),)
    tabs = (
        base.Tab(
            "domain",
            "mail",
            _("Mail"),
            "hosting.services.mail.views.shows_tab",
            "hosting.services.mail.views.sections",
            "hosting.services.mail.views.cards",
        ),
    )
    urls = "hosting.services.mail.urls"
    desired_source = "hosting.services.mail.desired.desired"
    figures_source = "hosting.services.mail.usage.measured"
    names_source = "hosting.services.mail.following.names_changed"
    purge_source = "hosting.services.mail.following.purge"

    def ready(self) -> None:
        for room in (
            "settings",
            "nouns",
            "operations",
            "operations_names",
            "operations_records",
            "operations_signing",
            "signing",
            "localnames",
        ):
            import_module(f"hosting.services.mail.{room}")

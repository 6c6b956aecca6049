"""Mailboxes as a noun of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.mail.models import Mailbox
from panel.core.operations import Noun, register_noun

MAILBOX = register_noun(
    Noun(
        "mailbox",
        "mailboxes",
        Mailbox,
        _("Mailbox"),
        _("Mailboxes"),
        "mail",
        "mailbox",
        area="sites",
        api_fields=[
            "id",
            "subscription_id",
            "domain_id",
            "address",
            "size",
            "used",
            "keeps",
            "is_catch_all",
            "aliases",
            "forwards",
            "reply_subject",
            "reply_text",
            "off_level",
            "version",
            "created_at",
        ],
    )
)

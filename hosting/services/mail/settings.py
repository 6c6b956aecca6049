"""What an administrator sets about mail."""

from django.utils.translation import gettext_lazy as _

from hosting import provisioning
from hosting.services.mail import driver_desired
from hosting.services.mail.models import Mailbox
from panel.core import setting

setting.section(
    "mailboxes",
    _("Mailboxes"),
    _("What becomes of mail for suspended subscriptions."),
    order=35,
)


def _incoming_changed() -> None:
    rows = Mailbox.objects.unscoped("every subscription with mail says what comes in")
    provisioning.touch(list(rows.order_by().values_list("subscription_id", flat=True).distinct()))


INCOMING = setting.declare(
    setting.Choice(
        "mail_incoming",
        "mailboxes",
        _("Mail that comes in for a suspended subscription"),
        driver_desired.KEEP,
        _("Deferred, it waits where it comes from; senders give up after one to five days."),
        choices=(
            (driver_desired.KEEP, _("is delivered")),
            (driver_desired.DEFER, _("is deferred")),
            (driver_desired.REFUSE, _("is refused")),
        ),
    ),
    after=_incoming_changed,
)

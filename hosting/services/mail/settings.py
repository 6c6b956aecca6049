"""What an administrator sets about mail."""

from django.utils.translation import gettext_lazy as _

from hosting import provisioning
from hosting.services.mail import driver_desired
from hosting.services.mail.models import Mailbox
from panel.core import setting

setting.section(
    "mailboxes",
    _("Mailboxes"),
    _("What becomes of mail for suspended subscriptions, and how much one may send."),
    order=35,
)


def _changed() -> None:
    rows = Mailbox.objects.unscoped("every subscription with mail is told anew")
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
    after=_changed,
)
_MOST = 1_000_000
PER_MAILBOX = setting.declare(
    setting.Number(
        "mail_per_mailbox",
        "mailboxes",
        _("Recipients that a mailbox may send to within an hour"),
        300,
        _("What is more is refused for now, and its owner's program tries again. 0: no limit."),
        most=_MOST,
    ),
    after=_changed,
)
PER_SUBSCRIPTION = setting.declare(
    setting.Number(
        "mail_per_subscription",
        "mailboxes",
        _("Recipients that all mailboxes of a subscription may send to within an hour"),
        1000,
        _("0: no limit."),
        most=_MOST,
    ),
    after=_changed,
)

"""What the list of mailboxes can be narrowed by."""

from hosting.filters import ProviderFilters, SwitchFilter
from hosting.models.suspension import PERSONAL
from hosting.services.mail.models import Mailbox


class MailboxFilter(ProviderFilters):
    status = SwitchFilter("off_level", on=[""], off=PERSONAL)

    class Meta:
        model = Mailbox
        fields: list[str] = []

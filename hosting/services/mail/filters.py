"""What the list of mailboxes can be narrowed by."""

from hosting.filters import ProviderFilters
from hosting.services.mail.models import Mailbox


class MailboxFilter(ProviderFilters):
    class Meta:
        model = Mailbox
        fields: list[str] = []

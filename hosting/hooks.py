"""What accounts ask of hosting without knowing it: set once, when the apps are ready."""

from accounts import backends, forms
from accounts.models import Account
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Level, Scope, SuspensionEntry
from panel.core.access import Actor

_ORDER = [Level.ADMINISTRATOR, Level.RESELLER]


def suspension_message(account: Account) -> str:
    """What the subscriber was told about the suspension of its account; "" if nothing.

    Its own entries first, then those of the account above.
    """
    entries = SuspensionEntry.objects.filter(
        account_id__in={account.pk, account.reseller_id} - {None}
    )
    for entry in sorted(
        entries, key=lambda e: (e.account_id != account.pk, _ORDER.index(Level(e.level)))
    ):
        bears = entry.account_id == account.pk or entry.scope == Scope.EVERYTHING
        if bears and entry.message:
            return entry.message
    return ""


def subscription_choices(actor: Actor, account_id: int) -> list[tuple[int, str]]:
    """Subscriptions that an additional user of this account may be given."""
    rows = Subscription.objects.visible_to(actor).present().filter(account_id=account_id)
    return list(rows.order_by("name_key", "pk").values_list("pk", "name")[:500])


def connect() -> None:
    """Put the answers in place."""
    backends.suspension_message = suspension_message
    forms.subscription_choices = subscription_choices

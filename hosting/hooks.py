"""What accounts ask of hosting without knowing it: set once, when the apps are ready."""

from collections.abc import Iterable

from accounts import backends, forms, operations, own_hosting, profile_views
from accounts.models import Account
from hosting.models.domains import Domain, Name
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import Level, Scope, SuspensionEntry
from hosting.views.resellers import own_sections
from panel.core.access import Actor

_OWN = "names of the account that is asked about"
_WHY = "search text, whoever asks"
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


def found_by_name(account_id: int) -> dict[str, Iterable[int]]:
    """What a search for an account's name or company finds besides the account."""
    subscriptions = Subscription.objects.unscoped(_WHY).filter(account_id=account_id)
    domains = Domain.objects.unscoped(_WHY).filter(account_id=account_id)
    return {
        "subscription": list(subscriptions.values_list("pk", flat=True)),
        "domain": list(domains.values_list("pk", flat=True)),
    }


def is_inside(account_id: int, email: str) -> bool:
    """Whether an address is one of a domain or alias that the account hosts."""
    host = email.rpartition("@")[2].strip().lower()
    return Name.objects.unscoped(_OWN).filter(account_id=account_id, ascii=host).exists()


def connect() -> None:
    """Put the answers in place."""
    backends.suspension_message = suspension_message
    forms.subscription_choices = subscription_choices
    own_hosting.is_inside = is_inside
    operations.found_by_name = found_by_name
    profile_views.more_sections = own_sections

"""Remove, Restore and Purge: first shut and kept for some days, then gone for good."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account, User
from hosting import conditions, counters, demand, locks, provisioning, purge, suspension, sync
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from hosting.settings import KEEP_REMOVED_DAYS
from panel.core import reasons
from panel.core.access import Actor, Role
from panel.core.operations import ADMINISTRATOR, PROVIDERS, Consequence, Operation, Step

reasons.declare(
    self_removed=_("Nobody removes the own account."),
    held=_("It carries a suspension by the administrator; only the administrator can do this."),
    has_customers=_("It still has customers: %(names)s. Move or remove them first."),
    has_customers_action=_("Move the customers…"),
    account_removed=_("%(name)s, to which it belongs, was removed: restore that first."),
)
_WHY = "removal takes along what hangs on it"
# Above so many objects a person types the number of them.
TYPE_ABOVE = 10


def kept_until() -> Any:
    """When what is removed now goes for good."""
    return timezone.now() + timedelta(days=KEEP_REMOVED_DAYS.get())


def refuse_held(step: Step) -> None:
    """While an `administrator` entry is on it, in it or above it, nobody below the administrator
    removes, renames or restores it, or changes its subscriber."""
    if step.actor.is_administrator or not step.open_ids:
        return
    model = type(step.open[0])
    rows = model._base_manager.filter(pk__in=step.open_ids)
    for pk in suspension.administrator_holds(
        rows, account="account_id", reseller="reseller_id", own=model.subscription_column
    ):
        step.refuse(pk, "held")


def remove_subscriptions(rows: Any, at: Any, purge_at: Any) -> list[int]:
    """Shut subscriptions and take them out of the lists; their names stay taken."""
    ids = list(rows.values_list("pk", flat=True))
    Subscription.objects.unscoped(_WHY).filter(pk__in=ids).update(
        removing_at=at, purge_at=purge_at, version=F("version") + 1
    )
    Domain.objects.unscoped(_WHY).filter(subscription_id__in=ids).update(removing_at=at)
    counters.recount_subscriptions(ids)
    provisioning.touch(ids)
    return ids


def restore_subscriptions(rows: Any) -> list[int]:
    """Back as they were, suspensions and website states included; what expired meanwhile did."""
    ids = list(rows.values_list("pk", flat=True))
    Subscription.objects.unscoped(_WHY).filter(pk__in=ids).update(
        removing_at=None, purge_at=None, version=F("version") + 1
    )
    Domain.objects.unscoped(_WHY).filter(subscription_id__in=ids).update(removing_at=None)
    counters.recount_subscriptions(ids)
    # What was changed on their plans meanwhile.
    sync.follow(ids)
    conditions.judge(ids)
    suspension.recompute(subscriptions=ids)
    provisioning.touch(ids)
    return ids


def index_below(step: Step, subscription_ids: list[int]) -> None:
    """Search text of subscriptions and their domains."""
    domains = Domain.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    step.index("subscription", subscription_ids)
    step.index("domain", domains.values_list("pk", flat=True))


def _count_below(actor: Actor, rows: Any) -> dict[str, int]:
    subscriptions = Subscription.objects.visible_to(actor).filter(account_id__in=rows.values("pk"))
    ids = subscriptions.values("pk")
    return {
        "users": User._base_manager.filter(account_id__in=rows.values("pk"), is_own=False).count(),
        "subscriptions": subscriptions.count(),
        "domains": Domain.objects.visible_to(actor).filter(subscription_id__in=ids).count(),
        "aliases": Alias.objects.visible_to(actor).filter(subscription_id__in=ids).count(),
    }


def what_goes(counts: dict[str, int]) -> list[str]:
    """Counted, in words; what there is none of is left out."""
    words = {
        "users": ngettext(
            "%(n)s additional user", "%(n)s additional users", counts.get("users", 0)
        ),
        "subscriptions": ngettext(
            "%(n)s subscription", "%(n)s subscriptions", counts.get("subscriptions", 0)
        ),
        "domains": ngettext(
            "%(n)s domain with its files",
            "%(n)s domains with their files",
            counts.get("domains", 0),
        ),
        "aliases": ngettext("%(n)s alias", "%(n)s aliases", counts.get("aliases", 0)),
    }
    return [words[name] % {"n": f"{n:,}"} for name, n in counts.items() if n and name in words]


def _lock_with_below(account_ids: Any) -> None:
    locks.accounts(account_ids)
    rows = Subscription.objects.unscoped(_WHY).filter(account_id__in=account_ids)
    locks.subscriptions(list(rows.values_list("pk", flat=True)))


class Remove(Operation):
    """Shuts accounts at once, keeps them for some days, then they are purged."""

    verb = "remove"
    label = _("Remove")
    roles = PROVIDERS
    confirm = "always"
    destructive = True
    order = 90

    @property
    def undo(self) -> str:  # type: ignore[override]
        return f"{self.noun}.restore"

    def can_undo(self) -> bool:
        """What is kept for no day at all cannot be brought back."""
        return KEEP_REMOVED_DAYS.get() > 0

    def lock(self, actor: Actor, ids: Any) -> None:
        _lock_with_below(ids)

    def check(self, step: Step) -> None:
        for row in step.open:
            if row.pk == step.actor.account_id:
                step.refuse(row.pk, "self_removed")
        refuse_held(step)
        refuse_with_customers(step, "has_customers")

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        counts = _count_below(actor, rows)
        days = KEEP_REMOVED_DAYS.get()
        found = (
            [Consequence(_("These go along:"), "warn", what_goes(counts))]
            if any(counts.values())
            else []
        )
        kept = ngettext(
            "Everything is shut at once and kept for %(n)s day; until then it can be restored from"
            " the list filter Removed.",
            "Everything is shut at once and kept for %(n)s days; until then it can be restored from"
            " the list filter Removed.",
            days,
        )
        gone = _("Everything is removed for good at once.")
        return [
            *found,
            Consequence(kept % {"n": days} if days else gone, "warn" if days else "bad"),
        ]

    def number_to_type(self, actor: Actor, rows: Any, count: int) -> int | None:
        total = count + sum(_count_below(actor, rows).values())
        return total if total > TYPE_ABOVE else None

    def perform(self, step: Step) -> None:
        ids, at, until = step.open_ids, timezone.now(), kept_until()
        resellers = {row.reseller_id for row in step.open}
        Account.objects.unscoped(_WHY).filter(pk__in=ids).update(
            removing_at=at, purge_at=until, epoch=F("epoch") + 1, version=F("version") + 1
        )
        rows = Subscription.objects.unscoped(_WHY).filter(account_id__in=ids).present()
        subscriptions = remove_subscriptions(rows, at, until)
        counters.recount_plans_of(subscriptions)
        counters.recount_accounts([*ids, *(pk for pk in resellers if pk)])
        step.index(self.noun, ids)
        index_below(step, subscriptions)
        for pk in ids:
            step.changed(pk, {}, {"kept_until": until.date().isoformat()})
        if not KEEP_REMOVED_DAYS.get():
            purge.accounts(ids)


class Restore(Operation):
    """Brings back what was removed and is not purged yet, exactly as it was."""

    verb = "restore"
    label = _("Restore")
    roles = PROVIDERS
    in_trash = True
    order = 10

    def lock(self, actor: Actor, ids: Any) -> None:
        _lock_with_below(ids)

    def check(self, step: Step) -> None:
        refuse_held(step)
        refuse_below_removed(step)
        asked = {row.pk: demand.Demand() for row in step.open}
        for row in step.open:
            if row.role == Role.CUSTOMER:
                asked[row.pk].amounts["customers"] = 1
        owners = dict(self._together(step))
        for pk, of_subscription in demand.of_subscriptions(owners).items():
            asked[owners[pk]].add(of_subscription)
        demand.refuse_beyond(step, asked)

    def _together(self, step: Step) -> list[tuple[int, int]]:
        """Subscriptions that went with their account, and whose they are. What had been removed by
        itself before stays removed."""
        removed_at = {row.pk: row.removing_at for row in step.open}
        rows = Subscription.objects.unscoped(_WHY).filter(account_id__in=step.open_ids).removed()
        found = rows.values_list("pk", "account_id", "removing_at")
        return [(pk, owner) for pk, owner, at in found if at == removed_at[owner]]

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        together = [pk for pk, _owner in self._together(step)]
        resellers = {row.reseller_id for row in step.open}
        Account.objects.unscoped(_WHY).filter(pk__in=ids).update(
            removing_at=None, purge_at=None, version=F("version") + 1
        )
        rows = Subscription.objects.unscoped(_WHY).filter(pk__in=together)
        restored = restore_subscriptions(rows)
        suspension.recompute(accounts=ids)
        counters.recount_plans_of(restored)
        counters.recount_accounts([*ids, *(pk for pk in resellers if pk)])
        step.index(self.noun, ids)
        index_below(step, restored)


def refuse_with_customers(step: Step, code: str, code_removed: str = "") -> None:
    """Refuse providers that have customers: with names, and a button that leads to moving them.
    With the second code, those that have removed ones, too."""
    below = Account.objects.unscoped(_WHY).filter(provider_id__in=step.open_ids, role=Role.CUSTOMER)
    for pk, names in _names_by_provider(below.present()).items():
        url = f"{reverse('customer_list')}?{urlencode({'provider': step.targets[pk].username})}"
        step.refuse(pk, code, names=names, action=url)
    if code_removed:
        for pk, names in _names_by_provider(below.removed()).items():
            step.refuse(pk, code_removed, names=names)


def _names_by_provider(below: Any) -> dict[int, str]:
    """The first names below each provider, in a line."""
    names: dict[int, list[str]] = {}
    for provider, name in below.values_list("provider_id", "contact_name")[:1000]:
        names.setdefault(provider, []).append(name)
    return {
        pk: ", ".join(found[:5]) + ("…" if len(found) > 5 else "") for pk, found in names.items()
    }


def refuse_below_removed(step: Step) -> None:
    """Nothing comes back below an account that was removed itself."""
    owners = {owner for row in step.open for owner in (row.account_id, row.reseller_id) if owner}
    gone = Account.objects.unscoped(_WHY).removed().in_bulk(owners)
    for row in step.open:
        for owner in (row.reseller_id, row.account_id):
            is_self = isinstance(row, Account) and owner == row.pk
            if owner in gone and not is_self:
                step.refuse(row.pk, "account_removed", name=str(gone[owner]))


class Purge(Operation):
    """Removes for good what waits in the trash. Nothing brings it back."""

    verb = "purge"
    label = _("Purge now")
    roles = ADMINISTRATOR
    in_trash = True
    confirm = "always"
    destructive = True
    order = 95
    chunk_size = 50

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        goes = what_goes(_count_below(actor, rows))
        return [
            Consequence(_("This cannot be undone. It goes for good, with all files."), "bad", goes)
        ]

    def number_to_type(self, actor: Actor, rows: Any, count: int) -> int | None:
        total = count + sum(_count_below(actor, rows).values())
        return total if total > TYPE_ABOVE else None

    def perform(self, step: Step) -> None:
        purge.accounts(step.open_ids)

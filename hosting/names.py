"""The one table of host names: taken and given back here, and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse

from accounts.models import Account
from hosting import suspension
from hosting.models.domains import Alias, Apex, Domain, Name
from hosting.validators import apex_of, own_hosts
from panel.core.access import Actor
from panel.core.operations import nouns, operations

_WHY = "a name is used once in the whole installation"
CHANGE_SUBSCRIBER = "change-subscriber"


@dataclass(frozen=True)
class Conflict:
    """Why a name cannot be had. `who` is empty where the asker may not know."""

    code: str
    who: str = ""
    where: str = ""
    # The button beside it: where it leads, and whether it does something at once.
    action: str = ""
    post: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """For the words of a refusal."""
        button = {"action": self.action, "post": self.post} if self.action else {}
        return {"who": self.who, "where": self.where, **button}


def lock(names: Iterable[str]) -> None:
    """Lock the apexes of these names, sorted: nobody gets in above or below them meanwhile."""
    apexes = sorted({apex_of(name) for name in names})
    Apex.objects.bulk_create([Apex(name=apex) for apex in apexes], ignore_conflicts=True)
    list(Apex.objects.select_for_update().filter(name__in=apexes).order_by("name"))


def conflict(
    name: str, account_id: int, actor: Actor, subscription_id: int | None = None
) -> Conflict | None:
    """What stands against `account_id` having this name, after `lock`.

    Taken; below or above a name of somebody whom the actor may not manage, or of the panel itself;
    or below or above one that the administrator suspended in another subscription.
    """
    parents = [".".join(name.split(".")[i:]) for i in range(1, name.count(".") + 1)]
    # SECURITY: an exact suffix with its dot; a bare suffix would match "notexample.com".
    rows = (
        Name.objects.unscoped(_WHY)
        .filter(apex=apex_of(name))
        .filter(Q(ascii=name) | Q(ascii__in=parents) | Q(ascii__endswith="." + name))
        .select_related("subscription")
    )
    near = list(rows)
    for row in near:
        if row.ascii == name:
            return _told(row, account_id, actor)
    others = [row for row in near if row.account_id != account_id]
    visible = set(
        Account.objects.visible_to(actor)
        .filter(pk__in=[row.account_id for row in others])
        .values_list("pk", flat=True)
    )
    if any(row.account_id not in visible for row in others):
        return Conflict("name_near")
    if actor.is_administrator:
        return None
    if any(name.endswith(f".{host}") or host.endswith(f".{name}") for host in own_hosts()):
        return Conflict("name_near")
    elsewhere = [row.pk for row in near if row.subscription_id != subscription_id]
    return Conflict("name_held") if _held(elsewhere) else None


def _held(ids: list[int]) -> set[int]:
    """Of these names, those that the administrator suspended, or whose owners: they come up
    nowhere else, not with a word before them either."""
    if not ids:
        return set()
    return suspension.administrator_holds(
        Name.objects.unscoped(_WHY).filter(pk__in=ids),
        account="account_id",
        reseller="reseller_id",
        own="subscription_id",
    )


def _told(row: Name, account_id: int, actor: Actor) -> Conflict:
    """Who has the name, as far as the asker may know, and what can be done about it."""
    owner = Account.objects.visible_to(actor).filter(pk=row.account_id).first()
    if owner is None:
        return Conflict("name_taken")
    found = (str(owner), str(row.subscription))
    if row.subscription.removing_at is None:
        if actor.is_customer or row.account_id == account_id:
            return Conflict("name_taken_here", *found, _to(actor, row, "subscription", ""))
        return Conflict("name_taken_by", *found, _to(actor, row, "subscription", CHANGE_SUBSCRIBER))
    if actor.is_customer:
        return Conflict("name_in_own_trash", *found)
    # What went with its account comes back with it.
    noun = owner.role if owner.is_removed else "subscription"
    return Conflict("name_in_trash", *found, _to(actor, row, noun, "restore"), post=True)


def _to(actor: Actor, row: Name, noun: str, verb: str) -> str:
    """Where a button leads: an operation on the subscription (or the account) that has the name,
    or its page; "" where that is not for the asker."""
    if actor.subscriptions is not None and row.subscription_id not in actor.subscriptions:
        return ""
    pk = row.subscription_id if noun == "subscription" else row.account_id
    if not verb:
        return nouns[noun].url(pk)
    operation = operations.get(f"{noun}.{verb}")
    if operation is None or not operation.may(actor):
        return ""
    return reverse(f"{noun}_operation", args=[pk, verb])


def take(row: Domain | Alias) -> Name:
    """Write down the name of a new domain or alias."""
    return Name.objects.create(
        ascii=row.ascii,
        apex=apex_of(row.ascii),
        account_id=row.account_id,
        reseller_id=row.reseller_id,
        subscription_id=row.subscription_id,
        **{"alias" if isinstance(row, Alias) else "domain": row},
    )


def rename(name: str, **which: Any) -> None:
    """Another name for the same domain."""
    Name.objects.unscoped(_WHY).filter(**which).update(ascii=name, apex=apex_of(name))


def release(**which: Any) -> None:
    """Give names back."""
    Name.objects.unscoped(_WHY).filter(**which).delete()

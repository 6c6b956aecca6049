"""The one table of host names: taken and given back here, and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.models import Account
from hosting.models.domains import Apex, Name
from hosting.validators import apex_of
from panel.core.access import Actor

_WHY = "a name is used once in the whole installation"


@dataclass(frozen=True)
class Conflict:
    """Why a name cannot be had. `who` is empty where the asker may not know."""

    code: str
    who: str = ""
    where: str = ""


def lock(names: Iterable[str]) -> None:
    """Lock the apexes of these names, sorted: nobody gets in above or below them meanwhile."""
    apexes = sorted({apex_of(name) for name in names})
    Apex.objects.bulk_create([Apex(name=apex) for apex in apexes], ignore_conflicts=True)
    list(Apex.objects.select_for_update().filter(name__in=apexes).order_by("name"))


def conflict(name: str, account_id: int, actor: Actor) -> Conflict | None:
    """What stands against `account_id` having this name, after `lock`.

    Taken; or below or above a name of somebody whom the actor may not manage.
    """
    parents = [".".join(name.split(".")[i:]) for i in range(1, name.count(".") + 1)]
    # SECURITY: an exact suffix with its dot; a bare suffix would match "notexample.com".
    rows = (
        Name.objects.unscoped(_WHY)
        .filter(apex=apex_of(name))
        .filter(Q(ascii=name) | Q(ascii__in=parents) | Q(ascii__endswith="." + name))
        .select_related("subscription")
    )
    others: list[Name] = []
    for row in rows:
        if row.ascii == name:
            return _told(row, actor)
        if row.account_id != account_id:
            others.append(row)
    visible = set(
        Account.objects.visible_to(actor)
        .filter(pk__in=[row.account_id for row in others])
        .values_list("pk", flat=True)
    )
    for row in others:
        if row.account_id not in visible:
            return Conflict("name_near")
    return None


def _told(row: Name, actor: Actor) -> Conflict:
    """Who has the name, as far as the asker may know."""
    owner = Account.objects.visible_to(actor).filter(pk=row.account_id).first()
    if owner is None:
        return Conflict("name_taken")
    if row.subscription.removing_at is not None:
        code = "name_in_own_trash" if actor.is_customer else "name_in_trash"
    else:
        code = "name_taken_here" if actor.is_customer else "name_taken_by"
    return Conflict(code, str(owner), str(row.subscription))


def take(name: str, **columns: Any) -> Name:
    """Write a name down for a domain or an alias."""
    return Name.objects.create(ascii=name, apex=apex_of(name), **columns)


def release(**which: Any) -> None:
    """Give names back."""
    Name.objects.unscoped(_WHY).filter(**which).delete()

"""Operations on databases: adding, removing."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import conditions, counters, creating, locks, provisioning, suspension, tools
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from hosting.operations.removing import refuse_held
from hosting.services.database.forms import AddDatabaseForm
from hosting.services.database.models import Database, DatabaseUser
from hosting.services.database.passwords import stored
from hosting.services.database.words import MAY_MANAGE, RESOURCE, Access, Server, prefix
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import (
    ANY_ROLE,
    Consequence,
    Operation,
    Refused,
    Step,
    register,
)

reasons.declare(
    no_database_server=_("The node of %(name)s has no %(server)s."),
    database_there=_("%(name)s has a database %(database)s on %(server)s already."),
    database_user_there=_("%(name)s has a user %(user)s on %(server)s already."),
)
WHY = "rows of the targets, which the actor sees"
SERVICE = "database"


def may_manage(row: Subscription, actor: Actor) -> bool:
    """Whether the tool shows to this actor."""
    return tools.shows(row, actor, RESOURCE, MAY_MANAGE)


def offered(subscriptions: Iterable[Subscription]) -> dict[int, dict[str, Any]]:
    """What the node of each of these offers of databases, by subscription."""
    rows = list(subscriptions)
    nodes = Node.objects.in_bulk({row.node_id for row in rows})
    return {row.pk: nodes[row.node_id].offers(SERVICE) for row in rows}


def recount(subscription_ids: Iterable[int]) -> None:
    """What follows from databases that came or went: usage, overuse, and the nodes."""
    ids = sorted(set(subscription_ids))
    rows = Subscription.objects.unscoped(WHY).filter(pk__in=ids)
    owners = list(rows.values_list("account_id", "reseller_id"))
    counters.recount_subscriptions(ids)
    counters.recount_accounts(pk for pair in owners for pk in pair)
    conditions.judge(ids)
    suspension.recompute(subscriptions=ids)
    provisioning.touch(ids)


@register
class AddDatabase(OnSubscriptions):
    """A database, with its first user where one is named."""

    verb = "add-database"
    creates = "database"
    label = _("Add Database")
    roles = ANY_ROLE
    form_class = AddDatabaseForm
    bulk = False
    # It stands on the tab of its own.
    sidebar = False
    order = 30

    def check(self, step: Step) -> None:
        refuse_without(step, MAY_MANAGE, {row.pk: row for row in step.open})
        server, found = step.params["server"], offered(step.open)
        label = Server(server).label
        for row in step.open:
            if server not in found[row.pk]:
                step.refuse(row.pk, "no_database_server", name=str(row), server=label)
                continue
            named = prefix(row.pk) + step.params["name"]
            rows = Database.objects.unscoped(WHY).filter(server=server)
            if rows.filter(name=named).exists():
                step.refuse(row.pk, "database_there", name=str(row), database=named, server=label)
                continue
            user = step.params["user"] and prefix(row.pk) + step.params["user"]
            users = DatabaseUser.objects.unscoped(WHY).filter(server=server)
            if user and users.filter(name=user).exists():
                step.refuse(row.pk, "database_user_there", name=str(row), user=user, server=label)

    def perform(self, step: Step) -> None:
        for row in step.open:
            try:
                creating.refuse_full(step, row, RESOURCE)
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            step.created[row.pk] = made = self._make(step, row)
            step.changed(row.pk, {}, {"database": made.name, "server": made.server})
        recount(step.open_ids)

    def _make(self, step: Step, row: Subscription) -> Database:
        server, password = step.params["server"], step.params["password"]
        about = {"account_id": row.account_id, "reseller_id": row.reseller_id, "server": server}
        begins = prefix(row.pk)
        made = Database.objects.create(subscription=row, name=begins + step.params["name"], **about)
        if step.params["user"]:
            user = DatabaseUser.objects.create(
                subscription=row,
                name=begins + step.params["user"],
                database=made,
                access=Access.FULL,
                password=stored(server, password),
                **about,
            )
            step.log("database-user.add", user, {}, {"name": user.name, "database": made.name})
        return made

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/databases/"


class OnOwned(Operation):
    """On databases or users of subscriptions, which are locked first."""

    area = "sites"
    roles = ANY_ROLE
    model: Any

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = self.model.objects.unscoped(WHY).filter(pk__in=ids)
        locks.subscriptions(list(rows.values_list("subscription_id", flat=True)))
        super().lock(actor, ids)

    def check(self, step: Step) -> None:
        found = Subscription.objects.unscoped(WHY).in_bulk(
            {row.subscription_id for row in step.open}
        )
        for row in step.open:
            row.subscription = found[row.subscription_id]
        refuse_without(step, MAY_MANAGE, {row.pk: row.subscription for row in step.open})


@register
class RemoveDatabase(OnOwned):
    """With all that is in it, and its users that are of no other."""

    noun = "database"
    model = Database
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        names = list(rows.order_by("name").values_list("name", flat=True)[:1000])
        users = DatabaseUser.objects.unscoped("the databases were found for this actor")
        going = list(
            users.filter(database_id__in=rows.order_by().values("pk"))
            .order_by("name")
            .values_list("name", flat=True)[:1000]
        )
        text = ngettext(
            "%(n)s database goes for good, with everything in it:",
            "%(n)s databases go for good, with everything in them:",
            len(names),
        )
        found = [Consequence(text % {"n": len(names)}, "bad", names)]
        if going:
            found.append(Consequence(_("Users that are of these only go along:"), "warn", going))
        return found

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, {"database": row.name, "server": row.server}, {})
        Database.objects.unscoped(WHY).filter(pk__in=step.open_ids).delete()
        recount(row.subscription_id for row in step.open)

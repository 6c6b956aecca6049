"""Operations on users of databases: adding, password, access, removing."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import provisioning
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from hosting.services.database.forms import AddUserForm, UserAccessForm, UserPasswordForm
from hosting.services.database.models import Database, DatabaseUser
from hosting.services.database.operations import WHY, OnOwned, offered
from hosting.services.database.passwords import stored
from hosting.services.database.words import (
    MAY_MANAGE,
    MOST_USERS,
    Server,
    is_remote,
    prefix,
)
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Step, register

reasons.declare(
    database_users_many=_("%(name)s has %(n)s database users, and that is the most."),
    no_remote_databases=_(
        "%(name)s does not let anybody in from other hosts; a plan, or Hosting Parameters, can"
        " permit it."
    ),
    node_not_remote=_("The node of %(name)s takes no connections to %(server)s from other hosts."),
)


def _which(step: Step, subscription: Subscription) -> tuple[str, Database | None]:
    """The server, and the database unless it is all of them, that were chosen."""
    server, _slash, name = step.params["database"].partition("/")
    if not name:
        return server, None
    rows = Database.objects.unscoped(WHY).filter(subscription=subscription, server=server)
    return server, rows.get(name=name)


def _refuse_remote(step: Step, pk: int, subscription: Subscription, server: str) -> None:
    """From elsewhere only where the subscription may, and its node listens there."""
    if not step.params["hosts"]:
        return
    if not is_remote(subscription.settings):
        step.refuse(pk, "no_remote_databases", name=str(subscription))
    elif not offered([subscription])[subscription.pk].get(server, {}).get("remote"):
        label = Server(server).label
        step.refuse(pk, "node_not_remote", name=str(subscription), server=label)


def told(row: DatabaseUser) -> dict[str, Any]:
    """A user, for the log: never the password."""
    of = row.database.name if row.database else row.server
    return {"name": row.name, "database": of, "access": row.access, "hosts": row.hosts}


@register
class AddDatabaseUser(OnSubscriptions):
    """Of one database, or of all on a server."""

    verb = "add-database-user"
    creates = "database-user"
    label = _("Add Database User")
    roles = ANY_ROLE
    form_class = AddUserForm
    bulk = False
    sidebar = False
    order = 31

    def check(self, step: Step) -> None:
        refuse_without(step, MAY_MANAGE, {row.pk: row for row in step.open})
        for row in step.open:
            server, _one = _which(step, row)
            named, label = prefix(row.pk) + step.params["name"], Server(server).label
            rows = DatabaseUser.objects.unscoped(WHY)
            if server not in offered([row])[row.pk]:
                step.refuse(row.pk, "no_database_server", name=str(row), server=label)
            elif rows.filter(server=server, name=named).exists():
                step.refuse(row.pk, "database_user_there", name=str(row), user=named, server=label)
            elif rows.filter(subscription=row).count() >= MOST_USERS:
                step.refuse(row.pk, "database_users_many", name=str(row), n=MOST_USERS)
            else:
                _refuse_remote(step, row.pk, row, server)

    def perform(self, step: Step) -> None:
        for row in step.open:
            server, database = _which(step, row)
            made = DatabaseUser.objects.create(
                account_id=row.account_id,
                reseller_id=row.reseller_id,
                subscription=row,
                server=server,
                name=prefix(row.pk) + step.params["name"],
                database=database,
                access=step.params["access"],
                password=stored(server, step.params["password"]),
                hosts=step.params["hosts"],
            )
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"database_user": told(made)})
        provisioning.touch(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/subscriptions/{target_id}/databases/"


class _OnUsers(OnOwned):
    noun = "database-user"
    model = DatabaseUser

    def touch(self, step: Step) -> None:
        provisioning.touch(sorted({row.subscription_id for row in step.open}))


@register
class DatabaseUserPassword(_OnUsers):
    """A new one. Sessions that run go on."""

    verb = "password"
    label = _("Change Password")
    form_class = UserPasswordForm
    bulk = False
    order = 20

    def perform(self, step: Step) -> None:
        for row in step.open:
            made = stored(row.server, step.params["password"])
            DatabaseUser.objects.unscoped(WHY).filter(pk=row.pk).update(password=made)
            step.changed(row.pk, {}, {"password_changed": True})
        self.touch(step)


@register
class DatabaseUserAccess(_OnUsers):
    """Of which database, how far, from where."""

    verb = "access"
    label = _("Change Access")
    form_class = UserAccessForm
    bulk = False
    order = 30

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        row = targets[0]
        of = f"{row.server}/{row.database.name}" if row.database_id else row.server
        return {"database": of, "access": row.access, "hosts": "\n".join(row.hosts)}

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            _server, database = _which(step, row.subscription)
            wanted = (database, step.params["access"], step.params["hosts"])
            if (row.database, row.access, row.hosts) == wanted:
                step.leave(row.pk)
            else:
                _refuse_remote(step, row.pk, row.subscription, row.server)

    def perform(self, step: Step) -> None:
        for row in step.open:
            old = told(row)
            _server, row.database = _which(step, row.subscription)
            row.access, row.hosts = step.params["access"], step.params["hosts"]
            row.save(update_fields=["database", "access", "hosts"])
            step.changed(row.pk, old, told(row))
        self.touch(step)


@register
class RemoveDatabaseUser(_OnUsers):
    """Its sessions end; what it made stays in the database."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, {"name": row.name, "server": row.server}, {})
        DatabaseUser.objects.unscoped(WHY).filter(pk__in=step.open_ids).delete()
        self.touch(step)

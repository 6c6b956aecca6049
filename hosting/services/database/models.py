"""Databases and their users."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.subscriptions import Subscription
from hosting.services.database.words import Access, Server, prefix
from panel.core.access import Owned, RemovableQuerySet


class DatabaseQuerySet(RemovableQuerySet):
    removed_at = "subscription__removing_at"


class OnServer(Owned):
    """What has a name on a server of a node: it begins with the subscription's number."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    server = models.CharField(_("Server"), max_length=10, choices=Server.choices)
    # The whole of it, as programs give it; of ASCII only, so it sorts as it is.
    name = models.CharField(_("Name"), max_length=60, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DatabaseQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def own_name(self) -> str:
        """The name without its beginning, as it was typed."""
        return self.name.removeprefix(prefix(self.subscription_id))


class Database(OnServer):
    """One database on the node of its subscription."""

    class Meta:
        verbose_name = _("Database")
        verbose_name_plural = _("Databases")
        constraints = [models.UniqueConstraint(fields=["server", "name"], name="database_name")]
        indexes = [
            models.Index("name", "id", name="database_by_name"),
            models.Index("account", "name", "id", name="database_account"),
            models.Index("reseller", "name", "id", name="database_reseller"),
            models.Index("subscription", "name", "id", name="database_subscription"),
            models.Index("server", "name", "id", name="database_server"),
        ]


class DatabaseUser(OnServer):
    """Who logs in to one database, or to all that its subscription has on a server."""

    # None: all of them, those that are made later as well.
    database = models.ForeignKey(Database, models.CASCADE, null=True, related_name="users")
    access = models.CharField(_("Access"), max_length=5, choices=Access.choices)
    # As the server stores it; nobody can read the password from it.
    password = models.CharField(max_length=200, editable=False)
    # Where it may come from besides its node: addresses and networks.
    hosts = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name = _("Database user")
        verbose_name_plural = _("Database users")
        constraints = [models.UniqueConstraint(fields=["server", "name"], name="database_user")]
        indexes = [
            models.Index("created_at", "id", name="database_user_made"),
            models.Index("subscription", "created_at", "id", name="database_user_of"),
            models.Index("account", "created_at", "id", name="database_user_account"),
            models.Index("reseller", "created_at", "id", name="database_user_reseller"),
        ]

"""Databases, their users, and dumps of them."""

from collections.abc import Callable
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.subscriptions import Subscription
from hosting.services.database.words import Access, Server, prefix
from panel.core.access import Owned, RemovableQuerySet
from panel.core.work import State, Work, register_queue


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


class Task(models.TextChoices):
    """What is being done with a dump, or was done with it last."""

    EXPORT = "export", _("Export")
    IMPORT = "import", _("Import")


@register_queue
class DatabaseDump(Work, Owned):
    """A file with all that is in a database: exported from it, or uploaded to be imported.

    The file lies in the panel's own directory, under the name `token` (see `spool`).
    """

    at_once: ClassVar[int] = 2

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    # The one that it was made of, or imported into last.
    database = models.ForeignKey(Database, models.CASCADE, related_name="dumps")
    server = models.CharField(_("Server"), max_length=10, choices=Server.choices, editable=False)
    name = models.CharField(_("File"), max_length=255, editable=False)
    token = models.CharField(max_length=32, unique=True, editable=False)
    task = models.CharField(_("Task"), max_length=10, choices=Task.choices, editable=False)
    recreates = models.BooleanField(default=False, editable=False)
    # Whether the file is complete, and can be downloaded and imported.
    is_whole = models.BooleanField(default=False, editable=False)
    # Bytes: of the file, and how far the task has come in it.
    size = models.BigIntegerField(_("Size"), default=0, editable=False)
    progress = models.BigIntegerField(default=0, editable=False)
    # The node was told: what was not undone by a failure stays as it is.
    has_begun = models.BooleanField(default=False, editable=False)
    # Why it failed, in the server's words.
    error = models.TextField(default="", editable=False)
    by_name = models.CharField(max_length=255, default="", editable=False)

    objects = DatabaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("Database dump")
        verbose_name_plural = _("Database dumps")
        indexes = [
            models.Index(
                "run_after",
                name="database_dump_due",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            models.Index("created_at", "id", name="database_dump_made"),
            models.Index("subscription", "created_at", "id", name="database_dump_of"),
            models.Index("account", "created_at", "id", name="database_dump_account"),
            models.Index("reseller", "created_at", "id", name="database_dump_reseller"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_busy(self) -> bool:
        """Whether something is being done with it, or will be."""
        return self.state in {State.QUEUED, State.RUNNING}

    def carry_out(self) -> None:
        """Export or import it, in the worker."""
        carrier(self)


# Set by `carrying`, which knows the node.
carrier: Callable[[DatabaseDump], None] = lambda row: None  # noqa: E731

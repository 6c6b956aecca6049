"""Databases and their users as nouns of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.database.models import Database, DatabaseDump, DatabaseUser
from panel.core.operations import Noun, register_noun

DATABASE = register_noun(
    Noun(
        "database",
        "databases",
        Database,
        _("Database"),
        _("Databases"),
        "database",
        "database",
        area="sites",
        api_fields=["id", "subscription_id", "account_id", "server", "name", "created_at"],
    )
)
DATABASE_USER = register_noun(
    Noun(
        "database-user",
        "database-users",
        DatabaseUser,
        _("Database user"),
        _("Database users"),
        "user",
        "database_user",
        area="sites",
        list_name="database_list",
        api_fields=[
            "id",
            "subscription_id",
            "server",
            "name",
            "database_id",
            "access",
            "hosts",
            "created_at",
        ],
    )
)
DATABASE_DUMP = register_noun(
    Noun(
        "database-dump",
        "database-dumps",
        DatabaseDump,
        _("Database dump"),
        _("Database dumps"),
        "database",
        "database_dump",
        area="sites",
        list_name="database_list",
        api_fields=[
            "id",
            "subscription_id",
            "database_id",
            "server",
            "name",
            "task",
            "state",
            "is_whole",
            "size",
            "progress",
            "error",
            "created_at",
            "finished_at",
        ],
    )
)

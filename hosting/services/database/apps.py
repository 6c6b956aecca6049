"""The database service: MariaDB and PostgreSQL, with users of each database."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base
from hosting.services.database.words import MAY_MANAGE, REMOTE, RESOURCE


class DatabaseConfig(base.ServiceConfig):
    """Databases and who logs in to them, on servers that the nodes keep for themselves."""

    name = "hosting.services.database"
    label = "database"
    verbose_name = _("Databases")
    service = "database"
    resources = (
        base.Resource(
            RESOURCE, _("Databases"), default=1, count="hosting.services.database.desired.usage"
        ),
    )
    permissions = (base.Permission(MAY_MANAGE, _("Database management")),)
    plan_settings = (
        base.PlanSetting(
            REMOTE,
            _("Access to databases from other hosts"),
            default=False,
            section=_("Databases"),
            help_text=_("Users of databases may name hosts that they come from, always over TLS."),
        ),
    )
    tabs = (
        base.Tab(
            "subscription",
            "databases",
            _("Databases"),
            "hosting.services.database.views.shows_tab",
            "hosting.services.database.views.sections",
        ),
    )
    urls = "hosting.services.database.urls"
    desired_source = "hosting.services.database.desired.desired"
    purge_source = "hosting.services.database.desired.purge"
    handed_over_source = "hosting.services.database.desired.handed_over"

    def ready(self) -> None:
        for room in ("settings", "nouns", "operations", "carrying"):
            import_module(f"hosting.services.database.{room}")
        for kind in ("users", "dumps"):
            import_module(f"hosting.services.database.operations_{kind}")

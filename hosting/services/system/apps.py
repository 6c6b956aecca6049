"""The system service: the system user of each subscription, its home, and the ways in by SSH."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base
from hosting.services.system import access


class SystemConfig(base.ServiceConfig):
    """A uid of its own for each subscription, with a password and keys for SFTP and SSH."""

    name = "hosting.services.system"
    label = "system"
    verbose_name = _("System users")
    service = "system"
    permissions = (
        base.Permission(access.MAY_CHOOSE, _("Management of access to the server over SSH")),
    )
    plan_settings = (
        base.PlanSetting(
            access.SETTING,
            _("Access to the server over SSH"),
            kind="choice",
            default=access.SFTP,
            choices=access.CHOICES,
            section=_("System user"),
            permission=access.MAY_CHOOSE,
            help_text=_("SFTP sees the subscription's own files; a shell sees the server."),
        ),
        base.PlanSetting(
            access.QUOTA,
            _("Hard quota on disk space (MiB)"),
            kind="number",
            default=None,
            minimum=1,
            maximum=access.MOST_MIB,
            or_unlimited=True,
            section=_("System user"),
            help_text=_(
                "Beyond it writing fails, where the limit on disk space warns or suspends;"
                " or “unlimited”."
            ),
            caveat="hosting.services.system.access.why_no_quota",
        ),
    )
    tabs = (
        base.Tab(
            "subscription",
            "ssh",
            _("SSH Access"),
            "hosting.services.system.views.shows_tab",
            "hosting.services.system.views.sections",
        ),
    )
    urls = "hosting.services.system.urls"
    desired_source = "hosting.services.system.desired.desired"
    purge_source = "hosting.services.system.desired.purge"
    handed_over_source = "hosting.services.system.desired.handed_over"

    def ready(self) -> None:
        for room in ("nouns", "operations"):
            import_module(f"hosting.services.system.{room}")

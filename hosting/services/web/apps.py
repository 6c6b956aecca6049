"""The web service: domains and aliases served by nginx."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class WebConfig(base.ServiceConfig):
    """Sites of domains, on the flat plane of maps and flag files."""

    name = "hosting.services.web"
    label = "web"
    verbose_name = _("Web")
    service = "web"
    desired_source = "hosting.services.web.desired.desired"
    permissions = (
        base.Permission("manage_performance", _("Hosting performance management")),
        base.Permission("manage_directives", _("Additional nginx directives")),
    )
    plan_settings = (
        base.PlanSetting(
            "web_rate",
            _("Bandwidth of a connection (KiB/s)"),
            kind="number",
            default=None,
            minimum=1,
            maximum=10_000_000,
            or_unlimited=True,
            section=_("Performance"),
            permission="manage_performance",
            help_text=_("How fast a visitor gets what the websites serve; or “unlimited”."),
        ),
    )

    tabs = (
        base.Tab(
            "domain",
            "logs",
            _("Logs"),
            "hosting.services.web.views_logs.shows_tab",
            "hosting.services.web.views_logs.sections",
            "hosting.services.web.views_logs.cards",
        ),
    )
    urls = "hosting.services.web.urls"

    def ready(self) -> None:
        import_module("hosting.services.web.operations")

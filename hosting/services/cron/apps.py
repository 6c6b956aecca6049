"""The cron service: scheduled tasks, run on the node as the subscription's own user."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class CronConfig(base.ServiceConfig):
    """Commands, addresses and PHP scripts at given times, with what came of them."""

    name = "hosting.services.cron"
    label = "cron"
    verbose_name = _("Scheduled tasks")
    service = "cron"
    resources = (
        base.Resource(
            "scheduled_tasks",
            _("Scheduled tasks"),
            default=10,
            count="hosting.services.cron.desired.usage",
        ),
    )
    permissions = (
        base.Permission("manage_cron", _("Scheduled tasks: addresses and PHP scripts")),
        base.Permission("manage_cron_commands", _("Scheduled tasks: any command")),
    )
    tabs = (
        base.Tab(
            "subscription",
            "scheduled-tasks",
            _("Scheduled Tasks"),
            "hosting.services.cron.views.shows_tab",
            "hosting.services.cron.views.sections",
        ),
    )
    urls = "hosting.services.cron.urls"
    desired_source = "hosting.services.cron.desired.desired"
    purge_source = "hosting.services.cron.desired.purge"
    handed_over_source = "hosting.services.cron.desired.handed_over"
    news_source = "hosting.services.cron.collecting.collect"

    def ready(self) -> None:
        for room in ("nouns", "operations", "operations_running"):
            import_module(f"hosting.services.cron.{room}")

"""Scheduled tasks as a noun of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.cron.models import ScheduledTask
from panel.core.operations import Noun, register_noun

SCHEDULED_TASK = register_noun(
    Noun(
        "scheduled-task",
        "scheduled-tasks",
        ScheduledTask,
        _("Scheduled task"),
        _("Scheduled tasks"),
        "refresh",
        "scheduled_task",
        area="sites",
        api_fields=[
            *("id", "subscription_id", "description", "kind", "what", "line", "zone", "seconds"),
            *("memory", "mail_to", "is_active", "asked_at", "version", "created_at"),
        ],
    )
)

"""The foundation: access, operations, lists, activity. Knows no account and no subscription."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "panel.core"
    label = "core"
    verbose_name = "Core"

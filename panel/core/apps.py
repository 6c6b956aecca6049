"""The foundation: access, operations, lists, activity. Knows no account and no subscription."""

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    name = "panel.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        import_module("panel.core.setting_operations")
        setting = import_module("panel.core.setting")
        post_migrate.connect(setting.make_row, sender=self)

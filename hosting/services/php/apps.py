"""The PHP service: a pool of processes for each subscription, version and set of settings."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base
from hosting.services.php import parameters


class PhpConfig(base.ServiceConfig):
    """PHP of domains, by php-fpm, as the subscription's own system user."""

    name = "hosting.services.php"
    label = "php"
    verbose_name = _("PHP")
    service = "php"
    permissions = (
        base.Permission(parameters.MAY_SET, _("Common PHP settings management")),
        base.Permission(parameters.MAY_CHOOSE, _("PHP version and handler management")),
        base.Permission(
            parameters.MAY_OPEN,
            _("Setup of potentially insecure web scripting options"),
        ),
    )
    plan_settings = parameters.PLAN_SETTINGS
    tabs = (
        base.Tab(
            "domain",
            "php",
            _("PHP Settings"),
            "hosting.services.php.pages.shows_tab",
            "hosting.services.php.pages.sections",
            "hosting.services.php.pages.cards",
        ),
    )
    desired_source = "hosting.services.php.desired.desired"
    purge_source = "hosting.services.php.desired.purge"

    def ready(self) -> None:
        import_module("hosting.services.php.operations")

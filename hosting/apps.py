"""What accounts host: plans, subscriptions, names, sites, and how they get to the servers."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base

_MODELS = (
    "nodes",
    "plans",
    "subscriptions",
    "suspension",
    "domains",
    "deployments",
    "questions",
    "imports",
    "samples",
    "usage",
)
_OPERATIONS = (
    "customers",
    "resellers",
    "plans",
    "subscriptions",
    "subscribers",
    "planning",
    "changing_plans",
    "overuse",
    "holding",
    "syncing",
    "parameters",
    "reseller_values",
    "moving",
    "converting",
    "switching",
    "domains",
    "aliases",
    "renaming",
    "notes",
    "imports",
)


class HostingConfig(base.ServiceConfig):
    """The objects themselves, declared as services are: what is counted, what is permitted."""

    name = "hosting"
    service = "hosting"
    resources = (
        base.Resource(
            "customers",
            _("Customers"),
            of="reseller",
            default=10,
            count="hosting.usage.customers_of_resellers",
        ),
        base.Resource(
            "subscriptions",
            _("Subscriptions"),
            of="reseller",
            default=25,
            count="hosting.usage.subscriptions_of_resellers",
        ),
        base.Resource(
            "disk",
            _("Disk space"),
            unit="bytes",
            default=None,
            count="hosting.usage.disk",
            total="hosting.usage.disk_of_resellers",
        ),
        base.Resource(
            "traffic",
            _("Traffic per month"),
            unit="bytes",
            default=None,
            count="hosting.usage.traffic",
            total="hosting.usage.traffic_of_resellers",
        ),
        base.Resource(
            "domains",
            _("Domains"),
            default=1,
            count="hosting.usage.domains",
            total="hosting.usage.domains_of_resellers",
        ),
        base.Resource(
            "subdomains",
            _("Subdomains"),
            default=5,
            count="hosting.usage.subdomains",
            total="hosting.usage.subdomains_of_resellers",
        ),
        base.Resource(
            "aliases",
            _("Domain aliases"),
            default=5,
            count="hosting.usage.aliases",
            total="hosting.usage.aliases_of_resellers",
        ),
    )
    permissions = (
        base.Permission("manage_domains", _("Domain management")),
        base.Permission("manage_subdomains", _("Subdomain management"), default=True),
        base.Permission("manage_aliases", _("Domain alias management"), default=True),
        base.Permission("manage_hosting", _("Hosting settings management")),
        base.Permission("oversell", _("Overselling of disk space and traffic"), of="reseller"),
    )

    def import_models(self) -> None:
        # The package's __init__ stays empty, so its modules are gathered here, before Django
        # reads which models the app has.
        for room in _MODELS:
            import_module(f"hosting.models.{room}")
        super().import_models()

    def ready(self) -> None:
        import_module("hosting.hooks").connect()
        import_module("hosting.nouns")
        for noun in _OPERATIONS:
            import_module(f"hosting.operations.{noun}")

"""The DNS service: zones that follow names, their records, and the name server of each node."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base

_OPERATIONS = ("zones", "records", "template", "nodes", "signing")


class DnsConfig(base.ServiceConfig):
    """Zones of domains and aliases, served by PowerDNS from one file of tables."""

    name = "hosting.services.dns"
    label = "dns"
    verbose_name = _("DNS")
    service = "dns"
    permissions = (base.Permission("manage_dns", _("DNS zone management")),)
    tabs = (
        base.Tab(
            "domain",
            "dns",
            _("DNS"),
            "hosting.services.dns.views_zones.shows_tab",
            "hosting.services.dns.views_zones.domain_sections",
            "hosting.services.dns.views_zones.cards",
        ),
    )
    urls = "hosting.services.dns.urls"
    desired_source = "hosting.services.dns.desired.desired"
    names_source = "hosting.services.dns.following.names_changed"
    aliases_source = "hosting.services.dns.operations_zones.alias_consequences"
    purge_source = "hosting.services.dns.following.purge"

    def ready(self) -> None:
        for room in ("settings", "nouns", *(f"operations_{name}" for name in _OPERATIONS)):
            import_module(f"hosting.services.dns.{room}")

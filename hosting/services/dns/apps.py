"""The DNS service: zones and their records, as rows and rules."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class DnsConfig(base.ServiceConfig):
    """Zones follow domains and aliases. Nothing here serves them yet: there is no driver."""

    name = "hosting.services.dns"
    label = "dns"
    verbose_name = _("DNS")
    service = "dns"
    permissions = (base.Permission("manage_dns", _("DNS zone management")),)
    names_source = "hosting.services.dns.following.names_changed"
    purge_source = "hosting.services.dns.following.purge"

    def ready(self) -> None:
        import_module("hosting.services.dns.settings")

"""The tls service: certificates of sites, issued, renewed or uploaded."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _

from hosting.services import base
from hosting.services.tls import setting_name


class TlsConfig(base.ServiceConfig):
    """Certificates. The node has them with the sites that answer with them."""

    name = "hosting.services.tls"
    label = "tls"
    verbose_name = _("SSL/TLS Certificates")
    service = "tls"
    plan_settings = (
        base.PlanSetting(
            setting_name.SETTING,
            _("Issue certificates for new sites"),
            kind="switch",
            default=False,
            section=_("SSL/TLS Certificates"),
            permission="manage_hosting",
            help_text=_("As soon as a domain is added, for it and its www."),
        ),
    )
    tabs = (
        base.Tab(
            "domain",
            "certificate",
            _("SSL/TLS Certificates"),
            "hosting.services.tls.views.shows_tab",
            "hosting.services.tls.views.sections",
            "hosting.services.tls.views.cards",
        ),
    )
    urls = "hosting.services.tls.urls"
    attention_source = "hosting.services.tls.views.attention"
    site_fields_source = "hosting.services.tls.new_sites.fields"
    names_source = "hosting.services.tls.following.names_changed"
    purge_source = "hosting.services.tls.desired.purge"

    def ready(self) -> None:
        for room in ("settings", "nouns", "operations", "renewing"):
            import_module(f"hosting.services.tls.{room}")

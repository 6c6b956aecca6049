"""The web service: domains and aliases served by nginx."""

from django.utils.translation import gettext_lazy as _

from hosting.services import base


class WebConfig(base.ServiceConfig):
    """Sites of domains, on the flat plane of maps and flag files."""

    name = "hosting.services.web"
    label = "web"
    verbose_name = _("Web")
    service = "web"
    desired_source = "hosting.services.web.desired.desired"

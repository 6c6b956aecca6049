"""Addresses of sites, as a browser wants them."""

from django.conf import settings

from hosting.models.domains import Domain, HostingType, SiteState


def site_url(name: str) -> str:
    """http://name/, with the port where it is not the usual one."""
    port = "" if settings.SITES_PORT == 80 else f":{settings.SITES_PORT}"
    return f"http://{name}{port}/"


def has_site(domain: Domain) -> bool:
    """Whether visitors see something: of a suspended one its page, of a disabled one nothing."""
    return domain.hosting_type != HostingType.NONE and domain.site_state != SiteState.DISABLED

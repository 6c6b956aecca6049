"""Addresses of sites, as a browser wants them."""

from django.conf import settings


def site_url(name: str) -> str:
    """http://name/, with the port where it is not the usual one."""
    port = "" if settings.SITES_PORT == 80 else f":{settings.SITES_PORT}"
    return f"http://{name}{port}/"

"""What the login library asks of us: no sign-up, and no way to lock an owner out."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.actors import client_address


class PanelAdapter(DefaultAccountAdapter):
    """Closed sign-up; wrong passwords slow down the pair of username and address."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request, settings.ALLAUTH_TRUSTED_PROXY_COUNT)

    def is_safe_url(self, url: str) -> bool:
        """Addresses of this panel only, and only without a host: no name in a header counts."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is announced: the frame shows who is logged in."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return self.login_attempts_key(request, str(credentials.get("username", "")))

    def login_attempts_key(self, request: HttpRequest, username: str) -> str:
        """Counted by username *and* address: a key of the username alone would let anybody lock
        the owner out from elsewhere."""
        return f"{username.strip().lower()}|{self.get_client_ip(request)}"

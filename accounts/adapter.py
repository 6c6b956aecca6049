"""What the login library asks of us: no sign-up, a second step, no way to lock an owner out."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import second_factor, second_step
from accounts.actors import client_address
from panel.core.views import go


class PanelAdapter(DefaultAccountAdapter):
    """Closed sign-up; wrong passwords slow down the pair of username and address."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request, settings.ALLAUTH_TRUSTED_PROXY_COUNT)

    def get_login_stages(self) -> list[str]:
        """Without the library's second factor, which would bring passkeys: `pre_login` has ours."""
        stages: list[str] = super().get_login_stages()
        return [stage for stage in stages if not stage.startswith("allauth.mfa.")]

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """SECURITY: after the right password, whoever has a second factor is led to the page that
        asks for it; nobody is logged in before that."""
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if answer is not None or not second_factor.is_on(user.pk):
            return answer
        second_step.begin(request, user, kwargs.get("redirect_url") or "")
        return go(reverse("login_code"))

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

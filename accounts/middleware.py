"""Sets `request.actor`: from a token below /api/, from the session elsewhere. Guards owned rows.

Before that, whoever must have a second factor and has none is led to set it up.
"""

import json
import zoneinfo
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts import required_second_factor
from accounts.actors import (
    ACTING_AS,
    act_as,
    acting_as_key,
    actor_of,
    client_address,
    token_user,
    users,
)
from panel.core import setting
from panel.core.access import guarded
from panel.core.middleware import GetResponse
from panel.core.rows import one
from panel.core.views import go

API = "/api/"
_PUBLIC_API = ("/api/v1/openapi.json",)


def api_error(status: int, code: str, message: str, request_id: str = "") -> HttpResponse:
    """An error of the API, in the one shape that all of them have."""
    body = {"error": {"code": code, "message": message, "request_id": request_id}}
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")


class TokenAuthentication:
    """Below /api/ only a bearer token counts; cookies are ignored there, so CSRF is no matter."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        request.COOKIES.clear()
        request.csrf_processing_done = True
        if request.path in _PUBLIC_API:
            return self.get_response(request)
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        found = token_user(text.strip()) if scheme.lower() == "bearer" and text else None
        if found is None:
            response = api_error(
                401, "unauthorized", "A valid token is needed.", request.request_id
            )
            response["WWW-Authenticate"] = 'Bearer realm="Freehold"'
            return response
        request.token_user, request.token = found
        return self.get_response(request)


class RequiredSecondFactor:
    """Whoever must have a second factor and has none reaches the page that sets it up, and the ways
    out: logging out, and the theme, which is a cookie.

    SECURITY: whatever is not among those is closed, addresses that do not exist included. The login
    that came in counts, also while it acts as somebody else; that ends here, since as somebody else
    nothing of a second factor is set up.
    """

    _open = ("second_factor_set_up", "account_logout", "set_theme")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Below /api/ no session counts, and the user is not the token's yet.
        is_asked = not request.path.startswith(API) and request.user.is_authenticated
        if not is_asked or not required_second_factor.is_due(request.user):
            return self.get_response(request)
        request.session.pop(ACTING_AS, None)
        if request.path in {reverse(name) for name in self._open}:
            # The frame leaves out what is closed.
            request.must_set_up = True
            return self.get_response(request)
        return self._closed(request)

    def _closed(self, request: HttpRequest) -> HttpResponse:
        """Lead who looks for a page, and come back to it afterwards; refuse all else."""
        is_shown = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        is_shown = is_shown and request.accepts("text/html")
        set_up = reverse("second_factor_set_up")
        if is_shown and request.method in {"GET", "HEAD"}:
            return go(f"{set_up}?{urlencode({'next': request.get_full_path()})}")
        words = required_second_factor.words(request.user.account.role)
        if not is_shown:
            return api_error(403, "second_factor_required", words, request.request_id)
        context = {"reason": words, "set_up_url": set_up, "request_id": request.request_id}
        return render(request, "accounts/second_factor_required.html", context, status=403)


class CurrentActor:
    """Resolves who acts, and as whom, with the rights of this moment."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = _token_actor(request) if hasattr(request, "token") else None
        if request.path.startswith(API):
            request.user = getattr(request, "token_user", AnonymousUser())
        elif request.user.is_authenticated:
            request.actor = _session_actor(request)
        with guarded(), setting.read_once(), timezone.override(_zone(request)):
            return self.get_response(request)


def _zone(request: HttpRequest) -> zoneinfo.ZoneInfo | None:
    """The zone in which dates are shown: the reader's own, also while acting as somebody else."""
    if request.actor is None:
        return None
    try:
        return zoneinfo.ZoneInfo(request.user.account.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


def _token_actor(request: HttpRequest) -> object:
    return actor_of(
        request.token_user,
        door="api",
        token=request.token,
        address=client_address(request, settings.ALLAUTH_TRUSTED_PROXY_COUNT),
        request_id=request.request_id,
    )


def _session_actor(request: HttpRequest) -> object:
    real = actor_of(
        request.user,
        address=client_address(request, settings.ALLAUTH_TRUSTED_PROXY_COUNT),
        request_id=request.request_id,
    )
    entered = request.session.get(ACTING_AS)
    if real is None or not entered:
        return real
    # SECURITY: asked again with every request; a session never keeps a right.
    user = one(users().filter(pk=entered[0]))
    if user is not None and acting_as_key(user) == entered:
        actor = act_as(real, user)
        if actor is not None:
            request.acting_user = user
            return actor
    del request.session[ACTING_AS]
    return real

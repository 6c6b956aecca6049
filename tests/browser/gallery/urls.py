"""The gallery's addresses: samples, static files, stand-ins for what the templates link to."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.static import serve

from tests.browser.gallery import samples

NAMED = (
    "home", "account_login", "account_logout", "account_reset_password", "set_theme", "search",
    "profile", "act_as_stop",
)  # fmt: skip


def show(request: HttpRequest, name: str) -> HttpResponse:
    """One sample, with the theme from the cookie, as the panel does it."""
    template, context = samples.pages()[name]
    answer = render(request, template, {"theme": request.COOKIES.get("theme", "auto"), **context})
    answer["Content-Security-Policy"] = settings.CONTENT_SECURITY_POLICY
    return answer


def progress(request: HttpRequest) -> JsonResponse:
    """What core/run.html asks for."""
    return JsonResponse({"done": 5000, "total": 10000, "percent": 50, "finished": False})


def nowhere(request: HttpRequest) -> HttpResponse:
    """What stands behind every other address."""
    return HttpResponse("")


urlpatterns = [
    path("static/<path:path>", serve, {"document_root": settings.ROOT / "static"}),
    path("poll/", progress),
    path("show/<name>/", show, name="show"),
    *(path(f"{name}/", nowhere, name=name) for name in NAMED),
]

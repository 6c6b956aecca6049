"""The gallery: every template with sample contexts, in both schemes, wide and narrow, under the panel's own CSP.

`python tests/browser/gallery/render.py --out DIR [--only list,detail]` writes pictures to look at and fails when axe
finds something, when a page scrolls sideways, when the browser complains, or when hostile text ran. It needs no
database and none of the panel's views: only templates and static files.
"""

import argparse
import json
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
BROWSER = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

settings.configure(
    DEBUG=True,
    SECRET_KEY="gallery",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
    INSTALLED_APPS=[
        "django.contrib.staticfiles",
        "crispy_forms",
        "crispy_bootstrap5",
        "panel.core.templatetags",
    ],
    CRISPY_TEMPLATE_PACK="bootstrap5",
    CRISPY_ALLOWED_TEMPLATE_PACKS="bootstrap5",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [ROOT / "templates"],
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"],
                "libraries": {"icons": "panel.core.templatetags.icons"},
            },
        }
    ],
)
django.setup()

import samples  # noqa: E402 - forms need the settings above
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.static import serve  # noqa: E402


def show(request, name: str) -> HttpResponse:
    """One sample, with the theme from the cookie as the panel does it."""
    template, context = samples.pages()[name]
    context = {"theme": request.COOKIES.get("theme", "auto"), **context}
    answer = render(request, template, context)
    answer["Content-Security-Policy"] = POLICY
    return answer


def progress(request) -> JsonResponse:
    """What core/run.html asks for."""
    return JsonResponse(
        {"done": 5000, "total": 10000, "percent": 50, "state": "running", "finished": False}
    )


def nowhere(request) -> HttpResponse:
    """Stands for every address that the templates name."""
    return HttpResponse("")


urlpatterns = [
    path("static/<path:path>", serve, {"document_root": ROOT / "static"}),
    path("poll/", progress),
    path("show/<name>/", show),
    *(
        path(f"{name}/", nowhere, name=name)
        for name in (
            "home", "account_login", "account_logout", "account_reset_password",
            "set_theme", "search", "profile", "act_as_stop",
        )
    ),
]  # fmt: skip


class Quiet(WSGIRequestHandler):
    """A handler that does not write down every picture's requests."""

    def log_message(self, *args) -> None:
        """Says nothing."""


def look(page, base: str, name: str, wanted: dict) -> list[str]:
    """Opens one sample, takes its picture, and returns what is wrong with it."""
    wrong: list[str] = []
    page.goto(f"{base}/show/{name}/")
    page.screenshot(path=wanted["picture"], full_page=True)
    sideways = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if sideways > 0:
        wrong.append(f"scrolls sideways by {sideways} px")
    if wanted["axe"]:
        page.evaluate(wanted["axe"])
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for violation in found["violations"]:
            for node in violation["nodes"][:4]:
                wrong.append(
                    f"axe {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
                )
    return wrong


def main() -> int:
    """Serves, looks, tells."""
    from axe_playwright_python.base import AxeBase  # noqa: F401 - a missing package is told before the work
    from importlib.resources import files
    from playwright.sync_api import sync_playwright

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--only", default="")
    options.add_argument("--no-axe", action="store_true")
    options.add_argument("--chromium", default="/usr/bin/chromium")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",") if given.only else list(samples.pages())
    axe = "" if given.no_axe else (files("axe_playwright_python") / "axe.min.js").read_text()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    failures: dict[str, list[str]] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=given.chromium, args=BROWSER)
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                page = context.new_page()
                said: list[str] = []
                page.on(
                    "console",
                    lambda message: (
                        message.type in ("error", "warning") and said.append(message.text)
                    ),
                )
                page.on("pageerror", lambda error: said.append(f"script: {error}"))
                page.on(
                    "dialog", lambda dialog: (said.append("HOSTILE TEXT RAN"), dialog.dismiss())
                )
                for name in names:
                    said.clear()
                    picture = str(given.out / f"{name}-{size}-{scheme}.png")
                    wrong = look(page, base, name, {"picture": picture, "axe": axe})
                    if wrong or said:
                        failures[f"{name} {size} {scheme}"] = [*wrong, *said]
                context.close()
        browser.close()
    server.shutdown()
    print(
        json.dumps(failures, indent=1, ensure_ascii=False)
        if failures
        else f"{len(names)} pages: nothing found"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

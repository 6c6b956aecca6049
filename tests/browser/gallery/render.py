"""Every template with sample contexts, in both schemes, wide and narrow, under the panel's own CSP.

`python -m tests.browser.gallery.render [--out DIR] [--only list,detail]` looks at them, and with a
directory takes pictures. It fails when axe finds something, when a page scrolls sideways, when the
browser complains (a style or a script that the policy refuses), or when hostile text ran.
"""

import argparse
import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, Page, sync_playwright

from tests import machine

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SCHEMES = ("light", "dark")
ALL = "{resultTypes: ['violations']}"
# In the other scheme the same document has other colours, and nothing else.
COLOURS = "{runOnly: ['color-contrast', 'link-in-text-block'], resultTypes: ['violations']}"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Quiet(WSGIRequestHandler):
    """Writes nothing down: a gallery has a thousand requests and no reader for them."""

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The gallery on a free port of loopback; the address."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=machine.chromium_path(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@functools.cache
def axe() -> str:
    """The script of axe, run through the debugger so that the policy stays on."""
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def listen(page: Page) -> list[str]:
    """The list that fills with what the browser complains about."""
    said: list[str] = []
    page.on(
        "console",
        lambda message: message.type in ("error", "warning") and said.append(message.text),
    )
    page.on("pageerror", lambda error: said.append(f"script: {error}"))
    page.on("dialog", lambda dialog: (said.append("hostile text ran"), dialog.dismiss()))
    return said


def sideways(page: Page) -> list[str]:
    """Whether the open page has to be pushed sideways to be read."""
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    pixels = page.evaluate(over)
    return [f"scrolls sideways by {pixels} px"] if pixels > 0 else []


def violations(page: Page, options: str = ALL) -> list[str]:
    """What axe finds on the open page, which has its script already."""
    # Countries and time zones are a thousand nodes of which none is drawn.
    found = page.evaluate(f"axe.run({{exclude: ['option']}}, {options})")
    return [
        f"axe {violation['id']}: {node['target']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def visit(browser: Browser, base: str, names: list[str], out: Path | None) -> dict[str, list[str]]:
    """Looks at all samples; what is wrong, by picture."""
    failures = {}
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    said = listen(page)
    for name in names:
        show(page, "wide", "light")
        page.goto(f"{base}/show/{name}/")
        page.evaluate(axe())
        for size in SIZES:
            for scheme in SCHEMES:
                show(page, size, scheme)
                picture = f"{name}-{size}-{scheme}"
                if out:
                    page.screenshot(path=str(out / f"{picture}.png"), full_page=True)
                # The narrow dark page shows axe nothing that the other three did not.
                wrong = []
                if (size, scheme) != ("narrow", "dark"):
                    wrong = violations(page, ALL if scheme == "light" else COLOURS)
                if wrong := [*wrong, *sideways(page), *said]:
                    failures[picture] = wrong
                said.clear()
    context.close()
    return failures


def show(page: Page, size: str, scheme: str) -> None:
    """The same document on another screen: loaded once, for that costs as much as looking."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def main() -> int:
    """Serves, looks, tells."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", help="names of samples, with commas")
    given = parser.parse_args()
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.gallery.settings"
    django.setup()
    # Only now: forms read the settings.
    from tests.browser.gallery import samples

    names = given.only.split(",") if given.only else list(samples.pages())
    with served() as base, chromium() as browser:
        failures = visit(browser, base, names, given.out)
    for picture, wrong in failures.items():
        print(picture, *wrong, sep="\n  ")
    print(f"{len(names)} samples, {len(failures)} pictures with faults")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

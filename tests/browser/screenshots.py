"""Takes the pictures of the main pages, for the README and for looking at: `make screenshots`.

They show the demo at moments that are always the same: a picture changes when its page does.
"""

import argparse
import os
import sys
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
from playwright.sync_api import Browser, Page

from tests import machine
from tests.browser.gallery.render import chromium
from tests.browser.running import ROOT, RunningPanel

TARGET = ROOT / "docs" / "screenshots"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# A picture's own day, and the port that the websites have by default.
TODAY = datetime(2026, 11, 3, 9, 41, tzinfo=UTC)
SITES_PORT = 8480

# 256 colours are enough for a page; the rarer ones take the nearest. Returns palette and pixels.
PALETTE = """async (png) => {
  const image = new Image();
  image.src = "data:image/png;base64," + png;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of data) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const byCount = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const palette = [];
  const distance = (one, other) =>
    one.reduce((sum, part, i) => sum + (part - other[i]) ** 2, 0);
  for (const pixel of byCount) {
    if (palette.length === 256) break;
    const colour = parts(pixel);
    if (palette.every((known) => distance(known, colour) > 24)) palette.push(colour);
  }
  const index = new Map(byCount.map((pixel) => {
    const colour = parts(pixel);
    let best = 0;
    palette.forEach((known, i) => {
      if (distance(known, colour) < distance(palette[best], colour)) best = i;
    });
    return [pixel, best];
  }));
  const pixels = Uint8Array.from(data, (pixel) => index.get(pixel));
  let text = "";
  for (let i = 0; i < pixels.length; i += 8192) {
    text += String.fromCharCode(...pixels.subarray(i, i + 8192));
  }
  return [image.width, image.height, palette, btoa(text)];
}"""


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    checked = kind + data
    return len(data).to_bytes(4) + checked + zlib.crc32(checked).to_bytes(4)


def small(helper: Page, png: bytes) -> bytes:
    """The same picture with at most 256 colours, packed as well as can be."""
    width, height, palette, text = helper.evaluate(PALETTE, b64encode(png).decode())
    pixels = b64decode(text)
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 3, 0, 0, 0])
    colours = bytes(part for colour in palette for part in colour)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"PLTE", colours)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def age() -> None:
    """In the panel's own process: let the demo have grown over two years instead of seconds."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    from django.db.models import Model

    from accounts.models import Account
    from hosting.models.domains import Alias, Domain
    from hosting.models.plans import Plan
    from hosting.models.subscriptions import Subscription
    from hosting.models.suspension import SuspensionEntry

    def set_back(model: type[Model], column: str, first: int, step: int) -> None:
        for number, row in enumerate(model._base_manager.order_by("pk")):
            moment = TODAY - timedelta(days=max(1, first - step * number), minutes=37 * number)
            model._base_manager.filter(pk=row.pk).update(**{column: moment})

    set_back(Account, "created_at", 700, 41)
    set_back(Plan, "created_at", 690, 60)
    set_back(Subscription, "created_at", 650, 43)
    set_back(Domain, "created_at", 650, 38)
    set_back(Alias, "created_at", 600, 70)
    set_back(SuspensionEntry, "at", 40, 9)
    print("{}")


def still(page: Page, panel: RunningPanel) -> None:
    """Put the day of the pictures in place of today, and the usual port in place of ours."""
    today = f"{datetime.now(UTC):%-d %b %Y}"
    page.evaluate(
        """([today, day, port, usual]) => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const moment = new RegExp(today + "(, \\\\d\\\\d:\\\\d\\\\d)?", "g");
          for (let node; (node = walker.nextNode()); ) {
            const text = node.data.replace(moment, (_, time) => day + (time ? ", 09:41" : ""))
              .replaceAll(":" + port, ":" + usual);
            if (text !== node.data) node.data = text;
          }
        }""",
        [today, f"{TODAY:%-d %b %Y}", str(panel.sites_port), str(SITES_PORT)],
    )


def go(path: str) -> Callable[[Page], None]:
    """Pictures of what is at an address."""

    def open_it(page: Page) -> None:
        page.goto(path)

    return open_it


def follow(page: Page, name: str) -> None:
    """Open an object from its list, and wait until its page is there."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.locator("h1", has_text=name).wait_for()
    page.wait_for_load_state()


def customer(page: Page) -> None:
    """A customer's page."""
    page.goto("/customers/?q=weber")
    follow(page, "Katharina Weber")


def suspended(page: Page) -> None:
    """Several suspended at once, and what came of it; taken back afterwards."""
    page.goto("/customers/")
    for name in ("Lucía García", "Maja Holm", "Priya Raman"):
        page.get_by_role("checkbox", name=name).check()
    page.locator("summary", has_text="Change Status").click()
    page.get_by_role("button", name="Suspend", exact=True).click()
    page.locator(".outcome").wait_for()
    page.wait_for_load_state()


def one_suspended(page: Page) -> None:
    """A customer who is suspended, with the reason."""
    page.goto("/customers/?q=jonas")
    follow(page, "Jonas Ek")


def subscription(page: Page) -> None:
    """A subscription's page."""
    page.goto("/subscriptions/?q=weber")
    follow(page, "weber-steuer.localhost")


# Name -> how to get there, colours, size. `suspended` changes things, so it comes last.
PICTURES: dict[str, tuple[Callable[[Page], None], str, dict[str, int]]] = {
    "home": (go("/"), "light", WIDE),
    "customers": (go("/customers/"), "light", WIDE),
    "customers-dark": (go("/customers/"), "dark", WIDE),
    "customers-narrow": (go("/customers/"), "light", NARROW),
    "customer": (customer, "light", WIDE),
    "customer-suspended": (one_suspended, "light", WIDE),
    "customer-add": (go("/customers/add/"), "light", WIDE),
    "subscription": (subscription, "light", WIDE),
    "domains": (go("/domains/"), "light", WIDE),
    "outcome": (suspended, "light", WIDE),
}


def take(browser: Browser, panel: RunningPanel, target: Path, names: list[str]) -> None:
    """Log in as the demo's administrator and take the pictures."""
    context = browser.new_context(base_url=panel.url, reduced_motion="reduce")
    page, helper = context.new_page(), context.new_page()
    login = panel.demo()["logins"]["administrator"]
    page.goto("/login/")
    page.get_by_label("Username").fill(login["username"])
    page.locator("#id_password").fill(login["password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.locator(".who").wait_for()
    for name in names:
        open_it, scheme, size = PICTURES[name]
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        open_it(page)
        # Nothing is under the mouse, and nothing is on its way to another colour.
        page.mouse.move(0, 0)
        still(page, panel)
        picture = small(helper, page.screenshot(animations="disabled"))
        (target / f"{name}.png").write_bytes(picture)
        print(f"{target / name}.png  {len(picture) / 1000:.0f} kB")
    context.close()


def main() -> int:
    """Start the demo, take the pictures, end it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--only", help="names of pictures, with commas")
    parser.add_argument("--age", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.age:
        age()
        return 0
    if reason := machine.why_no_chromium():
        print(reason, file=sys.stderr)
        return 1
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",") if given.only else list(PICTURES)
    with tempfile.TemporaryDirectory(prefix="freehold-pictures-") as folder:
        panel = RunningPanel(Path(folder), demo=True)
        try:
            panel.start()
            panel.module("tests.browser.screenshots", "--age")
            with chromium() as browser:
                take(browser, panel, given.out, names)
        finally:
            panel.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

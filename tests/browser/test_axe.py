"""axe finds nothing on any page, light or dark, wide or narrow, and nothing scrolls sideways."""

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.gallery.render import COLOURS, axe, sideways, violations
from tests.browser.pages import pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("who", ["", "admin", "rita", "kira.admin"])
def test_axe_finds_nothing_and_every_page_fits(
    visit: Visit, made: dict[str, Any], who: str
) -> None:
    # A browser that no other test meets, since its size and its colours change.
    page = visit(who, color_scheme="light")
    wrong = {}
    for path in pages(made)[who]:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        page.evaluate(axe())
        faults = [f"light {text}" for text in violations(page)]
        page.emulate_media(color_scheme="dark")
        faults += [f"dark {text}" for text in violations(page, COLOURS)]
        faults += [f"wide: {text}" for text in sideways(page)]
        page.set_viewport_size({"width": 390, "height": 844})
        faults += [f"narrow: {text}" for text in sideways(page)]
        if faults:
            wrong[path] = faults
    assert not wrong
